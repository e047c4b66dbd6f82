"""What is behind changes that were made later is waited for a while, and not for all patience."""

import itertools

import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Kind, subject_of_class
from fustor_conformance._reading import last_word
from fustor_conformance.subject import Options

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
