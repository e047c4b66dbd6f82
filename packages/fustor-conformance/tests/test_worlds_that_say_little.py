"""A World that says little gives no verdict: whatever a driver does beside it, it is not judged."""

import pytest
from kit_memory import MemoryWorld
from kit_pusher import FileWorld, KeyedDriver, KeyedFileWorld, LogDriver
from kit_source import MemoryDriver

from fustor_conformance import Judge, Kind, Level, Status, find_rule, rules_for, subject_of_class
from fustor_conformance.report import report_of

PACKAGE = {rule.id for kind in Kind for rule in rules_for(kind) if rule.family in "PL"}


class NoOperations(MemoryWorld):
    operations = frozenset()


class PathsAlone(MemoryWorld):
    def list(self):
        return {path: {} for path in super().list()}


class KindsAlone(MemoryWorld):
    def list(self):
        return {path: {"is_directory": row["is_directory"]} for path, row in super().list().items()}


class SourcesAlone(FileWorld):
    def stored(self):
        return [{name: row[name] for name in ("path", "message_source")} for row in super().stored()]


class KeyedSourcesAlone(SourcesAlone):
    keyed = True


class KeptSecret(FileWorld):
    keyed = None


class CreateAlone(MemoryWorld):
    operations = frozenset({"create"})


HOLLOW = {
    "no operations": (Kind.SOURCE, MemoryDriver, NoOperations, "S01", "The World cannot create"),
    "paths alone": (Kind.SOURCE, MemoryDriver, PathsAlone, "S01", "The World's list() says nothing of a thing"),
    "kinds alone": (
        Kind.SOURCE,
        MemoryDriver,
        KindsAlone,
        "R05",
        "The World's list() says ['is_directory'] of a thing",
    ),
    "sources alone": (Kind.PUSHER, LogDriver, SourcesAlone, "U02", "says ['message_source', 'path'] of a row"),
    "sources alone, keyed": (Kind.PUSHER, KeyedDriver, KeyedSourcesAlone, "U15", "says ['message_source', 'path']"),
    "keyed or not": (Kind.PUSHER, LogDriver, KeptSecret, "U10", "whether its destination is `keyed`"),
}


def judge_of(kind, driver, world):
    return Judge(subject_of_class(kind, driver, world, name="hollow"))


@pytest.mark.parametrize("case", HOLLOW)
def test_what_a_hollow_world_should_show_is_not_judged(case):
    kind, driver, world, rule_id, said = HOLLOW[case]
    found = judge_of(kind, driver, world).verdict(find_rule(rule_id))
    assert found.status is Status.NOT_JUDGED
    assert said in found.detail


@pytest.mark.wide
@pytest.mark.parametrize("case", HOLLOW)
def test_the_verdict_on_a_driver_with_a_hollow_world_is_not_judged(case):
    kind, driver, world, _, said = HOLLOW[case]
    judge = judge_of(kind, driver, world)
    verdicts = [verdict for verdict in judge.verdicts() if verdict.rule.id not in PACKAGE]
    report = report_of(judge, verdicts)
    assert [v.explained() for v in verdicts if v.status is Status.FAILED] == []
    assert (report.outcome, report.conformant, report.to_json()["conformant"]) == ("not judged", False, False)
    assert any(said in v.detail for v in verdicts if v.level is Level.MUST)


@pytest.mark.parametrize("rule_id", ["R03", "A11"])
def test_a_check_that_did_with_less_says_so(rule_id):
    found = judge_of(Kind.SOURCE, MemoryDriver, CreateAlone).verdict(find_rule(rule_id))
    assert found.status is Status.PASSED
    assert {"delete", "modify", "nest"} <= set(found.without)
    assert found.not_exercised.startswith("without delete, modify, nest")


def test_a_check_that_had_all_says_nothing():
    found = judge_of(Kind.SOURCE, MemoryDriver, MemoryWorld).verdict(find_rule("A11"))
    assert (found.status, found.without, found.not_exercised) == (Status.PASSED, (), "")


@pytest.mark.wide
def test_what_was_skipped_is_counted_and_named():
    judge = judge_of(Kind.PUSHER, LogDriver, FileWorld)
    quick = [rule for rule in rules_for(Kind.PUSHER, judge.profile) if rule.id not in PACKAGE | {"U17", "U26"}]
    verdicts = judge.verdicts(quick)
    report = report_of(judge, verdicts)
    skipped = {"U15-snapshot-replaces", "U19-guarded-deletions-counted", "U20-audit-corrects"}
    data = report.to_json()
    assert skipped <= set(data["not_exercised"])
    assert data["exercised"] + len(data["not_exercised"]) == data["rules"] == len(rules_for(Kind.PUSHER, judge.profile))
    lines = [line for line in report.to_markdown().splitlines() if line.startswith("| U15")]
    assert "| not exercised |" in report.to_markdown()
    assert "the World says `keyed = False`" in lines[0]


def test_a_keyed_world_is_looked_at_like_any_other():
    assert judge_of(Kind.PUSHER, KeyedDriver, KeyedFileWorld).verdict(find_rule("U15")).status is Status.PASSED
