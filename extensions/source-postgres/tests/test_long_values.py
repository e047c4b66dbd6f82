"""Values that the log does not repeat, of rows that come to another path."""

import re
import threading

import pytest
from psycopg2.extensions import make_dsn

from fustor_conformance.view import View

pytestmark = pytest.mark.wide

# ruff: noqa: S608 - every statement is written in this file

SWAP = ["update t set id = -1 where id = 1", "update t set id = 1 where id = 2", "update t set id = 2 where id = -1"]
HISTORIES = {
    "moved": ["update t set id = 1001 where id = 1"],
    "all moved": ["update t set id = id + 1000"],
    "exchanged": SWAP,
    "exchanged twice": SWAP + SWAP,
    "turned round": [
        "update t set id = -1 where id = 1",
        "update t set id = 1 where id = 2",
        "update t set id = 2 where id = 3",
        "update t set id = 3 where id = -1",
    ],
    "chain": [
        "update t set id = 10 where id = 1",
        "update t set n = 5 where id = 10",
        "update t set id = 11 where id = 10",
    ],
    "there and back": ["update t set id = 10 where id = 1", "update t set id = 1 where id = 10"],
    "made anew": ["delete from t where id = 1", "insert into t values (1, repeat('new', 3000), 0)"],
    "made anew, short": ["delete from t where id = 1", "insert into t values (1, 'short', 0)"],
    "into a gap": ["delete from t where id = 1", "update t set id = 1 where id = 2"],
    "into a gap and changed": ["delete from t where id = 1", "update t set id = 1 where id = 2", "update t set n = 9"],
    "told, then not told": [
        "update t set v = repeat('w', 4000) where id = 1",
        "update t set n = 7 where id = 1",
        *SWAP,
    ],
    "moved and gone": ["update t set id = 10 where id = 1", "delete from t where id = 10"],
    "moved and changed": ["update t set id = 10, n = 3 where id = 1", "update t set v = null where id = 10"],
    "shifted": ["update t set id = id + 100", "update t set id = id - 99"],
}
TABLES = {
    "plain": "create table t (id int primary key, v text, n int)",
    "included": "create table t (id int, v text, n int, primary key (id) include (n))",
    "partitioned": "create table t (id int primary key, v text, n int) partition by hash (id)",
    "inherited": "create table t (id int primary key, v text, n int)",
}


def make_table(database, kind, identity="default", name="t"):
    database.run(named(TABLES[kind], name))
    tables = [name]
    if kind == "partitioned":
        tables += [f"{name}_{number}" for number in range(3)]
        for number, leaf in enumerate(tables[1:]):
            database.run(f"create table {leaf} partition of {name} for values with (modulus 3, remainder {number})")
    if kind == "inherited":
        database.run(f"create table {name}_child (primary key (id)) inherits ({name})")
    for table in tables:
        database.run(f"alter table {table} alter v set storage external")
        database.run(f"alter table {table} replica identity {identity}")
    database.run(f"insert into {name} select g, repeat(g::text, 3000), 0 from generate_series(1, 5) g")


def named(statement, name):
    return re.sub(r"\bt\b", name, statement)


def view_of(driver):
    view = View()
    view.begin_session("s")
    for event in driver.get_snapshot_iterator():
        view.apply(event)
    view.snapshot_end()
    return view


def follow(database, reading, view):
    """Apply what comes until a last row of another table."""
    database.run("insert into last values (1)")
    while "/public/last/1" not in view.paths():
        view.apply(reading.next())


def difference(database, view, *names):
    expected = {"/public/last/1": {}}
    for name in names:
        rows = database.run(f"select id, v, n from only {name}") or database.run(f"select id, v, n from {name}")
        expected |= {f"/public/{name}/{key}": {"record": {"id": key, "v": v, "n": n}} for key, v, n in rows}
    return view.difference(expected, containers=False)


@pytest.fixture
def last(database):
    database.run("create table last (id int primary key)")


@pytest.mark.usefixtures("last")
@pytest.mark.parametrize("how", ["one transaction each", "several", "waiting", "one transaction", "streamed"])
def test_no_value_is_lost_or_given_to_another_row(database, make_driver, read, how):
    names = [history.replace(" ", "_").replace(",", "") for history in HISTORIES]
    for name in names:
        make_table(database, "plain", name=name)
    frugal = make_dsn(database.dsn, options="-c logical_decoding_work_mem=64kB")
    driver = make_driver(streaming=how == "streamed", dsn=frugal)
    stream = driver.get_message_iterator(-1)
    view = view_of(driver)
    reading = None if how == "waiting" else read(stream)
    changes = [[named(each, name) for each in HISTORIES[h]] for h, name in zip(HISTORIES, names, strict=True)]
    if how in ("one transaction", "streamed"):
        changes = [[each for statements in changes for each in statements]]
    for statements in changes:
        with database.transaction() as run:
            for statement in statements:
                run(statement)
                if how in ("several", "waiting"):
                    run("commit")
    follow(database, reading or read(stream), view)
    assert difference(database, view, *names) == []


