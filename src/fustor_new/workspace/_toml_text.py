"""Where things stand in the text of a TOML file, and text with pieces put in between.

tomlkit writes a file back exactly as it read it. So a value's place is found by writing the file with a marker in
its stead.
Nothing here ever takes a byte away: a file changes by insertions only.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

__all__ = ["QUOTED", "Document", "Insertion", "Span", "insert"]

QUOTED = r"""#[^\n]*|\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'"""
"""What may hold anything: a comment, or a string of any kind; for expressions in which a dot takes line breaks too."""


@dataclass(frozen=True)
class Insertion:
    """Text to put in at an offset of the old text."""

    offset: int
    text: str


@dataclass(frozen=True)
class Span:
    """A half-open range of offsets."""

    start: int
    end: int


def insert(text: str, insertions: Iterable[Insertion]) -> str:
    """Return `text` with every insertion made; of those at one offset, entries stand before the header of a table."""
    for one in sorted(insertions, key=lambda each: (each.offset, each.text.lstrip().startswith("[")), reverse=True):
        text = text[: one.offset] + one.text + text[one.offset :]
    return text


class Document:
    """A TOML text without byte order mark, and where its values stand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"

    @cached_property
    def _tree(self) -> Any:
        import tomlkit  # noqa: PLC0415 - only a registration needs it, a refusal must not pay for it

        return tomlkit.parse(self.text)

    def span(self, *keys: str) -> Span:
        """Return where the value at `keys` stands."""
        from tomlkit import dumps  # noqa: PLC0415 - as above
        from tomlkit.items import Integer, Trivia  # noqa: PLC0415 - as above

        mark = "=MARK="
        while mark in self.text:
            mark += "="
        table = self._at(keys[:-1])
        value = table[keys[-1]]
        table[keys[-1]] = Integer(0, Trivia(), mark)
        before, _, after = dumps(self._tree).partition(mark)
        table[keys[-1]] = value
        span = Span(len(before), len(self.text) - len(after))
        if self.text != before + self.text[span.start : span.end] + after:
            raise AssertionError(f"{'.'.join(keys)!r} has no place of its own in the text")
        return span

    def keys(self, *table: str) -> list[str]:
        """Return the keys of the table at `table`, in the order of the text."""
        return [str(key) for key in self._at(table)]

    def leaf(self, *keys: str, last: bool) -> tuple[str, ...]:
        """Return `keys`, or where that is no value in one place, the keys of its last (or first) part that is."""
        from tomlkit.items import InlineTable  # noqa: PLC0415 - as above

        value = self._at(keys)
        while isinstance(value, Mapping) and not isinstance(value, InlineTable) and value:
            keys = (*keys, list(value)[-1 if last else 0])
            value = value[keys[-1]]
        return keys

    def is_inline(self, *keys: str) -> bool:
        """Tell whether the table at `keys` stands between braces, itself or with what holds it."""
        from tomlkit.items import InlineTable  # noqa: PLC0415 - as above

        return any(isinstance(self._at(keys[: depth + 1]), InlineTable) for depth in range(len(keys)))

    def line_start(self, offset: int) -> int:
        """Return where the line around `offset` begins."""
        return self.text.rfind("\n", 0, offset) + 1

    def lead(self, offset: int) -> str:
        """Return what stands before `offset` in its line."""
        return self.text[self.line_start(offset) : offset]

    def line_end(self, offset: int) -> int:
        """Return where the line after the one around `offset` begins, or the text's end."""
        return self.text.find("\n", offset) + 1 or len(self.text)

    def above_comments(self, offset: int) -> int:
        """Return where the comment lines directly above the line at `offset` begin, else that line's start."""
        start = self.line_start(offset)
        while start and re.match(r"[ \t]*#", self.text[self.line_start(start - 1) : start]):
            start = self.line_start(start - 1)
        return start

    def quote(self) -> str:
        """Return the quote that most one-line strings of the file are in."""
        singles = len(re.findall(r"'[^'\"\n]*'", self.text))
        return "'" if singles > len(re.findall(r'"[^\'"\n]*"', self.text)) else '"'

    def indent_unit(self) -> str:
        """Return what one level of indentation is in this file."""
        found = re.search(r"^([ \t]+)[^\s#]", self.text, re.MULTILINE)
        return found[1] if found else "    "

    def _at(self, keys: tuple[str, ...]) -> Any:
        table = self._tree
        for key in keys:
            table = table[key]
        return table
