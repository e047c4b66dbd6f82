"""The example source says the same in every phase, also where files go again, which its world cannot show."""

import threading
from itertools import islice

import pytest

from fustor_core.exceptions import DriverError
from fustor_core.models.config import SourceConfig

KEEP = 3
INTERVAL = 0.1


@pytest.fixture(scope="module", params=[True, False], ids=["durable", "transient"])
def durable(request):
    return request.param


@pytest.fixture(scope="module")
def package(tools, rendered, durable):
    with tools.imported(rendered("source", "tick", example=True, durable=durable), "fustor_source_tick") as module:
        yield module


@pytest.fixture
def clock(tmp_path):
    file = tmp_path / "clock"
    file.write_text("0")
    return file


@pytest.fixture
def driver(package, clock):
    params = {"interval_sec": INTERVAL, "keep": KEEP, "epoch": 0, "clock_file": str(clock)}
    return package.TickDriver("t", SourceConfig(driver="tick", uri="tick://t", driver_params=params))


def move(clock, tick):
    clock.write_text(str((tick + 0.5) * INTERVAL))


def files(tick):
    """What exists, told a second time and otherwise: by playing all ticks."""
    there = []
    for number in range(1, tick + 1):
        if number % 2:
            there.append(f"/ticks/{number}")
        elif len(there) > KEEP:
            there.pop(0)
    return there


def play(events, there):
    for event in events:
        for row in event.rows:
            if event.event_type == "delete":
                there.remove(row["path"])
            else:
                there.append(row["path"])
    return there


def rows(events):
    return [row for event in events for row in event.rows]


TICKS = range(24)


@pytest.mark.parametrize("tick", TICKS)
def test_snapshot_is_what_the_ticks_left_behind(driver, clock, tick):
    move(clock, tick)
    told = [row["path"] for row in rows(driver.get_snapshot_iterator())]
    assert told == [*files(tick), "/ticks", "/"]


def test_realtime_leads_from_every_snapshot_to_every_later_one(driver, clock):
    for tick in TICKS:
        move(clock, tick)
        stream = driver.get_message_iterator(-1)
        move(clock, TICKS[-1])
        changes = sum(1 for number in range(tick + 1, TICKS[-1] + 1) if files(number) != files(number - 1))
        told = (event for event in stream if event.rows)
        assert play(islice(told, changes), files(tick)) == files(TICKS[-1]), tick


@pytest.mark.parametrize("asked", [-1, 0])
def test_the_first_event_has_no_rows_where_agent_02_would_lose_it(driver, clock, durable, asked):
    driver.is_position_available(asked)
    stream = driver.get_message_iterator(-1)
    move(clock, 9)
    assert (next(stream).rows == []) is (not durable and asked != 0)


def test_indexes_are_the_ticks_or_none_at_all(driver, clock, durable):
    stream = driver.get_message_iterator(-1)
    move(clock, TICKS[-1])
    indexes = [event.index for event in islice(stream, 15)]
    assert indexes == ([1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18] if durable else [-1] * 15)


def test_every_position_there_was_can_be_resumed(driver, clock, durable):
    move(clock, TICKS[-1])
    available = [position for position in range(-1, 30) if driver.is_position_available(position)]
    assert available == (list(TICKS[1:]) if durable else [])
    for position in available:
        told = list(driver.get_message_iterator(position, end_position=TICKS[-1]))
        assert play(told, files(position)) == files(TICKS[-1])
        assert all(event.index > position for event in told)


def test_position_that_never_was_starts_now(driver, clock):
    move(clock, 7)
    stream = driver.get_message_iterator(1000)
    move(clock, 9)
    first = next(event for event in stream if event.rows)
    assert [row["path"] for row in first.rows] == ["/ticks/1"]


@pytest.mark.parametrize("tick", [0, 1, 7, 12])
def test_audit_brackets_everything_and_sends_containers_last(driver, clock, tick):
    move(clock, tick)
    events = list(driver.get_audit_iterator(batch_size=2))
    assert [event.signal for event in (events[0], events[-1])] == ["Audit-Start", "Audit-End"]
    told = rows(events)
    assert [row["path"] for row in told] == [*files(tick), "/ticks", "/"]
    mtimes = {row["path"]: row["mtime"] for row in told}
    assert all(row["parent_mtime"] == mtimes[row["parent_path"] or "/"] for row in told)
    assert all(len(event.rows) <= 2 for event in events)


def test_audit_lists_when_it_is_asked_not_before(driver, clock):
    audit = driver.get_audit_iterator()
    next(audit)
    move(clock, 1)
    assert "/ticks/1" in [row["path"] for row in rows(audit)]


def test_audit_of_agent_08_tells_mtimes_and_no_signals(driver, clock):
    move(clock, 12)
    cache = {"/ticks": 1.2}
    items = list(driver.get_audit_iterator(mtime_cache=cache))
    assert {event.signal for event, _ in items if event} == {None}
    assert {path for _, mtimes in items for path in mtimes} == {"/", "/ticks"}
    assert cache == {"/ticks": 1.2}


def test_audit_of_agent_08_lists_nothing_before_its_opening_was_taken(driver, clock):
    move(clock, 12)
    audit = driver.get_audit_iterator(mtime_cache={})
    opening = list(islice(audit, 1_101))
    assert [event.rows[0]["path"] for event, _ in opening if event] == ["/"] * 100
    move(clock, 15)
    assert "/ticks/15" in [row["path"] for event, _ in audit for row in event.rows]


def test_stopped_audit_has_no_end(driver, clock):
    move(clock, 12)
    stop = threading.Event()
    audit = driver.get_audit_iterator(stop_event=stop, batch_size=1)
    seen = list(islice(audit, 2))
    stop.set()
    assert "Audit-End" not in [event.signal for event in (*seen, *audit)]


def test_stopped_snapshot_is_an_error(driver, clock):
    move(clock, 12)
    stop = threading.Event()
    snapshot = driver.get_snapshot_iterator(batch_size=1, stop_event=stop)
    next(snapshot)
    stop.set()
    with pytest.raises(DriverError, match="stopped"):
        list(snapshot)


def test_container_changes_only_with_what_is_in_it(driver, clock):
    told = []
    for tick in TICKS:
        move(clock, tick)
        told.append({row["path"]: row["mtime"] for row in rows(driver.get_snapshot_iterator())}["/ticks"])
    for tick in TICKS[1:]:
        assert (told[tick] != told[tick - 1]) == (files(tick) != files(tick - 1)), tick


@pytest.mark.parametrize("content", ["", "soon", "inf"])
def test_clock_that_tells_no_time_is_reported(driver, clock, content):
    clock.write_text(content)
    with pytest.raises(DriverError, match="clock"):
        list(driver.get_snapshot_iterator())