@pytest.mark.usefixtures("last")
@pytest.mark.parametrize("identity", ["default", "full"])
def test_nor_in_other_kinds_of_tables(database, make_driver, read, identity):
    histories = ["exchanged", "shifted", "chain", "into a gap and changed"]
    tables = {f"{kind}{n}": (kind, histories[n]) for kind in TABLES if kind != "plain" for n in range(4)}
    for name, (kind, _) in tables.items():
        make_table(database, kind, identity if kind != "partitioned" else "default", name)
    driver = make_driver(exclude=["public.*_child"])
    reading = read(driver.get_message_iterator(-1))
    view = view_of(driver)
    for name, (kind, history) in tables.items():
        only = "update only" if kind == "inherited" else "update"
        with database.transaction() as run:
            for statement in HISTORIES[history]:
                run(named(statement, name).replace("update", only))
    follow(database, reading, view)
    assert difference(database, view, *tables) == []


@pytest.mark.usefixtures("last")
def test_a_snapshot_that_comes_later_gives_no_row_the_values_of_another(database, make_driver, read):
    make_table(database, "plain")
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    view = View()
    view.begin_session("s")
    with database.transaction() as run:
        for statement in SWAP:
            run(statement)
    follow(database, reading, view)
    for event in driver.get_snapshot_iterator():
        view.apply(event)
    view.snapshot_end()
    assert difference(database, view, "t") == []


