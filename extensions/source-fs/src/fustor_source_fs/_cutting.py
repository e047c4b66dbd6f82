"""Cutting a tree into ranges that hold about as much, after a look at its upper levels.

The whole tree is walked by whoever reads the ranges, and by nobody before. So what lies below a directory that was not
looked at is a guess: as much as the others hold on average.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import pairwise

from fustor_source_fs._entry import open_root
from fustor_source_fs._listing import kinds
from fustor_source_fs._names import text_of
from fustor_source_fs._places import Places, entered
from fustor_source_fs._ranges import Key, Range, key_of
from fustor_source_fs._scope import Scope
from fustor_source_fs._walk import Directory, Step, Walk

__all__ = ["cut"]

_ENTRIES_A_RANGE = 16
"""Levels are looked at until there are as many entries for each range, so that no single one decides."""
_LEVELS = 16
_NAMES = 1 << 16
"""How many names of a level are kept; of a directory with more than its share some stand for the others."""
_LEAST_NAMES = 256


def cut(scope: Scope, n: int) -> list[Range] | None:
    """About `n` ranges that are together the tree, in order; None where it cannot be cut.

    Raises:
        DriverError: the root cannot be read.
    """
    if n <= 1:
        return None
    survey = _Survey(scope)
    survey.look(n * _ENTRIES_A_RANGE)
    if scope.accept is not None and not (scope.allow_empty_root or survey.has_file or _has_file(scope)):
        return None  # whoever reads it all finds that the patterns leave out every file
    cuts = survey.cuts(n)
    bounds = pairwise([None, *cuts, None])
    return [Range(root=survey.root, first=first, end=end) for first, end in bounds] if cuts else None


class _Survey:
    """What a look at the upper levels of a tree has shown."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._weights: dict[Key, int] = {}
        self._unseen: list[str] = ["/"]
        self._listed = 0
        self.has_file = False
        self.root = 0

    def look(self, enough: int) -> None:
        """List level after level, until so many entries are known or there is no other level."""
        with Places.of(self._scope) as places:
            for _ in range(_LEVELS):
                level, self._unseen = self._unseen, []
                most = max(_LEAST_NAMES, _NAMES // len(level))
                for path in level:
                    self._list(places, path, most)
                if not self._unseen or len(self._weights) >= enough:
                    return

    def cuts(self, n: int) -> list[str]:
        """At most `n - 1` paths, in order, between which there is about as much."""
        average = -(-sum(self._weights.values()) // max(self._listed, 1))
        for path in self._unseen:
            self._weights[key_of(path)] *= average + 1
        left, taken, found = sum(self._weights.values()), 0, list[str]()
        for key in sorted(self._weights):
            if taken * (n - len(found)) >= left:
                found.append("/" + "/".join(key))
                left, taken = left - taken, 0
            taken += self._weights[key]
        return found

    def _list(self, places: Places, path: str, most: int) -> None:
        """Note `most` names of what a directory holds; nothing of one that a walk would not enter."""
        place = places.find(path)
        if place is None or place.is_closed or not place.is_directory or place.is_in_itself:
            return
        try:
            directory = entered(self._scope, place)
        except OSError:
            return
        if not place.raw:
            self.root = directory.status.st_ino
        self._listed += 1
        names, each = self._names(directory, most)
        key = key_of(path)
        for name, is_directory in names:
            self._weights[*key, name] = each
            if is_directory:
                self._unseen.append(directory.prefix + name)

    def _names(self, directory: Directory[None], most: int) -> tuple[list[tuple[str, bool]], int]:
        """At most so many names as text, with whether they are of directories, and for how many entries each stands."""
        names: list[tuple[str, bool]] = []
        each = 1
        try:
            for number, (name, is_directory) in enumerate(_kinds(self._scope, directory)):
                self.has_file = self.has_file or not is_directory
                if number % each == 0:
                    names.append((text_of(name), is_directory))
                if len(names) > most:
                    names, each = names[::2], each * 2
        finally:
            directory.close()
        return names, each


def _kinds(scope: Scope, directory: Directory[None]) -> Iterator[tuple[str, bool]]:
    """The entries of an open directory; those before a fault where there is one."""
    with suppress(OSError):  # whoever reads it says so
        yield from kinds(scope, directory.opened(), directory.prefix)


def _has_file(scope: Scope) -> bool:
    """Whether anything but directories is part of the source."""
    with closing(iter(Walk(scope, open_root(scope)))) as steps:
        for step, directory in steps:
            if step is Step.ENTER:
                for name, is_directory in _kinds(scope, directory):
                    if not is_directory:
                        return True
                    directory.add(name)
    return False
