"""The edit of a workspace's root file as one change, planned together with others."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from fustor_new.changes.content import FileContent
from fustor_new.changes.plan import Change, Plan, make_plan
from fustor_new.errors import WorkspaceError
from fustor_new.workspace.registration import Registration, register
from fustor_new.workspace.root import Standing, Workspace
from fustor_new.workspace.unregistration import unregister

__all__ = ["plan_in", "root_place", "root_text"]


def plan_in(
    workspace: Workspace,
    changes: Sequence[Change] = (),
    *,
    registrations: Sequence[Registration] = (),
    unregistrations: Sequence[Registration] = (),
) -> Plan:
    """Return the plan that makes the changes, and registers drivers or unregisters them.

    Those in `unregistrations` are not registered afterwards, though a pattern may still make them members.
    Raises TargetConflict as `make_plan` does, and WorkspaceError where the workspace excludes a directory.
    """
    after = root_text(workspace, registrations, unregistrations)
    notes = list(_notes(workspace, registrations))
    if after == workspace.text:
        return make_plan(workspace.root, changes, notes)
    place = root_place(workspace.root, workspace.path)
    edit = Change(place, FileContent(workspace.text), FileContent(after))
    return make_plan(workspace.root, (edit, *changes), notes)


def root_place(root: Path, path: Path) -> Path:
    """Return the real place of a workspace's root file; raises WorkspaceError where that is outside of `root`."""
    place = Path(os.path.realpath(path))
    if not place.is_relative_to(root.resolve()):
        raise WorkspaceError(
            f"{str(path)!r} is a symlink to {str(place)!r}, outside of the workspace, where nothing is written; "
            f"put the file itself in its place"
        )
    return place


def root_text(
    workspace: Workspace, registrations: Sequence[Registration], unregistrations: Sequence[Registration]
) -> bytes:
    """Return the root file with some drivers registered and others no longer; raises WorkspaceError."""
    beside = {one.distribution for one in (*registrations, *unregistrations)}
    for one in registrations:
        text = register(workspace, one.directory, one.distribution, beside=beside)
        workspace = Workspace.parse(workspace.root, text)
    for one in unregistrations:
        text = unregister(workspace, one.directory, one.distribution, keep_table=True, beside=beside)
        workspace = Workspace.parse(workspace.root, text)
    return workspace.text


def _notes(workspace: Workspace, registrations: Sequence[Registration]) -> Iterator[str]:
    for one in registrations:
        membership = workspace.membership(one.directory)
        if membership.standing is Standing.COVERED:
            yield f"{one.directory} is covered by {membership.pattern!r}"
        elif membership.standing is Standing.LISTED:
            yield f"{one.directory} is listed as {membership.pattern!r}"
