"""From tables of PostgreSQL to typed tables of PostgreSQL: types and values arrive as they are."""

import asyncio
import uuid
from contextlib import closing, contextmanager

import psycopg2
import pytest
from postgres_values import DOCUMENTS, SETUP, VALUES
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_pusher_postgres import PostgresDriver as Pusher
from fustor_source_postgres import PostgresDriver as Source
from fustor_source_postgres.testing import server_uri

pytestmark = pytest.mark.wide

HOSTILE = (
    "datestyle = 'sql, dmy'",
    "intervalstyle = sql_standard",
    "timezone = 'Asia/Kolkata'",
    "bytea_output = escape",
)
HOSTILE += ("extra_float_digits = -3", "array_nulls = off")


@contextmanager
def made_database(settings=()):
    """A database of its own, and how to ask it."""
    name = f"t{uuid.uuid4().hex[:12]}"
    dsn = make_dsn("", **parse_dsn(server_uri()) | {"dbname": name})

    def ask(statement, *values):
        with closing(psycopg2.connect(dsn)) as conn, conn, conn.cursor() as cur:
            cur.execute(statement, values or None)
            return cur.fetchall() if cur.description else []

    administer(sql.SQL("create database {}").format(sql.Identifier(name)))
    for setting in settings:
        administer(sql.SQL("alter database {} set " + setting).format(sql.Identifier(name)))
    ask.dsn = dsn
    yield ask
    slots = "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()"
    ask("select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where database = %s and active", name)
    ask(slots)
    administer(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def administer(statement):
    with closing(psycopg2.connect(server_uri())) as conn, conn.cursor() as cur:
        conn.autocommit = True
        cur.execute(statement)


class Pipe:
    """A source's events, pushed phase by phase."""

    def __init__(self, source, target, **params):
        self.source = Source(
            "s", SourceConfig(driver="postgres", uri=source.dsn, driver_params={"tables": ["public.*"]})
        )
        params = {"typed_tables": ["public.*"], **params}
        self.pusher = Pusher("p", PusherConfig(driver="postgres", endpoint=target.dsn, driver_params=params))
        self.session = None
        self.position = None

    def begin(self):
        self.session = self._run(self.pusher.create_session("task"))["session_id"]

    def open(self):
        """Begin a session at a boundary of the stream."""
        stream = self.source.get_message_iterator(-1)
        self.position = self.source.get_latest_position()
        stream.close()
        self.begin()

    def list(self):
        """Push the snapshot."""
        self.push(*self.source.get_snapshot_iterator(batch_size=5))
        self._run(self.pusher.push([], session_id=self.session, is_snapshot_end=True))

    def snapshot(self):
        self.open()
        self.list()

    def stream(self):
        """Push what has happened since the last call."""
        start, self.position = self.position, self.source.get_latest_position()
        self.push(*self.source.get_message_iterator(start, end_position=self.position))

    def audit(self):
        for event in self.source.get_audit_iterator():
            self.push(event)

    def push(self, *events):
        self._run(self.pusher.push(list(events), session_id=self.session))

    def _run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        return self

    def __exit__(self, *_):
        self._run(self.source.close())
        self._run(self.pusher.close())
        self.loop.close()


@pytest.fixture
def databases():
    with made_database(HOSTILE) as source, made_database(HOSTILE) as target:
        yield source, target


def copied(ask, query):
    """What COPY writes, under settings of its own."""
    before = "set datestyle = iso; set intervalstyle = iso_8601; set timezone = utc; set bytea_output = hex"
    before += "; set extra_float_digits = 1; set lc_monetary = 'C'; set array_nulls = on"
    lines = []
    with closing(psycopg2.connect(ask.dsn)) as conn, conn.cursor() as cur:
        cur.execute(before)
        cur.copy_expert(f"COPY ({query}) TO STDOUT", type("File", (), {"write": lambda _, line: lines.append(line)})())
    return "".join(line if isinstance(line, str) else line.decode() for line in lines).splitlines()


def column_types(ask, table="fustor.public_t"):
    query = "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass"
    return dict(ask(query + " and attnum > 0 and not attisdropped", table))


def literals(cases):
    """Rows of literals: every case has a column, and NULL where it has no more values."""
    longest = max(len(values) for _, values in cases)
    return [[values[number] if number < len(values) else None for _, values in cases] for number in range(longest)]


def create(ask, cases):
    columns = ", ".join(f"c{number} {kind}" for number, (kind, _) in enumerate(cases))
    ask(f"create table t (id int primary key, {columns}); alter table t replica identity full")


def fill(ask, cases):
    plain = "set intervalstyle = postgres; set datestyle = iso; set array_nulls = on; "
    values = ", ".join(f"%s::{kind}" for kind, _ in cases)
    for key, row in enumerate(literals(cases)):
        ask(f"{plain} insert into t values ({key}, {values})", *row)  # noqa: S608 - the cases


def tell(pipe, source, target, cases, phase):
    """Send a table with these cases in one of four ways."""
    create(source, cases)
    if phase == "stream":
        pipe.snapshot()
    fill(source, cases)
    if phase != "stream":
        pipe.snapshot()
    if phase == "update":
        source("update t set id = id + 100")
    if phase in ("stream", "update"):
        pipe.stream()
    if phase == "audit":
        target("delete from fustor.public_t")
        pipe.audit()


PHASES = pytest.mark.parametrize(
    "phase", ["snapshot", "stream", *(pytest.param(phase, marks=pytest.mark.full) for phase in ("update", "audit"))]
)


@PHASES
def test_every_value_arrives_in_a_column_of_its_type(databases, phase):
    source, target = databases
    source(SETUP)
    cases = [(kind, values) for kind, _, values in VALUES]
    with Pipe(source, target) as pipe:
        tell(pipe, source, target, cases, phase)
    names = [f"c{number}" for number in range(len(cases))]
    query = f"select {', '.join(names)} from {{}} order by id"  # noqa: S608 - numbered names
    expected, found = copied(source, query.format("t")), copied(target, query.format("fustor.public_t"))
    for one, other in zip(expected, found, strict=True):
        pairs = zip(one.split("\t"), other.split("\t"), strict=True)
        assert [(VALUES[n][0], *pair) for n, pair in enumerate(pairs) if pair[0] != pair[1]] == []
    types = column_types(target)
    assert {VALUES[n][0]: types[name] for n, name in enumerate(names)} == {kind: target for kind, target, _ in VALUES}
    assert target("select path, reason from fustor._fustor_dead_letters") == []
    assert target("select count(*) from fustor.public_t where record is not null") == [(0,)]


@PHASES
def test_every_document_arrives_as_the_same_value(databases, phase):
    source, target = databases
    with Pipe(source, target) as pipe:
        tell(pipe, source, target, DOCUMENTS, phase)
    query = "select {} from {} order by id"
    binary = [kind.replace("jsonb", "json").replace("json", "jsonb") for kind, _ in DOCUMENTS]
    names = ", ".join(f"c{number}::text::{kind}" for number, kind in enumerate(binary))
    assert copied(source, query.format(names, "t")) == copied(target, query.format(names, "fustor.public_t"))
    types = column_types(target)
    assert [types[f"c{number}"] for number in range(len(DOCUMENTS))] == [kind for kind, _ in DOCUMENTS]
    assert target("select path, reason from fustor._fustor_dead_letters") == []


def test_columns_follow_what_is_altered_while_the_stream_runs(databases):
    source, target = databases
    source("create table t (id int primary key, n int, at text, gone text)")
    source("insert into t values (1, 5, '2024-02-29', 'x')")
    with Pipe(source, target) as pipe:
        pipe.snapshot()
        source("alter table t add column added timestamptz, add column price numeric(10,2)")
        source("insert into t values (2, 6, '2024-03-01', 'y', '2024-03-01 00:00+00', 1.5)")
        source("alter table t alter n type numeric, alter at type date using at::date, drop column gone")
        source("insert into t values (3, 6.50, '2024-03-02', '2024-03-02 00:00+00', 2.5)")
        source("create table late (id uuid primary key, at interval)")
        pipe.audit()
        source("insert into late values ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '1 day')")
        pipe.stream()
        source("alter table t alter at type timestamp")
        source("update t set at = '2024-02-29 12:00:00' where id = 1")
        pipe.stream()
    types = column_types(target)
    expected = {"n": "numeric", "added": "timestamp with time zone", "price": "numeric"}
    assert {name: types[name] for name in expected} == expected
    assert column_types(target, "fustor.public_late")["at"] == "interval"
    assert types["at"] == "timestamp without time zone"
    query = "select n, added, price from fustor.public_t order by id"
    assert copied(target, query) == copied(source, query.replace("fustor.public_t", "t"))
    assert copied(target, "select at from fustor.public_t where id = 1") == ["2024-02-29 12:00:00"]
    assert target("select path, reason from fustor._fustor_dead_letters") == []


@pytest.mark.parametrize("when", ["before the snapshot", "after the snapshot", "with another key"])
def test_long_values_of_every_kind_stay_in_typed_columns(databases, when):
    """An update does not repeat values that are stored out of line."""
    source, target = databases
    columns = {"t": "text", "b": "bytea", "j": "jsonb", "a": "text[]", "n": "numeric"}
    source(f"create table t (id int primary key, v int, {', '.join(map(' '.join, columns.items()))})")
    source("alter table t alter t set storage external, alter b set storage external, alter n set storage external")
    source("alter table t alter j set storage external, alter a set storage external")
    source(
        "insert into t select n, n, repeat(md5(n::text), 200), decode(repeat(md5(n::text), 200), 'hex'),"
        " jsonb_build_object('k', repeat(md5(n::text), 200)), array[repeat(md5(n::text), 200), null],"
        " repeat(n::text, 6000)::numeric from generate_series(1, 6) n"
    )
    with Pipe(source, target) as pipe:
        if when == "before the snapshot":
            pipe.open()
            source("update t set v = v + 100 where id <= 3; update t set v = null, n = null where id = 3")
            pipe.stream()
            pipe.list()
        else:
            pipe.snapshot()
            source("update t set v = v + 100 where id <= 3; update t set v = null, n = null where id = 3")
            if when == "with another key":
                source("update t set id = id + 1000 where id = 2")
                source(
                    "update t set id = case id when 1 then -4 else -1 end where id in (1, 4);"
                    "update t set id = -id where id < 0"
                )
            pipe.stream()
    query = "select * from {} order by id".replace("*", ", ".join(["id", "v", *columns]))
    assert copied(target, query.format("fustor.public_t")) == copied(source, query.format("t"))
    types = column_types(target)
    assert {name: types[name] for name in columns} == columns
