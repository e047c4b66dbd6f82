"""Environments in which a released agent runs the drivers of this one: built once, and kept in the user's cache.

What is installed here gets there as wheels: built, or put together again from its files.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import Distribution, distribution
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from platformdirs import user_cache_path

from fustor_driver.agents.outside import clean, put_into, run
from fustor_driver.errors import EnvironmentProblem, system_allows
from fustor_driver.installed import closure, requirements
from fustor_driver.releases import Release

__all__ = ["environment_for", "family_of", "wheels_of"]

_READY = "ready"
_KEPT_SEC = 14 * 86_400
_NOT_KEPT = "No environment of an agent can be kept"
_WAY_OUT = "set XDG_CACHE_HOME to a directory of your own"
_SOURCE_FS = "fustor-source-fs"
_RECEIVER = "fustor_driver_receiver"
_RECEIVER_ENTRIES = {
    "fustor_agent.drivers.pushers": {"fustor_receiver": f"{_RECEIVER}:Pusher"},
    "fustor_agent.drivers.senders": {"fustor_receiver": f"{_RECEIVER}:Sender"},
}
_FAMILY = "fustor-"
_NOT_FOR_AGENTS = {"fustor-core", "fustor-driver", "fustor-conformance"}
"""An agent has a core of its own."""
_NOTES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}


@contextmanager
def environment_for(release: Release, drivers: Iterable[str]) -> Iterator[Path]:
    """The interpreter of an environment with this release and these distributions, as they are installed here.

    Raises:
        EnvironmentProblem: there is no uv, or something cannot be built or installed.
    """
    dists = family_of(drivers)
    try:
        kept = user_cache_path("fustor-driver") / "agents"
        kept.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as err:  # RuntimeError: there is no home directory
        raise EnvironmentProblem(f"{_NOT_KEPT}: {err}; {_WAY_OUT}") from err
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
    with system_allows(_NOT_KEPT, _WAY_OUT):
        lock = _lock_of(place).open("w")
    with lock:
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


def family_of(names: Iterable[str]) -> list[Distribution]:
    """These distributions, and those of this project that they require; none that an agent brings itself."""
    asked = {canonicalize_name(name) for name in names}
    reached = {name for one in asked for name in closure(distribution(one)) if name.startswith(_FAMILY)}
    return [distribution(name) for name in sorted(asked | (reached - _NOT_FOR_AGENTS))]


def wheels_of(dists: Iterable[Distribution], folder: Path) -> list[Path]:
    """A wheel of each, in `folder`, which is made where it is missing.

    Raises:
        EnvironmentProblem: one cannot be built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for dist in dists:
        if (place := _editable_place(dist)) is not None:
            run(["uv", "build", "-q", "--wheel", "--out-dir", str(folder), str(place)], f"{dist.name} cannot be built")
        else:
            _put_together(dist, folder)
    return sorted(folder.glob("*.whl"))


def _editable_place(dist: Distribution) -> Path | None:
    """The directory that an editable installation leads to."""
    told = json.loads(dist.read_text("direct_url.json") or "{}")
    address = urlsplit(told.get("url", ""))
    return Path(unquote(address.path)) if told.get("dir_info", {}).get("editable") else None


def _put_together(dist: Distribution, folder: Path) -> None:
    """The wheel that was installed; what an installer added (scripts, compiled files, its own notes) is left out."""
    about = dist.read_text("WHEEL") or ""
    tag = next(
        (line.partition(":")[2].strip() for line in about.splitlines() if line.startswith("Tag:")), "py3-none-any"
    )
    stem = f"{canonicalize_name(dist.name).replace('-', '_')}-{dist.version}"
    lines = []
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as wheel:
        for file in sorted(dist.files or ()):
            if ".." in file.parts or "__pycache__" in file.parts or file.name in _NOTES:
                continue
            data = file.read_binary()
            wheel.writestr(zipfile.ZipInfo(file.as_posix()), data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{file.as_posix()},sha256={digest},{len(data)}\n")
        record = next(f"{file.parts[0]}/RECORD" for file in dist.files or () if file.parts[0].endswith(".dist-info"))
        wheel.writestr(zipfile.ZipInfo(record), "".join([*lines, f"{record},,\n"]))
