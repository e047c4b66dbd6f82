"""A run's verdicts, for people and for machines: JSON, JUnit, a Markdown scorecard, a table on the terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from rich.markup import escape
from rich.table import Table

from fustor_conformance._shared_code import shared_modules
from fustor_conformance.judge import Judge
from fustor_conformance.outcome import Status, Verdict, printable
from fustor_conformance.rules import Kind, Level, Profile, Rule, depth, find_rule, rules_for
from fustor_conformance.subject import Subject

__all__ = ["REPORT_SUFFIXES", "Report", "report_of", "verdict_from_json", "verdict_to_json", "write_reports"]

REPORT_SUFFIXES = (".json", ".xml", ".md")
_WORDS = ("failed", "advice", "to do", "not judged")
"""What keeps a driver from being conformant, or might, in the order in which it is counted."""
_STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "bold red",
    Status.TODO: "yellow",
    Status.SKIPPED: "dim",
    Status.NOT_JUDGED: "magenta",
}


_WIDE = 110
"""Columns from which on the table has one for what was seen."""


@dataclass(frozen=True)
class Report:
    """All verdicts on one driver in one profile."""

    kind: Kind
    name: str
    driver_version: str
    profile: Profile
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()
    """What a reader should know of how the driver was judged."""

    @property
    def kit_version(self) -> str:
        """The version of this kit, which is that of the contract."""
        return version("fustor-conformance")

    @property
    def conformant(self) -> bool:
        """Whether every MUST of the profile passed; one that was skipped by declaration counts as not exercised."""
        return self.is_clean and self.is_complete

    @property
    def is_clean(self) -> bool:
        """Whether something passed, and no MUST among these verdicts did not."""
        return any(v.status is Status.PASSED for v in self.verdicts) and not any(v.blocks for v in self.verdicts)

    @property
    def is_complete(self) -> bool:
        """Whether these verdicts cover every MUST of the profile."""
        due = {rule.id for rule in self.rules if rule.levels(self.kind)[self.profile] is Level.MUST}
        return due <= {verdict.rule.id for verdict in self.verdicts}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule that the profile asks of such a driver."""
        return rules_for(self.kind, self.profile)

    @property
    def exercised(self) -> int:
        """How many of the profile's rules a check looked at, advice included."""
        asked = {rule.id for rule in self.rules}
        return sum(verdict.is_exercised for verdict in self.verdicts if verdict.rule.id in asked)

    @property
    def not_exercised(self) -> tuple[Rule, ...]:
        """The profile's rules that no check looked at: skipped, to do, not judged or not chosen."""
        looked_at = {verdict.rule.id for verdict in self.verdicts if verdict.is_exercised}
        return tuple(rule for rule in self.rules if rule.id not in looked_at)

    @property
    def outcome(self) -> str:
        """The verdict on all of this: `conformant`, `not conformant` or `not judged`."""
        if self.conformant:
            return "conformant"
        blocking = {verdict.status for verdict in self.verdicts if verdict.blocks}
        return "not conformant" if blocking - {Status.NOT_JUDGED} else "not judged"

    @property
    def causes(self) -> tuple[Verdict, ...]:
        """What failed, that comes first on which other rules build; MUSTs before advice."""
        failed = [verdict for verdict in self.verdicts if verdict.status is Status.FAILED]
        order = lambda verdict: (not verdict.blocks, verdict.follows, depth(verdict.rule.id, self.kind))  # noqa: E731 - one use
        return tuple(sorted(failed, key=order))

    @property
    def headline(self) -> str:
        """`source postgres: conformant, 61 of 74 rules exercised (guide, kit 1.0.0)`, or why not."""
        label = f"{self.kind} {self.name}"
        scope = f"({self.profile}, kit {self.kit_version})"
        if self.conformant:
            in_part = sum(bool(verdict.without) for verdict in self.verdicts)
            partly = f", {in_part} of them in part" if in_part else ""
            return f"{label}: conformant, {self.exercised} of {len(self.rules)} rules exercised{partly} {scope}"
        if self.is_clean:
            return f"{label}: {len(self.verdicts)} checks chosen, nothing broken {scope}"
        counts = Counter(v.word for v in self.verdicts if v.status not in (Status.PASSED, Status.SKIPPED))
        reasons = ", ".join(f"{counts[word]} {word}" for word in _WORDS if counts[word])
        return f"{label}: {self.outcome} {scope}: {reasons or 'nothing was judged'}{self._first()}"

    def _first(self) -> str:
        if self.causes and self.causes[0].blocks:
            return f", first of all {self.causes[0].rule.name}"
        blocking = [verdict for verdict in self.verdicts if verdict.blocks]
        return f", first of all {blocking[0].rule.name}: {_first_line(blocking[0])}" if blocking else ""

    @property
    def summary(self) -> str:
        """The headline, and by name the rules that nothing was seen of where the driver is conformant all the same."""
        if not self.conformant:
            return self.headline
        lacking = sorted({name for verdict in self.verdicts for name in verdict.without})
        parts = [
            self.headline,
            *([f"not exercised: {', '.join(map(_named, self.not_exercised))}"] if self.not_exercised else []),
            *([f"in part, as the World has no {', '.join(lacking)}"] if lacking else []),
        ]
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values: plain ones, which also travel between processes."""
        return {
            "kind": str(self.kind),
            "name": self.name,
            "driver_version": self.driver_version,
            "profile": str(self.profile),
            "kit_version": self.kit_version,
            "conformant": self.conformant,
            "outcome": self.outcome,
            "complete": self.is_complete,
            "exercised": self.exercised,
            "rules": len(self.rules),
            "not_exercised": [rule.name for rule in self.not_exercised],
            "notes": list(self.notes),
            "verdicts": [verdict_to_json(verdict) for verdict in self.verdicts],
        }

    def table(self, columns: int = _WIDE) -> Table:
        """The report as a table for a terminal of so many columns.

        What was seen has a column of its own where there is room, and else stands under the name of its check.
        """
        table = Table(title=self.headline, title_justify="left", expand=False)
        is_wide = columns >= _WIDE
        for heading in ("check", "level", "verdict", "sec", *([""] if is_wide else [])):
            is_text = heading == "" or (heading == "check" and not is_wide)
            table.add_column(heading, no_wrap=not is_text, justify="right" if heading == "sec" else "left")
        for verdict in self.verdicts:
            style = _STYLES[verdict.status]
            note = escape(_first_line(verdict))
            seconds = f"{verdict.seconds:.1f}" if verdict.is_exercised else ""
            name = verdict.rule.name if is_wide or not note else f"{verdict.rule.name}\n  [dim]{note}[/]"
            cells = (name, verdict.level, f"[{style}]{verdict.word}[/]", seconds)
            table.add_row(*cells, *([note] if is_wide else []))
        return table

    def to_markdown(self) -> str:
        """The report as a scorecard."""
        lines = [f"# {self.headline}", "", *(f"- {note}" for note in self.notes), *([""] if self.notes else [])]
        lines += ["| check | level | verdict | observed | sec | not exercised | |", "|---|---|---|---|---|---|---|"]
        for v in self.verdicts:
            seen = _cell(_first_line(v) if v.is_exercised else "")
            cells = (v.rule.name, v.level or "", v.status, v.observed or "", f"{v.seconds:.1f}", _cell(v.not_exercised))
            lines.append(f"| {' | '.join(map(str, cells))} | {seen} |")
        return "\n".join(lines) + "\n"

    def to_junit(self) -> ET.Element:
        """The report as one JUnit test suite."""
        counts = Counter(v.status for v in self.verdicts)
        suite = ET.Element(
            "testsuite",
            name=f"{self.kind} {self.name} ({self.profile})",
            tests=str(len(self.verdicts)),
            failures=str(counts[Status.FAILED]),
            skipped=str(len(self.verdicts) - counts[Status.FAILED] - counts[Status.PASSED]),
        )
        for verdict in self.verdicts:
            _add_case(suite, verdict, f"fustor.{self.kind}.{self.name}")
        return suite


def report_of(judge: Judge, verdicts: Iterable[Verdict]) -> Report:
    """The report on a judge's subject."""
    subject = judge.subject
    return Report(subject.kind, subject.name, subject.version, judge.profile, tuple(verdicts), _notes(subject))


