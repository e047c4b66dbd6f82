"""One more entry for a TOML table, in the style of those that are there."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from fustor_new.workspace._toml_text import Document, Insertion, Span, insert

__all__ = ["block_of", "entry_start", "into_table", "new_table", "on_new_lines"]

_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def into_table(
    document: Document, table: tuple[str, ...], index: int, key: str, value: str, *, likes: tuple[str, ...] = ()
) -> Insertion:
    """Return the insertion that makes `key` the entry number `index` of `table`, which holds at least one.

    `value` is TOML text. `likes` are entries with that very value: the new line is spelled like the nearest of them.
    """
    present = document.keys(*table)
    neighbour = present[max(index - 1, 0)]
    span = document.span(*document.leaf(*table, neighbour, last=index > 0))
    if document.is_inline(*table):
        if neighbour in likes and document.leaf(*table, neighbour, last=True) == (*table, neighbour):
            value = document.text[span.start : span.end]
        return _between_braces(document, span, key, value, behind=index > 0)
    if _key_in(document.lead(span.start), neighbour) is None:
        return _as_block(document, span, neighbour, key, behind=index > 0)
    nearest = sorted(likes, key=lambda like: abs(present.index(like) - present.index(neighbour)))
    line = next(filter(None, (_like(document, table, like, key) for like in nearest)), "")
    at = document.line_end(span.end) if index else document.above_comments(span.start)
    return on_new_lines(document, at, line or _beside(document, span, neighbour, key, value))


def new_table(document: Document, table: tuple[str, ...], entry: str) -> Insertion:
    """Return the insertion of a table with one entry: behind its nearest relatives, else at the end of the file."""
    lines = f"[{'.'.join(table)}]\n{entry}\n"
    places = [*_behind_relatives(document, table), _the_end(document)]
    made = [on_new_lines(document, at, "\n" * spaced + lines) for at, spaced in places]
    return next((one for one in made if _is_alone(insert(document.text, [one]), table)), made[-1])


def _behind_relatives(document: Document, table: tuple[str, ...]) -> Iterator[tuple[int, bool]]:
    """Yield where the last table of the same family ends, and whether an empty line follows there."""
    family = r"\s*\.\s*".join(map(re.escape, table[:-1]))
    for relative in reversed(list(re.finditer(rf"^[ \t]*\[\s*{family}\s*[.\]]", document.text, re.MULTILINE))):
        following = _HEADER.search(document.text, document.line_end(relative.end()))
        if following is None:
            yield _the_end(document)
        else:
            above = document.above_comments(following.start())
            at = document.line_end(len(document.text[:above].rstrip()))
            yield at, at < above


def _the_end(document: Document) -> tuple[int, bool]:
    return len(document.text), bool(document.text.strip())


def _is_alone(text: str, table: tuple[str, ...]) -> bool:
    """Tell whether the text has the table with one entry; what looks like a header may be part of a string."""
    try:
        found: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    for key in table:
        found = found.get(key, {})
    return len(found) == 1


def on_new_lines(document: Document, at: int, lines: str) -> Insertion:
    """Return the insertion of whole `lines`, each ending in a newline, at the start of a line or at the text's end."""
    lines = lines.replace("\n", document.newline)
    unfinished = at == len(document.text) and not document.text.endswith("\n") and document.text
    return Insertion(at, document.newline + lines.removesuffix(document.newline) if unfinished else lines)


def block_of(document: Document, table: tuple[str, ...], key: str) -> Span:
    """Return where the entry `key` of `table` stands, with its key, and its header where it has one of its own."""
    first = document.span(*document.leaf(*table, key, last=False))
    last = document.span(*document.leaf(*table, key, last=True))
    if document.is_inline(*table) or _key_in(document.lead(first.start), key):
        return Span(entry_start(document, first), last.end)
    header = list(re.finditer(r"^[ \t]*\[", document.text[: first.start], re.MULTILINE))[-1]
    return Span(header.start(), last.end)


def entry_start(document: Document, value: Span) -> int:
    """Return where the key of the value at `value` begins, in its line or between its braces."""
    found = re.search(r"[^{,\s][^{,\n]*$", document.text[: value.start])
    return found.start() if found else value.start


def _between_braces(document: Document, span: Span, key: str, value: str, *, behind: bool) -> Insertion:
    entry = f"{_spelled(key)} = {value}"
    if behind:
        return Insertion(span.end, f", {entry}")
    return Insertion(entry_start(document, span), f"{entry}, ")


def _as_block(document: Document, span: Span, neighbour: str, key: str, *, behind: bool) -> Insertion:
    """Return the insertion of a table with a header of its own."""
    headers = list(re.finditer(r"^[ \t]*\[[^\n]*", document.text[: span.start], re.MULTILINE))
    header = headers[-1]
    found = _key_in(header[0], neighbour)
    if found is None:
        raise AssertionError(f"No header of {neighbour!r} above its entries")
    spaced = document.text[: header.start()].endswith(document.newline * 2)
    gap = "\n" if spaced else ""
    block = f"{found['lead']}{_spelled(key, found['quote'])}]\nworkspace = true\n"
    at = document.line_end(span.end) if behind else document.above_comments(header.start())
    return on_new_lines(document, at, gap + block if behind else block + gap)


def _like(document: Document, table: tuple[str, ...], like: str, key: str) -> str:
    """Return the line of the entry `like` with another key, or "" when it has no line of its own."""
    span = document.span(*document.leaf(*table, like, last=True))
    found = _key_in(document.lead(span.start), like)
    if found is None:
        return ""
    rest = found["rest"]
    if rest[:2].isspace():  # a column of equals signs
        rest = " " * max(1, len(like) + len(rest) - len(rest.lstrip()) - len(key)) + rest.lstrip()
    return f"{found['lead']}{_spelled(key, found['quote'])}{rest}{document.text[span.start : span.end]}\n"


def _beside(document: Document, span: Span, neighbour: str, key: str, value: str) -> str:
    """Return a line with the indentation and the dotted prefix of the neighbour's."""
    found = _key_in(document.lead(span.start), neighbour)
    if found is None:
        raise AssertionError(f"{neighbour!r} is not spelled in its own line")
    rest = " = " if "." in found["rest"] else found["rest"]
    return f"{found['lead']}{_spelled(key, found['quote'])}{rest}{value}\n"


def _key_in(text: str, key: str) -> re.Match[str] | None:
    """Return the last spelling of `key` in a line's beginning or a header, with what stands before and after it."""
    spelled = rf"(?P<lead>(?:.*[.\[{{\s])?)(?P<quote>[\"']?){re.escape(key)}(?P=quote)(?P<rest>\s*[.=\]].*)"
    return re.fullmatch(spelled, text, re.DOTALL)


def _spelled(key: str, quote: str = "") -> str:
    return f"{quote}{key}{quote}" if quote or _BARE.fullmatch(key) else f'"{key}"'
