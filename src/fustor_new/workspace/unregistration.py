"""The root `pyproject.toml` with one driver less, and every other byte as it was: the inverse of registration.

What register puts in is found again in the parsed file, and taken out entry by entry. Of the ways to take an entry out,
the one is chosen that register leads back from, byte for byte; where the file has been edited since and there is none,
the one that changes least. Comments stay, since register writes none.
"""

import copy
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fustor_new._toml import BOM, Keys, find, table
from fustor_new.errors import WorkspaceError
from fustor_new.names import normalize
from fustor_new.package.metadata import requirement, requirement_lists
from fustor_new.workspace import patterns
from fustor_new.workspace._toml_array import elements_of
from fustor_new.workspace._toml_table import block_of, entry_start
from fustor_new.workspace._toml_text import QUOTED, Document, Span, insert
from fustor_new.workspace.registration import SOURCES, WORKSPACE, Entry, insertions, is_dev, joins, siblings_of
from fustor_new.workspace.root import Workspace

__all__ = ["entries_of", "is_registered", "mentions", "unregister"]

_MEMBERS = (*WORKSPACE, "members")
_TOKEN = re.compile(QUOTED + r"""|[^"'#]+""", re.DOTALL)
_UNTIDY = re.compile(
    r"[ \t](?=\r?$)|(?<=\n)\r?\n(?=\r?\n)|[ \t](?=,)|(?<=\S)[ \t]+(?=\])|(?<=\[)[ \t]+(?=\S)",
    re.MULTILINE,
)
_WIDE = re.compile(r"(?<=[\[{][ \t])[ \t]+(?=\S)|(?<=,[ \t])[ \t]+(?=[^\s#\]])")
_PUT_IN = re.compile(r", (?=\S).*[^\s,]|(?!,)\S.*[^\s,], ", re.DOTALL)
_BETWEEN = " \t\r\n,"
_NEWLINES = 2
"""The line break that ends a line, and that of an empty line beside it."""


@dataclass(frozen=True)
class _Hole:
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


def _holes(text: str, core: Span) -> list[_Hole]:
    """Return every hole around `core` that leaves all comments as they are, the one that changes least first."""
    starts, ends = _edges(text, core.start, -1), list(_edges(text, core.end, 1))
    found = [_Hole(Span(start, end), text) for start in starts for end in ends]
    comments = _comments(text)
    return sorted((hole for hole in found if _comments(hole.rest) == comments), key=lambda hole: hole.cost)


def _hole_among_comments(text: str, core: Span) -> _Hole:
    """Return the hole of `core` and the comma behind it that leaves the comments between them where they are."""
    comma = re.compile(r"(?:\s|#[^\n]*)*,").match(text, core.end)
    span = Span(core.start, comma.end() if comma else core.end)
    tokens = [token[0] for token in _TOKEN.finditer(text[span.start : span.end])]
    kept = "".join(token if token.startswith("#") else "\n" * ("\n" in token) for token in tokens)
    return _Hole(span, text, kept.removeprefix("\n"))


def _edges(text: str, offset: int, step: int) -> Iterator[int]:
    """Yield where a hole may end, from `offset` to the left (-1) or the right (1): behind one comma and two lines."""
    commas, newlines = 0, 0
    yield offset
    while (character := text[offset - 1 : offset] if step < 0 else text[offset : offset + 1]) and character in _BETWEEN:
        offset += step
        commas += character == ","
        newlines += character == "\n"
        if commas > 1 or newlines > _NEWLINES:
            return
        if _is_edge(text, offset):
            yield offset


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


def unregister(
    workspace: Workspace,
    directory: str,
    distribution: str,
    *,
    keep_table: bool = False,
    beside: Collection[str] = (),
) -> bytes:
    """Return the root's `pyproject.toml` without the driver: the same bytes when it is not there.

    A member that a pattern covers stays a member. With `keep_table` the workspace table stays, even if it is empty and
    looks as if register had made it; no command would have found a root that had none before.
    `beside` are the distributions that the same run unregisters: they are not among those that set the example.
    Raises WorkspaceError for a layout in which the entry cannot be separated from the rest.
    """
    bom = BOM if workspace.text.startswith(BOM) else b""
    text, data = workspace.text.removeprefix(BOM).decode(), workspace.data
    siblings = siblings_of(workspace, {distribution, *beside}, readable=True)
    while entry := next(_present(data, directory, distribution, siblings), None):
        text = _without(text, data, entry, keep_table=keep_table)
        data = tomllib.loads(text)
    return bom + text.encode()


def is_registered(workspace: Workspace, directory: str, distribution: str) -> bool:
    """Tell whether the root has any entry of the driver; a pattern that covers it is none of its own."""
    return bool(entries_of(workspace, directory, distribution))


def mentions(workspace: Workspace, directory: str, distribution: str) -> list[str]:
    """Return where the root file asks for the driver in a place that unregistering leaves alone."""
    ours = {entry.keys for entry in entries_of(workspace, directory, distribution)}
    return [
        ".".join(keys)
        for keys, listed in requirement_lists(workspace.data)
        if keys not in ours and normalize(distribution) in map(requirement, listed)
    ]


