import sys
import threading
from contextlib import nullcontext

import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Kind, subject_of_class
from fustor_conformance.histories import engine, faults
from fustor_conformance.histories.changes import Step, parsed, written
from fustor_conformance.histories.engine import run_histories, shrink
from fustor_conformance.histories.seeds import seeds_for
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import Options
from fustor_event_model import EventType


@pytest.mark.parametrize("needed", [{3}, {0, 29}, {7, 8, 20}, set(range(0, 30, 5))])
def test_a_failing_history_is_cut_to_what_it_needs(needed):
    steps = [Step("step", number) for number in range(30)]
    shortest = shrink(steps, lambda kept: needed <= {step.pick for step in kept}, 60)
    assert {step.pick for step in shortest} == needed


def test_a_history_that_there_is_no_time_to_cut_stays_whole():
    steps = [Step("step", number) for number in range(30)]
    assert shrink(steps, lambda kept: len(kept) > 3, 0) == steps


class FirstModifyLost(MemoryDriver):
    """What is changed for the first time is not told."""

    def messages(self, change):
        if change.kind is EventType.UPDATE and change.node.size == len(change.node.name) + 1:
            return iter(())
        return super().messages(change)


@pytest.mark.wide
def test_one_seed_prints_one_history_and_the_command_that_replays_it():
    def told():
        options = Options(patience_sec=2.0)
        with pytest.raises(Broken) as seen:
            run_histories(subject_of_class(Kind.SOURCE, FirstModifyLost, MemoryWorld, name="memory", options=options))
        return seen.value.seen.partition("replay: ")[2]

    first = told()
    assert first.startswith("fustor-driver conform source memory R05 --history '")
    assert told() == first


def test_what_is_printed_can_be_replayed():
    steps = [Step("told_delete", 3), Step("run_audit"), Step("beside_create", 11)]
    assert parsed(written(steps)) == steps


@pytest.mark.parametrize("text", ["create", "create(x)", "create(1),drain(0)", "Create(1)"])
def test_what_is_no_step_is_refused(text):
    with pytest.raises(ValueError, match="not a step of a history"):
        parsed(text)


def test_one_history_is_replayed_in_place_of_all():
    options = Options(history="create(0) snapshot(1) told_delete(0) finish_snapshot(0)")
    assert run_histories(subject_of_class(Kind.SOURCE, MemoryDriver, MemoryWorld, options=options)) == 1


def test_random_histories_follow_those_written_by_hand_as_many_as_asked(monkeypatch):
    monkeypatch.setattr(engine, "_SEC_EACH", 60.0)  # a busy machine is slow, and fewer would do
    subject = subject_of_class(Kind.SOURCE, MemoryDriver, MemoryWorld, options=Options(histories=7, seed=5))
    assert run_histories(subject) == len(seeds_for(subject)) + 7


class NeverClosed(MemoryDriver):
    """A thing that is changed is half written for ever."""

    def change_row(self, change):
        row = super().change_row(change)
        return {**row, "is_atomic_write": False} if change.path == "/a" and change.kind is EventType.UPDATE else row


HALF_WRITTEN = "create(0) finish_snapshot(0) modify(0) catch_up(0)"
NEW_SESSION = "create(1) arrive(0) lose(0) restart(0)"


@pytest.mark.parametrize(
    ("history", "is_settled"),
    [
        (HALF_WRITTEN, False),
        (f"{HALF_WRITTEN} {NEW_SESSION}", True),
        (f"{HALF_WRITTEN} {NEW_SESSION} finish_snapshot(0) modify(0)", False),
    ],
)
def test_what_an_earlier_session_called_half_written_is_not_asked_of_the_next(history, is_settled):
    options = Options(history=history, patience_sec=0.2)
    subject = subject_of_class(Kind.SOURCE, NeverClosed, MemoryWorld, options=options)
    with nullcontext() if is_settled else pytest.raises(Broken, match="is_atomic_write: false"):
        run_histories(subject)


@pytest.mark.full
def test_two_hundred_histories_of_the_reference_source_end_well():
    subject = subject_of_class(Kind.SOURCE, MemoryDriver, MemoryWorld, options=Options(histories=200, seed=2))
    assert run_histories(subject) >= len(seeds_for(subject)) + 2


def test_threads_switch_as_usual_after_a_pass_that_neither_goes_on_nor_fails(monkeypatch):
    monkeypatch.setattr(faults, "_AWAY_SEC", 0.0)
    monkeypatch.setattr(faults, "_BACK_SEC", 0.0)
    usual, release = sys.getswitchinterval(), threading.Event()
    try:
        with pytest.raises(Broken, match="has neither gone on nor failed"):
            faults._read_while(nullcontext(), iter(release.wait, True))
        assert sys.getswitchinterval() == usual
    finally:
        release.set()
