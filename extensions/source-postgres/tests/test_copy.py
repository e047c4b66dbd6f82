"""Large tables are copied by a process of its own, and nothing else changes."""

import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._fast.copier import FrameWriter

pytestmark = pytest.mark.wide

ROWS = 60_000
HOSTILE = [r"E'tab\tline\nback\\slash\x0b'", "'ü 🐘'", "null", "''", r"'\N'", r"'\.'", "repeat('long', 300000)"]


def rows_of(driver, **keywords):
    return [row for event in driver.get_snapshot_iterator(**keywords) for row in event.rows]


def copiers():
    """The processes that copy for this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            is_copier = b"copier.py" in (process / "cmdline").read_bytes()
        except OSError:  # it ended meanwhile
            continue
        if is_copier and parent == os.getpid():
            found.append(int(process.name))
    return found


@pytest.fixture
def large(database):
    database.run("create table t (id int primary key, v text)")
    database.run(f"insert into t select g, repeat('x', 100) from generate_series(1, {ROWS}) g")  # noqa: S608 - a number


@pytest.mark.parametrize("batch_size", [2, 1000])
def test_another_process_copies_the_same(database, make_driver, batch_size):
    database.run("create table t (id int primary key, v text)")
    for number, value in enumerate(HOSTILE):
        database.run(f"insert into t values ({number}, {value})")  # noqa: S608 - the values above
    here = rows_of(make_driver(), batch_size=batch_size)
    there = rows_of(make_driver(process_bytes=1), batch_size=batch_size)
    assert len(here) == len(HOSTILE)
    assert [row | {"mtime": 0} for row in here] == [row | {"mtime": 0} for row in there]


@pytest.mark.usefixtures("large")
def test_it_sees_the_same_moment_and_goes_with_the_iterator(database, make_driver):
    events = make_driver(process_bytes=1).get_snapshot_iterator()
    told = len(next(events).rows)
    (copier,) = copiers()
    database.run("insert into t values (0)")
    told += len(next(events).rows)
    assert copiers() == [copier]
    told += sum(len(event.rows) for event in events)
    assert told == ROWS
    assert copiers() == []


@pytest.mark.usefixtures("large")
def test_an_abandoned_snapshot_leaves_no_process(make_driver):
    events = make_driver(process_bytes=1).get_snapshot_iterator()
    next(events)
    assert copiers()
    events.close()
    assert copiers() == []


@pytest.mark.usefixtures("large")
def test_a_host_has_the_collector_as_it_set_it(make_driver):
    for is_enabled in (True, False):
        events = make_driver().get_snapshot_iterator()
        (gc.enable if is_enabled else gc.disable)()
        try:
            assert {gc.isenabled() for _ in events} == {is_enabled}
            assert gc.isenabled() == is_enabled
        finally:
            gc.enable()


@pytest.mark.parametrize("victim", ["process", "connection"])
@pytest.mark.usefixtures("large")
def test_a_copy_that_breaks_off_is_made_again(database, make_driver, victim):
    events = make_driver(process_bytes=1).get_snapshot_iterator()
    paths = [row["path"] for row in next(events).rows]
    (copier,) = copiers()
    if victim == "process":
        os.kill(copier, signal.SIGKILL)
    else:
        database.run("select pg_terminate_backend(pid) from pg_stat_activity where query like 'COPY%'")
    paths += [row["path"] for event in events for row in event.rows]
    assert set(paths) == {f"/public/t/{number}" for number in range(1, ROWS + 1)}
    assert len(paths) > ROWS


@pytest.mark.usefixtures("large")
def test_without_room_for_a_second_connection_there_is_one(database, make_driver):
    name = f"single_{database.name}"
    database.run(f"create role {name} login connection limit 1 password %s", "its own")
    database.run(f"grant select on t to {name}")
    try:
        own = {"user": name, "password": "its own"}
        driver = make_driver(dsn=make_dsn("", **parse_dsn(database.dsn) | own), process_bytes=1)
        events = driver.get_snapshot_iterator()
        told = len(next(events).rows)
        assert copiers() == []
        assert told + sum(len(event.rows) for event in events) == ROWS
    finally:
        database.run(f"drop owned by {name}")
        database.run(f"drop role {name}")


@pytest.mark.parametrize("program", ["", "/no/such/program", "/bin/echo", "/bin/false"])
@pytest.mark.usefixtures("large")
def test_without_an_interpreter_to_start_there_is_one_process(make_driver, monkeypatch, program):
    monkeypatch.setattr(sys, "executable", program)
    assert len(rows_of(make_driver(process_bytes=1))) == ROWS


@pytest.mark.parametrize("victim", ["process", "connection"])
@pytest.mark.usefixtures("large")
def test_a_host_that_ignores_how_processes_end_misses_nothing(database, make_driver, victim):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        events = make_driver(process_bytes=1).get_snapshot_iterator()
        paths = [row["path"] for row in next(events).rows]
        if victim == "process":
            os.kill(*copiers(), signal.SIGKILL)
        else:
            database.run("select pg_terminate_backend(pid) from pg_stat_activity where query like 'COPY%'")
        paths += [row["path"] for event in events for row in event.rows]
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert len(set(paths)) == ROWS


@pytest.mark.usefixtures("large")
def test_what_breaks_a_copy_in_this_process_is_raised(make_driver, monkeypatch):
    def fail(_writer):
        raise MemoryError

    monkeypatch.setattr(FrameWriter, "end", fail)
    events = make_driver().get_snapshot_iterator()
    with pytest.raises(MemoryError):
        list(events)


@pytest.mark.usefixtures("large")
def test_paths_of_the_interpreter_may_be_objects(make_driver, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, Path("/no/such/directory")])
    events = make_driver(process_bytes=1).get_snapshot_iterator()
    next(events)
    assert copiers()
    events.close()


@pytest.mark.parametrize("batch_size", [-1, "10", 10.0])
@pytest.mark.parametrize("phase", ["get_snapshot_iterator", "get_audit_iterator"])
def test_a_batch_size_that_is_none_is_refused(make_driver, batch_size, phase):
    with pytest.raises(ConfigError, match="batch_size"):
        getattr(make_driver(), phase)(batch_size=batch_size)
