"""How findings enter verdicts: by their own rule, at its level, and red in whatever test was running."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Judge, Kind, Profile, Status, find_rule, subject_of_class
from fustor_conformance.monitor.ear import PHASES
from fustor_conformance.report import report_of
from fustor_conformance.subject import Options
from fustor_event_model import MessageSource


class OddInBursts(MemoryDriver):
    """A size that is wrong from the hundredth change on: the checks of events see fewer."""

    def change_row(self, change):
        row = super().change_row(change)
        return {**row, "size": float(row["size"])} if change.index > 100 and row["size"] is not None else row


class BrokenInAudits(MemoryDriver):
    """Audit-Start comes twice when an audit is read in single rows."""

    def guide_audit(self, size, stop):
        for one in super().guide_audit(size, stop):
            yield one
            if size == 1 and one.signal and one.signal.value == "Audit-Start":
                yield self.signal(one.signal)


def judge(driver, profile=Profile.GUIDE, **options):
    made = subject_of_class(Kind.SOURCE, driver, MemoryWorld, name="kit", options=Options(**options))
    return Judge(made, profile)


def statuses(verdicts):
    return {verdict.rule.id: verdict.status for verdict in verdicts}


E06, M07 = find_rule("E06"), find_rule("M07")


def test_a_finding_belongs_to_its_own_rule_though_that_rules_check_had_passed():
    made = judge(OddInBursts)
    assert made.verdict(E06).status is Status.PASSED
    assert made.verdict(M07).status is Status.PASSED
    found = made.verdict(E06)
    assert found.status is Status.FAILED
    assert "seen while M07-burst-beyond-queue ran" in found.detail


def test_a_report_has_it_whatever_the_order_and_whatever_was_chosen():
    made = judge(OddInBursts)
    assert statuses(made.verdicts([E06, M07]))["E06"] is Status.FAILED
    alone = judge(OddInBursts)
    report = report_of(alone, alone.verdicts([M07]))
    assert statuses(report.verdicts)["E06"] is Status.FAILED
    assert not report.is_clean


def test_the_check_that_was_running_knows_of_it():
    made = judge(OddInBursts)
    made.verdict(M07)
    assert [found.rule.id for found in made.seen_during(M07)] == ["E06"]
    assert made.seen_during(E06) == ()


@pytest.mark.wide
def test_what_the_profile_does_not_ask_for_is_no_finding():
    made = judge(BrokenInAudits, Profile.AGENT_0_8)
    made.verdict(find_rule("A12"))
    assert made.seen_during(find_rule("A12")) == ()
    assert made.verdict(find_rule("A03")).status is Status.SKIPPED
    asked = judge(BrokenInAudits)
    asked.verdict(find_rule("A12"))
    assert [found.rule.id for found in asked.seen_during(find_rule("A12"))] == ["A03"]


class LosesAndOdd(OddInBursts):
    def pending(self, system, position, end):
        return [change for change in super().pending(system, position, end) if change.index != 150]


def test_a_check_that_fails_names_what_was_broken_first():
    found = judge(LosesAndOdd, patience_sec=1).verdict(M07)
    first, *rest = found.detail.splitlines()
    assert first.startswith("E06-types-finite was broken first: realtime event")
    assert rest[0].startswith("Not emitted within 1 s")


TESTS = """
from kit_memory import MemoryWorld
from kit_source import MemoryDriver
import pytest
from fustor_conformance import SourceConformance


class Odd(MemoryDriver):
    def change_row(self, change):
        row = super().change_row(change)
        return {**row, "size": float(row["size"])} if change.index > 100 and row["size"] is not None else row


class TestIt(SourceConformance):
    driver_class = Odd

    @pytest.fixture
    def world(self):
        return MemoryWorld
"""
FOLDERS = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "mutants")]


@pytest.mark.wide
def test_the_running_test_is_red_and_its_first_line_names_the_rule(tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py", "-k", "E06 or M07"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(FOLDERS)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "1 failed, 1 passed" in done.stdout
    seen = done.stdout.partition("FAILURES")[2].splitlines()
    assert seen[2].startswith("E06-types-finite: ")
    assert "seen while M07-burst-beyond-queue ran" in done.stdout
    assert "failed      E06-types-finite: realtime event" in done.stdout


def test_a_phase_is_what_its_iterator_says():
    assert set(PHASES.values()) == set(MessageSource)
