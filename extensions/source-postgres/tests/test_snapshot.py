"""Snapshots against tables that are locked, rewritten, dropped or closed to the reader."""

import threading

import psycopg2
import pytest

from fustor_core.exceptions import ConfigError, DriverError


def rows_by_path(events):
    return {row["path"]: row for event in events for row in event.rows}


@pytest.fixture
def table(database):
    database.run("create table t (id int primary key, v text)")
    database.run("insert into t select g, 'v' || g from generate_series(1, 20) g")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("change", ["alter table t alter v type varchar(50) using v || 'x'", "vacuum full t"])
def test_a_table_rewritten_behind_the_boundary_is_not_empty(database, make_driver, change):
    driver = make_driver()
    driver.get_message_iterator(-1)
    database.run(change)
    assert len(rows_by_path(driver.get_snapshot_iterator())) == 20


@pytest.mark.usefixtures("table")
def test_a_table_rewritten_under_partitions_is_reported(database, make_driver):
    driver = make_driver()
    partitions = driver.get_snapshot_partitions(2)
    database.run("alter table t alter v type varchar(50) using v || 'x'")
    with pytest.raises(DriverError, match="new partitions"):
        list(driver.get_snapshot_iterator(partition=partitions[0]))


@pytest.mark.usefixtures("table")
def test_a_table_dropped_behind_the_boundary_holds_nothing(database, make_driver):
    database.run("create table u (id int primary key)")
    database.run("insert into u values (1)")
    driver = make_driver()
    snapshot = driver.get_snapshot_iterator()
    first = next(snapshot)
    database.run("drop table u")
    assert len(rows_by_path([first, *snapshot])) == 20


@pytest.mark.usefixtures("table")
def test_the_boundary_is_held_for_so_long_and_then_read_later(database, make_driver):
    driver = make_driver(snapshot_hold_sec=0.05)
    driver.get_message_iterator(-1)
    idle = "select count(*) from pg_stat_activity where state = 'idle in transaction' and datname = current_database()"
    database.wait_for(lambda: database.run(idle) == [(0,)])
    database.run("insert into t values (100)")
    assert len(rows_by_path(driver.get_snapshot_iterator())) == 21


@pytest.mark.usefixtures("table")
def test_nothing_waits_behind_a_snapshot_that_has_passed_a_table(database, make_driver):
    database.run("create table z (id int primary key)")
    database.run("insert into z values (1), (2)")
    snapshot = make_driver().get_snapshot_iterator(batch_size=1)
    for event in snapshot:
        if event.table == "z":
            database.run("set lock_timeout = '2s'")
            database.run("alter table t add x int")
            break
    snapshot.close()


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("batches", range(4))
def test_a_stopped_snapshot_is_never_complete(make_driver, batches):
    stop = threading.Event()
    snapshot = make_driver().get_snapshot_iterator(batch_size=5, stop_event=stop)
    for _ in range(batches):
        next(snapshot)
    stop.set()
    with pytest.raises(DriverError, match="stopped before its end"):
        list(snapshot)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("batches", range(5))
def test_an_abandoned_snapshot_leaves_no_connection(database, make_driver, batches):
    others = (
        "select count(*) from pg_stat_activity where application_name like 'fustor%%' and datname = current_database()"
    )
    snapshot = make_driver().get_snapshot_iterator(batch_size=5)
    for _ in range(batches):
        next(snapshot)
    snapshot.close()
    database.wait_for(lambda: database.run(others) == [(0,)])


@pytest.fixture
def reader(database):
    """The address of a user who may read what he is granted."""
    name = f"{database.name}_reader"
    database.run(f"create role {name} login password %s", name)
    yield psycopg2.extensions.make_dsn(database.dsn, user=name, password=name), name
    database.run(f"drop owned by {name}")
    database.run(f"drop role {name}")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("obstacle", ["grant", "policy"])
def test_a_table_that_may_not_be_read_is_marked(database, reader, obstacle):
    dsn, name = reader
    database.run("create table open (id int primary key)")
    database.run("insert into open values (1)")
    database.run(f"grant select on open to {name}")
    if obstacle == "policy":
        database.run(f"grant select on t to {name}")
        database.run("alter table t enable row level security")
        database.run("create policy few on t using (id < 3)")
    driver = database.driver(dsn=dsn)
    found = rows_by_path(driver.get_snapshot_iterator())
    assert set(found) == {"/public/open/1", "/public/t"}
    assert found["/public/t"]["audit_skipped"] is True


@pytest.mark.parametrize("phase", ["snapshot", "stream"])
def test_a_table_without_a_key_is_named(database, make_driver, phase):
    database.run('create table "No Key" (id int)')
    driver = make_driver()
    with pytest.raises(ConfigError, match=r"public\.No Key"):
        list(driver.get_snapshot_iterator()) if phase == "snapshot" else driver.get_message_iterator(-1)


def test_a_table_whose_changes_name_no_row_is_refused(database, make_driver):
    database.run("create table t (id int primary key)")
    database.run("alter table t replica identity nothing")
    with pytest.raises(ConfigError, match="REPLICA IDENTITY FULL"):
        make_driver().get_message_iterator(-1)


def test_a_deferrable_key_identifies_nothing(database, make_driver):
    database.run("create table t (id int primary key deferrable)")
    with pytest.raises(ConfigError, match="checked at once"):
        make_driver().get_message_iterator(-1)
