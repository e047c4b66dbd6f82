"""Where a view and the world disagree, by the contract's list of what is no difference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fustor_conformance._paths import containers

_FOLLOWS_CONTENTS = frozenset({"mtime", "modified_time", "size"})
_LONGEST = 80


class DifferenceKind(StrEnum):
    """How a view and the world disagree about a path."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement; `field`, `seen` and `expected` are set where a field differs."""

    path: str
    kind: DifferenceKind
    field: str | None = None
    seen: Any = None
    expected: Any = None

    def __str__(self) -> str:
        path = _short(self.path)
        if self.kind is DifferenceKind.MISSING:
            return f"{path} is in the world and not in the view"
        if self.kind is DifferenceKind.UNEXPECTED:
            return f"{path} is in the view and not in the world"
        return f"{path} has {self.field} {_short(self.seen)} in the view and {_short(self.expected)} in the world"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the view knows, and which of it nobody may hold against it."""

    rows: Mapping[str, Mapping[str, Any]]
    is_suspect: Callable[[str], bool]
    is_unknown: Callable[[str], bool]
    containers: bool

    def differences(self, world: Mapping[str, Mapping[str, Any]], untold: Collection[str]) -> Iterator[Difference]:
        """The differences, in order of paths."""
        excused = frozenset(untold)
        above = {container for expected in world for container in containers(expected)}
        for path in sorted(self.rows.keys() | world.keys()):
            if (excused and not excused.isdisjoint((path, *containers(path)))) or self.is_unknown(path):
                continue
            yield from self._at(path, world.get(path), is_above=path in above)

    def _at(self, path: str, expected: Mapping[str, Any] | None, *, is_above: bool) -> Iterator[Difference]:
        row = self.rows.get(path)
        if row is not None and expected is not None:
            yield from self._fields(path, row, expected)
        elif path == "/":
            return  # the root is a container of every source, told or not
        elif row is None:
            yield Difference(path, DifferenceKind.MISSING)
        elif not (_is_container(row) and (is_above or not self.containers)):
            yield Difference(path, DifferenceKind.UNEXPECTED)

    def _fields(self, path: str, row: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[Difference]:
        is_loose = _is_container(row) and _is_container(expected, default=True)
        loose = _FOLLOWS_CONTENTS if is_loose or self.is_suspect(path) else frozenset()
        for field, value in expected.items():
            seen = row.get(field, False) if field == "is_directory" else row.get(field)
            if field not in loose and seen != value:
                yield Difference(path, DifferenceKind.FIELD, field, seen, value)


def _is_container(row: Mapping[str, Any], *, default: bool = False) -> bool:
    return row.get("is_directory", default) is True


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:40]}...{text[-20:]} ({len(text)} characters)"
