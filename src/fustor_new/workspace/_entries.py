"""What a driver's registration consists of, entry by entry, and where each goes in the root's `pyproject.toml`."""

import re
from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fustor_new.names import normalize
from fustor_new.workspace._toml_array import into_array, quoted
from fustor_new.workspace._toml_table import into_table, on_new_lines
from fustor_new.workspace._toml_text import Document, Insertion

__all__ = ["LISTS", "SOURCES", "WORKSPACE", "Entry", "find", "get", "insertion", "requirement"]

WORKSPACE = ("tool", "uv", "workspace")
SOURCES = ("tool", "uv", "sources")
LISTS = (("project", "optional-dependencies"), ("dependency-groups",))

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One thing to add: a string in the array at `keys`, or `name = { workspace = true }` in the table there."""

    keys: Keys
    value: str
    in_table: bool = False


def insertion(document: Document, data: Mapping[str, Any], entry: Entry) -> Insertion:
    if entry.in_table:
        sources = get(data, entry.keys)
        likes = tuple(key for key, source in sources.items() if source == {"workspace": True})
        place = _rank(list(sources), entry.value)
        return into_table(document, entry.keys, place, entry.value, "{ workspace = true }", likes=likes)
    values = get(data, entry.keys[:-1]).get(entry.keys[-1])
    if values is None:
        return _new_members(document, data, entry.value)
    ranks = (_itself, requirement) if entry.keys[0] != "tool" else (_itself, str.casefold)
    return into_array(document, document.span(*entry.keys), values, entry.value, ranks)


def _new_members(document: Document, data: Mapping[str, Any], directory: str) -> Insertion:
    """Return the insertion of a members list, and of the workspace table where that is missing too."""
    # No list that was there comes out with this comma, so that `unregister` can tell that this one was not there.
    members = f"[{quoted(directory, document.quote())},]"
    table = get(data, WORKSPACE)
    if table:
        return into_table(document, WORKSPACE, len(table), "members", members)
    deepest = next(depth for depth in (3, 2, 1, 0) if isinstance(find(data, WORKSPACE[:depth]), dict))
    value = f"members = {members}"
    if deepest and document.is_inline(*WORKSPACE[:deepest]):
        for key in reversed(WORKSPACE[deepest:]):
            value = f"{key} = {{ {value} }}"
        return _first_between_braces(document, data, deepest, value)
    header = re.search(r"^[ \t]*\[\s*tool\s*\.\s*uv\s*\.\s*workspace\s*\][^\n]*\n?", document.text, re.MULTILINE)
    if deepest == len(WORKSPACE) and header:
        return on_new_lines(document, header.end(), f"{value}\n")
    gap = "\n" if document.text.strip() else ""
    return on_new_lines(document, len(document.text), f"{gap}[tool.uv.workspace]\n{value}\n")


def _first_between_braces(document: Document, data: Mapping[str, Any], depth: int, entry: str) -> Insertion:
    span = document.span(*WORKSPACE[:depth])
    filled = bool(find(data, WORKSPACE[:depth]))
    return Insertion(span.start + 1, f" {entry}," if filled else f" {entry} ")


def find(data: Mapping[str, Any], keys: Keys) -> Any:
    value: Any = data
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def get(data: Mapping[str, Any], keys: Keys) -> Mapping[str, Any]:
    found = find(data, keys) if keys else data
    return found if isinstance(found, dict) else {}


def _rank(keys: list[str], key: str) -> int:
    """Return the place of `key` among `keys`: its own where they are sorted, else the last."""
    ranks: tuple[Callable[[str], str], ...] = (_itself, normalize)
    for rank in ranks:
        present = [rank(each) for each in keys]
        if present == sorted(present):
            return bisect(present, rank(key))
    return len(keys)


def _itself(text: str) -> str:
    return text


def requirement(text: str) -> str:
    found = re.match(r"\s*([A-Za-z0-9._-]+)", text)
    return normalize(found[1]) if found else ""
