"""One more string for a TOML array, in the style of those that are there.

On one line the array stays on one line. Over several lines it gains exactly one line, and no other line of the file
changes, but for that of the last entry where the new one follows it: it takes the comma, if it had none; and for that
of the first one where lines begin with the comma and the new one comes before it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from fustor_new.workspace._toml_text import Document, Insertion, Span

__all__ = ["element_spans", "into_array", "place_among", "quoted"]

_TOKEN = re.compile(
    r"""#[^\n]*|\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[\[\]{},]|\s+|[^\s\[\]{},"'#]+""",
    re.DOTALL,
)


_SORTED = (2, 5)
"""How many values must be there to be called sorted: all of them, or all but one."""


@dataclass(frozen=True)
class _Element:
    start: int
    end: int
    comma: int
    """The offset after the comma that follows, 0 without one."""


@dataclass(frozen=True)
class _Array:
    """An array's text, what it holds, and how its new element is to look."""

    text: str
    elements: tuple[_Element, ...]
    literal: str
    newline: str
    indent: str

    def line_start(self, offset: int) -> int:
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Return where the next line begins, 0 when there is none."""
        return self.text.find("\n", offset) + 1

    def lead(self, offset: int) -> str:
        """Return what stands before `offset` in its line."""
        return self.text[self.line_start(offset) : offset]

    def comma_first(self, index: int) -> str:
        """Return what stands before the element in its line where that is its comma, else ""."""
        lead = self.lead(self.elements[index].start) if index < len(self.elements) else ""
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
    text = document.text[span.start : span.end]
    elements = _elements(text)
    index = _place(values, value, keys)
    array = _Array(
        text=text,
        elements=elements,
        literal=quoted(value, _quote(text, elements, index) or document.quote()),
        newline=document.newline,
        indent=_indent(document, span, text, elements),
    )
    where = _on_lines(array, index) if "\n" in text else (_on_one_line(array, index),)
    return tuple(Insertion(span.start + one.offset, one.text) for one in where)


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


def element_spans(document: Document, span: Span) -> list[Span]:
    """Return where the elements of the array at `span` stand, each without its comma."""
    elements = _elements(document.text[span.start : span.end])
    return [Span(span.start + element.start, span.start + element.end) for element in elements]


def _elements(text: str) -> tuple[_Element, ...]:
    found: list[_Element] = []
    depth, start, end = 0, 0, 0
    for token in _TOKEN.finditer(text):
        piece = token[0]
        depth -= piece in {"]", "}"}
        if depth == 1 and piece == ",":
            found.append(_Element(start, end, token.end()))
            start = 0
        elif depth and not piece.isspace() and not piece.startswith("#"):
            start, end = start or token.start(), token.end()
        depth += piece in {"[", "{"}
    return (*found, _Element(start, end, 0)) if start else tuple(found)


def _place(values: list[object], value: str, keys: tuple[Callable[[str], str], ...]) -> int:
    strings = [(index, text) for index, text in enumerate(values) if isinstance(text, str)]
    place = place_among([text for _, text in strings], value, keys)
    return strings[place][0] if place < len(strings) else len(values)


def _quote(text: str, elements: tuple[_Element, ...], index: int) -> str:
    """Return the quote of the element before the new one, or after it, or "" when neither is a string."""
    near = [text[element.start] for element in (*reversed(elements[:index]), *elements[index:])]
    return next((first for first in near if first in "'\""), "")


def _indent(document: Document, span: Span, text: str, elements: tuple[_Element, ...]) -> str:
    for element in reversed(elements):
        lead = text[text.rfind("\n", 0, element.start) + 1 : element.start]
        if "\n" in text[: element.start] and not lead.strip(" \t,"):
            return lead.partition(",")[0]
    comment = re.search(r"\n([ \t]*)#", text)
    if comment:
        return comment[1]
    line = document.text[document.line_start(span.start) :]
    return line[: len(line) - len(line.lstrip(" \t"))] + document.indent_unit()


def _on_one_line(array: _Array, index: int) -> Insertion:
    text, elements = array.text, array.elements
    if not elements:
        return Insertion(1, text[1:-1] + array.literal)
    gap = text[elements[0].comma : elements[1].start] if len(elements) > 1 else " "
    if index < len(elements):
        return Insertion(elements[index].start, f"{array.literal},{gap}")
    last = elements[-1]
    if last.comma:
        return Insertion(last.comma, f"{gap}{array.literal},")
    return Insertion(last.end, f",{gap}{array.literal}")


def _on_lines(array: _Array, index: int) -> tuple[Insertion, ...]:
    line = f"{array.indent}{array.literal},{array.newline}"
    if not array.elements:
        return (Insertion(array.text.rindex("\n") + 1, line),)
    if index == len(array.elements):
        return _at_end(array)
    following = array.elements[index]
    if not index and (behind := array.comma_first(1)):
        return (Insertion(following.start, f"{array.literal}{array.newline}{behind}"),)
    previous = array.elements[index - 1] if index else _Element(1, 1, 1)
    next_line = array.line_end(previous.comma)
    if next_line and next_line <= following.start:
        return (Insertion(next_line, line),)
    if comma_first := array.comma_first(index):
        return (Insertion(array.line_end(previous.end), f"{comma_first}{array.literal}{array.newline}"),)
    return (Insertion(following.start, f"{array.literal},{array.newline}{array.indent}"),)


def _at_end(array: _Array) -> tuple[Insertion, ...]:
    """Return the insertions that put the new element behind the last, with a comma or without as that one has it."""
    last = array.elements[-1]
    lead = array.lead(last.start)
    next_line = array.line_end(last.comma or last.end)
    if not last.comma and lead.strip(" \t") == "," and next_line:
        return (Insertion(next_line, f"{lead}{array.literal}{array.newline}"),)
    comma = "," if last.comma else ""
    if not next_line:  # the closing bracket shares the last line
        ahead = "" if last.comma else ","
        return (Insertion(last.comma or last.end, f"{ahead}{array.newline}{array.indent}{array.literal}{comma}"),)
    line = Insertion(next_line, f"{array.indent}{array.literal}{comma}{array.newline}")
    return (line,) if last.comma else (Insertion(last.end, ","), line)
