"""One more string for a TOML array, in the style of those that are there.

On one line the array stays on one line. Over several lines it gains exactly one line, and no other line of the file
changes, but for that of the last entry where the new one follows it: it takes the comma, if it had none; and for that
of the first one where lines begin with the comma and the new one comes before it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from fustor_new.workspace._toml_text import QUOTED, Document, Insertion, Span

__all__ = ["elements_of", "into_array", "place_among", "quoted"]

_TOKEN = re.compile(QUOTED + r"""|[\[\]{},]|\s+|[^\s\[\]{},"'#]+""", re.DOTALL)
_SORTED = (2, 5)
"""How many values must be there to be called sorted: all of them, or all but one."""


@dataclass(frozen=True)
class Element(Span):
    """Where a value stands, without its comma."""

    comma: int
    """The offset after the comma that follows, 0 without one."""


@dataclass(frozen=True)
class _Array:
    """An array where it stands, what it holds, and how its new element is to look."""

    document: Document
    span: Span
    elements: tuple[Element, ...]
    literal: str
    indent: str

    @property
    def inside(self) -> str:
        """What stands between its brackets."""
        return self.document.text[self.span.start + 1 : self.span.end - 1]

    def line_end(self, offset: int) -> int:
        """Return where the next line begins, 0 when there is none in the array."""
        end = self.document.line_end(offset)
        return end if end < self.span.end else 0

    def comma_first(self, index: int) -> str:
        """Return what stands before the element in its line where that is its comma, else ""."""
        lead = self.document.lead(self.elements[index].start) if index < len(self.elements) else ""
        return lead if lead.strip(" \t") == "," else ""


def quoted(value: str, quote: str) -> str:
    """Return `value` as a one-line TOML string, in `quote`s where it can stand in them."""
    if quote == "'" and not re.search(r"['\x00-\x1f\x7f]", value):
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def into_array(
    document: Document, span: Span, values: list[object], value: str, keys: tuple[Callable[[str], str], ...]
) -> tuple[Insertion, ...]:
    """Return the insertions that put `value` into the array at `span`, which holds `values`.

    Where the strings among `values` are sorted by one of `keys` it goes to its place, else to the end.
    """
    elements = elements_of(document, span)
    index = _place(values, value, keys)
    literal = quoted(value, _quote(document.text, elements, index) or document.quote())
    array = _Array(document, span, elements, literal, _indent(document, span, elements))
    return _on_lines(array, index) if "\n" in array.inside else (_on_one_line(array, index),)


def place_among(values: list[str], value: str, keys: tuple[Callable[[str], str], ...]) -> int:
    """Return the place of `value`: its own among sorted `values`, else the last.

    Sorted are two or more, by one of `keys`; from five on, one of them may be out of place.
    """
    for allowed in (0, 1):
        for key in keys:
            ranks = [key(each) for each in values]
            stray = _stray(ranks)
            if len(ranks) >= _SORTED[allowed] and (stray is None or (allowed and stray >= 0)):
                in_order = (index for index in range(len(ranks)) if index != stray or not allowed)
                return next((index for index in in_order if ranks[index] > key(value)), len(values))
    return len(values)


def _stray(ranks: list[str]) -> int | None:
    """Return which rank is out of place, None if all are sorted, -1 if it takes more than one away to sort them."""
    falls = [index for index in range(1, len(ranks)) if ranks[index - 1] > ranks[index]]
    if not falls:
        return None
    for index in (falls[0] - 1, falls[0]):
        left = ranks[:index] + ranks[index + 1 :]
        if left == sorted(left):
            return index
    return -1


def elements_of(document: Document, span: Span) -> tuple[Element, ...]:
    """Return where the elements of the array at `span` stand."""
    found: list[Element] = []
    depth, start, end = 0, 0, 0
    for token in _TOKEN.finditer(document.text, span.start, span.end):
        piece = token[0]
        depth -= piece in {"]", "}"}
        if depth == 1 and piece == ",":
            found.append(Element(start, end, token.end()))
            start = 0
        elif depth and not piece.isspace() and not piece.startswith("#"):
            start, end = start or token.start(), token.end()
        depth += piece in {"[", "{"}
    return (*found, Element(start, end, 0)) if start else tuple(found)


def _place(values: list[object], value: str, keys: tuple[Callable[[str], str], ...]) -> int:
    strings = [(index, text) for index, text in enumerate(values) if isinstance(text, str)]
    place = place_among([text for _, text in strings], value, keys)
    return strings[place][0] if place < len(strings) else len(values)


def _quote(text: str, elements: tuple[Element, ...], index: int) -> str:
    """Return the quote of the element before the new one, or after it, or "" when neither is a string."""
    near = [text[element.start] for element in (*reversed(elements[:index]), *elements[index:])]
    return next((first for first in near if first in "'\""), "")


def _indent(document: Document, span: Span, elements: tuple[Element, ...]) -> str:
    for element in reversed(elements):
        lead = document.lead(element.start)
        if not lead.strip(" \t,"):
            return lead.partition(",")[0]
    comment = re.search(r"\n([ \t]*)#", document.text[span.start : span.end])
    if comment:
        return comment[1]
    line = document.text[document.line_start(span.start) :]
    return line[: len(line) - len(line.lstrip(" \t"))] + document.indent_unit()


def _on_one_line(array: _Array, index: int) -> Insertion:
    elements = array.elements
    if not elements:
        return Insertion(array.span.start + 1, array.inside + array.literal)
    gap = array.document.text[elements[0].comma : elements[1].start] if len(elements) > 1 else " "
    if index < len(elements):
        return Insertion(elements[index].start, f"{array.literal},{gap}")
    last = elements[-1]
    if last.comma:
        return Insertion(last.comma, f"{gap}{array.literal},")
    return Insertion(last.end, f",{gap}{array.literal}")


def _on_lines(array: _Array, index: int) -> tuple[Insertion, ...]:
    newline = array.document.newline
    line = f"{array.indent}{array.literal},{newline}"
    if not array.elements:
        return (Insertion(array.span.start + array.inside.rindex("\n") + 2, line),)
    if index == len(array.elements):
        return _at_end(array)
    following = array.elements[index]
    if not index and (behind := array.comma_first(1)):
        return (Insertion(following.start, f"{array.literal}{newline}{behind}"),)
    next_line = array.line_end(array.elements[index - 1].comma if index else array.span.start)
    if next_line and next_line <= following.start:
        return (Insertion(next_line, line),)
    if comma_first := array.comma_first(index):
        return (Insertion(array.line_end(array.elements[index - 1].end), f"{comma_first}{array.literal}{newline}"),)
    return (Insertion(following.start, f"{array.literal},{newline}{array.indent}"),)


def _at_end(array: _Array) -> tuple[Insertion, ...]:
    """Return the insertions that put the new element behind the last, with a comma or without as that one has it."""
    last, newline = array.elements[-1], array.document.newline
    next_line = array.line_end(last.comma or last.end)
    if not last.comma and next_line and (lead := array.comma_first(-1)):
        return (Insertion(next_line, f"{lead}{array.literal}{newline}"),)
    comma = "," if last.comma else ""
    if not next_line:  # the closing bracket shares the last line
        ahead = "" if last.comma else ","
        return (Insertion(last.comma or last.end, f"{ahead}{newline}{array.indent}{array.literal}{comma}"),)
    line = Insertion(next_line, f"{array.indent}{array.literal}{comma}{newline}")
    return (line,) if last.comma else (Insertion(last.end, ","), line)
