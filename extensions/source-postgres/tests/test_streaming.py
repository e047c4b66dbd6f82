"""Transactions that are streamed before their commit are told as if they had not been."""

# ruff: noqa: S608 - every statement is written in this file

import asyncio
import os
import random
import tempfile
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_source_postgres._server.patience import Stop
from fustor_source_postgres._server.slots import format_lsn, lsn_of

pytestmark = pytest.mark.wide

SEED = int(os.environ.get("FUSTOR_TEST_SEED", "20261124"))
STUCK = (
    782  # PostgreSQL 18 cannot stream what this seed writes: it has changes of a file that no catalog names any more
)
SCHEMA = """
create table own_{n} (id int primary key, v text, big text);
create table shared (who int, id int, v text, primary key (who, id));
create table parts (id int, day int, v text, primary key (id, day)) partition by range (day);
create table parts_1 partition of parts for values from (0) to (5);
create table parts_2 partition of parts for values from (5) to (10);
"""
BIG = "(select string_agg(md5(random()::text), '') from generate_series(1, 100))"


@pytest.fixture
def frugal(database):
    """The address of a database whose streams keep little of a transaction in memory."""
    parts = parse_dsn(database.dsn)
    parts["options"] = f"{parts.get('options', '')} -c logical_decoding_work_mem=64kB"
    return make_dsn("", **parts)


class Writer:
    """One connection that does random things in transactions; two of them never wait for each other."""

    def __init__(self, dsn, number, source):
        self.number = number
        self.random = source
        self.conn = psycopg2.connect(dsn)
        self.next_id = number * 1_000_000
        self.savepoints = 0
        self.columns = 0

    def run(self, statement):
        with self.conn.cursor() as cur:
            cur.execute(statement)

    def step(self):
        getattr(self, self.random.choices(*zip(*self.ACTIONS.items(), strict=True))[0])()

    ACTIONS = {  # noqa: RUF012 - by weight
        "insert_own": 6,
        "insert_shared": 6,
        "insert_parts": 3,
        "update_own": 4,
        "touch_own": 3,
        "move_own": 2,
        "delete_own": 2,
        "truncate": 1,
        "widen": 1,
        "save": 5,
        "roll_back_to": 3,
        "release": 1,
        "commit": 3,
        "roll_back": 1,
    }

    def ids(self):
        number = self.random.choice([1, 3, 400, 1200])
        first, self.next_id = self.next_id, self.next_id + number
        return f"generate_series({first}, {first + number - 1}) g"

    def insert_own(self):
        big = BIG if self.random.random() < 0.2 else "null"
        self.run(f"insert into own_{self.number} select g, md5(g::text), {big} from {self.ids()}")

    def insert_shared(self):
        self.run(f"insert into shared select {self.number}, g, md5(g::text) from {self.ids()}")

    def insert_parts(self):
        self.run(f"insert into parts select g, (g + {self.random.randrange(10)}) % 10, 'x' from {self.ids()}")

    def some(self):
        return f"id % 7 = {self.random.randrange(7)} and id > {self.next_id - self.random.choice([5, 500, 5000])}"

    def update_own(self):
        self.run(f"update own_{self.number} set v = v || 'x' where {self.some()}")

    def touch_own(self):
        self.run(f"update own_{self.number} set v = v where big is not null")

    def move_own(self):
        self.run(f"update own_{self.number} set id = -id where {self.some()} and id > 0")

    def delete_own(self):
        self.run(f"delete from own_{self.number} where {self.some()}")

    def truncate(self):
        self.run(f"truncate own_{self.number}")

    def widen(self):
        self.columns += 1
        name = f"c{self.next_id}_{self.columns}"
        self.run(f"alter table own_{self.number} add {name} int default {self.columns}")

    def save(self):
        self.savepoints += 1
        self.run(f"savepoint s{self.savepoints}")

    def roll_back_to(self):
        if self.savepoints:
            self.run(f"rollback to savepoint s{self.savepoints}")
            self.savepoints -= 1

    def release(self):
        if self.savepoints:
            self.run(f"release savepoint s{self.savepoints}")
            self.savepoints -= 1

    def commit(self):
        self.conn.commit()
        self.savepoints = 0

    def roll_back(self):
        self.conn.rollback()
        self.savepoints = 0


