"""A run that ends: what comes, in which order, and where the next one may go on."""

import threading

import pytest

from fustor_core.exceptions import DriverError
from fustor_driver.engines import Bookmark, Passed, SnapshotBegins, SnapshotEnds, catch_up, why_snapshot
from fustor_driver.engines.bookmarks import look
from fustor_driver.errors import CheckFailed
from fustor_event_model import EventBase, MessageSource
from fustor_try.engine_sources import BoundedLog, NoLog, PlainLog, TellingLog, source

QUIET_SEC = 0.3
NOTHING = Bookmark()
SECRET, OTHER = {"token": "unguessable"}, {"token": "another"}


def steps_of(driver, known=NOTHING, *, snapshot=True, stop=None):
    return list(catch_up(driver, known, stop or threading.Event(), snapshot=snapshot, quiet_sec=QUIET_SEC))


def paths(steps, phase):
    events = [step for step in steps if isinstance(step, EventBase) and step.message_source is phase]
    return [row["path"] for event in events for row in event.rows]


def reached(steps):
    """The last position that a run may resume after."""
    ends = [step for step in steps if isinstance(step, Passed | EventBase)]
    marks = [
        step.position if isinstance(step, Passed) else step.index
        for step in ends
        if isinstance(step, Passed) or step.message_source is MessageSource.REALTIME
    ]
    return max(marks, default=-1)


@pytest.mark.parametrize("driver", [PlainLog, BoundedLog, TellingLog])
def test_a_first_run_is_a_snapshot_and_what_came_meanwhile(driver, log):
    log.append("upsert", "/a", 1)
    read = source(driver, log)
    listing = read.get_snapshot_iterator

    def and_meanwhile(**kwargs):
        for event in listing(**kwargs):
            log.append("upsert", "/late", 2)
            yield event

    read.get_snapshot_iterator = and_meanwhile
    steps = steps_of(read)
    assert isinstance(steps[0], SnapshotBegins)
    end = next(at for at, step in enumerate(steps) if isinstance(step, SnapshotEnds))
    assert paths(steps[:end], MessageSource.SNAPSHOT) == ["/a"]
    assert paths(steps[end:], MessageSource.REALTIME) == ["/late"]
    assert reached(steps) == 2
    assert reached(steps[:end]) == -1
    assert read.acknowledged == -1


@pytest.mark.parametrize("driver", [PlainLog, BoundedLog, TellingLog])
def test_a_later_run_has_what_came_since_and_acknowledges_what_is_durable(driver, log):
    for name in "abc":
        log.append("upsert", f"/{name}", 1)
    read = source(driver, log)
    steps = steps_of(read, Bookmark(position=1), snapshot=False)
    assert paths(steps, MessageSource.REALTIME) == ["/b", "/c"]
    assert reached(steps) == 3
    assert read.acknowledged == 1


@pytest.mark.parametrize("driver", [PlainLog, BoundedLog, TellingLog])
def test_a_run_with_nothing_new_ends_where_it_began(driver, log):
    log.append("upsert", "/a", 1)
    steps = steps_of(source(driver, log), Bookmark(position=1), snapshot=False)
    assert steps == [Passed(1)]


def test_an_empty_log_gives_no_position_to_resume_after(log):
    assert reached(steps_of(source(PlainLog, log))) == -1


def test_a_source_without_positions_is_a_snapshot(log):
    log.append("upsert", "/a", 1)
    steps = steps_of(source(NoLog, log))
    assert [type(step) for step in (steps[0], steps[-1])] == [SnapshotBegins, SnapshotEnds]
    assert paths(steps, MessageSource.SNAPSHOT) == ["/a"]


def test_a_snapshot_that_is_stopped_has_no_end(log, stop):
    log.append("upsert", "/a", 1)
    stop.set()
    told = []
    with pytest.raises(DriverError):
        told.extend(catch_up(source(PlainLog, log), Bookmark(), stop, snapshot=True))
    assert not any(isinstance(step, SnapshotEnds) for step in told)


@pytest.mark.parametrize("driver", [PlainLog, NoLog])
def test_a_snapshot_that_just_ends_when_it_is_stopped_is_not_complete(driver, log, stop):
    log.append("upsert", "/a", 1)
    log.append("upsert", "/b", 1)
    read, told = source(driver, log), []
    listing = read.get_snapshot_iterator

    def until_stopped(**kwargs):
        for event in listing(**kwargs):
            yield event
            stop.set()
            return

    read.get_snapshot_iterator = until_stopped
    with pytest.raises(DriverError, match="was stopped before its end"):
        told.extend(catch_up(read, Bookmark(), stop, snapshot=True))
    assert not any(isinstance(step, SnapshotEnds) for step in told)


@pytest.mark.parametrize("driver", [PlainLog, BoundedLog, TellingLog])
def test_a_run_that_is_stopped_claims_nothing_that_it_has_not_told(driver, log, stop):
    for at in range(50):
        log.append("upsert", f"/{at}", 1)
    told = []
    for step in catch_up(source(driver, log), Bookmark(position=1), stop, snapshot=False, quiet_sec=QUIET_SEC):
        told.append(step)
        stop.set()
    rows = [step for step in told if isinstance(step, EventBase) and step.rows]
    assert reached(told) == rows[-1].index


def known_of(driver, position):
    return Bookmark(position=position, selection=look(driver, None))


def test_a_run_goes_on_where_the_position_is_there_and_the_same_is_selected(log):
    log.append("upsert", "/a", 1)
    read = source(PlainLog, log)
    known = known_of(read, 1)
    assert why_snapshot(read, known, look(read, known.selection)) is None
    assert Bookmark.of(known.as_json()) == known


@pytest.mark.parametrize(
    ("driver", "known", "says"),
    [
        (NoLog, Bookmark(position=1), "no positions"),
        (PlainLog, Bookmark(), "nothing was read before"),
        (PlainLog, Bookmark(position=9), "position 9 is gone"),
        (PlainLog, Bookmark(position=1), "selects other rows"),
    ],
)
def test_a_run_begins_with_a_snapshot_where_something_would_be_missing(driver, known, says, log):
    log.append("upsert", "/a", 1)
    read = source(driver, log)
    assert says in why_snapshot(read, known, look(read, None))


def test_other_parameters_may_select_other_rows(log):
    log.append("upsert", "/a", 1)
    known = known_of(source(PlainLog, log), 1)
    other = source(PlainLog, log, poll_interval_sec=0.5)
    assert "selects other rows" in why_snapshot(other, known, look(other, known.selection))


def test_another_secret_selects_the_same_rows_and_is_in_no_bookmark(log):
    log.append("upsert", "/a", 1)
    known = known_of(source(PlainLog, log, **SECRET), 1)
    other = source(PlainLog, log, **OTHER)
    assert why_snapshot(other, known, look(other, known.selection)) is None
    assert "unguessable" not in str(known.as_json())


def test_a_source_that_is_away_costs_no_snapshot(log):
    log.append("upsert", "/a", 1)
    read = source(PlainLog, log)
    read.is_position_available = lambda _: False
    log.log.unlink()
    with pytest.raises(CheckFailed, match="is not reached: No file"):
        why_snapshot(read, Bookmark(position=1), look(read, None))


@pytest.mark.parametrize("state", [[], "x", {"position": "far"}])
def test_a_state_of_something_else_is_refused(state):
    with pytest.raises(CheckFailed, match="not one of fustor-driver"):
        Bookmark.of(state)
