"""`fustor-new doctor`, from the options to the last line that is printed."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fustor_new._calling import without_workspace
from fustor_new._output import reporting, say, say_data, shortened, warn
from fustor_new.doctor.code_findings import is_judged
from fustor_new.doctor.examination import Subjects, examine, find_subjects
from fustor_new.doctor.finding import Finding, Severity
from fustor_new.doctor.fixing import fix
from fustor_new.doctor.registry import all_checks
from fustor_new.errors import NotConformant
from fustor_new.names import normalize
from fustor_new.options import DoctorOptions
from fustor_new.workspace.finding import starting_point
from fustor_new.workspace.naming import driver_paths

__all__ = ["JSON_SCHEMA_VERSION", "run"]

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
        return f"{_plural(errors, 'error')} and {_plural(warnings, 'warning')}"


def run(options: DoctorOptions) -> None:
    """Examine what the paths name, fix what is safe if that is wanted, and print what is left.

    Raises:
        NotConformant: errors are left, or warnings with `--strict`.
        FustorNewError: something cannot be read, or a repair not be made.
    """
    start = starting_point(options.workspace)
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
        lines = fix(subjects, findings)
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
    examined = _plural(len(report.subjects.packages), "package")
    lines.append(f"{examined} examined: {report.summary if report.findings else 'nothing to fix'}")
    if {one.id for one in report.findings} & _STOP_UV:
        lines.append(f"Until that is fixed, `uv run` refuses everything here; `{without_workspace()} doctor` runs")
    if not is_judged():
        lines.append("The code of drivers was not judged; that needs the package fustor-conformance beside this one")
    return lines


def _plural(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
