"""The safe repairs of findings as one plan, carried out whole or not at all."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from fustor_new._toml import parse_toml
from fustor_new.changes.apply import apply, recover
from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.plan import Change, Plan
from fustor_new.doctor.examination import Subjects
from fustor_new.doctor.finding import Clear, Finding, Recover, Register, Write
from fustor_new.errors import WorkspaceError
from fustor_new.workspace.registration import register
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import root_place

__all__ = ["fix", "plan_repairs"]

_COMPILED = frozenset({"__pycache__"})


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
    edits: dict[Path, Write] = {}
    for write in (*_registrations(subjects, findings), *_writes(findings)):
        path = root_place(write.path.parent, write.path)  # the root file alone may be a symlink, within the workspace
        edits[path] = _joined(edits.get(path), replace(write, path=path))
    clears = dict.fromkeys(one.repair.folder for one in findings if isinstance(one.repair, Clear))
    removals = [Change(folder, Tree({}, _COMPILED), None) for folder in clears]
    return Plan(root, (*map(_change, edits.values()), *removals))


def _registrations(subjects: Subjects, findings: Sequence[Finding]) -> Iterator[Write]:
    wanted = [one.repair for one in findings if isinstance(one.repair, Register)]
    for root in subjects.roots:
        workspace = root.workspace
        unlisted = {one.shown for one in root.unlisted} if wanted else set()
        own = [one for one in wanted if one.directory in unlisted]
        for one in own:
            text = register(workspace, one.directory, one.distribution)
            workspace = Workspace.parse(workspace.root, text)
        if workspace.text != root.workspace.text:
            yield Write(workspace.path, root.workspace.text, workspace.text)


def _writes(findings: Sequence[Finding]) -> Iterator[Write]:
    return (one.repair for one in findings if isinstance(one.repair, Write))


def _joined(first: Write | None, write: Write) -> Write:
    """Return one edit for all that is added to a file; what cannot be added behind the rest waits for the next run."""
    if first is None:
        return write
    if write.before is None or not write.after.startswith(write.before):
        return first
    joined = first.after + write.after[len(write.before) :]
    try:
        parse_toml(joined, str(write.path))
    except WorkspaceError:
        return first
    return replace(first, after=joined)


def _change(write: Write) -> Change:
    before = None if write.before is None else FileContent(write.before)
    return Change(write.path, before, FileContent(write.after))


def _line(change: Change, root: Path) -> str:
    verb = "Created" if change.before is None else "Removed" if change.after is None else "Edited"
    return f"{verb} {os.path.relpath(change.path, root)}"