def entries_of(workspace: Workspace, directory: str, distribution: str) -> list[Entry]:
    """Return the entries that unregistering takes out of the root."""
    siblings = siblings_of(workspace, {distribution}, readable=True)
    return list(_present(workspace.data, directory, distribution, siblings))


def _present(data: Mapping[str, Any], directory: str, distribution: str, siblings: Collection[str]) -> Iterator[Entry]:
    """Yield the entries of the driver, the last in an array first.

    A list other than `dev` has one only where register would have put it: as the bare name, beside the siblings'.
    """
    name, plain = normalize(distribution), patterns.escape(patterns.normalized(directory))
    for key, source in table(data, *SOURCES).items():
        if normalize(key) == name and isinstance(source, dict) and source.get("workspace") is True:
            yield Entry(SOURCES, key, in_table=True)
    for keys, listed in requirement_lists(data):
        for text in reversed(listed):
            is_ours = is_dev(keys) or (normalize(text) == name and joins(keys, listed, siblings))
            if is_ours and requirement(text) == name:
                yield Entry(keys, text)
    # The last of all, since register takes the quotes of an empty list from the rest of the file.
    for pattern in reversed(table(data, *WORKSPACE).get("members", [])):
        if patterns.normalized(pattern) == plain:
            yield Entry(_MEMBERS, pattern)


def _without(text: str, data: Mapping[str, Any], entry: Entry, *, keep_table: bool) -> str:
    document = Document(text)
    expected = _pruned(_reduced(data, entry), entry.keys)
    fitting: list[_Hole] = []
    for core in _cores(document, data, entry, keep_table=keep_table):
        around = [
            *_holes(text, core),
            _hole_among_comments(text, core),
            *_with_comma_above(document, data, entry, core),
        ]
        fitting = [hole for hole in around if _says(hole.rest, entry, expected)]
        for hole in fitting:
            if _leads_back(hole.rest, entry, text):
                return hole.rest
    if not fitting:  # around the last core, which is the entry alone
        raise WorkspaceError(f"Cannot take {entry.value!r} out of {'.'.join(entry.keys)!r} alone; take it out by hand")
    is_inline = entry.in_table and document.is_inline(*entry.keys)
    return min(fitting, key=lambda hole: (is_inline and not hole.is_as_put_in, hole.cost)).rest


def _cores(document: Document, data: Mapping[str, Any], entry: Entry, *, keep_table: bool) -> Iterable[Span]:
    """Yield the ranges that may be all of what register put in, the biggest first."""
    if entry.in_table:
        block = block_of(document, entry.keys, entry.value)
        if len(table(data, *entry.keys)) == 1:
            yield from _whole_table(document, entry.keys, block)
        yield block
        return
    array = document.span(*entry.keys)
    values = find(data, entry.keys)
    if entry.keys == _MEMBERS and len(values) == 1:
        listed = Span(entry_start(document, array), array.end)
        if len(table(data, *WORKSPACE)) == 1 and not keep_table:
            yield from _whole_table(document, WORKSPACE, listed)
        yield listed
    yield elements_of(document, array)[len(values) - 1 - values[::-1].index(entry.value)]


def _with_comma_above(document: Document, data: Mapping[str, Any], entry: Entry, core: Span) -> Iterable[_Hole]:
    """Yield holes of the last entry of an array that take along the comma which the one before has got for it.

    Only a comment between the two makes that another hole.
    """
    values = find(data, entry.keys)
    if entry.in_table or len(values) < 2 or values[-1] != entry.value:  # noqa: PLR2004 - one before it, and itself
        return
    *_, before, last = elements_of(document, document.span(*entry.keys))
    comma = document.text.find(",", before.end, last.start)
    if last == core and comma >= 0 and not document.text[before.end : comma].strip():
        text = document.text[:comma] + document.text[comma + 1 :]
        yield from _holes(text, Span(core.start - 1, core.end - 1))


def _whole_table(document: Document, keys: Keys, inside: Span) -> Iterable[Span]:
    """Yield the table of which what stands `inside` is all, with its header or with its key."""
    header = re.search(rf"^\[{re.escape('.'.join(keys))}\]\s*\Z", document.text[: inside.start], re.MULTILINE)
    if header:
        yield Span(header.start(), inside.end)
    if document.is_inline(*keys):
        whole = document.span(*keys)
        yield Span(entry_start(document, whole), whole.end)


def _says(text: str, entry: Entry, expected: Mapping[str, Any]) -> bool:
    try:
        return _pruned(tomllib.loads(text), entry.keys) == expected
    except tomllib.TOMLDecodeError:
        return False


def _leads_back(candidate: str, entry: Entry, text: str) -> bool:
    """Tell whether register makes `text` out of `candidate`."""
    return insert(candidate, insertions(Document(candidate), tomllib.loads(candidate), entry)) == text


def _reduced(data: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
    reduced = copy.deepcopy(dict(data))
    holder = find(reduced, entry.keys)
    if entry.in_table:
        del holder[entry.value]
    else:
        del holder[len(holder) - 1 - holder[::-1].index(entry.value)]
    return reduced


def _pruned(data: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return `data` without what is empty along `keys`: whether that is written down makes no difference to uv."""
    if keys[0] == "tool":
        for depth in range(len(keys), 0, -1):
            if find(data, keys[:depth]) in ({}, []):
                del find(data, keys[: depth - 1])[keys[depth - 1]]
    return data
