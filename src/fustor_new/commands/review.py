"""A package compared with what the template had made of it: what is the author's, and would go with it."""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from functools import cached_property
from pathlib import Path
from typing import Any

from fustor_new._reading import walk
from fustor_new.changes.content import FileContent, Tree
from fustor_new.errors import FustorNewError, TargetConflict
from fustor_new.package.verdicts import VERDICTS_FILE
from fustor_new.template.provenance import ANSWERS_FILE, Record, modified_files, read_record, rendered_files
from fustor_new.template.wheels import is_carried

__all__ = ["Review", "litter_in", "review"]

_LARGEST_SHOWN_BYTES = 1024 * 1024
_LITTER = frozenset(
    {"__pycache__", ".coverage", ".hypothesis", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".tox", ".venv"}
)
"""What tools make again, at any depth. `build` and `dist` are not among them: an author may call a directory so."""


@dataclass(frozen=True)
class Review:
    """One package: everything that is in it, and what of it the template did not make."""

    shown: str
    tree: Tree
    record: Record | None
    modified: tuple[str, ...]
    """Files that were edited, or are missing."""
    foreign: tuple[str, ...]
    """Files that were never rendered; a directory full of them ends in a slash."""

    @property
    def is_untouched(self) -> bool:
        """Tell whether nothing of an author's is in it."""
        return self.record is not None and not self.modified and not self.foreign

    def outcome(self) -> list[str]:
        """The lines that say what was removed, with everything that cannot be rendered again."""
        lines = [f"{self.shown}: removed, {len(self.tree.files)} files"]
        lines += [f"    edited: {name}" for name in self.modified if name in self.tree.files]
        return lines + [f"    not rendered: {name}" for name in self.foreign]

    def as_text(self) -> str:
        """The difference for people: a diff from what was rendered, then the files that never were."""
        if self.record is None:
            return f"{self.shown} records nothing of a template ({ANSWERS_FILE}); all of it is the author's\n"
        lines = [f"{self.shown}, compared with what was rendered:", self.difference().rstrip("\n")]
        lines += [f"Not rendered: {self.shown}/{_one_line(name)}" for name in self.foreign]
        return "\n".join(line for line in lines if line) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "directory": self.shown,
            "template_version": self.record.template_version if self.record else None,
            "modified": list(self.modified),
            "foreign": list(self.foreign),
        }

    def difference(self) -> str:
        """The unified diff from what was rendered to what is there; names alone where that cannot be rendered again."""
        return "".join(
            _diff(f"{self.shown}/{_one_line(name)}", self._rendered.get(name), self.tree.files.get(name))
            for name in self.modified
        )

    @cached_property
    def _rendered(self) -> Mapping[str, FileContent]:
        try:
            return rendered_files(self.record) if self.record else {}
        except FustorNewError:  # a template that is not known here; the names of the files have to do
            return {}


def review(folder: Path, shown: str, *, force: bool) -> Review:
    """Compare the package in `folder` with its record; with `force` a record that cannot be used counts as none.

    Raises:
        FustorNewError: it cannot be compared; the message says why.
    """
    tree = _read(folder)
    try:
        record = read_record(folder)
        modified = modified_files(folder, record) if record else ()
        known = {*record.files, *filter(is_carried, tree.files)} if record else set()
    except FustorNewError:
        if not force:
            raise
        record, modified, known = None, (), set()
    return Review(shown, tree, record, modified, tuple(_foreign(tree.files, known | {ANSWERS_FILE, VERDICTS_FILE})))


def litter_in(folder: Path) -> frozenset[str]:
    """Return the names of entries below `folder` that tools make again."""
    found = set(_LITTER)

    def enters(name: str) -> bool:
        if name.endswith(".egg-info"):
            found.add(name)
        return name not in found

    deque(walk(folder, enters), maxlen=0)
    return frozenset(found)


def _read(folder: Path) -> Tree:
    try:
        return Tree.read(folder, litter_in(folder))
    except OSError as err:
        raise TargetConflict(f"Cannot read {err.filename!r} ({err.strerror}); remedy that and run again") from err


def _foreign(files: Mapping[str, FileContent], known: set[str]) -> Iterator[str]:
    """Yield the files that are not known, and instead of those in a directory without known ones, that directory."""
    folders = {name[: name.index("/", start) + 1] for name in known for start in _slashes(name)}
    seen = set()
    for name in sorted(files.keys() - known):
        inside = [name[: start + 1] for start in _slashes(name)]
        shown = next((folder for folder in inside if folder not in folders), name)
        if shown not in seen:
            seen.add(shown)
            yield shown


def _one_line(name: str) -> str:
    return name.replace("\n", "\\n")


def _slashes(name: str) -> list[int]:
    return [index for index, character in enumerate(name) if character == "/"]


def _diff(name: str, before: FileContent | None, after: FileContent | None) -> str:
    if before is None and after is not None:
        return f"{name} was edited\n"
    if after is None and before is None:
        return f"{name} is missing\n"
    if max(len(content.data) for content in (before, after) if content) > _LARGEST_SHOWN_BYTES:
        return f"{name} was edited, and is too large to be shown\n"
    texts = [_text(content) for content in (before, after)]
    if None in texts:
        return f"Binary files of {name} differ\n"
    old, new = ((text or "").splitlines(keepends=True) for text in texts)
    lines = unified_diff(old, new, f"{name} (as rendered)", name if after else os.devnull)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _text(content: FileContent | None) -> str | None:
    try:
        return content.data.decode() if content else ""
    except UnicodeDecodeError:
        return None
