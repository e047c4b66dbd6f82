"""Broken links, killed servers, lost slots and idle logs."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from fustor_core.exceptions import DriverError
from fustor_source_postgres._server.patience import Patience, Stop
from fustor_source_postgres._server.slots import lsn_of, parse_lsn
from fustor_source_postgres._stream.stream import MessageStream, Range
from fustor_testing_postgres import Server

pytestmark = pytest.mark.wide

BIG_LOG = """
create table filler as select repeat(md5(g::text), 30) from generate_series(1, 20000) g;
drop table filler;
"""  # 20 MB of log, and nothing in any stream


@pytest.fixture
def table(database):
    database.run("create table t (id int primary key, v text)")


def kill_stream(database):
    """End the sender of the one stream, once there is one."""
    database.wait_for(lambda: any(active for _, active, _ in database.slots()))
    database.run(
        "select pg_terminate_backend(active_pid) from pg_replication_slots where database = current_database()"
    )


def drop_slot(database):
    """Take the slot away from its stream before that can come back to it."""
    database.run(
        "do $$ declare slot record; begin"
        " for slot in select * from pg_replication_slots where database = current_database() loop"
        "  perform pg_terminate_backend(slot.active_pid);"
        "  loop begin perform pg_drop_replication_slot(slot.slot_name); exit;"
        "  exception when object_in_use then null; end; end loop;"
        " end loop; end $$"
    )


@pytest.mark.usefixtures("table")
def test_a_stream_whose_sender_is_killed_goes_on(database, make_driver, read):
    reading = read(make_driver().get_message_iterator(-1))
    for n in range(5):
        database.run("insert into t values (%s)", n)
        kill_stream(database)
        assert reading.rows(1)[0][1]["path"] == f"/public/t/{n}"
    database.run("insert into t values (99)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/99"


@pytest.mark.usefixtures("table")
def test_a_transaction_that_was_cut_is_told_once(database, make_driver):
    driver = make_driver(queue_bytes=20_000)
    stream = driver.get_message_iterator(-1)
    database.run("insert into t select g, repeat('x', 100) from generate_series(1, 20000) g")
    paths = []
    for number, event in enumerate(stream):
        paths += [row["path"] for row in event.rows]
        if number in {3, 11}:
            kill_stream(database)
        if len(paths) == 20000:
            break
    assert paths == [f"/public/t/{n}" for n in range(1, 20001)]
    stream.close()


@pytest.mark.usefixtures("table")
def test_a_slot_that_is_dropped_under_a_stream_is_reported(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    position = reading.next().index
    drop_slot(database)
    error = reading.join()
    assert isinstance(error, DriverError)
    assert "new snapshot" in str(error)
    assert not driver.is_position_available(position)


@pytest.mark.usefixtures("table")
def test_an_idle_stream_beats_so_that_its_slot_can_move(database, make_driver, read):
    driver = make_driver(heartbeat_sec=0.05, heartbeat_bytes=1_000_000)
    reading = read(driver.get_message_iterator(-1))
    (before,) = database.slots()
    database.run(BIG_LOG)
    event = reading.next()
    assert event.rows == []
    driver.acknowledge(event.index)
    database.wait_for(lambda: database.slots()[0][2] != before[2])
    assert driver.is_position_available(event.index)


@pytest.mark.usefixtures("table")
def test_the_server_moves_no_slot_by_itself(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    position = reading.next().index
    driver.acknowledge(position)
    database.wait_for(lambda: parse_lsn(database.slots()[0][2]) == lsn_of(position))
    for _ in range(3):
        database.run(BIG_LOG)
        database.run("select pg_sleep(0.1)")
        driver.acknowledge(position)
    assert parse_lsn(database.slots()[0][2]) == lsn_of(position)
    assert driver.is_position_available(position)


@pytest.mark.usefixtures("table")
def test_the_slot_stays_at_a_snapshot_that_nothing_has_followed(database, make_driver, read):
    database.run("insert into t values (1)")
    driver = make_driver()
    read(driver.get_message_iterator(-1))
    (event,) = driver.get_snapshot_iterator()
    for _ in range(3):
        database.run(BIG_LOG)
        database.run("select pg_sleep(0.1)")
        driver.get_latest_position()
        for stream in driver._streams:
            stream._reader.ask()
    assert driver.is_position_available(event.index)


@pytest.mark.usefixtures("table")
def test_the_slowest_of_two_streams_holds_the_slot(database, make_driver, read):
    fast, slow = make_driver(), make_driver()
    reading = read(fast.get_message_iterator(-1))
    database.run("insert into t values (1)")
    first = reading.next().index
    read(slow.get_message_iterator(first))
    database.run("insert into t values (2)")
    second = reading.next().index
    fast.acknowledge(second)
    assert slow.is_position_available(first)
    slow.acknowledge(second)
    database.wait_for(lambda: not slow.is_position_available(first))
    assert slow.is_position_available(second)


@pytest.mark.usefixtures("table")
def test_a_host_that_acknowledges_nothing_releases_what_it_must_have_committed(database, make_driver):
    driver = make_driver()
    patience = Patience(5, 1, driver._address, Stop(driver._stop_driver_event))
    stream = MessageStream(driver._opener, Range(-1), patience, Stop(driver._stop_driver_event), behind=10)
    events = stream.events()
    told = []
    for n in range(15):
        database.run("insert into t values (%s)", n)
        told.append(next(events).index)
    database.wait_for(lambda: parse_lsn(database.slots()[0][2]) == lsn_of(told[4]))
    stream.close()


@pytest.mark.usefixtures("table")
def test_a_range_acknowledges_nothing(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    position = reading.next().index
    database.run("insert into t values (2)")
    reading.next()
    (before,) = database.slots()
    list(driver.get_message_iterator(position, end_position=driver.get_latest_position()))
    driver.acknowledge(0)
    assert database.slots()[0][2] == before[2]


@pytest.mark.usefixtures("table")
def test_a_reader_that_is_not_asked_reads_ahead_only_so_far(database, make_driver):
    driver = make_driver(queue_bytes=1_000_000)
    stream = driver.get_message_iterator(-1)
    database.run("insert into t select g, repeat('x', 10000) from generate_series(1, 2000) g")
    first = next(stream)
    database.run("select pg_sleep(0.3)")
    assert driver.statistics()["queued_bytes"] < 2_000_000
    rest = 2000 - len(first.rows)
    while rest:
        rest -= len(next(stream).rows)
    stream.close()


@pytest.fixture(scope="module")
def own_server():
    server = Server.started(max_slot_wal_keep_size="'32MB'", max_wal_size="'32MB'", min_wal_size="'32MB'")
    yield server
    server.remove()


@pytest.fixture
def own_database(own_server, new_database):
    with new_database(own_server.uri) as made:
        yield made


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_server_that_comes_back_is_read_on(own_server, own_database, read, how):
    database = own_database
    database.run("create table t (id int primary key)")
    driver = database.driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    reading.rows(1)
    if how == "kill":
        own_server.kill()
        own_server.start()
    else:
        own_server.restart()
    database.reconnect()
    database.run("insert into t values (2)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/2"
    assert [len(event.rows) for event in reading.events] == [1, 1]
    asyncio.run(driver.close())


def test_a_slot_whose_log_is_gone_is_reported_and_a_snapshot_offered(own_database, read):
    database = own_database
    database.run("create table t (id int primary key)")
    driver = database.driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    position = reading.next().index
    driver.acknowledge(position)
    asyncio.run(driver.close())
    for _ in range(6):
        database.run(BIG_LOG)
        database.run("select pg_switch_wal()")
        database.run("checkpoint")
    again = database.driver()
    database.wait_for(lambda: not again.is_position_available(position))
    passed, text = asyncio.run(type(again).check_runtime_params(uri=database.dsn, id="t"))
    assert (passed, "lost its log" in text) == (False, True)
    stream = again.get_message_iterator(position)
    assert len([row for event in again.get_snapshot_iterator() for row in event.rows]) == 1
    database.run("insert into t values (2)")
    assert next(stream).rows[0]["path"] == "/public/t/2"
    asyncio.run(again.close())


def test_a_server_that_is_away_costs_the_budget_and_no_more(own_database, own_server):
    driver = own_database.driver(max_retries=1)
    own_server.stop("immediate")
    try:
        with pytest.raises(DriverError, match="cannot be read"):
            driver.get_message_iterator(-1)
        assert not driver.is_position_available(1 << 40)
        driver.acknowledge(1 << 40)
    finally:
        own_server.start()
        own_database.reconnect()


def insert(database, key):
    with database.transaction() as run:
        run("insert into t values (%s)", (key,))


@contextmanager
def missing_standby(database):
    """Every commit on the server waits for a standby that is not there, until the block ends."""
    shown = "show synchronous_standby_names"
    database.run("alter system set synchronous_standby_names = 'nobody'")
    try:
        database.run("select pg_reload_conf()")
        database.wait_for(lambda: database.run(shown) == [("nobody",)])
        yield
    finally:
        database.run("alter system reset synchronous_standby_names")
        database.run("select pg_reload_conf()")
        database.wait_for(lambda: database.run(shown) == [("",)])


def test_an_audit_waits_until_it_sees_what_the_stream_has_told(own_database, read):
    """A commit that waits for a standby is streamed, and visible to nobody."""
    database = own_database
    database.run("create table t (id int primary key)")
    driver = database.driver()
    reading = read(driver.get_message_iterator(-1))
    writer = threading.Thread(target=insert, args=(database, 1))
    waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and backend_type = 'client backend'"
    with missing_standby(database):
        writer.start()
        assert reading.rows(1)[0][1]["path"] == "/public/t/1"
        audit = read(driver.get_audit_iterator())
        audit.next()
        database.wait_for(lambda: database.run(waiting) == [(1,)])
        assert database.run("select count(*) from t") == [(0,)]
    assert audit.join() is None
    writer.join()
    assert "/public/t/1" in [row["path"] for event in audit.events for row in event.rows]
    asyncio.run(driver.close())


@pytest.mark.usefixtures("table")
def test_a_stream_that_waits_for_a_transaction_can_be_stopped(database, make_driver):
    driver = make_driver()
    stop = threading.Event()
    opened = []
    with database.transaction() as run:
        run("insert into t values (1)")
        opening = threading.Thread(target=lambda: opened.extend(driver.get_message_iterator(-1, stop_event=stop)))
        opening.start()
        waiting = "select count(*) from pg_stat_activity where query like 'CREATE_REPLICATION_SLOT%%'"
        database.wait_for(lambda: database.run(waiting) == [(1,)])
        stop.set()
        opening.join(5)
        assert not opening.is_alive()
    assert opened == []


@pytest.mark.usefixtures("table")
def test_faults_far_apart_have_a_budget_each(database, make_driver, read):
    driver = make_driver(max_retries=3)
    reading = read(driver.get_message_iterator(-1))
    for _ in range(4):  # the budget of 3 s is over before the last
        kill_stream(database)
        database.run("select pg_sleep(1.2)")
    database.run("insert into t values (1)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/1"
