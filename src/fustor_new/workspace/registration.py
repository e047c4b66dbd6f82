"""The root `pyproject.toml` with one driver more, and every other byte as it was.

A driver is registered like its siblings: in the workspace's members unless a pattern covers it; in the lists of
requirements in which the root has most of the other members; in the sources when another member is there, or when
anything in the workspace requires the driver by name, since uv refuses to resolve that without a source.
"""

import copy
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fustor_new._toml import BOM, Keys, find, table
from fustor_new.errors import WorkspaceError
from fustor_new.names import normalize
from fustor_new.package.metadata import requirement, requirement_lists
from fustor_new.workspace import patterns
from fustor_new.workspace._toml_array import into_array, place_among, quoted
from fustor_new.workspace._toml_table import into_table, new_table, on_new_lines
from fustor_new.workspace._toml_text import Document, Insertion, insert
from fustor_new.workspace.root import Standing, Workspace

__all__ = ["SOURCES", "WORKSPACE", "Entry", "Registration", "insertions", "is_dev", "joins", "register", "siblings_of"]

_MOST, _NEARLY_ALL = Fraction(1, 2), Fraction(3, 5)
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
    ranks = (str, str.casefold if entry.keys[:-1] == WORKSPACE else requirement)
    return into_array(document, document.span(*entry.keys), values, entry.value, ranks)


def _source(document: Document, data: Mapping[str, Any], entry: Entry) -> Insertion:
    sources = table(data, *SOURCES)
    if sources:
        likes = tuple(key for key, source in sources.items() if source == {"workspace": True})
        place = place_among(list(sources), entry.value, (str, normalize))
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
        at = document.span(*table[:deepest]).start + 1
        return Insertion(at, f" {entry}," if find(data, table[:deepest]) else f" {entry} ")
    spelled = r"\s*\.\s*".join(map(re.escape, table))
    header = re.search(rf"^[ \t]*\[\s*{spelled}\s*\][^\n]*\n?", document.text, re.MULTILINE)
    if deepest == len(table) and header:
        return on_new_lines(document, header.end(), f"{entry}\n")
    return new_table(document, table, entry)


@dataclass(frozen=True)
class Registration:
    """A driver to register: its directory relative to the root, and its distribution."""

    directory: str
    distribution: str


def register(workspace: Workspace, directory: str, distribution: str, *, beside: Collection[str] = ()) -> bytes:
    """Return the root's `pyproject.toml` with the driver in it: the same bytes when it is there already.

    `beside` are the distributions that the same run registers: they are not among those that set the example.
    Raises WorkspaceError, naming the pattern, when the workspace excludes the directory.
    """
    membership = workspace.membership(directory)
    if membership.standing is Standing.EXCLUDED:
        raise WorkspaceError(
            f"{directory!r} is excluded from the workspace by {membership.pattern!r} in {str(workspace.path)!r}; "
            f"change that pattern, or use another --output"
        )
    bom = BOM if workspace.text.startswith(BOM) else b""
    document = Document(workspace.text.removeprefix(BOM).decode())
    wanted = list(_wanted(workspace, directory, distribution, beside, member=not membership.is_member))
    text = insert(document.text, [one for entry in wanted for one in insertions(document, workspace.data, entry)])
    _prove(workspace.data, text, wanted)
    return bom + text.encode()


def siblings_of(workspace: Workspace, distributions: Collection[str], *, readable: bool = False) -> frozenset[str]:
    """Return the other members' distributions: those on disk, and those that the sources take from the workspace.

    With `readable` a member that cannot be read is passed by.
    """
    members = workspace.readable_packages if readable else workspace.packages
    sources = table(workspace.data, *SOURCES)
    named = [key for key, source in sources.items() if isinstance(source, dict) and source.get("workspace") is True]
    found = {normalize(name) for name in (*named, *(package.name for package in members))}
    own = (*distributions, str(table(workspace.data, "project").get("name", "")))
    return frozenset(found - {"", *map(normalize, own)})


def is_dev(keys: Keys) -> bool:
    """Tell whether the list is the `dev` extra or the `dev` group."""
    return keys[:-1] in (("project", "optional-dependencies"), ("dependency-groups",)) and normalize(keys[-1]) == "dev"


def joins(keys: Keys, listed: Collection[str], siblings: Collection[str]) -> bool:
    """Tell whether a new member belongs into the list, as far as one can see from its siblings.

    `dev` takes a member where it has most of the others, or where there are none yet; any other list where it has
    three in five of them.
    """
    if not siblings:
        return is_dev(keys)
    share = Fraction(len({requirement(text) for text in listed} & set(siblings)), len(siblings))
    return share > _MOST if is_dev(keys) else share >= _NEARLY_ALL


def _wanted(
    workspace: Workspace, directory: str, distribution: str, beside: Collection[str], *, member: bool
) -> Iterable[Entry]:
    data, name = workspace.data, normalize(distribution)
    siblings = siblings_of(workspace, {distribution, *beside})
    if member:
        yield Entry((*WORKSPACE, "members"), patterns.escape(patterns.normalized(directory)))
    lists = [(keys, listed) for keys, listed in requirement_lists(data) if name not in map(requirement, listed)]
    joined = [keys for keys, listed in lists if joins(keys, listed, siblings)]
    sourced = {normalize(key) for key in table(data, *SOURCES)}
    if name not in sourced and (joined or sourced & siblings or _is_required(workspace, name)):
        yield Entry(SOURCES, distribution, in_table=True)
    for keys in joined:
        yield Entry(keys, distribution)


def _is_required(workspace: Workspace, name: str) -> bool:
    """Tell whether the root requires the distribution by name, or a member that does not say where from."""
    at_root = {requirement(text) for _, listed in requirement_lists(workspace.data) for text in listed}
    return name in at_root or any(name in package.requires for package in workspace.packages)


def _prove(old: Mapping[str, Any], text: str, entries: list[Entry]) -> None:
    """Raise AssertionError unless `text` says what `old` says and the entries, and nothing else.

    Raises WorkspaceError for a layout in which there is no place for them.
    """
    try:
        new = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        named = ", ".join(repr(entry.value) for entry in entries)
        raise WorkspaceError(f"Cannot tell where {named} belongs in the root's pyproject.toml; add it there") from err
    expected = copy.deepcopy(dict(old))
    for entry in entries:
        holder = expected
        for key in entry.keys[: None if entry.in_table else -1]:
            holder = holder.setdefault(key, {})
        if entry.in_table:
            holder[entry.value] = {"workspace": True}
        else:
            written = table(new, *entry.keys[:-1]).get(entry.keys[-1], [])
            place = written.index(entry.value) if entry.value in written else 0
            holder.setdefault(entry.keys[-1], []).insert(place, entry.value)
    if new != expected:
        raise AssertionError(f"Registration of {[entry.value for entry in entries]!r} would change more than it says")
