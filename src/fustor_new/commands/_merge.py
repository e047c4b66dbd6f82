"""Three versions of one file made one, line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, cast

from merge3 import Merge3

__all__ = ["Merged", "has_markers", "merge", "with_ends_of"]

_START, _MIDDLE, _END = b"<<<<<<<", b"=======", b">>>>>>>"


@dataclass(frozen=True)
class Merged:
    """The bytes that came of it, and how many conflicts are marked in them.

    What has no lines cannot be marked: it stays as it is, with -1 conflicts, where both sides have changed it.
    """

    data: bytes
    conflicts: int = 0


def merge(base: bytes, mine: bytes, theirs: bytes, label: str) -> Merged:
    """Return `mine` with what has changed from `base` to `theirs`; conflicts carry the usual markers.

    Args:
        base: what both have started from; empty where there was nothing.
        mine: the author's file. Its line ends, where they are all alike, become those of the other two.
        theirs: the template's file.
        label: what the template's side of a conflict is called.
    """
    base, theirs = with_ends_of(mine, base), with_ends_of(mine, theirs)
    if mine in {base, theirs}:
        return Merged(theirs)
    if base == theirs:
        return Merged(mine)
    if b"\0" in base + mine + theirs:
        return Merged(mine, -1)
    return _merge_lines(_lines(base), _lines(mine), _lines(theirs), label.encode())


def has_markers(data: bytes) -> bool:
    """Tell whether a conflict of an earlier merge is still in the file."""
    wanted = [_START + b" ", _MIDDLE, _END + b" "]
    for line in data.splitlines():
        if line.startswith(wanted[0]) and (wanted[0] != _MIDDLE or line == _MIDDLE):
            wanted.pop(0)
            if not wanted:
                return True
    return False


def with_ends_of(like: bytes, data: bytes) -> bytes:
    """Return `data` with the line ends of `like`, where those are all alike, and so are its own."""
    ours, theirs = _ends(like), _ends(data)
    return data.replace(theirs, ours) if ours and theirs and ours != theirs else data


class _Matcher(SequenceMatcher[bytes]):
    """The standard library's, without its guess that a frequent line of a long file means nothing."""

    def __init__(self, _isjunk: object = None, a: Sequence[bytes] = (), b: Sequence[bytes] = ()) -> None:
        super().__init__(None, a, b, autojunk=False)


def _merge_lines(base: list[bytes], mine: list[bytes], theirs: list[bytes], label: bytes) -> Merged:
    three = Merge3(base, mine, theirs, sequence_matcher=cast("Any", _Matcher))
    end = b"\r\n" if mine and mine[0].endswith(b"\r\n") else b"\n"
    parts: list[bytes] = []
    conflicts = 0
    for region in three.reprocess_merge_regions(three.merge_regions()):
        if region[0] == "conflict":
            conflicts += 1
            _, _, _, first, last, other_first, other_last = region
            parts += [_START + b" yours" + end, *_closed(mine[first:last], end), _MIDDLE + end]
            parts += [*_closed(theirs[other_first:other_last], end), _END + b" " + label + end]
        else:
            source = {"unchanged": base, "b": theirs}.get(region[0], mine)
            parts += source[region[1] : region[2]]
    return Merged(b"".join(parts), conflicts)


def _closed(lines: list[bytes], end: bytes) -> list[bytes]:
    """Return the lines with an end to the last one, so that a marker gets a line of its own."""
    return [*lines[:-1], lines[-1] if lines[-1].endswith(b"\n") else lines[-1] + end] if lines else []


def _lines(data: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", data)


def _ends(data: bytes) -> bytes:
    """Return the line end that all lines of the file have, or nothing."""
    lines, crlf = data.count(b"\n"), data.count(b"\r\n")
    return (b"\r\n" if crlf == lines else b"" if crlf else b"\n") if lines else b""
