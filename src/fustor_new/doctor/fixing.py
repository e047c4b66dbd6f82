"""The safe repairs of findings as one plan, carried out whole or not at all."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from fustor_new._toml import parse_toml
from fustor_new.changes.apply import apply, recover
from fustor_new.changes.content import FileContent
from fustor_new.changes.plan import Change, Plan, make_plan
from fustor_new.doctor.examination import Subjects
from fustor_new.doctor.finding import Finding, Recover, Register
from fustor_new.errors import WorkspaceError
from fustor_new.workspace.registration import register
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import root_place

__all__ = ["fix", "plan_repairs"]


def fix(subjects: Subjects, findings: Sequence[Finding]) -> list[str]:
    """Carry out what may be done without asking, and return a line for each thing that was done.

    Raises:
        FustorNewError: something is in the way; nothing was changed, save that interrupted runs were finished.
    """
    folders = dict.fromkeys(one.repair.folder for one in findings if isinstance(one.repair, Recover))
    lines = [line for folder in folders for line in recover(folder)]
    if lines:  # what was finished may have changed anything
        return lines
    plan = plan_repairs(subjects, findings)
    apply(plan)
    return [_line(change, plan.root) for change in plan.changes]


def plan_repairs(subjects: Subjects, findings: Sequence[Finding]) -> Plan:
    """Return the plan of all repairs that change files."""
    root = Path(os.path.commonpath(subjects.folders)) if subjects.folders else Path.cwd()
    changes: dict[Path, Change] = {}
    for change in (*_registrations(subjects, findings), *(one.repair for one in findings)):
        if isinstance(change, Change):
            path = change.path
            if not change.removes_tree:  # the root file alone may be a symlink, within the workspace
                path = root_place(path.parent, path)
            changes[path] = _joined(changes.get(path), replace(change, path=path))
    return make_plan(root, changes.values())


def _registrations(subjects: Subjects, findings: Sequence[Finding]) -> Iterator[Change]:
    wanted = [one.repair for one in findings if isinstance(one.repair, Register)]
    for root in subjects.roots:
        workspace = root.workspace
        ours = {one.shown for one in (*root.unlisted, *root.members)} if wanted else set()
        for one in wanted:
            if one.directory in ours:
                text = register(workspace, one.directory, one.distribution)
                workspace = Workspace.parse(workspace.root, text)
        if workspace.text != root.workspace.text:
            yield Change(workspace.path, FileContent(root.workspace.text), FileContent(workspace.text))


def _joined(first: Change | None, other: Change) -> Change:
    """Return one edit for all that is added to a file; what cannot be added behind the rest waits for the next run."""
    if first is None:
        return other
    match first.after, other.before, other.after:
        case FileContent(data=text), FileContent(data=before), FileContent(data=after) if after.startswith(before):
            joined = text + after[len(before) :]
            try:
                parse_toml(joined, str(other.path))
            except WorkspaceError:
                return first
            return replace(first, after=FileContent(joined))
    return first


def _line(change: Change, root: Path) -> str:
    verb = "Created" if change.before is None else "Removed" if change.after is None else "Edited"
    return f"{verb} {os.path.relpath(change.path, root)}"
