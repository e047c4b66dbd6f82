"""Patterns with wildcards, compared in time that is bounded by the length of the pattern times that of the text.

A regular expression that tries every length of every star takes longer than that. Here a star ends at the first place
where what follows it fits, and does not try a longer one: whatever follows there is found by the next star as well.
"""

import re
from collections.abc import Iterable, Sequence

__all__ = ["STARS", "Components", "chosen", "expression", "is_path"]

Components = Sequence[re.Pattern[str] | None]
"""A pattern of paths, component by component; None is any number of directories."""

STARS = {"*": ".*?", "**/": "(?:.*?/)??"}
"""Any text, and nothing or whatever ends in a separator, as expressions that take as little as they can."""


def expression(pieces: Iterable[str]) -> re.Pattern[str]:
    """Return what takes a whole text; a piece is one of `STARS`, or the expression of one character."""
    parts = [""]
    for piece in pieces:
        if piece in STARS:
            parts.append(STARS[piece])
        else:
            parts[-1] += piece
    first, *others = parts
    settled = "".join(f"(?>{part})" for part in others[:-1])
    return re.compile(first + settled + "".join(others[-1:]), re.DOTALL)


def chosen(spans: Iterable[tuple[str, str]], *, other: bool) -> str:
    """Return the expression of a character that is in one of the spans, both ends included, or in none of them."""
    ranges = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in spans if low <= high)
    if other:
        return f"[^{ranges}]" if ranges else "."
    return f"[{ranges}]" if ranges else "(?!)"


def is_path(components: Components, names: Sequence[str]) -> bool:
    """Tell whether the components stand for the path of these names: None, at the end, for one name at least."""
    last, reached = len(components) - 1, {0}
    for name in names:
        for number in range(last):  # any number of directories: none, as long as something follows
            if number in reached and components[number] is None:
                reached.add(number + 1)
        after = set()
        for number in reached - {last + 1}:
            component = components[number]
            if component is None:
                after |= {number, number + 1} if number == last else {number}
            elif component.fullmatch(name):
                after.add(number + 1)
        reached = after
    return last + 1 in reached
