"""Snapshot, stream, resumption and acknowledgement on a real server."""

import asyncio
import threading
import time

import pytest

pytestmark = pytest.mark.usefixtures("table")


def paths(events):
    return [row["path"] for event in events for row in event.rows]


@pytest.fixture
def table(database):
    database.run("create table t (id int primary key, v text)")
    database.run("insert into t select g, 'v' || g from generate_series(1, 25) g")


def test_snapshot_and_stream_meet_without_gap_or_overlap(database, make_driver, read):
    driver = make_driver()
    stream = driver.get_message_iterator(-1)
    database.run("insert into t values (100, 'after')")
    database.run("delete from t where id = 1")
    snapshot = list(driver.get_snapshot_iterator(batch_size=10))
    assert sorted(paths(snapshot)) == sorted(f"/public/t/{n}" for n in range(1, 26))
    assert [len(event.rows) for event in snapshot] == [10, 10, 5]
    told = read(stream).rows(2)
    assert [(kind, row["path"]) for kind, row in told] == [("insert", "/public/t/100"), ("delete", "/public/t/1")]


def test_two_instances_share_the_boundary(database, make_driver, read):
    reading, copying = make_driver(), make_driver()
    stream = reading.get_message_iterator(-1)
    database.run("insert into t values (100, 'after')")
    assert "/public/t/100" not in paths(copying.get_snapshot_iterator())
    assert read(stream).rows(1)[0][1]["path"] == "/public/t/100"


def test_a_snapshot_without_a_stream_is_complete(make_driver):
    assert len(paths(make_driver().get_snapshot_iterator())) == 25


def test_index_rises_strictly_and_snapshot_rows_lie_below(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    snapshot = list(driver.get_snapshot_iterator())
    for n in range(5):
        database.run("insert into t values (%s), (%s)", 1000 + n, 2000 + n)
        database.run("delete from t where id = %s", 1000 + n)
    reading.rows(15)
    indexes = [event.index for event in reading.events]
    assert indexes == sorted(set(indexes))
    assert all(0 < event.index < indexes[0] for event in snapshot)


def change_everything(database):
    with database.transaction() as run:
        run("insert into t select g from generate_series(1001, 3500) g")
        run("update t set v = 'new' where id <= 3")
        run("delete from t where id = 3")
        run("update t set id = id + 100 where id <= 2")
    database.run("insert into t values (7000)")


def test_a_stream_resumes_after_every_event(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    change_everything(database)
    end = driver.get_latest_position()
    told = []
    while not told or told[-1].rows[-1]["path"] != "/public/t/7000":
        told.append(reading.next())
    asyncio.run(driver.close())
    assert len(told) == 8
    again = make_driver()
    for place, event in enumerate(told):
        assert again.is_position_available(event.index)
        rest = list(again.get_message_iterator(event.index, end_position=end))
        assert [e.model_dump() for e in rest] == [e.model_dump() for e in told[place + 1 :]]


def test_the_slot_moves_with_acknowledgements_only(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    for n in range(3):
        database.run("insert into t values (%s)", 100 + n)
    reading.rows(3)
    first, second, third = (event.index for event in reading.events)
    (before,) = database.slots()
    driver.acknowledge(second)
    database.wait_for(lambda: database.slots()[0][2] != before[2])
    assert not driver.is_position_available(first)
    assert driver.is_position_available(second)
    assert driver.is_position_available(third)
    driver.acknowledge(first)
    assert driver.is_position_available(second)


def test_an_index_that_nobody_told_releases_nothing_that_is_to_come(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1, progress_interval=0.1))
    reading.next()
    (before,) = database.slots()
    driver.acknowledge(1 << 62)
    database.wait_for(lambda: database.slots()[0][2] != before[2])
    assert database.run("select confirmed_flush_lsn <= pg_current_wal_lsn() from pg_replication_slots") == [(True,)]


def test_an_instance_that_reads_nothing_can_acknowledge(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (100)")
    database.run("insert into t values (101)")
    reading.rows(2)
    asyncio.run(driver.close())
    other = make_driver()
    first, second = (event.index for event in reading.events)
    assert other.is_position_available(first)
    other.acknowledge(second)
    assert not other.is_position_available(first)
    assert other.is_position_available(second)


@pytest.mark.parametrize("position", [-1, 0, 1, 1 << 60])
def test_positions_that_nobody_gave_are_not_available(make_driver, position):
    driver = make_driver()
    driver.get_message_iterator(-1)
    assert not driver.is_position_available(position)


def test_an_unavailable_position_starts_now(database, make_driver, read):
    driver = make_driver()
    stream = driver.get_message_iterator(12345)
    database.run("insert into t values (100)")
    assert read(stream).rows(1)[0][1]["path"] == "/public/t/100"


def test_a_second_stream_is_served_by_a_copy_that_goes_away(database, make_driver, read):
    driver, other = make_driver(), make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (100)")
    first = reading.next()
    split = read(other.get_message_iterator(first.index))
    database.run("insert into t values (101)")
    assert split.next().index == reading.next().index
    assert len(database.slots()) == 2
    asyncio.run(other.close())
    assert split.join() is None
    database.wait_for(lambda: len(database.slots()) == 1)


def test_a_bounded_range_ends_where_nothing_sits(database, make_driver, read):
    driver = make_driver()
    read(driver.get_message_iterator(-1))
    start = driver.get_latest_position()
    database.run("insert into t values (100)")
    end = driver.get_latest_position()
    database.run("insert into t values (101)")
    assert paths(driver.get_message_iterator(start, end_position=end)) == ["/public/t/100"]
    assert paths(driver.get_message_iterator(end, end_position=end)) == []


def test_progress_is_told_while_idle(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1, progress_interval=0.1))
    event = reading.next()
    assert event.rows == []
    assert driver.is_position_available(event.index)
    database.run("insert into t values (100)")
    told = reading.next()
    while not told.rows:
        told = reading.next()
    assert told.index > event.index


def test_close_ends_everything_and_keeps_the_slot(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    snapshot = driver.get_snapshot_iterator(batch_size=1)
    next(snapshot)
    asyncio.run(driver.close())
    asyncio.run(driver.close())
    assert reading.join() is None
    with pytest.raises(Exception, match="stopped before its end"):
        list(snapshot)
    deadline = time.monotonic() + 10  # the server lets go of a slot a moment after its connection is closed
    while database.slots()[0][1]:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    assert len(database.slots()) == 1


def test_partitions_are_disjoint_and_together_the_snapshot(database, make_driver):
    database.run("create table big (id int primary key, v text)")
    database.run("insert into big select g, repeat('x', 100) from generate_series(1, 3000) g")
    driver = make_driver()
    whole = sorted(paths(driver.get_snapshot_iterator()))
    partitions = driver.get_snapshot_partitions(4)
    database.run("insert into big values (9999)")
    parts = [paths(make_driver().get_snapshot_iterator(partition=partition)) for partition in partitions]
    assert 3 <= len(partitions) <= 6
    assert sorted(path for part in parts for path in part) == whole