def _notes(subject: Subject) -> tuple[str, ...]:
    shared = ", ".join(shared_modules(subject))
    return (f"The World takes {shared} from the driver: what both share is not judged",) if shared else ()


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """One verdict as JSON values, with its rule in words."""
    return {
        "id": verdict.rule.id,
        "name": verdict.rule.name,
        "level": verdict.level and str(verdict.level),
        "status": str(verdict.status),
        "detail": verdict.detail,
        "observed": verdict.observed,
        "seconds": round(verdict.seconds, 3),
        "without": list(verdict.without),
        "rule": verdict.rule.rule,
    }


def verdict_from_json(data: dict[str, Any]) -> Verdict:
    """The verdict that `verdict_to_json` wrote."""
    level = Level(data["level"]) if data["level"] else None
    status = Status(data["status"])
    without = tuple(data.get("without", ()))
    return Verdict(find_rule(data["id"]), level, status, data["detail"], data["observed"], data["seconds"], without)


def write_reports(reports: Sequence[Report], path: Path) -> None:
    """Write the reports in the form that the file's suffix names: .json, .xml (JUnit) or .md.

    Raises:
        ValueError: the suffix is another one.
    """
    if path.suffix == ".json":
        text = json.dumps({"schema": 1, "reports": [report.to_json() for report in reports]}, indent=2) + "\n"
    elif path.suffix == ".xml":
        root = ET.Element("testsuites")
        root.extend(report.to_junit() for report in reports)
        text = ET.tostring(root, encoding="unicode", xml_declaration=True)
    elif path.suffix == ".md":
        text = printable("\n".join(report.to_markdown() for report in reports))
    else:
        raise ValueError(
            f"A report cannot be written as {path.suffix!r}; end the name with {', '.join(REPORT_SUFFIXES)}"
        )
    path.write_text(text, encoding="utf-8")


def _named(rule: Rule) -> str:
    """The rule's name, and how to ask for it where that is needed."""
    return f"{rule.name} ({rule.opt_in})" if rule.opt_in else rule.name


def _first_line(verdict: Verdict) -> str:
    return verdict.detail.partition("\n")[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _add_case(suite: ET.Element, verdict: Verdict, classname: str) -> None:
    case = ET.SubElement(suite, "testcase", classname=classname, name=verdict.rule.name, time=f"{verdict.seconds:.3f}")
    if verdict.status is Status.FAILED:
        ET.SubElement(case, "failure", message=printable(_first_line(verdict))).text = printable(verdict.explained())
    elif verdict.status is not Status.PASSED:
        ET.SubElement(case, "skipped", message=printable(f"{verdict.status}: {_first_line(verdict)}"))
