"""The verdict left in the package that was judged, for whoever lists drivers without running them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fustor_conformance.report import Report
from fustor_driver.errors import EnvironmentProblem

__all__ = ["VERDICTS_FILE", "VerdictFile", "VerdictFileError", "sources_digest"]

VERDICTS_FILE = ".fustor-conformance.json"
_SCHEMA = 1
_ASIDE = {"tests", "build", "dist", "__pycache__", "node_modules"}
_KEY = ("kind", "name", "profile")
_OF_A_REPORT = (*_KEY, "conformant", "outcome", "exercised", "rules", "not_exercised", "kit_version", "driver_version")


class VerdictFileError(EnvironmentProblem):
    """There is no directory to leave a verdict in, or it cannot be written."""


class VerdictFile:
    """The file in a package's directory, and the digest of the sources that are about to be judged.

    Raises:
        VerdictFileError: the driver is not installed from a directory (an editable install).
    """

    def __init__(self, distribution: Distribution | None) -> None:
        directory = _directory(distribution)
        if directory is None:
            raise VerdictFileError(
                "The driver is not installed from its directory, so no verdict can be recorded there; "
                "install it with `uv sync`, or with `pip install -e`"
            )
        self.path = directory / VERDICTS_FILE
        self._sources = sources_digest(directory)

    def record(self, report: Report) -> None:
        """Write the verdict in the place of an earlier one on the same driver and profile; others stay.

        Raises:
            VerdictFileError: the file cannot be written.
        """
        said = report.to_json()
        today = {"date": datetime.now(UTC).date().isoformat(), "sources": self._sources}
        new = {name: said[name] for name in _OF_A_REPORT} | today
        kept = [one for one in self._recorded() if _key(one) != _key(new)]
        data = {"schema": _SCHEMA, "verdicts": sorted([*kept, new], key=_key)}
        try:
            self.path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
        except OSError as err:
            raise VerdictFileError(f"The verdict {str(self.path)!r} cannot be written: {err.strerror}") from err

    def _recorded(self) -> list[dict[str, Any]]:
        """What is there already; a file that this kit did not write counts as none."""
        try:
            data = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return []
        listed = data.get("verdicts") if isinstance(data, dict) and data.get("schema") == _SCHEMA else None
        return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def sources_digest(package: Path) -> str:
    """The SHA-256 over what decides how the package's drivers behave; `fustor-new list` computes the same.

    That is `pyproject.toml` and every `*.py` outside of tests, hidden and build directories: for each, in the order of
    their paths, the path, a NUL, the SHA-256 of the bytes in hex and a line feed.
    """
    whole = hashlib.sha256()
    for path in sorted(_sources(package)):
        content = hashlib.sha256((package / path).read_bytes()).hexdigest()
        whole.update(f"{path}\0{content}\n".encode(errors="surrogateescape"))
    return whole.hexdigest()


def _sources(package: Path) -> Iterator[str]:
    for folder, names, files in os.walk(package):
        names[:] = [name for name in names if name not in _ASIDE and not name.startswith(".")]
        below = Path(folder).relative_to(package)
        present = (name for name in files if name.endswith(".py") and (Path(folder) / name).is_file())
        yield from ((below / name).as_posix() for name in present)
    if (package / "pyproject.toml").is_file():
        yield "pyproject.toml"


def _directory(distribution: Distribution | None) -> Path | None:
    """The directory that the distribution is installed from, by PEP 610."""
    origin = distribution.read_text("direct_url.json") if distribution else None
    data = json.loads(origin) if origin else {}
    if not data.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlsplit(data["url"]).path))


def _key(verdict: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(verdict.get(part)) for part in _KEY)
