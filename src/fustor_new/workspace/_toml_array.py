"""One more string for a TOML array, in the style of those that are there.

On one line the array stays on one line. Over several lines it gains exactly one line, and where line breaks allow it no
other line of the file changes: an array without a trailing comma takes the comma on the new line.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from fustor_new.workspace._toml_text import Document, Insertion, Span

__all__ = ["element_spans", "into_array", "quoted"]

_TOKEN = re.compile(
    r"""#[^\n]*|\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[\[\]{},]|\s+|[^\s\[\]{},"'#]+""",
    re.DOTALL,
)


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


def quoted(value: str, quote: str) -> str:
    """Return `value` as a one-line TOML string, in `quote`s where it can stand in them."""
    if quote == "'" and not re.search(r"['\x00-\x1f\x7f]", value):
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def into_array(
    document: Document, span: Span, values: list[object], value: str, keys: tuple[Callable[[str], str], ...]
) -> Insertion:
    """Return the insertion that puts `value` into the array at `span`, which holds `values`.

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
    where = _on_lines(array, index) if "\n" in text else _on_one_line(array, index)
    return Insertion(span.start + where.offset, where.text)


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
    for key in keys:
        ranks = [key(text) for _, text in strings]
        if ranks == sorted(ranks):
            later = (index for index, text in strings if key(text) > key(value))
            return next(later, len(values))
    return len(values)


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


def _on_lines(array: _Array, index: int) -> Insertion:
    line = f"{array.indent}{array.literal},{array.newline}"
    if not array.elements:
        return Insertion(array.text.rindex("\n") + 1, line)
    if index == len(array.elements):
        return _at_end(array, line)
    following = array.elements[index]
    previous = array.elements[index - 1] if index else _Element(1, 1, 1)
    next_line = array.line_end(previous.comma)
    if next_line and next_line <= following.start:
        return Insertion(next_line, line)
    comma_first = array.lead(following.start)
    if comma_first.strip(" \t") == ",":
        return Insertion(array.line_end(previous.end), f"{comma_first}{array.literal}{array.newline}")
    return Insertion(following.start, f"{array.literal},{array.newline}{array.indent}")


def _at_end(array: _Array, line: str) -> Insertion:
    last = array.elements[-1]
    after_comma = array.line_end(last.comma or last.end)
    next_line = after_comma or array.line_end(last.end)
    lead = array.lead(last.start)
    comma_first = lead if lead.strip(" \t") == "," else f"{array.indent}, "
    if next_line:
        trailing = last.comma and after_comma
        return Insertion(next_line, line if trailing else f"{comma_first}{array.literal}{array.newline}")
    # The closing bracket shares the last line, which must not change: the new line goes above it.
    above = array.line_start(last.start)
    if array.lead(last.start).lstrip(" \t").startswith(","):
        return Insertion(above, f"{comma_first}{array.literal}{array.newline}")
    return Insertion(above, line)
