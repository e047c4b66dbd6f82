"""Wheels of what is installed here, for another environment: built, or put together again from its files."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from fustor_driver.agents.outside import run
from fustor_driver.installed import closure

__all__ = ["family_of", "wheels_of"]

_FAMILY = "fustor-"
_NOT_FOR_AGENTS = {"fustor-core", "fustor-driver", "fustor-conformance"}
"""An agent has a core of its own."""
_NOTES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}


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
        place = _editable_place(dist)
        if place is not None:
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
        record = f"{_info_of(dist)}/RECORD"
        wheel.writestr(zipfile.ZipInfo(record), "".join([*lines, f"{record},,\n"]))


def _info_of(dist: Distribution) -> str:
    return next(file.parts[0] for file in dist.files or () if file.parts[0].endswith(".dist-info"))
