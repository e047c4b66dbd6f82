"""Audits in both dialects: what they list, what they skip, and what a consumer makes of them."""

import asyncio
import threading

import psycopg2
import pytest

from fustor_conformance.view import View
from fustor_event_model import LifecycleSignal

pytestmark = [pytest.mark.wide, pytest.mark.usefixtures("tables")]


@pytest.fixture
def tables(database):
    database.run("create table a (id int primary key, v text)")
    database.run("create table b (id int primary key, v text)")
    database.run("insert into a select g, 'a' from generate_series(1, 3) g")
    database.run("insert into b select g, 'b' from generate_series(1, 3) g")


def world(database):
    """Every row of tables a and b, read without the driver."""
    return {
        f"/public/{table}/{key}": {"record": {"id": key, "v": value}, "size": size}
        for table in "ab"
        for key, value, size in database.run(f"select id, v, length(id::text) + length(v) from {table}")  # noqa: S608
    }


def containers(items):
    """Container rows of an audit in the 0.8 dialect, by path."""
    return {row["path"]: row for event, _ in items for row in event.rows if row.get("is_directory")}


def caught_up_view(driver):
    view = View()
    view.begin_session("s")
    for event in driver.get_snapshot_iterator():
        view.apply(event)
    view.snapshot_end()
    return view


def flush_statistics(database):
    database.run("select pg_stat_force_next_flush()")
    database.run("select 1")


def test_guide_dialect_lists_everything_between_its_brackets(make_driver):
    events = list(make_driver().get_audit_iterator())
    assert [event.signal for event in (events[0], events[-1])] == [
        LifecycleSignal.AUDIT_START,
        LifecycleSignal.AUDIT_END,
    ]
    order = [row["path"] for event in events for row in event.rows]
    assert len(order) == len(set(order)) == 6 + 4
    assert [path for path in order if path.count("/") < 3] == ["/public/a", "/public/b", "/public", "/"]
    assert order[-1] == "/"
    for event in events[1:-1]:
        assert all(set(event.fields) == set(row) for row in event.rows)
        for row in event.rows:
            assert row["parent_path"] == {"/": "", "/public": "/"}.get(row["path"], row["path"].rpartition("/")[0])


def test_nothing_is_read_before_the_start_is_taken(database, make_driver):
    audit = make_driver().get_audit_iterator()
    assert next(audit).signal is LifecycleSignal.AUDIT_START
    database.run("insert into a values (9, 'late')")
    assert "/public/a/9" in [row["path"] for event in audit for row in event.rows]


def test_an_audit_finds_what_no_event_told(database, make_driver):
    driver = make_driver()
    view = caught_up_view(driver)
    database.run("delete from a where id = 1")
    database.run("update a set v = 'changed' where id = 2")
    database.run("insert into b values (7, 'new')")
    for event in driver.get_audit_iterator():
        view.apply(event)
    assert view.difference(world(database), containers=False) == []
    assert view.blind_spots >= {"/public/a/1", "/public/a/2", "/public/b/7"}


def test_a_table_that_was_dropped_goes_and_a_new_one_comes(database, make_driver):
    driver = make_driver()
    view = caught_up_view(driver)
    database.run("drop table b")
    database.run("create table b2 (id int primary key)")
    database.run("insert into b2 values (1)")
    for event in driver.get_audit_iterator():
        view.apply(event)
    assert view.row("/public/b") is None
    assert view.row("/public/b2/1")["record"] == {"id": 1}


