"""What realtime has told of in a session, by path, in order of arrival."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fustor_event_model import parent_of

__all__ = ["Marks", "above", "is_below"]


def is_below(path: str, container: str) -> bool:
    """Whether `path` lies somewhere below `container`."""
    return path != container and path.startswith(container.rstrip("/") + "/")


def above(path: str) -> Iterator[str]:
    """The containers that a path lies in, nearest first."""
    while path not in ("", "/"):
        path = parent_of(path)
        yield path


class Marks:
    """Marks of realtime. One made for everything below a path is not lifted there by a later one of the path."""

    def __init__(self) -> None:
        self.now = 0
        self._at: dict[str, int] = {}
        self._below: dict[str, int] = {}
        self._upserts: dict[str, int] = {}

    def upsert(self, path: str, *, holds_below: bool, empties: bool) -> None:
        """Note an upsert; one of a thing that is no container leaves nothing below."""
        self.now += 1
        self._at[path] = self._upserts[path] = self.now
        if holds_below:
            self._below[path] = self.now
        if empties:
            self._drop(self._upserts, path)

    def delete(self, path: str) -> None:
        """Note a delete, which speaks for everything below."""
        self.now += 1
        self._at[path] = self._below[path] = self.now
        self._upserts.pop(path, None)
        self._drop(self._upserts, path)

    def holds(self, path: str, since: int) -> bool:
        """Whether a mark younger than `since` holds for the path."""
        return self._at.get(path, 0) > since or any(self._below.get(other, 0) > since for other in above(path))

    def upserted(self, path: str, since: int) -> bool:
        """Whether the path or something below it was told since, and not deleted afterwards."""
        return self._any(self._upserts.items(), path, since)

    def at_itself(self, path: str, since: int) -> bool:
        """Whether the path itself was told since, and not deleted afterwards."""
        return self._upserts.get(path, 0) > since

    def told_of(self, path: str, since: int) -> bool:
        """Whether any event since was about the path or something below it."""
        return self._any(self._at.items(), path, since)

    @staticmethod
    def _any(marks: Iterable[tuple[str, int]], path: str, since: int) -> bool:
        return any(at > since and (other == path or is_below(other, path)) for other, at in marks)

    @staticmethod
    def _drop(marks: dict[str, int], path: str) -> None:
        for other in [other for other in marks if is_below(other, path)]:
            del marks[other]
