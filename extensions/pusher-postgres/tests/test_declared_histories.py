"""A typed table holds what a table with jsonb holds, after every push of random histories."""

import asyncio
import copy
from contextlib import closing
from random import Random

import psycopg2
import pytest
from postgres_histories import COLUMNS, MANY_NAMES, NAMES, History
from psycopg2 import sql

from fustor_event_model import MessageSource, TableLayout

POOLS = {
    "integer": (None, 0, -5, 2**31 - 1),
    "date": (None, "2024-02-29", "infinity", "0044-03-15 BC"),
    "numeric": (None, "1.50", "NaN", "0.000"),
    "jsonb": (None, {"a": [None, "x"]}, [], "text", 1.5),
    "uuid": (None, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
}
KINDS = dict(zip(COLUMNS, [*POOLS] * len(COLUMNS), strict=False))
DECLARED = TableLayout(system="postgresql", columns=KINDS)
ODD = {"integer": (2**40, "x"), "date": ("no date", "2024-02-29 12:00:00"), "numeric": ("so-so",), "uuid": ("x", 1)}
"""Values that no column of the type can hold, and whose text says what they are."""


def converted(events, random, *, has_odd, moves=False):
    """The events as those of one table, with values of the declared types, some of them with a layout.

    Where rows move, they are few, and one of two tables tells of them.
    """
    told = copy.deepcopy(events)
    for event in told:
        event.event_schema, event.table = "public", random.choice("tu") if moves else "t"
        for row in event.rows:
            if moves:
                row["path"] = "/" + row["path"].rpartition("/")[2]
                row["is_directory"] = row["path"] == "/"
            if row.get("is_directory"):
                row.pop("record", None)
            if isinstance(row.get("record"), dict):
                row["record"] = {name: value_of(KINDS[name], random, has_odd=has_odd) for name in row["record"]}
        if event.rows and (random.random() < 0.3 or event.message_source is not MessageSource.REALTIME):
            event.layout = DECLARED
    return told


def value_of(kind, random, *, has_odd):
    return random.choice(ODD[kind] if has_odd and kind in ODD and random.random() < 0.05 else POOLS[kind])


_TWICE = """
SELECT path, key FROM {}, jsonb_each(CASE WHEN jsonb_typeof(record) = 'object' THEN record END)
WHERE key = ANY(%s) AND value <> 'null'
"""


def stored(database, schema):
    """Every row by path: what it is, and the texts of its record."""
    found = {}
    with closing(psycopg2.connect(database.dsn)) as conn, conn.cursor() as cur:
        tables = sql.Identifier(schema, "_fustor_tables")
        cur.execute(sql.SQL("SELECT relation, typed FROM {} ORDER BY relation").format(tables))
        for relation, is_typed in cur.fetchall():
            made = columns_of(cur, schema, relation) if is_typed else {}
            parts = [text_of(name, made.get(name)) for name in COLUMNS]
            query = "SELECT path, mtime, size, is_directory, extra, {} FROM {}"
            cur.execute(sql.SQL(_TWICE).format(sql.Identifier(schema, relation)), ([*made],))
            assert cur.fetchall() == [], "keys that have a column stand in the record"
            cur.execute(sql.SQL(query).format(sql.SQL(", ").join(parts), sql.Identifier(schema, relation)))
            found |= {path: (relation, *rest) for path, *rest in cur.fetchall()}
    return found


def text_of(name, kind):
    """The text of a column or, where there is none, of a key of the record."""
    if kind is None:
        return sql.SQL("record ->> {}").format(sql.Literal(name))
    return sql.SQL("{} #>> '{{}}'" if kind == "jsonb" else "{}::text").format(sql.Identifier(name))


def columns_of(cur, schema, relation):
    name = sql.Identifier(schema, relation).as_string(cur)
    query = "SELECT attname::text, atttypid::regtype::text FROM pg_attribute WHERE attrelid = %s::regclass"
    cur.execute(query + " AND attnum > 0", (name,))
    return dict(cur.fetchall())


async def play(database, seed, names, *, has_odd, moves=False):
    history, random = History(seed, 25, names), Random(seed)
    history.has_records = True
    typed = database.driver(schema="b", typed_tables=["*"], key_index=True, max_delete_rows=10**6)
    pair = (database.driver(schema="a", max_delete_rows=10**6), typed)
    sessions = []

    async def begin():
        replies = [await driver.create_session(f"history {seed}") for driver in pair]
        sessions[:] = [reply["session_id"] for reply in replies]
        history.begin(replies[0]["committed_index"])
        history._ended = False

    await begin()
    for kind, events in history.actions():
        if kind == "session":
            await begin()
            continue
        told = converted(events, random, has_odd=has_odd, moves=moves)
        for driver, session in zip(pair, sessions, strict=True):
            await driver.push(told, session_id=session, is_snapshot_end=kind == "end")
        if kind == "end":
            history.end_snapshot()
        one, other = stored(database, "a"), stored(database, "b")
        assert one.keys() == other.keys(), f"seed {seed}"
        assert {path: (one[path], other[path]) for path in one if one[path] != other[path]} == {}, f"seed {seed}"
    assert typed.statistics()["refused_rows"] == 0
    for driver in pair:
        await driver.close()


@pytest.mark.parametrize(("names", "has_odd"), [(NAMES, True), (MANY_NAMES, False)], ids=["few names", "many names"])
def test_a_typed_table_holds_what_jsonb_holds(database, names, has_odd):
    asyncio.run(play(database, 1, names, has_odd=has_odd))


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(2, 100))])
def test_a_typed_table_holds_what_jsonb_holds_of_rows_that_move(database, seed):
    asyncio.run(play(database, seed, NAMES, has_odd=seed % 3 == 0, moves=True))


@pytest.mark.full
@pytest.mark.parametrize("seed", range(200))
def test_a_typed_table_holds_what_jsonb_holds_in_many_histories(database, seed):
    asyncio.run(play(database, seed, NAMES if seed % 2 else MANY_NAMES, has_odd=seed % 3 == 0))