def test_a_new_table_is_streamed_once_an_audit_has_met_it(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("create table c (id int primary key)")
    database.run("insert into c values (1)")
    listed = [row["path"] for event in driver.get_audit_iterator() for row in event.rows]
    assert "/public/c/1" in listed
    database.run("insert into c values (2)")
    assert reading.rows(1)[0][1]["path"] == "/public/c/2"


def test_an_unchanged_table_is_skipped_and_a_changed_one_read(database, make_driver):
    driver = make_driver()
    cache = {}
    first = list(driver.get_audit_iterator(mtime_cache=cache))
    assert len(first) == 6 - 4 + 4  # one event of three rows a table, and four containers
    for _, mtimes in first:
        cache.update(mtimes)
    assert set(cache) == {"/", "/public", "/public/a", "/public/b"}
    with psycopg2.connect(database.dsn) as other, other.cursor() as cur:
        cur.execute("update a set v = 'x' where id = 1")
        cur.execute("select pg_stat_force_next_flush()")
    other.close()
    second = list(driver.get_audit_iterator(mtime_cache=cache))
    found = containers(second)
    assert "audit_skipped" not in found["/public/a"]
    assert found["/public/b"]["audit_skipped"] is True
    assert [row["path"] for event, _ in second for row in event.rows if event.table == "b"] == ["/public/b"]


def test_a_cleared_cache_is_a_full_audit(make_driver):
    driver = make_driver()
    for _ in range(2):
        assert not any("audit_skipped" in row for row in containers(driver.get_audit_iterator(mtime_cache={})).values())


def test_every_nth_audit_reads_everything(make_driver):
    driver = make_driver(full_audit_every=3)
    cache = {}
    skipped = []
    for _ in range(4):
        found = list(driver.get_audit_iterator(mtime_cache=cache))
        for _, mtimes in found:
            cache.update(mtimes)
        skipped.append(sum("audit_skipped" in row for row in containers(found).values()))
    assert skipped == [0, 2, 0, 2]


def test_a_table_with_realtime_events_is_read_by_the_next_two_audits(database, make_driver, read):
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    cache = {}

    def skipped():
        found = list(driver.get_audit_iterator(mtime_cache=cache))
        for _, mtimes in found:
            cache.update(mtimes)
        return {path for path, row in containers(found).items() if "audit_skipped" in row}

    assert skipped() == set()
    with psycopg2.connect(database.dsn) as other, other.cursor() as cur:
        cur.execute("insert into a values (10, 'x')")
        cur.execute("select pg_stat_force_next_flush()")
    other.close()
    reading.rows(1)
    assert skipped() == {"/public/b"}
    assert skipped() == {"/public/b"}
    assert skipped() == {"/public/a", "/public/b"}


def test_a_table_that_cannot_be_read_is_marked_and_the_rest_is_listed(database, make_driver):
    view = caught_up_view(make_driver())
    database.run("delete from b where id = 1")
    database.run("delete from a where id = 1")
    driver = make_driver(lock_timeout_sec=0.2)
    with database.transaction() as run:
        run("lock table b in access exclusive mode")
        events = list(driver.get_audit_iterator())
    for event in events:
        view.apply(event)
    (row,) = [row for event in events for row in event.rows if row["path"] == "/public/b"]
    assert row["audit_skipped"] is True
    assert view.row("/public/b/1") is not None
    assert view.row("/public/a/1") is None


def test_a_stopped_audit_has_no_end(make_driver):
    stop = threading.Event()
    audit = make_driver().get_audit_iterator(stop_event=stop)
    next(audit)
    stop.set()
    assert all(event.signal is None for event in audit)


def test_an_audit_of_a_closed_driver_ends(make_driver):
    driver = make_driver()
    audit = driver.get_audit_iterator()
    next(audit)
    asyncio.run(driver.close())
    assert all(event.signal is None for event in audit)


def test_realtime_after_an_audit_is_never_older_than_its_rows(database, make_driver):
    """Not even where the commit is older, and was told later."""
    driver = make_driver()
    stream = driver.get_message_iterator(-1)
    database.run("insert into a values (10, 'x')")
    latest = max(row["mtime"] for event in driver.get_audit_iterator() for row in event.rows)
    assert next(stream).rows[0]["mtime"] >= latest
    stream.close()


TYPED = """
create type mood as enum ('sad', 'glad');
create type pair as (x int, y mood[]);
create domain feeling as mood;
create table c (id int primary key, other int not null, m mood, n mood[], f feeling, p pair, gone int, s varchar(5));
insert into c values (1, 11, 'sad', '{sad}', 'sad', '(1,{sad})', 5, 'abc');
create table d (id int primary key) partition by range (id);
create table d_1 partition of d for values from (0) to (10);
insert into d values (1);
create table d_2 (id int primary key);
insert into d_2 values (11);
"""


@pytest.mark.parametrize(
    "change",
    [
        "alter table c add column added int default 5",
        "alter table c rename column gone to renamed",
        "alter table c drop column gone",
        "alter table c drop column gone; alter table c add column gone int default 7",
        "alter table c alter column s type text",
        "alter table c drop constraint c_pkey; alter table c add primary key (other)",
        "alter type mood rename value 'sad' to 'blue'",
        "alter type pair add attribute z int",
        "alter table c rename gone to x; alter table c rename other to gone; alter table c rename x to other",
        "alter table d add column added int default 5",
        "alter table d attach partition d_2 for values from (10) to (20)",
        "alter table d detach partition d_1",
    ],
)
def test_a_cached_audit_reads_tables_whose_form_changed(database, make_driver, change):
    database.run(TYPED)
    driver = make_driver()
    cache = {}
    for _ in range(2):
        flush_statistics(database)
        items = list(driver.get_audit_iterator(mtime_cache=cache))
        for _, mtimes in items:
            cache.update(mtimes)
    changed = f"/public/{'d' if 'table d' in change else 'c'}"
    assert containers(items)[changed].get("audit_skipped")
    database.run(change)
    items = list(driver.get_audit_iterator(mtime_cache=cache))
    assert not containers(items)[changed].get("audit_skipped")
    assert containers(items)["/public/a"].get("audit_skipped")
    told = {row["path"]: row["record"] for event, _ in items for row in event.rows if not row.get("is_directory")}
    now = {row["path"]: row["record"] for event in driver.get_snapshot_iterator() for row in event.rows}
    assert within(changed, told) == within(changed, now)


def within(table, records):
    return {path: record for path, record in records.items() if path.startswith(f"{table}/")}
