"""A table that is there becomes typed, or one with jsonb again, when a session begins; its values stay the same."""

import json
import logging
import subprocess
import sys
import tracemalloc
from contextlib import closing

import psycopg2
import pytest
from postgres_events import SNAPSHOT, record, upsert
from postgres_tables import declared, layout, letters, push, texts, types

TOLD = layout(
    id="integer",
    price="numeric",
    at="timestamp with time zone",
    day="date",
    tags="text[]",
    prices="numeric[]",
    floats="double precision[]",
    docs="jsonb[]",
    ratio="double precision",
    ok="boolean",
    doc="jsonb",
    raw="json",
    name="character varying",
    code="bpchar",
    size_of="bytea",
    mood="public.mood",
    wait="interval",
    nets="inet[]",
    grid="integer[]",
)
ROWS = [
    {
        "id": 1,
        "price": "1.50",
        "at": "2024-02-29 10:00:00+00",
        "day": "0044-03-15 BC",
        "tags": ["a,b", None, 'q"uo\\te', "", "NULL"],
        "prices": ["1.10", "NaN", None],
        "floats": [0.1, "NaN", None, 1e20],
        "docs": [{"a": [1, "x"]}, None, [1], "s"],
        "ratio": 0.1,
        "ok": True,
        "doc": {"b": 1, "a": [None, "x"]},
        "raw": [1, {"k": "v"}],
        "name": "tab\tline\n\\N",
        "code": "ab   ",
        "size_of": "\\x00ff",
        "mood": "it's",
        "wait": "P1Y2M3DT4H5M6.7S",
        "nets": ["10.0.0.1", "10.0.0.0/8"],
        "grid": [[1, 2], [3, None]],
    },
    {
        **dict.fromkeys(TOLD.columns),
        "id": 2,
        "price": "NaN",
        "at": "-infinity",
        "ratio": "Infinity",
        "doc": "text",
        "raw": "text",
        "tags": [],
        "name": "",
    },
]
ODD = {"%": 1, "_under": "x", "path": [1], "x" * 64: None, "": True}
"""Keys that never become columns."""


def records(database):
    query = "SELECT path, record FROM fustor.public_users ORDER BY path"
    return [told for _, told in database.ask(query)]


def is_typed(database):
    return database.ask("SELECT typed FROM fustor._fustor_tables WHERE event_table = 'users'") == [(True,)]


def rows(*records):
    return [record(str(number), told) for number, told in enumerate(records)]


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "not declared"])
def test_a_table_becomes_typed_and_jsonb_again_with_the_same_values(run, database, is_declared):
    events = rows(*(row | ODD for row in ROWS))
    if is_declared:
        events[0].layout = TOLD
    else:
        events[1].rows[0]["record"] |= {"ratio": 7, "doc": [], "raw": {}}  # several kinds of values would become text
    push(run, events, typed_tables=[])
    before = records(database)
    assert before == [event.rows[0]["record"] for event in events]
    push(run)
    assert is_typed(database)
    if is_declared:
        assert types(database) == dict(TOLD.columns) | {"mood": "text"}
    assert all({*told} <= {*ODD} for told in records(database))
    assert texts(database, "price") == ["1.50", "NaN"]
    assert texts(database, "at") == ["2024-02-29 10:00:00+00", "-infinity"]
    push(run, typed_tables=[])
    assert not is_typed(database)
    assert types(database) == {}
    assert [told | ODD for told in records(database)] == before
    assert [*map(json.dumps, map(sorted, records(database)))] == [*map(json.dumps, map(sorted, before))]


def test_a_switched_table_is_like_one_that_was_typed_from_the_start(run, database):
    first = rows(*ROWS)
    first[0].layout = TOLD
    more = [[record("1", {"id": 7, "tags": ["z"]})], [record("3", ROWS[0] | {"id": 3}), record("4", ROWS[1])]]
    push(run, first, typed_tables=[])
    push(run, *more)
    columns = ", ".join(f"format('%s', {'raw::jsonb' if name == 'raw' else name})" for name in TOLD.columns)
    query = f"SELECT path, {columns}, record FROM fustor.public_users ORDER BY path"  # noqa: S608 - the names above
    switched, kinds = database.ask(query), types(database)
    database.ask("DROP SCHEMA fustor CASCADE")
    push(run, first, *more)
    assert kinds == types(database)
    assert switched == database.ask(query)
    assert letters(database) == []


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2**63 - 1, None], "numeric"),
        ([1, 10**17], "bigint"),
        ([1, 2**70, 0.5], "numeric"),
        ([1, "x", [1], {"a": 1}, True, None, "[1]"], "text"),
        ([True, False], "boolean"),
        ([[1], {"a": None}], "jsonb"),
        (["", "x"], "text"),
    ],
)
def test_a_column_holds_every_value_that_its_key_had(run, database, values, kind):
    push(run, rows(*({"id": n, "v": value} for n, value in enumerate(values))), typed_tables=[])
    before = [None if told["v"] is None else told["v"] for told in records(database)]
    push(run)
    assert types(database)["v"] == kind
    push(run, typed_tables=[])
    after = [told["v"] for told in records(database)]
    if kind == "text":
        before = [value if value is None or isinstance(value, str) else json.dumps(value) for value in before]
    assert after == before


