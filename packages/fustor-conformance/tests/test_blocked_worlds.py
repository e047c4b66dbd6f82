"""A driver that keeps the World from changing its system: that is said once, and nothing waits for it again."""

import threading

import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Judge, Kind, Status, find_rule, subject_of_class

pytestmark = pytest.mark.wide
BUSY_SEC = 1.2
"""How long this system waits for a lock, as SQLite waits five seconds."""
LOCKED = "The World's create() raised TimeoutError: the system is locked, after 1 s: does the driver hold a lock"


class LockedWorld(MemoryWorld):
    """Who changes the system needs its lock, for a moment."""

    def __enter__(self):
        super().__enter__()
        self.system.lock = threading.Lock()
        return self

    def create(self, key):
        if not self.system.lock.acquire(timeout=BUSY_SEC):
            raise TimeoutError("the system is locked")
        try:
            return super().create(key)
        finally:
            self.system.lock.release()


class KeepsTheLock(MemoryDriver):
    """Takes the lock for its snapshot and never gives it back."""

    def snapshot_rows(self, stop, partition):
        self.system().lock.acquire(blocking=False)
        return super().snapshot_rows(stop, partition)


class ArmsAtFirstNext(KeepsTheLock):
    def get_message_iterator(self, start_position=-1, **kwargs):
        yield from super().get_message_iterator(start_position, **kwargs)


class RefusesNames(LockedWorld):
    """A World that is slow to say that it cannot hold a name."""

    def create(self, key):
        if key.startswith("with space"):
            self.system.lock.acquire()
            self.system.lock.acquire(timeout=BUSY_SEC)
            self.system.lock.release()
            raise ValueError("no such name here")
        return super().create(key)


def judge_of(driver, world=LockedWorld):
    return Judge(subject_of_class(Kind.SOURCE, driver, world, name="locks"))


def test_the_first_that_meets_it_says_so_and_the_rest_is_not_judged_at_once():
    judge = judge_of(KeepsTheLock)
    found = {rule_id: judge.verdict(find_rule(rule_id)) for rule_id in ("E01", "E08", "S01", "S07", "R03", "C03")}
    assert {rule_id: verdict.status for rule_id, verdict in found.items()} == {
        "E01": Status.PASSED,
        "E08": Status.PASSED,
        "S01": Status.NOT_JUDGED,
        "S07": Status.FAILED,
        "R03": Status.NOT_JUDGED,
        "C03": Status.NOT_JUDGED,
    }
    assert found["S07"].detail.startswith(LOCKED)
    assert all(LOCKED in found[rule_id].detail for rule_id in ("S01", "R03", "C03"))


def test_what_shows_without_the_world_is_said_beside_it():
    judge = judge_of(ArmsAtFirstNext)
    judge.verdict(find_rule("E01"))
    found = judge.verdict(find_rule("M03"))
    assert (found.status, "is a generator function" in found.detail) == (Status.FAILED, True)


def test_a_name_that_a_world_refuses_slowly_keeps_nothing_from_being_judged():
    judge = judge_of(MemoryDriver, RefusesNames)
    found = {rule_id: judge.verdict(find_rule(rule_id)).status for rule_id in ("S10", "S02")}
    assert found == {"S10": Status.PASSED, "S02": Status.PASSED}
