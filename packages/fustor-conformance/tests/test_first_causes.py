"""What is said first of a broken driver is what is broken, not what follows from it."""

import pytest
from kit_memory import MemoryWorld
from kit_pusher import FileWorld, KeyedFileWorld
from kit_pushers_of_causes import IndexForgotten, WrittenLater
from kit_source import MemoryDriver

from fustor_conformance import Judge, Kind, Level, Status, find_rule, rules_for, subject_of_class
from fustor_conformance.report import report_of
from fustor_conformance.subject import Options
from fustor_event_model import MessageSource


class ArmsAtFirstNext(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        yield from super().get_message_iterator(start_position, **kwargs)


class LastBatchLost(MemoryDriver):
    def batches(self, rows, source, size):
        events = list(super().batches(rows, source, min(size, 4)))
        return iter(events[:-1] if source is MessageSource.SNAPSHOT else events)


class RelativePaths(MemoryDriver):
    def row(self, path, node, **more):
        return {**super().row(path, node, **more), "path": path.lstrip("/")}


class SilentWhenUnchanged(MemoryDriver):
    def pairs_audit(self, size, stop, cache):
        known = dict(cache)
        for event, stamps in super().pairs_audit(size, stop, cache):
            if event is None or not all(row.get("audit_skipped") for row in event.rows) or not known:
                yield event, stamps


SLOWEST = "armed at the first next"
CAUSES = {
    "the last batch lost": (LastBatchLost, MemoryWorld, "S01", "things are missing"),
    SLOWEST: (ArmsAtFirstNext, MemoryWorld, "M03", "is a generator function"),
    "paths that are not absolute": (RelativePaths, MemoryWorld, "E06", "is not an absolute path"),
    "no row for what is unchanged": (SilentWhenUnchanged, MemoryWorld, "A05", "no row"),
    "an index that another instance does not find": (IndexForgotten, KeyedFileWorld, "U16", "committed index is -1"),
    "written after push has returned": (WrittenLater, FileWorld, "U16", "The process died when push had returned"),
}


def report_on(driver, world):
    kind = Kind.SOURCE if issubclass(driver, MemoryDriver) else Kind.PUSHER
    subject = subject_of_class(kind, driver, world, name="broken", options=Options(patience_sec=1, histories=2))
    judge = Judge(subject)
    return report_of(judge, judge.verdicts([r for r in rules_for(kind, judge.profile) if r.id not in ("R05", "P01")]))


@pytest.mark.wide
@pytest.mark.parametrize("case", [*sorted(CAUSES.keys() - {SLOWEST}), pytest.param(SLOWEST, marks=pytest.mark.full)])
def test_the_cause_comes_first(case):
    driver, world, rule_id, said = CAUSES[case]
    report = report_on(driver, world)
    musts = [verdict for verdict in report.causes if verdict.level is Level.MUST]
    assert musts[0].rule.id == rule_id, [(verdict.rule.name, verdict.detail) for verdict in musts]
    assert said in musts[0].detail
    assert f"first of all {musts[0].rule.name}" in report.headline


def test_what_follows_from_a_failure_is_not_judged_and_names_it():
    judge = Judge(subject_of_class(Kind.SOURCE, LastBatchLost, MemoryWorld, name="broken"))
    for rule_id in ("S02", "S04", "E09", "R03", "R05"):
        found = judge.verdict(find_rule(rule_id))
        assert (found.status, found.detail) == (Status.NOT_JUDGED, "After S01-equals-world, which failed")