def test_other_tables_and_tasks_are_left_alone(run, database):
    async def scenario(driver):
        for task in ("task", "other"):
            session = (await driver.create_session(task))["session_id"]
            await driver.push([record("1", {"id": 1}, home=(task, "t")), upsert("/x/y")], session_id=session)

    run(scenario)
    push(run, typed_tables=["*"])
    found = dict(database.ask("SELECT relation, typed FROM fustor._fustor_tables WHERE event_table <> ''"))
    assert found == {"task_t": True, "other_t": False}
    assert database.ask("SELECT count(*) FROM fustor._fustor_tables WHERE event_table = '' AND typed") == [(0,)]


def test_rows_without_a_record_stay_without(run, database):
    event = record("1", {"id": 1})
    del event.rows[0]["record"]
    lists = [record("2", [1, 2]), record("3", "text"), record("4", None)]
    push(run, [event, *lists], typed_tables=[])
    before = records(database)
    push(run)
    push(run, typed_tables=[])
    assert records(database) == before


def test_a_column_with_values_of_another_type_is_text(run, database):
    told = layout(id="integer", at="date")
    push(
        run, [declared("1", {"id": 1, "at": "2024-02-29"}, told), record("2", {"id": 2, "at": "soon"})], typed_tables=[]
    )
    push(run)
    assert types(database) == {"id": "integer", "at": "text"}
    assert texts(database, "at") == ["2024-02-29", "soon"]


def test_a_driver_that_runs_meets_the_table_as_it_is(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for number in range(4):
            await driver.push(rows({"id": number}), session_id=session)
        push_apart = database.driver(typed_tables=["*"])
        again = (await push_apart.create_session("task"))["session_id"]
        await push_apart.push([record("9", {"id": 9})], session_id=again)
        await push_apart.close()
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("0", {"id": 5})], session_id=session)

    run(scenario)
    assert not is_typed(database)
    assert records(database) == [{"id": 5}, {"id": 9}]


def test_what_cannot_be_rewritten_stays_and_says_why(run, database, caplog):
    push(run, [declared("1", {"id": 1, "at": "2024-02-29"}, layout(id="integer", at="date"))])
    database.ask("CREATE VIEW public.v AS SELECT at FROM fustor.public_users")
    with caplog.at_level(logging.WARNING):
        push(run, [record("2", {"id": 2, "at": "2024-03-01"})], typed_tables=[])
    assert "keeps the form it has" in caplog.text
    assert is_typed(database)
    assert texts(database, "at") == ["2024-02-29", "2024-03-01"]
    database.ask("DROP VIEW public.v")
    push(run, typed_tables=[])
    assert records(database) == [{"id": 1, "at": "2024-02-29"}, {"id": 2, "at": "2024-03-01"}]


def test_a_column_that_realtime_left_out_still_comes_from_the_snapshot(run, database):
    async def push_all(driver, session, *batches):
        for batch in batches:
            await driver.push(batch, session_id=session)

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await push_all(driver, session, [declared("1", {"id": 1}, layout(id="integer", at="date"), mtime=5.0)])
        listed = declared("1", {"id": 0, "at": "2024-02-29"}, layout(id="integer", at="date"), source=SNAPSHOT)
        await push_all(driver, session, [listed])
        await driver.push([], session_id=session, is_snapshot_end=True)

    run(scenario)
    push(run)
    assert (texts(database, "id"), texts(database, "at")) == (["1"], ["2024-02-29"])


KILLED = """
import asyncio, json, sys
from fustor_core.models.config import PusherConfig
from fustor_pusher_postgres import PostgresDriver

driver = PostgresDriver("test", PusherConfig.model_validate(json.loads(sys.argv[1])))
print("begins", flush=True)
asyncio.run(driver.create_session("task"))
"""


@pytest.mark.parametrize("back", [False, True], ids=["to columns", "to jsonb"])
def test_a_switch_that_is_killed_changes_nothing(run, database, back):
    events = rows(*({"id": n, "at": "2024-02-29"} for n in range(100)))
    events[0].layout = layout(id="integer", at="date")
    push(run, events, typed_tables=["*"] if back else [])
    query = "SELECT * FROM fustor.public_users ORDER BY path"
    before, kinds = database.ask(query), types(database)
    params = {"typed_tables": [] if back else ["*"]}
    config = json.dumps(database.config() | {"driver_params": params})
    with closing(psycopg2.connect(database.dsn)) as conn, conn.cursor() as cur:
        # the rewriting has begun when its last step waits for this reader
        cur.execute("SELECT 1 FROM fustor.public_users LIMIT 1")
        process = subprocess.Popen([sys.executable, "-c", KILLED, config], stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while database.ask(waiting) == [(0,)]:
            assert process.poll() is None
        process.kill()
        process.communicate()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        cur.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    assert (database.ask(query), types(database)) == (before, kinds)
    assert database.ask(waits) == [(0,)]
    push(run, typed_tables=params["typed_tables"])
    assert is_typed(database) is not back
    assert database.ask("SELECT count(*) FROM fustor.public_users") == [(100,)]


def test_a_larger_table_is_rewritten_by_the_server(run, database):
    push(run, rows({"id": 1, "t": "x"}), typed_tables=[])
    database.ask(
        "INSERT INTO fustor.public_users (path, mtime, is_directory, record, message_source, event_index)"
        " SELECT '/public/users/a' || n, 1, false, jsonb_build_object('id', n, 't', repeat('x', 2000)), 'realtime', 1"
        " FROM generate_series(1, 5000) n"
    )
    tracemalloc.start()
    push(run)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert database.ask("SELECT count(*), sum(length(t)) FROM fustor.public_users") == [(5_001, 10_000_001)]
    assert peak < 5_000_000