KEYS = {
    "text": ["a'b", "c\\d", "é/,%", "", "."],
    "numeric": ["1.50", "2", "3.000", "-4", "NaN"],
    "timestamptz": ["2024-01-01 10:00:00.123456+00", "infinity", "0044-03-15 00:00:00+00 BC", "epoch", "9999-12-31"],
    "bytea": ["\\x00", "\\xff27", "\\x", "\\x5c", "\\x0a"],
    "mood": ["sad", "ok", "happy", "it's", "a,b"],
    "pair": ["(1,a)", '(2,"b,c")', "(3,)", "(,d)", "(4,e)"],
    "int4range": ["[1,5)", "[5,6)", "empty", "(,0)", "[9,)"],
    "text[]": ["{a}", "{}", '{"b,c"}', "{NULL}", "{{x,y}}"],
    "char(4)": ["a", "b", "ab", "abc", "abcd"],
    "bit(3)": ["101", "010", "111", "000", "001"],
    "posint": ["1", "2", "3", "4", "5"],
    "interval": ["1 day", "2 mons", "-03:00", "1 year", "00:00:01.5"],
    "float8": ["0.1", "NaN", "-0.5", "1e300", "Infinity"],
    "uuid": [f"00000000-0000-0000-0000-00000000000{n}" for n in range(5)],
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_row_is_found_by_keys_of_every_type(database, make_driver, read, kind):
    database.run("create type mood as enum ('sad', 'ok', 'happy', 'it''s', 'a,b')")
    database.run("create type pair as (a int, b text)")
    database.run("create domain posint as int check (value > 0)")
    database.run(f"create table t (a int, k {kind}, v text, w jsonb, primary key (a, k))")
    database.run("alter table t alter v set storage external, alter w set storage external")
    for number, key in enumerate(KEYS[kind]):
        database.run(
            "insert into t values (%s, %s, repeat('x', 3000) || %s, to_jsonb(repeat('y', 3000)))", 0, key, number
        )
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("update t set a = a + 1")
    told = [row for operation, row in reading.rows(10) if operation != "delete"]
    snapshot = [row for event in make_driver(id="o").get_snapshot_iterator() for row in event.rows]
    shape = [(row["path"], row["record"], row["size"]) for row in snapshot]
    streamed = [(row["path"], {name: row["record"][name] for name in "akvw"}, row["size"]) for row in told]
    assert sorted(map(repr, shape)) == sorted(map(repr, streamed))


def test_values_are_read_only_once_the_transaction_is_visible(database, make_driver, read):
    """A commit that waits for a standby is streamed, and visible to nobody."""
    make_table(database, "plain")
    reading = read(make_driver().get_message_iterator(-1))
    database.run("insert into t values (100, 'x', 0)")
    reading.rows(1)
    waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and backend_type = 'client backend'"
    database.run("alter system set synchronous_standby_names = 'nobody'")
    database.run("select pg_reload_conf()")
    database.wait_for(lambda: database.run("show synchronous_standby_names") == [("nobody",)])
    writer = threading.Thread(target=exchange, args=(database,))
    try:
        writer.start()
        database.wait_for(lambda: database.run(waiting) == [(1,)])
        database.run("select pg_sleep(0.2)")
        assert reading._queue.empty()
    finally:
        database.run("alter system reset synchronous_standby_names")
        database.run("select pg_reload_conf()")
        writer.join()
    rows = [row for operation, row in reading.rows(3) if operation == "insert"]
    assert {row["path"]: row["record"]["v"][:1] for row in rows} == {"/public/t/1": "2"} | {
        row["path"]: row["record"]["v"][:1] for row in rows if row["path"] != "/public/t/1"
    }


def exchange(database):
    with database.transaction() as run:
        for statement in SWAP:
            run(statement)


def test_a_locked_table_is_waited_for_and_named(database, make_driver, read, caplog):
    make_table(database, "plain")
    stream = make_driver(lock_timeout_sec=0.1).get_message_iterator(-1)
    database.run("update t set id = 10 where id = 1")
    with database.transaction() as run:
        run("lock table t in access exclusive mode")
        reading = read(stream)
        database.wait_for(lambda: "public.t is locked" in caplog.text)
        assert reading._queue.empty()
    (_, gone), (kind, row) = reading.rows(2)
    assert (gone["path"], kind, row["record"]["v"]) == ("/public/t/1", "insert", "1" * 3000)


def test_a_stream_that_waits_for_a_locked_table_can_be_stopped(database, make_driver, read, caplog):
    make_table(database, "plain")
    stop = threading.Event()
    stream = make_driver(lock_timeout_sec=0.1).get_message_iterator(-1, stop_event=stop)
    database.run("update t set id = 10 where id = 1")
    with database.transaction() as run:
        run("lock table t in access exclusive mode")
        reading = read(stream)
        database.wait_for(lambda: "public.t is locked" in caplog.text)
        stop.set()
        assert reading.join(2) is None


def test_a_column_that_was_dropped_since_is_left_out(database, make_driver, read):
    make_table(database, "plain")
    stream = make_driver().get_message_iterator(-1)
    database.run("update t set id = 10 where id = 1")
    database.run("alter table t drop v")
    rows = read(stream).rows(2)
    assert rows[1][1]["record"] == {"id": 10, "n": 0}


@pytest.mark.parametrize("how", ["drop table t", "truncate t", "delete from t"])
def test_a_row_that_is_not_there_any_more_leaves_an_empty_path(database, make_driver, read, how):
    make_table(database, "plain")
    stream = make_driver().get_message_iterator(-1)
    database.run("update t set id = 10 where id = 1")
    database.run(how)
    rows = read(stream).rows(2)
    assert [(kind, row["path"]) for kind, row in rows[:2]] == [("delete", "/public/t/1"), ("delete", "/public/t/10")]


def test_a_stream_resumes_between_a_deletion_and_its_arrival(database, make_driver):
    make_table(database, "plain")
    driver = make_driver()
    stream = driver.get_message_iterator(-1)
    start = driver.get_latest_position()
    database.run("update t set id = id + 1000")
    end = driver.get_latest_position()
    whole = list(driver.get_message_iterator(start, end_position=end))
    for event in whole:
        rest = list(driver.get_message_iterator(event.index, end_position=end))
        assert [e.index for e in rest] == [e.index for e in whole if e.index > event.index]
        assert [e.rows for e in rest] == [e.rows for e in whole if e.index > event.index]
    stream.close()


@pytest.mark.parametrize(
    "change",
    [
        "alter type mood rename value 'b' to 'c'",
        "alter table t alter k type int using 7",
        "alter table t drop constraint t_pkey, add primary key (k, n)",
        "alter table t rename column k to l",
    ],
)
def test_a_key_that_is_another_one_by_now_stops_nothing(database, make_driver, read, caplog, change):
    database.run("create type mood as enum ('a', 'b')")
    database.run("create table t (k mood primary key, v text, n int)")
    database.run("alter table t alter v set storage external")
    database.run("insert into t values ('a', repeat('x', 3000), 1)")
    database.run("create table last (id int primary key)")
    stream = make_driver().get_message_iterator(-1)
    database.run("update t set k = 'b'")
    database.run(change)
    database.run("insert into last values (1)")
    rows = read(stream).rows(3)
    assert (rows[0][0], rows[0][1]["path"]) == ("delete", "/public/t/a")
    assert rows[-1][1]["path"] == "/public/last/1"
    if "rename column" in change:
        assert rows[1][1]["record"]["v"] == "x" * 3000
    elif rows[1][0] == "insert":
        assert "are left out" in caplog.text
