"""What is behind changes that were made later is waited for a while, and not for all patience."""

import itertools
import time
from collections import deque

import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Judge, Kind, Status, find_rule, subject_of_class
from fustor_conformance._reading import last_word
from fustor_conformance.subject import Options
from fustor_event_model import EventType

pytestmark = pytest.mark.wide
PATIENCE_SEC = 600.0


class KeepsOneBack(MemoryDriver):
    """Says nothing of what is named `held`."""

    def messages(self, change):
        return iter(()) if change.path == "/held" else super().messages(change)


@pytest.fixture
def told():
    """A stream that goes on and on, and a World with one thing of which it says nothing."""
    subject = subject_of_class(
        Kind.SOURCE, KeepsOneBack, MemoryWorld, name="holds", options=Options(patience_sec=PATIENCE_SEC)
    )
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        world.create("held")
        yield world, stream


def marks_of(world):
    """Changes, one a call; before the third the first one is changed again."""
    for number in itertools.count():
        if number == 2:
            world.modify("/mark-0")
        yield world.create(f"mark-{number}")


def test_what_does_not_come_is_given_up_once_the_stream_has_gone_on(told):
    world, stream = told
    marks = marks_of(world)
    assert not stream.wait_past(lambda events: "/held" in last_word(events), lambda: next(marks))
    assert {"/mark-0", "/mark-1", "/mark-2"} <= last_word(stream.events).keys()


def test_what_comes_late_has_come(told):
    world, stream = told
    marks = marks_of(world)
    assert stream.wait_past(lambda events: sum(map(is_first, events)) > 1, lambda: next(marks))


def is_first(event):
    return any(row["path"] == "/mark-0" for row in event.rows)


LATE_SEC = 4.0


class DeletesLate(MemoryDriver):
    """What is new is emitted at once; what is gone is found by a look of its own, some seconds later."""

    def follow(self, system, position, stop, end):
        held = deque()
        while not self.stopped(stop):
            for change in self.pending(system, position, end):
                position = change.index
                for event in self.messages(change):
                    if event.event_type is EventType.DELETE:
                        held.append((time.monotonic() + LATE_SEC, event))
                    else:
                        yield event
            while held and held[0][0] <= time.monotonic():
                yield held.popleft()[1]


def test_deletes_may_take_their_own_time():
    judge = Judge(subject_of_class(Kind.SOURCE, DeletesLate, MemoryWorld, name="late"))
    found = judge.alone(find_rule("I06"))
    assert found.status is Status.PASSED, found.detail
