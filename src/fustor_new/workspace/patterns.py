"""The two ways in which uv reads a workspace's patterns.

A member pattern is walked on disk, one path component at a time, so that `*` stays within its component. An exclude
pattern is matched against the whole path as text, so that `*` crosses separators. Source: the glob crate that uv uses;
tests/workspace/test_membership.py asks the installed uv.

A path is read once, while every place of the pattern that it may have reached is kept. So the time is at most the
length of the path times that of the pattern, whatever the pattern is.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Glob", "PatternError", "escape", "excluding", "has_magic", "including", "normalized"]

_TOKEN = re.compile(r"\[!(?P<other>.[^\]]*)\]|\[(?P<these>[^!][^\]]*)\]|(?P<stars>\*+)/?|(?P<any>\?)|.", re.DOTALL)


class PatternError(ValueError):
    """A pattern that uv refuses; the message says why."""


@dataclass(frozen=True)
class _Piece:
    """One step of a pattern: which characters it takes, and how many of them."""

    takes: Callable[[str], bool]
    repeats: bool = False
    """Any number of characters, none included, not exactly one."""
    skips: int = 0
    """No character at all: what comes next is the following piece, or the one that many pieces later."""


class Glob:
    """A pattern, ready to be compared with absolute paths."""

    def __init__(self, pattern: str, *, within: bool) -> None:
        """Read `pattern`; `within`: no wildcard takes a separator, other than `**`. Raises PatternError."""
        self._pieces = tuple(piece for token in _TOKEN.finditer(pattern) for piece in _read(pattern, token, within))
        self._literal = re.match(r"[^*?\[]*", pattern)[0]  # type: ignore[index] # it matches the empty text too

    def matches(self, path: str) -> bool:
        """Tell whether the whole of `path` is what the pattern stands for."""
        if not path.startswith(self._literal):  # most paths, and the length of the root's own, are settled here
            return False
        reached = self._closed({len(self._literal)})
        for character in path[len(self._literal) :]:
            reached = self._closed(set(self._after(reached, character)))
            if not reached:
                return False
        return len(self._pieces) in reached

    def _after(self, reached: set[int], character: str) -> Iterator[int]:
        for place in reached:
            if place < len(self._pieces) and self._pieces[place].takes(character):
                yield place if self._pieces[place].repeats else place + 1

    def _closed(self, reached: set[int]) -> set[int]:
        """Return the places, and those that are reached from them without a character."""
        left = list(reached)
        while left:
            place = left.pop()
            piece = self._pieces[place] if place < len(self._pieces) else None
            steps = {1, piece.skips} - {0} if piece and (piece.repeats or piece.skips) else set()
            new = {place + step for step in steps} - reached
            reached |= new
            left += new
        return reached


def has_magic(pattern: str) -> bool:
    """Tell whether `pattern` can stand for more than one path."""
    return any(char in pattern for char in "*?[")


def escape(path: str) -> str:
    """Return the pattern that stands for `path` alone."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def normalized(pattern: str) -> str:
    """Return `pattern` without `./`, doubled or trailing separators and resolvable `..`."""
    return os.path.normpath(pattern)


def including(root: Path, pattern: str) -> Glob:
    """Return what finds the absolute paths that the member pattern stands for, as far as they exist."""
    Glob(pattern, within=True)  # as it is written, it may be refused for what normalising takes away
    return Glob(normalized(pattern if pattern[:1] == "/" else f"{escape(str(root))}/{pattern}"), within=True)


def excluding(root: Path, pattern: str) -> Glob:
    """Return what finds the absolute paths that the exclude pattern leaves out."""
    Glob(pattern, within=False)
    plain = normalized(pattern)
    # uv joins after normalising: what climbs out of the root keeps its `..` and matches no real path.
    return Glob(plain if plain.startswith("/") else f"{escape(str(root))}/{plain}", within=False)


def _read(pattern: str, token: re.Match[str], within: bool) -> Iterator[_Piece]:
    takes = _but_separator if within else _any
    if token["stars"]:
        yield from _stars(pattern, token, takes)
    elif token["any"]:
        yield _Piece(takes)
    elif token["other"] or token["these"]:
        if within and "/" in token[0]:
            raise PatternError(f"invalid range at position {token.start()}")
        yield _Piece(_choice(token, takes))
    elif token[0] == "[":
        raise PatternError(f"invalid range at position {token.start()}")
    else:
        yield _Piece(token[0].__eq__)


def _stars(pattern: str, token: re.Match[str], takes: Callable[[str], bool]) -> Iterator[_Piece]:
    slash = token[0].endswith("/")
    if len(token["stars"]) == 1:
        yield _Piece(takes, repeats=True)
        if slash:
            yield _Piece("/".__eq__)
        return
    if len(token["stars"]) > 2:  # noqa: PLR2004 - `*` and `**` are all there is
        raise PatternError(f"wildcards are either '*' or '**', at position {token.start()}")
    if pattern[: token.start()][-1:] not in ("", "/") or not (slash or token.end() == len(pattern)):
        raise PatternError(f"'**' must be a whole path component, at position {token.start()}")
    if slash:  # nothing, or whatever ends in a separator
        yield _Piece(_none, skips=3)
    yield _Piece(_any, repeats=True)
    if slash:
        yield _Piece("/".__eq__)


def _choice(token: re.Match[str], takes: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return what takes one of the characters between the brackets, or one of the others."""
    ranges = re.findall(r"(.)-(.)|(.)", token["these"] or token["other"], re.DOTALL)
    spans = tuple((single or low, single or high) for low, high, single in ranges)
    wanted = bool(token["these"])
    return lambda character: takes(character) and wanted is any(low <= character <= high for low, high in spans)


def _any(_character: str) -> bool:
    return True


def _none(_character: str) -> bool:
    return False


def _but_separator(character: str) -> bool:
    return character != "/"
