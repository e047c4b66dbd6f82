"""What signals find while files are changed, and what is left of the journals."""

import errno
import itertools
import os
import signal

import pytest
from faults import Fault
from kills import kill_at

from fustor_new._signals import ENDING, uninterrupted
from fustor_new.changes._journal import state_directory
from fustor_new.changes.apply import apply, working_in
from fustor_new.changes.plan import Change, Plan
from fustor_new.errors import EnvironmentProblem


@pytest.mark.parametrize("call", ["fsync", "rename", "unlink", "mkdir"])
def test_a_signal_behind_any_call_to_the_disk_leaves_nothing_of_the_run(root, plan_for, snapshot, monkeypatch, call):
    before, noted = snapshot(root), set(state_directory().glob("*"))
    plan = plan_for(root, "redis")
    real, countdown = getattr(os, call), []

    def interrupted(*arguments, **options):
        real(*arguments, **options)
        if countdown and countdown.pop() == "now":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(os, call, interrupted)
    for number in itertools.count():
        countdown[:] = ["now", *["later"] * number]
        try:
            apply(plan)
        except KeyboardInterrupt:
            is_whole = "fustor-source-redis" in (root / "pyproject.toml").read_text()
            assert is_whole or snapshot(root) == before, number
            assert not list(root.rglob(".fustor-new-*"))
            assert set(state_directory().glob("*")) <= noted, number
        if countdown:  # it is over before so many calls
            break
        if is_whole:  # the signal was held back to the end
            apply(Plan(root, tuple(Change(one.path, one.after, one.before) for one in reversed(plan.changes))))
            assert snapshot(root) == before


def test_a_journal_that_cannot_be_written_to_its_end_is_not_left(root, plan_for, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    noted = set(state_directory().glob("*"))
    plan = plan_for(root, "redis")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentProblem, match="No space left"):
        apply(plan)
    assert set(state_directory().glob("*")) <= noted


def test_a_journal_that_a_killed_run_had_only_begun_is_gone_after_the_next_run(root, plan_for):
    kill_at("write the journal", plan_for(root, "redis"))
    (journal,) = [path for path in state_directory().iterdir() if str(root) in path.read_text()]
    draft = journal.rename(f"{journal}.new")
    other = draft.with_name(draft.name.replace(draft.name[:32], "0" * 32))
    other.touch()
    with working_in(root):
        assert not draft.exists()
    assert other.exists()  # another run may be writing it
    other.unlink()


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_signals_during_the_taking_back_wait_for_its_end(number):
    def interrupt(_number, _frame):
        raise Fault

    def take_back():
        with uninterrupted():
            signal.raise_signal(number)
            reached.append("the end of the block")

    reached = []
    before = signal.signal(number, interrupt)
    try:
        with pytest.raises(Fault):
            take_back()
    finally:
        signal.signal(number, before)
    assert reached
