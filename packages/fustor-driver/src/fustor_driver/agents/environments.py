"""Environments in which a released agent runs the drivers of this one: built once, and kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from platformdirs import user_cache_path

from fustor_driver.agents.outside import clean, put_into, run
from fustor_driver.agents.wheels import family_of, wheels_of
from fustor_driver.errors import EnvironmentProblem
from fustor_driver.installed import requirements
from fustor_driver.releases import Release

__all__ = ["environment_for"]

_READY = "ready"
_KEPT_SEC = 14 * 86_400
_SOURCE_FS = "fustor-source-fs"
_RECEIVER = "fustor_driver_receiver"
_RECEIVER_ENTRIES = {
    "fustor_agent.drivers.pushers": {"fustor_receiver": f"{_RECEIVER}:Pusher"},
    "fustor_agent.drivers.senders": {"fustor_receiver": f"{_RECEIVER}:Sender"},
}


@contextmanager
def environment_for(release: Release, drivers: Iterable[str]) -> Iterator[Path]:
    """The interpreter of an environment with this release and these distributions, as they are installed here.

    Raises:
        EnvironmentProblem: there is no uv, or something cannot be built or installed.
    """
    dists = family_of(drivers)
    kept = user_cache_path("fustor-driver") / "agents"
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fustor-wheels-") as folder:
        wheels = wheels_of(dists, Path(folder))
        own = {canonicalize_name(dist.name) for dist in dists}
        pins = [*release.requirements(*own), *(() if _SOURCE_FS in own else release.limits)]
        foreign = {canonicalize_name(req.name) for dist in dists for req in requirements(dist)}
        limits = [pin for pin in release.seen_with if canonicalize_name(Requirement(pin).name) not in foreign]
        place = kept / f"{release.version}-{_digest([*pins, *limits], wheels)}"
        with _in_use(place, lambda: _build(place, [*pins, *map(str, wheels)], limits)):
            yield place / "bin" / "python"


def _build(place: Path, wanted: list[str], limits: list[str]) -> None:
    shutil.rmtree(place, ignore_errors=True)
    what = "The agent's environment cannot be built"
    run(["uv", "venv", "-q", "--python", sys.executable, str(place)], what, clean())
    install = ["uv", "pip", "install", "-q", "--python", str(place / "bin" / "python"), *wanted]
    pins = place / "limits.txt"
    pins.write_text("\n".join(limits), encoding="utf-8")
    try:
        run([*install, "--constraints", str(pins)], what, clean(), place)  # no project's own settings reach there
    except EnvironmentProblem:  # a driver that needs something newer than what the release was seen with
        run(install, what, clean(), place)
    (site,) = place.glob("lib/python*/site-packages")
    source = files("fustor_driver").joinpath("agents", "receiver.py").read_text(encoding="utf-8")
    put_into(site, _RECEIVER, {_RECEIVER: source}, _RECEIVER_ENTRIES)
    (place / _READY).touch()


def _digest(requirements: list[str], wheels: Iterable[Path]) -> str:
    """Of all that makes an environment another one; a wheel that is built again from the same files changes nothing."""
    told = hashlib.sha256(repr((sys.version, sys.prefix, requirements)).encode())
    told.update(files("fustor_driver").joinpath("agents", "receiver.py").read_bytes())
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as parts:
            told.update(repr([(part.filename, part.CRC) for part in parts.infolist()]).encode())
    return told.hexdigest()[:16]


@contextmanager
def _in_use(place: Path, build: Callable[[], None]) -> Iterator[None]:
    """Keep an environment from being taken away while it is used; one process alone builds it where it is not there."""
    ready = place / _READY
    with _lock_of(place).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not ready.exists():
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready.exists():
                build()
                _tidy(place.parent)
            fcntl.flock(lock, fcntl.LOCK_SH)
        ready.touch()
        yield


def _tidy(kept: Path) -> None:
    """Take away what nobody has used for long, as every change of a driver makes another environment."""
    for ready in kept.glob(f"*/{_READY}"):
        if time.time() - ready.stat().st_mtime < _KEPT_SEC:
            continue
        with _lock_of(ready.parent).open("w") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(ready.parent)


def _lock_of(place: Path) -> Path:
    return place.parent / f"{place.name}.lock"
