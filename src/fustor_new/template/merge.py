"""Three versions of one file made one, line by line.

A line of the base that both sides still have stays where it is. What lies between two such lines is taken from the side
that has changed it; where both have, and differently, it is a conflict (the rule of diff3, described by Khanna, Kunal
and Pierce in "A Formal Investigation of Diff3"). Which lines are the same ones is what `_alignment` finds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

from fustor_new.template._alignment import aligned

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
    lines = (BytesIO(data).readlines() for data in (base, mine, theirs))
    return _merge_lines(*lines, label=label.encode())


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


def _merge_lines(base: list[bytes], mine: list[bytes], theirs: list[bytes], *, label: bytes) -> Merged:
    end = b"\r\n" if (mine or theirs or base)[0].endswith(b"\r\n") else b"\n"
    parts: list[bytes] = []
    conflicts = 0
    for old, ours, other in _pieces(base, mine, theirs):
        if ours == old or other in (old, ours):
            parts += other if ours == old else ours
            continue
        for is_common, left, right in _common_and_not(ours, other):
            if is_common:
                parts += left
            else:
                conflicts += 1
                parts += [_START + b" yours" + end, *_closed(left, end), _MIDDLE + end]
                parts += [*_closed(right, end), _END + b" " + label + end]
    return Merged(b"".join(parts), conflicts)


_Lines = Sequence[bytes]


def _pieces(base: _Lines, mine: _Lines, theirs: _Lines) -> Iterator[tuple[_Lines, _Lines, _Lines]]:
    """Yield the three versions piece by piece: each line that all have, and what lies between those."""
    in_mine, in_theirs = dict(aligned(base, mine)), dict(aligned(base, theirs))
    done = (0, 0, 0)
    for line in [*(line for line in in_mine if line in in_theirs), None]:
        here = (len(base), len(mine), len(theirs)) if line is None else (line, in_mine[line], in_theirs[line])
        yield base[done[0] : here[0]], mine[done[1] : here[1]], theirs[done[2] : here[2]]
        if line is not None:
            yield [base[line]], [base[line]], [base[line]]
        done = (here[0] + 1, here[1] + 1, here[2] + 1)


def _common_and_not(mine: _Lines, theirs: _Lines) -> Iterator[tuple[bool, _Lines, _Lines]]:
    """Yield the lines that two sides share, and what lies between those: that alone is in conflict."""
    done = (0, 0)
    for here in [*aligned(mine, theirs), (len(mine), len(theirs))]:
        if done != here:
            yield False, mine[done[0] : here[0]], theirs[done[1] : here[1]]
        yield True, mine[here[0] : here[0] + 1], theirs[here[1] : here[1] + 1]
        done = (here[0] + 1, here[1] + 1)


def _closed(lines: _Lines, end: bytes) -> list[bytes]:
    """Return the lines with an end to the last one, so that a marker gets a line of its own."""
    return [*lines[:-1], lines[-1] if lines[-1].endswith(b"\n") else lines[-1] + end] if lines else []


def _ends(data: bytes) -> bytes:
    """Return the line end that all lines of the file have, or nothing."""
    lines, crlf = data.count(b"\n"), data.count(b"\r\n")
    return (b"\r\n" if crlf == lines else b"" if crlf else b"\n") if lines else b""
