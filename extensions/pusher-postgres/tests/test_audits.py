"""An audit writes what differs, and what it deletes is never decided by half of what it reported."""

import asyncio
import time
from contextlib import closing

import psycopg2
import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, event, record, upsert
from postgres_layouts import FIRST

from fustor_core.models.config import PusherConfig
from fustor_pusher_postgres import PostgresDriver
from fustor_testing_postgres import Server

ROWS = 2_000
HOME = ("public", "users")


def rows(source, count=ROWS, *, mtime=1.0, home=HOME, **more):
    """Rows as a database tells them: their `mtime` is the time that they were read at."""
    read = {"parent_path": "/public/users", "parent_mtime": mtime} if source is AUDIT else {}
    told = [
        {
            "path": f"/public/users/{key}",
            "mtime": mtime,
            "size": 1,
            "record": {"id": key, "t": "x" * 50},
            **read,
            **more,
        }
        for key in range(count)
    ]
    return event(source, told, home=home)


def containers(mtime):
    return [
        upsert("/public/users", source=AUDIT, home=HOME, is_directory=True, mtime=mtime, parent_path="/public"),
        upsert("/public", "/", source=AUDIT, home=("public", ""), is_directory=True, mtime=mtime),
    ]


async def begin(driver, source=SNAPSHOT, **more):
    session = (await driver.create_session("task"))["session_id"]
    await driver.push([rows(source, **more)], session_id=session)
    await driver.push([], session_id=session, is_snapshot_end=True)
    return session


async def audit(driver, session, *batches):
    for batch in ([AUDIT_START], *batches, [AUDIT_END]):
        await driver.push(batch, session_id=session)


def written(database, before="0/0"):
    """The bytes of the log since a place in it, and the place."""
    ((place, count),) = database.ask(
        "SELECT pg_current_wal_insert_lsn(), pg_current_wal_insert_lsn() - %s::pg_lsn", before
    )
    return place, int(count)


@pytest.mark.parametrize("typed", [(), ("*",)], ids=["jsonb", "typed"])
def test_an_audit_of_unchanged_rows_writes_next_to_nothing(run, database, typed):
    """Full pages apart, which a checkpoint asks for: they come with the first audit."""

    async def scenario(driver):
        session = await begin(driver)
        batches = [[rows(AUDIT, mtime=2.0)], containers(2.0)]
        await audit(driver, session, *batches)
        place, _ = written(database)
        later = [[rows(AUDIT, mtime=3.0)], containers(3.0)]
        await audit(driver, session, *later)
        size = written(database, place)[1]
        print(f"{ROWS} unchanged rows: {size} bytes of log")
        return size

    assert run(scenario, typed_tables=typed) < 20_000
    told = database.ask("SELECT message_source, mtime, count(*) FROM fustor.public_users GROUP BY 1, 2")
    assert told == [("snapshot", 1.0, ROWS)]


def test_what_differs_is_written_and_nothing_else(run, database):
    async def scenario(driver):
        session = await begin(driver, source=SNAPSHOT)
        told = rows(AUDIT, mtime=2.0)
        told.rows[5]["record"] = {"id": 5, "t": "changed"}
        told.rows[6]["size"] = 7
        told.rows[7]["name"] = "extra"
        told.rows[8]["record"] = {"id": 8, "t": None}
        del told.rows[9]
        await audit(driver, session, [told], containers(2.0))

    run(scenario)
    query = "SELECT path FROM fustor.public_users WHERE message_source = 'audit' AND mtime = 2 ORDER BY path"
    assert database.ask(query) == [(f"/public/users/{key}",) for key in (5, 6, 7, 8)]
    assert database.ask("SELECT count(*) FROM fustor.public_users") == [(ROWS - 1,)]


