"""Packages as earlier versions of the template made them, to be updated."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fustor_new.changes.plan import FileContent
from fustor_new.template.provenance import ANSWERS_FILE, Record, rendered_files, rendered_now

SOURCE = (("kind", "source"), ("name", "redis"), ("layout", "workspace"), ("contract_source", "index"))


@cache
def rendered(version: str = "1.0.0", given: tuple[tuple[str, Any], ...] = SOURCE) -> Mapping[str, FileContent]:
    """What a recorded version of the template makes of the answers."""
    return rendered_files(Record(dict(given), version, {}))


@cache
def current(given: tuple[tuple[str, Any], ...] = SOURCE) -> Mapping[str, FileContent]:
    """What today's template makes of the answers."""
    return rendered_now(Record(dict(given), "", {}))


def write(folder: Path, files: Mapping[str, FileContent]) -> Path:
    """Write the files below the folder and return it."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.data)
    return folder


def package(folder: Path, version: str = "1.0.0") -> Path:
    """Make a package of that version."""
    return write(folder, rendered(version))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the folder by path, without what git keeps."""
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {path.as_posix(): file.read_bytes() for path, file in found.items() if ".git" not in path.parts}


__all__ = ["ANSWERS_FILE", "SOURCE", "contents", "current", "package", "rendered", "write"]
