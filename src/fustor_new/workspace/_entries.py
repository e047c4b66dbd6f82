"""What a driver's registration consists of, entry by entry, and where each goes in the root's `pyproject.toml`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fustor_new._toml import Keys, find, table
from fustor_new.names import normalize
from fustor_new.package.metadata import requirement
from fustor_new.workspace._toml_array import into_array, place_among, quoted
from fustor_new.workspace._toml_table import into_table, new_table, on_new_lines
from fustor_new.workspace._toml_text import Document, Insertion

__all__ = ["SOURCES", "WORKSPACE", "Entry", "insertions"]

WORKSPACE = ("tool", "uv", "workspace")
SOURCES = ("tool", "uv", "sources")


@dataclass(frozen=True)
class Entry:
    """One thing to add: a string in the array at `keys`, or `name = { workspace = true }` in the table there."""

    keys: Keys
    value: str
    in_table: bool = False


def insertions(document: Document, data: Mapping[str, Any], entry: Entry) -> tuple[Insertion, ...]:
    """Return what has to be put in where, so that the document has the entry."""
    if entry.in_table:
        return (_source(document, data, entry),)
    values = table(data, *entry.keys[:-1]).get(entry.keys[-1])
    if values is None:
        return (_new_members(document, data, entry.value),)
    ranks = (_itself, str.casefold if entry.keys[:-1] == WORKSPACE else requirement)
    return into_array(document, document.span(*entry.keys), values, entry.value, ranks)


def _source(document: Document, data: Mapping[str, Any], entry: Entry) -> Insertion:
    sources = table(data, *SOURCES)
    if sources:
        likes = tuple(key for key, source in sources.items() if source == {"workspace": True})
        place = place_among(list(sources), entry.value, (_itself, normalize))
        return into_table(document, SOURCES, place, entry.value, "{ workspace = true }", likes=likes)
    # The blanks tell `unregister` whether an empty table was there before.
    blank = " " if find(data, SOURCES) is None else ""
    return _first_entry(document, data, SOURCES, f"{entry.value} = {{{blank}workspace = true{blank}}}")


def _new_members(document: Document, data: Mapping[str, Any], directory: str) -> Insertion:
    """Return the insertion of a members list, and of the workspace table where that is missing too."""
    # No list that was there comes out with this comma, so that `unregister` can tell that this one was not there.
    members = f"[{quoted(directory, document.quote())},]"
    entries = table(data, *WORKSPACE)
    if entries:
        return into_table(document, WORKSPACE, len(entries), "members", members)
    return _first_entry(document, data, WORKSPACE, f"members = {members}")


def _first_entry(document: Document, data: Mapping[str, Any], table: Keys, entry: str) -> Insertion:
    """Return the insertion of the only entry of a table that is empty or missing."""
    deepest = next(depth for depth in (3, 2, 1, 0) if isinstance(find(data, table[:depth]), dict))
    if deepest and document.is_inline(*table[:deepest]):
        for key in reversed(table[deepest:]):
            entry = f"{key} = {{ {entry} }}"
        return _first_between_braces(document, data, table[:deepest], entry)
    spelled = r"\s*\.\s*".join(map(re.escape, table))
    header = re.search(rf"^[ \t]*\[\s*{spelled}\s*\][^\n]*\n?", document.text, re.MULTILINE)
    if deepest == len(table) and header:
        return on_new_lines(document, header.end(), f"{entry}\n")
    return new_table(document, table, entry)


def _first_between_braces(document: Document, data: Mapping[str, Any], table: Keys, entry: str) -> Insertion:
    span = document.span(*table)
    return Insertion(span.start + 1, f" {entry}," if find(data, table) else f" {entry} ")


def _itself(text: str) -> str:
    return text