def test_a_file_with_another_mtime_differs_however_old_that_is(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([upsert("/a", "/b", mtime=5.0)], session_id=session, is_snapshot_end=True)
        await audit(driver, session, [upsert("/a", mtime=5.0, source=AUDIT), upsert("/b", mtime=1.0, source=AUDIT)])

    run(scenario)
    told = database.ask("SELECT path, mtime, message_source FROM fustor.fs ORDER BY path")
    assert told == [("/a", 5.0, "realtime"), ("/b", 1.0, "audit")]


VALUES = [None, True, 7, 2**70, 0.1, 1e300, "text", 'q"\\', "", [1, "x"], {"a": None}, "2026-11-24"]


@pytest.mark.parametrize("kind", [None, "timestamptz(0)", "char(40)", "json"])
def test_typed_values_that_are_unchanged_are_left_alone(run, database, kind):
    """A column whose type prints something else than was told is written each time, and nothing is refused for it."""

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        told = [
            record(str(number), {f"v{number}": value, "at": "2026-11-24 09:00:00.6+00"})
            for number, value in enumerate(VALUES)
        ]
        await driver.push(told, session_id=session, is_snapshot_end=True)
        if kind:
            change = "to_json(at)" if kind == "json" else f"at::{kind}"
            database.ask(f"ALTER TABLE fustor.public_users ALTER COLUMN at TYPE {kind} USING {change}")
        again = [
            record(
                str(number),
                {f"v{number}": value, "at": '"x"' if kind == "json" else "2026-11-24 09:00:00.6+00"},
                source=AUDIT,
            )
            for number, value in enumerate(VALUES)
        ]
        for _ in range(2):
            await audit(driver, session, again)
        return driver.statistics()["refused_rows"]

    assert run(scenario, typed_tables=["*"]) == 0
    if kind is None:
        assert database.ask("SELECT count(*) FROM fustor.public_users WHERE message_source = 'audit'") == [(0,)]


def paths(database):
    return sorted(row["path"] for row in database.stored() if not row["is_directory"])


def test_an_audit_may_be_told_through_several_processes(run, database):
    async def scenario(driver):
        session = await begin(driver, count=10)
        others = [database.driver() for _ in range(3)]
        for number, batch in enumerate([[AUDIT_START], [rows(AUDIT, 9)], containers(2.0), [AUDIT_END]]):
            await others[number % 3].push(batch, session_id=session)
        for other in others:
            await other.close()

    run(scenario)
    assert paths(database) == [f"/public/users/{key}" for key in range(9)]


def test_an_audit_that_broke_off_is_discarded_by_the_next_one(run, database):
    async def scenario(driver):
        session = await begin(driver, count=10)
        await driver.push([AUDIT_START], session_id=session)
        await driver.push([*containers(2.0), rows(AUDIT, 2)], session_id=session)
        await audit(driver, session, [rows(AUDIT, 9)])  # lists no container
        assert len(paths(database)) == 10
        await driver.push([AUDIT_START], session_id=session)
        await driver.push(containers(2.0), session_id=session)
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([AUDIT_END], session_id=session)

    run(scenario)
    assert len(paths(database)) == 10


@pytest.mark.parametrize("lost", ["TRUNCATE {}", "DELETE FROM {} WHERE home = -1"])
def test_an_audit_whose_notes_were_lost_deletes_nothing(run, database, caplog, lost):
    async def scenario(driver):
        session = await begin(driver, count=10)
        await driver.push([AUDIT_START], session_id=session)
        await driver.push([rows(AUDIT, 5)], session_id=session)
        database.ask(lost.format("fustor._fustor_audit_1"))
        await driver.push([*containers(2.0), AUDIT_END], session_id=session)

    run(scenario)
    assert len(paths(database)) == 10
    assert "deletes nothing" in caplog.text


@pytest.mark.chaos
@pytest.mark.parametrize("when", ["before the rows", "before the end"])
def test_a_server_that_is_killed_during_an_audit_deletes_nothing(when):
    server = Server.started()

    async def scenario():
        config = PusherConfig(driver="postgres", endpoint=server.uri, retry_delay_sec=0.1)
        driver = PostgresDriver("t", config)
        session = await begin(driver, count=10)
        await driver.push([AUDIT_START], session_id=session)
        if when == "before the end":
            await driver.push([rows(AUDIT, 10)], session_id=session)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        if when == "before the rows":
            await driver.push([rows(AUDIT, 5)], session_id=session)
        await driver.push([*containers(2.0), AUDIT_END], session_id=session)
        (left,) = await asyncio.to_thread(_count, driver)
        await audit(driver, session, [rows(AUDIT, 5)], containers(3.0))
        (after,) = await asyncio.to_thread(_count, driver)
        await driver.close()
        return left, after

    try:
        assert asyncio.run(scenario()) == (10, 5)
    finally:
        server.remove()


def _count(driver):
    with driver._store._pool.lend() as conn, conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM fustor.public_users")
        return cur.fetchone()


def test_tables_of_the_first_layout_go_on(run, database):
    database.ask(FIRST)

    async def scenario(driver):
        session = await driver.create_session("task")
        assert session["committed_index"] == 7
        session = session["session_id"]
        await driver.push([record("2", {"id": 20}, index=8)], session_id=session)
        await audit(
            driver,
            session,
            [record("1", {"id": 1, "name": "name 1"}, source=AUDIT), record("4", {"id": 4, "more": "x"}, source=AUDIT)],
            containers(2.0),
        )
        assert driver.statistics()["refused_rows"] == 0

    run(scenario, typed_tables=["*"])
    told = database.ask("SELECT path, id, name, more, message_source FROM fustor.public_users ORDER BY path")
    assert told == [
        ("/public/users/1", 1, "name 1", None, "snapshot"),
        ("/public/users/4", 4, None, "x", "audit"),
    ]


def test_a_check_changes_no_layout(database):
    database.ask(FIRST)
    passed, text = asyncio.run(PostgresDriver.check_privileges(endpoint=database.dsn))
    assert passed, text
    assert database.ask("SELECT version FROM fustor._fustor_meta") == [(1,)]
    with closing(psycopg2.connect(database.dsn)) as conn, conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM fustor.public_users")  # and waits for nobody who reads meanwhile
        assert asyncio.run(PostgresDriver.check_privileges(endpoint=database.dsn))[0]


def test_the_end_of_an_audit_costs_no_more_than_its_rows(run):
    """Nothing is known yet of what a first audit reported; it compared each row with all of them."""

    async def scenario(driver):
        session = await begin(driver, count=6 * ROWS)
        await driver.push([AUDIT_START], session_id=session)
        begun = time.perf_counter()
        await driver.push([rows(AUDIT, 6 * ROWS, mtime=2.0), *containers(2.0)], session_id=session)
        told = time.perf_counter()
        await driver.push([AUDIT_END], session_id=session)
        assert time.perf_counter() - told < 2 * (told - begun)

    run(scenario)
