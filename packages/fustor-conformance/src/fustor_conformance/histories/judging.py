"""Where a view differs from the world, and what of that nobody may hold against the driver."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

_FOLLOWS_CONTENTS = frozenset({"mtime", "modified_time", "size"})

Rows = Mapping[str, Mapping[str, Any]]


class Difference(NamedTuple):
    """A path about which view and world disagree, and how."""

    path: str
    how: str

    def __str__(self) -> str:
        return f"{_short(self.path)} {self.how}"


def differences(seen: Rows, world: Rows, *, containers: bool, unknown: Collection[str] = ()) -> Iterator[Difference]:
    """Each difference, in order of paths.

    Args:
        seen: the view's rows.
        world: the World's own listing; only the fields that it names are compared.
        containers: False for a World that lists no containers: those in the view are then no difference.
        unknown: containers whose listing failed, so that nothing below them counts.
    """
    above = {box for path in world for box in _above(path)}
    for path in sorted(seen.keys() | world.keys()):
        if path == "/" or any(_is_below(path, box) for box in unknown):
            continue
        row, expected = seen.get(path), world.get(path)
        if row is None:
            yield Difference(path, "is in the world and not in the view")
        elif expected is not None:
            yield from _fields(path, row, expected)
        elif not (row.get("is_directory") and (path in above or not containers)):
            yield Difference(path, "is in the view and not in the world")


def _fields(path: str, row: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[Difference]:
    is_box = bool(row.get("is_directory")) and expected.get("is_directory", True)
    for field, value in expected.items():
        found = row.get(field, False) if field == "is_directory" else row.get(field)
        if found != value and not (is_box and field in _FOLLOWS_CONTENTS):
            yield Difference(path, f"has {field} {_short(found)} in the view and {_short(value)} in the world")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:40]}...{text[-20:]} ({len(text)} characters)"  # noqa: PLR2004


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _is_below(path: str, box: str) -> bool:
    return path.startswith("/" if box == "/" else f"{box}/")
