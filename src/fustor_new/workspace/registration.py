"""The root `pyproject.toml` with one driver more, and every other byte as it was.

A driver is registered like its siblings: in the workspace's members unless a pattern covers it, and in the sources, the
`dev` extra and the `dev` group of the root, each exactly when another member of the workspace is there.
"""

import copy
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fustor_new.errors import WorkspaceError
from fustor_new.names import normalize
from fustor_new.workspace import _glob
from fustor_new.workspace._entries import LISTS, SOURCES, WORKSPACE, Entry, get, insertion, requirement
from fustor_new.workspace._toml_text import Document, insert
from fustor_new.workspace.root import Verdict, Workspace

__all__ = ["Registration", "register"]

_BOM = b"\xef\xbb\xbf"


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
    text = insert(document.text, [insertion(document, workspace.data, entry) for entry in wanted])
    _prove(workspace.data, text, wanted)
    return bom + text.encode()


def _wanted(workspace: Workspace, directory: str, distribution: str, *, member: bool) -> Iterable[Entry]:
    data, name = workspace.data, normalize(distribution)
    siblings = _siblings(workspace) - {name}
    if member:
        yield Entry((*WORKSPACE, "members"), _glob.escape(_glob.normalized(directory)))
    listed = {normalize(key) for key in get(data, SOURCES)}
    if listed & siblings and name not in listed:
        yield Entry(SOURCES, distribution, in_table=True)
    for table in LISTS:
        for key, requirements in get(data, table).items():
            listed = {requirement(text) for text in requirements if isinstance(text, str)}
            if normalize(key) == "dev" and listed & siblings and name not in listed:
                yield Entry((*table, key), distribution)


def _siblings(workspace: Workspace) -> set[str]:
    """Return the members' distributions, those on disk and those that the sources take from the workspace."""
    sources = get(workspace.data, SOURCES)
    named = [key for key, source in sources.items() if isinstance(source, dict) and source.get("workspace") is True]
    found = {normalize(name) for name in (*named, *(package.distribution for package in workspace.packages))}
    return found - {"", normalize(str(get(workspace.data, ("project",)).get("name", "")))}


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
        table = expected
        for key in entry.keys[: None if entry.in_table else -1]:
            table = table.setdefault(key, {})
        if entry.in_table:
            table[entry.value] = {"workspace": True}
        else:
            written = get(new, entry.keys[:-1]).get(entry.keys[-1], [])
            place = written.index(entry.value) if entry.value in written else 0
            table.setdefault(entry.keys[-1], []).insert(place, entry.value)
    if new != expected:
        raise AssertionError(f"Registration of {[entry.value for entry in entries]!r} would change more than it says")
