"""Text taken out of a TOML file together with the comma, blanks and line breaks that belong to it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from fustor_new.workspace._toml_text import Span

__all__ = ["Hole", "hole_among_comments", "holes"]

_TOKEN = re.compile(
    r"""#[^\n]*|\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^"'#]+""", re.DOTALL
)
_UNTIDY = re.compile(
    r"[ \t](?=\r?$)|(?<=\n)\r?\n(?=\r?\n)|(?<=,)[ \t]{2,}(?=[^\s#])|[ \t](?=,)|(?<=\S)[ \t]+(?=\])|(?<=\[)[ \t]+(?=\S)",
    re.MULTILINE,
)
_WIDE = re.compile(r"(?<=[\[{][ \t])[ \t]+(?=\S)")
_PUT_IN = re.compile(r", (?=\S).*[^\s,]|(?!,)\S.*[^\s,], ", re.DOTALL)
_NEWLINES = 2
"""The line break that ends a line, and that of an empty line beside it."""


@dataclass(frozen=True)
class Hole:
    """A range of a text that can be taken out without a comment going with it, or changing its line's meaning."""

    span: Span
    text: str
    kept: str = ""
    """The comments of the range, when there are any."""

    @property
    def cost(self) -> tuple[int, ...]:
        """How much of the rest it changes: whole lines are best, then tidy ones, then as few bytes as possible."""
        before, after = (Counter(text.split("\n")) for text in (self.text, self.rest))
        lost, gained = before - after, after - before
        del lost[""], lost["\r"]
        untidy = max(0, _untidy(self.rest) - _untidy(self.text)) + self._is_padded_anew
        tidiness = untidy, self.text.count(",") - self.rest.count(",") != 1
        return (lost.total(), gained.total(), *tidiness, self.span.end - self.span.start)

    @property
    def _is_padded_anew(self) -> bool:
        """Whether a blank comes or goes behind the brace of an inline table that keeps other entries."""
        brace = re.search(r"\{[ \t]*$", self.text[: self.span.start])
        if brace is None or self.rest[brace.end() :].lstrip().startswith("}"):
            return False
        behind = brace.start() + 1
        return self.text[behind].isspace() != self.rest[behind].isspace()

    @property
    def is_as_put_in(self) -> bool:
        """Whether it is an entry with the comma and the blank that register puts beside it between braces."""
        return bool(_PUT_IN.fullmatch(self.text[self.span.start : self.span.end]))

    @property
    def rest(self) -> str:
        """The text without what stands in the hole."""
        return self.text[: self.span.start] + self.kept + self.text[self.span.end :]


def holes(text: str, core: Span) -> list[Hole]:
    """Return every hole around `core` that leaves all comments as they are, the one that changes least first."""
    found = [Hole(Span(start, end), text) for start in _to_the_left(text, core) for end in _to_the_right(text, core)]
    comments = _comments(text)
    return sorted((hole for hole in found if _comments(hole.rest) == comments), key=lambda hole: hole.cost)


def hole_among_comments(text: str, core: Span) -> Hole:
    """Return the hole of `core` and the comma behind it that leaves the comments between them where they are."""
    comma = re.compile(r"(?:\s|#[^\n]*)*,").match(text, core.end)
    span = Span(core.start, comma.end() if comma else core.end)
    tokens = [token[0] for token in _TOKEN.finditer(text[span.start : span.end])]
    kept = "".join(token if token.startswith("#") else "\n" * ("\n" in token) for token in tokens)
    return Hole(span, text, kept.removeprefix("\n"))


def _to_the_left(text: str, core: Span) -> Iterator[int]:
    start, commas, newlines = core.start, 0, 0
    yield start
    while start and text[start - 1] in " \t\r\n,":
        start -= 1
        commas += text[start] == ","
        newlines += text[start] == "\n"
        if commas > 1 or newlines > _NEWLINES:
            return
        if _is_edge(text, start):
            yield start


def _to_the_right(text: str, core: Span) -> Iterator[int]:
    end, commas, newlines = core.end, 0, 0
    yield end
    while end < len(text) and text[end] in " \t\r\n,":
        commas += text[end] == ","
        newlines += text[end] == "\n"
        end += 1
        if commas > 1 or newlines > _NEWLINES:
            return
        if _is_edge(text, end):
            yield end


def _is_edge(text: str, offset: int) -> bool:
    """Tell whether different kinds of character, or two lines, meet at `offset`."""
    before, after = text[offset - 1 : offset], text[offset : offset + 1]
    return before == "\n" or _kind(before) != _kind(after)


def _kind(character: str) -> str:
    return {" ": "blank", "\t": "blank", "\r": "newline", "\n": "newline", ",": ","}.get(character, "other")


def _comments(text: str) -> list[str]:
    # A carriage return belongs to the line break, which the last line of a file may lack.
    return [token[0].rstrip("\r") for token in _TOKEN.finditer(text) if token[0].startswith("#")]


def _untidy(text: str) -> int:
    """Count what no careful hand leaves: blanks at a line's end, two empty lines, two blanks or none at a comma."""
    return len(_UNTIDY.findall(text)) + sum(map(len, _WIDE.findall(text)))
