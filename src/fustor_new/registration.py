"""The root `pyproject.toml` with one driver more, and every other byte as it was.

A driver is registered like its siblings: in the workspace's members unless a pattern covers it, and in the sources, the
`dev` extra and the `dev` group of the root, each exactly when another member of the workspace is there.
"""

import copy
import re
import tomllib
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fustor_new import _glob
from fustor_new._toml_array import into_array, quoted
from fustor_new._toml_table import into_table, on_new_lines
from fustor_new._toml_text import Document, Insertion, insert
from fustor_new.errors import WorkspaceError
from fustor_new.names import normalize
from fustor_new.workspace import Verdict, Workspace

__all__ = ["Registration", "register"]

_BOM = b"\xef\xbb\xbf"
_WORKSPACE = ("tool", "uv", "workspace")
_SOURCES = ("tool", "uv", "sources")
_LISTS = (("project", "optional-dependencies"), ("dependency-groups",))

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Registration:
    """A driver to register: its directory relative to the root, and its distribution."""

    directory: str
    distribution: str


def register(workspace: Workspace, directory: str, distribution: str) -> bytes:
    """Return the root's `pyproject.toml` with the driver in it: the same bytes when it is there already.

    Raises WorkspaceError, naming the pattern, when the workspace excludes the directory.
    """
    membership = workspace.verdict(directory)
    if membership.verdict is Verdict.EXCLUDED:
        raise WorkspaceError(
            f"{directory!r} is excluded from the workspace by {membership.pattern!r} in {str(workspace.path)!r}; "
            f"change that pattern, or use another --output"
        )
    bom = _BOM if workspace.text.startswith(_BOM) else b""
    document = Document(workspace.text.removeprefix(_BOM).decode())
    wanted = list(_wanted(workspace, directory, distribution, member=not membership.is_member))
    text = insert(document.text, [_insertion(document, workspace.data, entry) for entry in wanted])
    _prove(workspace.data, text, wanted)
    return bom + text.encode()


@dataclass(frozen=True)
class _Entry:
    """One thing to add: a string in the array at `keys`, or `name = { workspace = true }` in the table there."""

    keys: Keys
    value: str
    in_table: bool = False


def _wanted(workspace: Workspace, directory: str, distribution: str, *, member: bool) -> Iterable[_Entry]:
    data, name = workspace.data, normalize(distribution)
    siblings = _siblings(workspace) - {name}
    if member:
        yield _Entry((*_WORKSPACE, "members"), _glob.escape(_glob.normalized(directory)))
    listed = {normalize(key) for key in _get(data, _SOURCES)}
    if listed & siblings and name not in listed:
        yield _Entry(_SOURCES, distribution, in_table=True)
    for table in _LISTS:
        for key, requirements in _get(data, table).items():
            listed = {_requirement(text) for text in requirements if isinstance(text, str)}
            if normalize(key) == "dev" and listed & siblings and name not in listed:
                yield _Entry((*table, key), distribution)


def _siblings(workspace: Workspace) -> set[str]:
    """Return the members' distributions, those on disk and those that the sources take from the workspace."""
    sources = _get(workspace.data, _SOURCES)
    named = [key for key, source in sources.items() if isinstance(source, dict) and source.get("workspace") is True]
    found = {normalize(name) for name in (*named, *(package.distribution for package in workspace.packages))}
    return found - {"", normalize(str(_get(workspace.data, ("project",)).get("name", "")))}


def _insertion(document: Document, data: Mapping[str, Any], entry: _Entry) -> Insertion:
    if entry.in_table:
        sources = _get(data, entry.keys)
        likes = tuple(key for key, source in sources.items() if source == {"workspace": True})
        place = _rank(list(sources), entry.value)
        return into_table(document, entry.keys, place, entry.value, "{ workspace = true }", likes=likes)
    values = _get(data, entry.keys[:-1]).get(entry.keys[-1])
    if values is None:
        return _new_members(document, data, entry.value)
    ranks = (_itself, _requirement) if entry.keys[0] != "tool" else (_itself, str.casefold)
    return into_array(document, document.span(*entry.keys), values, entry.value, ranks)


def _new_members(document: Document, data: Mapping[str, Any], directory: str) -> Insertion:
    """Return the insertion of a members list, and of the workspace table where that is missing too."""
    members = f"[{quoted(directory, document.quote())}]"
    table = _get(data, _WORKSPACE)
    if table:
        return into_table(document, _WORKSPACE, len(table), "members", members)
    deepest = next(depth for depth in (3, 2, 1, 0) if isinstance(_find(data, _WORKSPACE[:depth]), dict))
    value = f"members = {members}"
    if deepest and document.is_inline(*_WORKSPACE[:deepest]):
        for key in reversed(_WORKSPACE[deepest:]):
            value = f"{key} = {{ {value} }}"
        return _first_between_braces(document, data, deepest, value)
    header = re.search(r"^[ \t]*\[\s*tool\s*\.\s*uv\s*\.\s*workspace\s*\][^\n]*\n?", document.text, re.MULTILINE)
    if deepest == len(_WORKSPACE) and header:
        return on_new_lines(document, header.end(), f"{value}\n")
    gap = "\n" if document.text.strip() else ""
    return on_new_lines(document, len(document.text), f"{gap}[tool.uv.workspace]\n{value}\n")


def _first_between_braces(document: Document, data: Mapping[str, Any], depth: int, entry: str) -> Insertion:
    span = document.span(*_WORKSPACE[:depth])
    filled = bool(_find(data, _WORKSPACE[:depth]))
    return Insertion(span.start + 1, f" {entry}," if filled else f" {entry} ")


def _prove(old: Mapping[str, Any], text: str, entries: list[_Entry]) -> None:
    """Raise AssertionError unless `text` says what `old` says and the entries, and nothing else."""
    new = tomllib.loads(text)
    expected = copy.deepcopy(dict(old))
    for entry in entries:
        table = expected
        for key in entry.keys[: None if entry.in_table else -1]:
            table = table.setdefault(key, {})
        if entry.in_table:
            table[entry.value] = {"workspace": True}
        else:
            written = _get(new, entry.keys[:-1]).get(entry.keys[-1], [])
            place = written.index(entry.value) if entry.value in written else 0
            table.setdefault(entry.keys[-1], []).insert(place, entry.value)
    if new != expected:
        raise AssertionError(f"Registration of {[entry.value for entry in entries]!r} would change more than it says")


def _find(data: Mapping[str, Any], keys: Keys) -> Any:
    value: Any = data
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _get(data: Mapping[str, Any], keys: Keys) -> Mapping[str, Any]:
    found = _find(data, keys) if keys else data
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


def _requirement(text: str) -> str:
    found = re.match(r"\s*([A-Za-z0-9._-]+)", text)
    return normalize(found[1]) if found else ""
