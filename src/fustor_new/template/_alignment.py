"""Which lines of two versions of a file are the same ones.

What both begin and end with is the same. In between, lines that each has once are anchors, as many as keep their order
(Bram Cohen's patience diff); between two anchors the standard library's longest blocks decide. So a brace or an empty
line never pulls a block away from its own lines, and a long file costs little more than a short one: where too many
lines are alike for the library, those that both have equally often are taken in their order.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

__all__ = ["aligned"]

_Lines = Sequence[bytes]
_Pair = tuple[int, int]
_Pairs = list[_Pair]

_MAX_EQUAL = 100_000
"""So many pairs of equal lines the library may compare in one go: it takes up to that many steps for each block."""


def aligned(left: _Lines, right: _Lines) -> _Pairs:
    """Return the pairs of lines that are equal, by their numbers on both sides, which both grow."""
    shorter = min(len(left), len(right))
    ahead = next((number for number in range(shorter) if left[number] != right[number]), shorter)
    rest = shorter - ahead
    behind = next((number for number in range(rest) if left[-1 - number] != right[-1 - number]), rest)
    middle, other = left[ahead : len(left) - behind], right[ahead : len(right) - behind]
    inner = [(ahead + one, ahead + two) for one, two in _around_anchors(middle, other, 1, _by_blocks)]
    ends = [(len(left) - number, len(right) - number) for number in range(behind, 0, -1)]
    return [*((number, number) for number in range(ahead)), *inner, *ends]


def _around_anchors(left: _Lines, right: _Lines, most: int, between: Callable[[_Lines, _Lines], _Pairs]) -> _Pairs:
    """Return the lines that both sides have equally often, at most `most` times, and what is found `between` them."""
    pairs: _Pairs = []
    anchors = _in_order(_equally_often(left, right, most))
    for (one, two), (end, end_right) in pairwise([(-1, -1), *anchors, (len(left), len(right))]):
        found = between(left[one + 1 : end], right[two + 1 : end_right])
        pairs += [(one + 1 + first, two + 1 + second) for first, second in found]
        pairs.append((end, end_right))
    return pairs[:-1]


def _by_blocks(left: _Lines, right: _Lines) -> _Pairs:
    """Return the longest blocks that two sides share."""
    counts = Counter(right)
    if sum(counts[line] for line in left) > _MAX_EQUAL:
        return _around_anchors(left, right, len(left), _by_blocks_if_few)
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    return [(block.a + number, block.b + number) for block in blocks for number in range(block.size)]


def _by_blocks_if_few(left: _Lines, right: _Lines) -> _Pairs:
    counts = Counter(right)
    return _by_blocks(left, right) if sum(counts[line] for line in left) <= _MAX_EQUAL else []


def _equally_often(left: _Lines, right: _Lines, most: int) -> _Pairs:
    """Return the lines that both sides have the same number of times, the first with the first, in the left's order."""
    counts, places = Counter(left), defaultdict(list)
    for number, line in enumerate(right):
        places[line].append(number)
    following = {line: iter(found) for line, found in places.items() if counts[line] == len(found) <= most}
    return [(number, next(following[line])) for number, line in enumerate(left) if line in following]


def _in_order(pairs: _Pairs) -> _Pairs:
    """Return the longest run of the pairs whose right numbers grow as their left ones do."""
    ends: list[int] = []  # the smallest right number in which a run of that length ends
    best: list[int] = []  # the pair with that number
    before: list[int] = []  # for each pair, the one before it in its run
    for index, (_, right) in enumerate(pairs):
        length = bisect_left(ends, right)
        before.append(best[length - 1] if length else -1)
        ends[length : length + 1], best[length : length + 1] = [right], [index]
    found: _Pairs = []
    index = best[-1] if best else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]
