"""Packages of today's template, to be updated to a later one, and the later one."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from trees import contents

from fustor_new.changes.content import FileContent
from fustor_new.template.history import record, template_version
from fustor_new.template.provenance import ANSWERS_FILE, Record, rendered_files

TODAY = template_version()
LATER = "99.0.0"
END_OF_LATER = "\n## Of a later template\n\nThe last lines.\n"
STANDALONE = "package/{% if layout == 'standalone' %}.github{% endif %}/workflows/"
FIRST_LINES = [
    "package/fustor.yaml.jinja",
    "package/tests/test_conformance.py.jinja",
    f"{STANDALONE}ci.yml.jinja",
    f"{STANDALONE}release.yml.jinja",
]
"""Files of the template that get another first line in the later one."""
SOURCE = (("kind", "source"), ("name", "redis"), ("layout", "workspace"), ("contract_source", "index"))


def release(templates: Path, version: str, changes: Mapping[str, str | None]) -> None:
    """Give the template in a directory a new version with these files (None takes one away), and record it."""
    for path, text in changes.items():
        file = templates / path
        file.unlink(missing_ok=True)
        if text is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    record(templates, templates / "history.json", version)


def release_later(templates: Path) -> None:
    """Give the template in a directory a later version: some first lines, and the end of the README."""
    texts = {path: (templates / path).read_text() for path in ("package/README.md.jinja", *FIRST_LINES)}
    changes = {path: f"# Of a later template\n{texts[path]}" for path in FIRST_LINES}
    release(templates, LATER, {**changes, "package/README.md.jinja": texts["package/README.md.jinja"] + END_OF_LATER})


@cache
def rendered(version: str = TODAY, given: tuple[tuple[str, Any], ...] = SOURCE) -> Mapping[str, FileContent]:
    """What a recorded version of the template makes of the answers."""
    return rendered_files(Record(dict(given), version, {}))


def current(given: tuple[tuple[str, Any], ...] = SOURCE) -> Mapping[str, FileContent]:
    """What the template that is in use makes of the answers."""
    return rendered(template_version(), given)


def write(folder: Path, files: Mapping[str, FileContent]) -> Path:
    """Write the files below the folder and return it."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.data)
    return folder


def package(folder: Path, version: str = TODAY) -> Path:
    """Make a package of that version."""
    return write(folder, rendered(version))


__all__ = [
    "ANSWERS_FILE",
    "END_OF_LATER",
    "LATER",
    "SOURCE",
    "TODAY",
    "contents",
    "current",
    "package",
    "release",
    "release_later",
    "rendered",
    "write",
]


def edit(path: Path, old: bytes, new: bytes) -> None:
    """Replace the first of some bytes, which must be there."""
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new, 1))
