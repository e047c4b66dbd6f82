"""The guard against mass deletion, and what the ends of snapshots and audits cost."""

import logging
import time

import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, upsert

ROWS = 150


def rows(count):
    return [f"/d/{number}" for number in range(count)]


async def begin(driver, count=ROWS):
    """A complete snapshot of so many rows, and a session after it."""
    session = (await driver.create_session("task"))["session_id"]
    await driver.push([upsert(*rows(count), source=SNAPSHOT)], session_id=session, is_snapshot_end=True)
    return (await driver.create_session("task"))["session_id"]


async def snapshot_of(driver, session, count, **keywords):
    events = [upsert(*rows(count), source=SNAPSHOT, mtime=2.0, index=7)] if count else []
    return await driver.push(events, session_id=session, is_snapshot_end=True, **keywords)


async def audit_of(driver, session, count, **keywords):
    root = [upsert("/d", source=AUDIT, is_directory=True), upsert("/", source=AUDIT, is_directory=True)]
    told = [upsert(*rows(count), source=AUDIT, mtime=2.0)] if count else []
    await driver.push([AUDIT_START], session_id=session)
    return await driver.push([*told, *root, AUDIT_END], session_id=session, **keywords)


ENDS = pytest.mark.parametrize("end", [snapshot_of, audit_of], ids=["snapshot", "audit"])


def files(database):
    return sorted(row["path"] for row in database.stored() if not row["is_directory"])


@ENDS
def test_an_end_that_would_take_most_of_the_rows_takes_none(run, database, caplog, end):
    caplog.set_level(logging.WARNING, "fustor_pusher_postgres")

    async def scenario(driver):
        session = await begin(driver)
        reply = await end(driver, session, 10)
        return reply, await driver.get_latest_committed_index(session_id=session), driver.statistics()

    reply, index, statistics = run(scenario)
    assert (reply["success"], reply["refused_deletions"], statistics["refused_deletions"]) == (
        True,
        ROWS - 10,
        ROWS - 10,
    )
    assert index == (7 if end is snapshot_of else -1)
    assert files(database) == sorted(rows(ROWS))
    assert [row["mtime"] for row in database.stored() if row["path"] == "/d/0"] == [2.0]
    (warning,) = [record.getMessage() for record in caplog.records]
    assert f"{ROWS - 10} of the 15" in warning
    assert "--allow-deletions" in warning


@ENDS
@pytest.mark.parametrize(
    ("params", "keywords"),
    [({}, {"allow_deletions": True}), ({"max_delete_rows": 1_000}, {}), ({"max_delete_share": 1}, {})],
    ids=["leave", "rows", "share"],
)
def test_an_end_may_take_what_is_allowed(run, database, end, params, keywords):
    async def scenario(driver):
        return await end(driver, await begin(driver), 10, **keywords)

    assert run(scenario, **params)["refused_deletions"] == 0
    assert files(database) == sorted(rows(10))


@ENDS
@pytest.mark.parametrize(("count", "left"), [(ROWS, ROWS - 100), (10, 0), (600, 480)], ids=["rows", "few", "share"])
def test_an_end_may_take_a_hundred_rows_or_a_fifth(run, database, end, count, left):
    async def scenario(driver):
        return await end(driver, await begin(driver, count), left)

    assert run(scenario)["refused_deletions"] == 0
    assert files(database) == sorted(rows(left))


@ENDS
def test_the_next_end_asks_again(run, database, end):
    async def scenario(driver):
        session = await begin(driver)
        replies = [await end(driver, session, 10)]
        if end is snapshot_of:
            session = (await driver.create_session("task"))["session_id"]
        replies.append(await end(driver, session, 10))
        if end is snapshot_of:
            session = (await driver.create_session("task"))["session_id"]
        replies.append(await end(driver, session, 10, allow_deletions=True))
        return [reply["refused_deletions"] for reply in replies]

    assert run(scenario) == [ROWS - 10, ROWS - 10, 0]
    assert files(database) == sorted(rows(10))


def test_what_is_below_a_container_counts(run, database):
    async def scenario(driver):
        session = await begin(driver)
        await driver.push([AUDIT_START], session_id=session)
        root = upsert("/", source=AUDIT, is_directory=True)
        return await driver.push([root, AUDIT_END], session_id=session)

    assert run(scenario)["refused_deletions"] == ROWS + 1
    assert files(database) == sorted(rows(ROWS))


def test_the_end_of_a_snapshot_costs_less_than_its_rows_however_many_tables_there_are(run, database):
    homes = [("public", f"t{number}") for number in range(60)]

    async def timed(push):
        begun = time.perf_counter()
        await push
        return time.perf_counter() - begun

    async def scenario(driver):
        took = {}
        for told in (homes, homes[1:]):
            events = [upsert(f"/public/{home[1]}/1", source=SNAPSHOT, home=home) for home in told]
            session = (await driver.create_session("task"))["session_id"]
            took["rows"] = await timed(driver.push(events, session_id=session))
            took["end"] = await timed(driver.push([], session_id=session, is_snapshot_end=True))
        return took

    took = run(scenario)
    assert took["end"] < took["rows"]
    assert len(files(database)) == 59
    containers = {row["path"] for row in database.stored() if row["is_directory"]}
    assert containers == {"/public", *(f"/public/t{number}" for number in range(1, 60))}


def test_settings_of_every_session(run, database):
    async def scenario(driver):
        await driver.create_session("task")
        with driver._store._pool.lend() as conn, conn.cursor() as cur:
            cur.execute("SELECT pg_catalog.current_setting('jit'), pg_catalog.current_setting('search_path')")
            return cur.fetchone()

    database.ask(f"ALTER DATABASE {database._name} SET search_path = public")
    assert run(scenario) == ("off", "")
