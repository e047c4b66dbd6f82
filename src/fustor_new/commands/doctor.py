"""`fustor-new doctor`, from the options to the last line that is printed.

The safe repairs of findings are one plan, carried out whole or not at all.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fustor_new._calling import without_workspace
from fustor_new._output import plural, reporting, say, say_data, shortened, warn
from fustor_new._toml import parse_toml
from fustor_new.changes.apply import apply, recover
from fustor_new.changes.content import FileContent
from fustor_new.changes.plan import Change, Plan, make_plan
from fustor_new.commands._run import settle
from fustor_new.doctor.code_findings import is_judged
from fustor_new.doctor.examination import Subjects, examine, find_subjects
from fustor_new.doctor.finding import Finding, Recover, Severity
from fustor_new.doctor.registry import all_checks
from fustor_new.errors import NotConformant, WorkspaceError
from fustor_new.names import normalize
from fustor_new.options import DoctorOptions
from fustor_new.workspace.finding import starting_point
from fustor_new.workspace.naming import driver_paths
from fustor_new.workspace.registration import Registration, register
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import root_place

__all__ = ["JSON_SCHEMA_VERSION", "plan_repairs", "run"]

JSON_SCHEMA_VERSION = 1
_STOP_UV = frozenset({"D01", "D02", "D04", "W02", "W08", "W10", "W11", "W13", "W17"})
"""Errors over which uv refuses every command of the whole workspace."""
_ROUNDS = 4  # of repairs: interrupted runs first, then files, then what only shows then


@dataclass(frozen=True)
class _Report:
    subjects: Subjects
    findings: Sequence[Finding]
    done: Sequence[str]

    def count(self, severity: Severity) -> int:
        return Counter(one.severity for one in self.findings)[severity]

    @property
    def summary(self) -> str:
        errors, warnings = (self.count(severity) for severity in (Severity.ERROR, Severity.WARNING))
        return f"{plural(errors, 'error')} and {plural(warnings, 'warning')}"


def run(options: DoctorOptions) -> None:
    """Examine what the paths name, fix what is safe if that is wanted, and print what is left.

    Raises:
        NotConformant: errors are left, or warnings with `--strict`.
        FustorNewError: something cannot be read, or a repair not be made.
    """
    start = starting_point(options.workspace)
    if options.fix and options.paths:
        settle(start, options.paths)
    report = _examined(driver_paths(options.paths or (), start), start, is_fixing=options.fix)
    with reporting("what was to be fixed is" if report.done else "nothing was changed"):
        if options.json:
            say_data(_as_json(report))
        else:
            say(*_as_lines(report))
    if options.fix and (left := _left_by_fix(report.findings)):
        warn(f"--fix left {', '.join(left)}: it can repair that elsewhere, and not here; do what it says above")
    if report.count(Severity.ERROR) or (options.strict and report.findings):
        fixable = sum(one.repair is not None for one in report.findings)
        hint = f"; --fix takes care of {fixable} of them" if fixable and not options.fix else ""
        raise NotConformant(f"Found {report.summary}{hint}")


def _examined(paths: Sequence[Path], start: Path, *, is_fixing: bool) -> _Report:
    done: list[str] = []
    subjects = find_subjects(paths, start)
    findings = examine(subjects)
    for _ in range(_ROUNDS if is_fixing else 0):
        lines = _fix(subjects, findings)
        if not lines:
            break
        done += lines
        subjects = find_subjects(paths, start)
        findings = examine(subjects)
    return _Report(subjects, findings, done)


def _left_by_fix(findings: Sequence[Finding]) -> list[str]:
    """Return the names of the findings that are left although the table says that `--fix` takes care of such."""
    safe = {check.id for check in all_checks() if check.is_safe}
    return list(dict.fromkeys(one.name for one in findings if one.id in safe))


def _as_json(report: _Report) -> str:
    packages = [
        {"place": one.shown, "distribution": normalize(one.metadata.name), "version": one.metadata.version}
        for one in report.subjects.packages
    ]
    return json.dumps(
        {
            "schema": JSON_SCHEMA_VERSION,
            "roots": [str(one.workspace.root) for one in report.subjects.roots],
            "packages": packages,
            "findings": [one.as_json() for one in report.findings],
            "done": list(report.done),
            "errors": report.count(Severity.ERROR),
            "warnings": report.count(Severity.WARNING),
        },
        indent=2,
    )


def _as_lines(report: _Report) -> list[str]:
    lines = list(report.done)
    for one in report.findings:
        shown = (f"{one.severity.value} {one.name} {one.place}", f"    {shortened(one.what)}", f"    fix: {one.fix}")
        lines += (line.replace("\n", "\\n") for line in shown)
    examined = plural(len(report.subjects.packages), "package")
    lines.append(f"{examined} examined: {report.summary if report.findings else 'nothing to fix'}")
    if {one.id for one in report.findings} & _STOP_UV:
        lines.append(f"Until that is fixed, `uv run` refuses everything here; `{without_workspace()} doctor` runs")
    if not is_judged():
        lines.append("The code of drivers was not judged; that needs the package fustor-conformance beside this one")
    return lines


def _fix(subjects: Subjects, findings: Sequence[Finding]) -> list[str]:
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
    wanted = [one.repair for one in findings if isinstance(one.repair, Registration)]
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