def histories(database, seed, steps):
    """Two writers whose transactions lie inside each other."""
    source = random.Random(seed)
    writers = [Writer(database.dsn, number, source) for number in (0, 1)]
    for _ in range(steps):
        source.choice(writers).step()
    for writer in writers:
        writer.commit()
        writer.conn.close()


def kinds(driver, start, end):
    """The kinds of messages that the server sends, and whether it could send everything."""
    opened = driver._opener.resume(start, Stop(driver._stop_driver_event), bounded=True)
    found = set()
    try:
        while (opened.cur.wal_end or 0) >> 3 << 20 < end:
            message = opened.cur.read_message()
            if message is not None:
                found.add(chr(message.payload[0]))
    except psycopg2.errors.InternalError_:  # it cannot stream this; the driver goes on with the ordinary protocol
        return found, False
    finally:
        opened.conn.close()
    return found, True


def said_once(events):
    """The events, each layout where it is new: a stream that begins anew says again how its tables are declared."""
    said, found = {}, []
    for event in events:
        table = event["event_schema"], event["table"]
        layout = event["layout"] if event["layout"] != said.get(table) else None
        said[table] = event["layout"] or said.get(table)
        found.append(event | {"layout": layout})
    return found


@pytest.mark.parametrize(
    ("seed", "steps"),
    [(SEED, 100), *[pytest.param(SEED + n, 400, marks=pytest.mark.full) for n in (*range(1, 11), STUCK - SEED)]],
)
def test_both_protocols_tell_the_same_events(database, make_driver, frugal, seed, steps):
    print(f"seed {seed}")
    database.run(SCHEMA.format(n=0))
    database.run("create table own_1 (like own_0 including all)")
    plain, streaming = make_driver(dsn=frugal), make_driver(dsn=frugal, streaming=True)
    plain.get_message_iterator(-1)
    start = plain.get_latest_position()
    histories(database, seed, steps)
    end = plain.get_latest_position()
    expected = [event.model_dump() for event in plain.get_message_iterator(start, end_position=end)]
    told = [event.model_dump() for event in streaming.get_message_iterator(start, end_position=end)]
    found, is_whole = kinds(streaming, start, end)
    assert ({"S", "E", "c", "A"} if is_whole else {"S"}) <= found
    found, is_whole = kinds(plain, start, end)
    assert is_whole
    assert not {"S", "E", "c"} & found
    assert sum(len(event["rows"]) for event in expected) > 1000
    assert said_once(told) == said_once(expected)
    for place in range(0, len(expected), len(expected) // 2):
        rest = streaming.get_message_iterator(expected[place]["index"], end_position=end)
        # a stream that begins anew says again how its tables are declared
        after = [event | {"layout": None} for event in expected[place + 1 :]]
        assert [event.model_dump() | {"layout": None} for event in rest] == after


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("end", ["rollback to s", "rollback"])
def test_a_rollback_that_is_read_later_tells_nothing(database, make_driver, frugal, streaming, end):
    """A server that meets the end of a large transaction before it sends any of it may still name it."""
    database.run("create table t (id int primary key, v text)")
    driver = make_driver(dsn=frugal, streaming=streaming)
    driver.get_message_iterator(-1)
    start = driver.get_latest_position()
    with database.transaction() as run:
        run("insert into t select -g, md5(g::text) from generate_series(1, 300) g")
        run("savepoint s")
        large_insert(run, 1)
        run(end)
    database.run("insert into t values (0)")
    told = driver.get_message_iterator(start, end_position=driver.get_latest_position())
    paths = [row["path"] for event in told for row in event.rows]
    before = 300 if end == "rollback to s" else 0
    assert paths == [f"/public/t/{-number}" for number in range(1, before + 1)] + ["/public/t/0"]


def test_a_part_that_was_rolled_back_after_it_emptied_its_table_tells_nothing(database, make_driver, frugal):
    database.run("create table t (id int primary key, v text)")
    driver = make_driver(dsn=frugal, streaming=True)
    driver.get_message_iterator(-1)
    start = driver.get_latest_position()
    with database.transaction() as run:
        run("insert into t values (-1)")
        run("savepoint s")
        run("truncate t")
        large_insert(run, 1)
        run("rollback to s")
        run("insert into t values (-2)")
    told = driver.get_message_iterator(start, end_position=driver.get_latest_position())
    assert [row["path"] for event in told for row in event.rows] == ["/public/t/-1", "/public/t/-2"]


def large_insert(run, first):
    run("insert into t select g, md5(g::text) from generate_series(%s, %s) g", (first, first + 9_999))


def test_nothing_is_told_before_its_commit_nor_after_a_rollback(database, make_driver, frugal, read):
    database.run("create table t (id int primary key, v text)")
    driver = make_driver(dsn=frugal, streaming=True)
    reading = read(driver.get_message_iterator(-1, progress_interval=0.1))
    with database.transaction() as run:
        large_insert(run, 1)
        passed = driver.get_latest_position()
        database.run("insert into t values (0)")
        told = [reading.next()]
        while told[-1].index < passed or told[-1].rows:
            told.append(reading.next())
        assert [row["path"] for event in told for row in event.rows] == ["/public/t/0"]
        run("rollback")
    with database.transaction() as run:
        large_insert(run, 20_001)
    paths = {row["path"] for _, row in reading.rows(10_000)}
    assert paths == {f"/public/t/{number}" for number in range(20_001, 30_001)}


def test_what_is_kept_has_no_name_and_goes_with_the_stream(database, frugal, read, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    database.run("create table t (id int primary key, v text)")
    driver = database.driver(dsn=frugal, streaming=True)
    reading = read(driver.get_message_iterator(-1))

    def kept():
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return [link for link in links if str(tmp_path) in str(link.readlink())]

    with database.transaction() as run:
        large_insert(run, 1)
        database.wait_for(kept)
        assert list(tmp_path.iterdir()) == []
        asyncio.run(driver.close())
        assert reading.join() is None
        assert kept() == []


@pytest.mark.parametrize("streaming", [True, False])
def test_old_changes_release_nothing_that_was_not_acknowledged(database, make_driver, frugal, read, streaming):
    """What comes last may lie below what was acknowledged: the slot must not move on for that."""
    database.run("create table t (id int primary key, v text)")
    driver = make_driver(dsn=frugal, streaming=streaming)
    reading = read(driver.get_message_iterator(-1, progress_interval=0.1))
    with database.transaction() as early, database.transaction() as late:
        insert = "insert into t select g, md5(g::text) from generate_series(%s, %s) g"
        early(insert, (1, 350))  # less than is kept in memory
        database.run("insert into t values (-1)")
        reading.rows(1)
        acknowledged = reading.events[-1].index
        driver.acknowledge(acknowledged)
        confirmed = format_lsn(lsn_of(acknowledged))
        database.wait_for(lambda: database.slots()[0][2] == confirmed)
        database.run("insert into t values (-2)")
        reading.rows(1)
        late(insert, (1001, 1300))  # together it is more, and the largest is streamed: the early one
        for number in range(5):
            latest = driver.get_latest_position()
            database.run(f"create table other_{number} ()")
            while reading.next().index < latest:
                pass
        assert database.slots()[0][2] == confirmed
    assert driver.is_position_available(acknowledged)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_message_of_a_part_that_is_rolled_back_takes_no_place(database, make_driver, frugal, streaming):
    database.run("create table t (id int primary key, v text)")
    database.run("create table u (id int primary key)")
    streamed = make_driver(dsn=frugal, streaming=True)
    streamed.get_message_iterator(-1)
    start = streamed.get_latest_position()
    with database.transaction() as run:
        run("insert into t values (-1, '')")
        run("savepoint s")
        run("select pg_logical_emit_message(true, 'app', 'x')")
        run("insert into t select g, md5(g::text) from generate_series(1, 10000) g")
        run("rollback to s")
        run("insert into t values (-2, '')")
        run("insert into u values (1)")
    end = streamed.get_latest_position()
    told = [next(streamed.get_message_iterator(start, end_position=end))]
    other = make_driver(streaming=streaming)
    told += other.get_message_iterator(told[0].index, end_position=end)
    assert sorted(row["path"] for event in told for row in event.rows) == [
        "/public/t/-1",
        "/public/t/-2",
        "/public/u/1",
    ]
