"""The driver as hosts use it."""

import asyncio
import logging

import pytest
from postgres_events import AUDIT_END, AUDIT_START, SNAPSHOT, delete, record, upsert

from fustor_core.exceptions import ConfigError, DriverError
from fustor_core.models.config import PusherConfig
from fustor_pusher_postgres import PostgresDriver


async def start(driver, task="task"):
    return (await driver.create_session(task))["session_id"]


def test_two_pushes_at_once_lose_nothing(run, database):
    async def scenario(driver):
        session = await start(driver)
        for number in range(20):
            live = upsert(*(f"/d/{key}" for key in range(50)), mtime=float(number + 10), index=number + 1)
            told = upsert(*(f"/d/{key}" for key in range(25, 75)), source=SNAPSHOT, mtime=float(number))
            await asyncio.gather(
                driver.push([live], session_id=session),
                driver.push([told], session_id=session, source_type="snapshot"),
            )
        await driver.push([], session_id=session, is_snapshot_end=True)
        return await driver.get_latest_committed_index(session_id=session)

    assert run(scenario) == 20
    found = {row["path"]: (row["mtime"], row["message_source"]) for row in database.stored() if "/d/" in row["path"]}
    assert found == {f"/d/{key}": (29.0, "realtime") if key < 50 else (19.0, "snapshot") for key in range(75)}


def test_two_processes_worth_of_drivers_queue_for_the_task(database):
    async def main():
        first, second = database.driver(), database.driver()
        session = await start(first)
        await asyncio.gather(
            *(d.push([upsert(f"/{n}", "/same")], session_id=session) for n, d in enumerate([first, second] * 10))
        )
        await first.close()
        await second.close()

    asyncio.run(main())
    assert sorted(row["path"] for row in database.stored()) == sorted([*(f"/{n}" for n in range(20)), "/same"])


def test_a_newer_session_takes_the_place_of_the_older_one(run, database):
    async def scenario(driver):
        old = await start(driver)
        new = await start(driver)
        reply = await driver.push([upsert("/old")], session_id=old)
        await driver.push([upsert("/new")], session_id=new)
        with pytest.raises(DriverError, match="obsolete"):
            await driver.heartbeat(session_id=old)
        return reply["snapshot_needed"]

    assert run(scenario) is True
    assert [row["path"] for row in database.stored()] == ["/new"]


@pytest.mark.parametrize("session_id", [None, "", "kit-no-such-session", "1-x", "99999999999-x", "²-x", 7])
def test_a_session_that_nobody_opened_is_obsolete(run, session_id):
    async def scenario(driver):
        with pytest.raises(DriverError, match="obsolete"):
            await driver.push([upsert("/a")], session_id=session_id)

    run(scenario)


def test_older_news_of_a_session_is_dropped_by_its_index(run, database):
    async def scenario(driver):
        session = await start(driver)
        older, newer = upsert("/a", mtime=1.0, index=5), upsert("/a", mtime=2.0, index=6)
        for batch in ([older], [newer], [older]):
            await driver.push(batch, session_id=session)

    run(scenario)
    assert [row["mtime"] for row in database.stored()] == [2.0]


def test_a_later_session_begins_its_indexes_anew(run, database):
    async def scenario(driver):
        session = await start(driver)
        await driver.push([upsert("/a", index=50)], session_id=session, is_snapshot_end=True)
        session = await start(driver)
        await driver.push([upsert("/a", mtime=2.0, index=3)], session_id=session)

    run(scenario)
    assert [row["mtime"] for row in database.stored()] == [2.0]


def test_tasks_do_not_touch_each_other(run, database):
    async def scenario(driver):
        first, second = await start(driver, "one"), await start(driver, "two")
        await driver.push([upsert("/a", "/b", source=SNAPSHOT)], session_id=first, is_snapshot_end=True)
        await driver.push([upsert("/b", source=SNAPSHOT)], session_id=second, is_snapshot_end=True)
        await driver.push([delete("/b")], session_id=second)

    run(scenario)
    assert [row["path"] for row in database.stored()] == ["/a", "/b"]


def test_message_source_is_kept_on_every_row(run, database):
    async def scenario(driver):
        session = await start(driver)
        await driver.push([upsert("/r"), upsert("/s", source=SNAPSHOT)], session_id=session, source_type="snapshot")

    run(scenario)
    assert {row["path"]: row["message_source"] for row in database.stored()} == {"/r": "realtime", "/s": "snapshot"}


def test_an_unfinished_snapshot_makes_a_complete_task_incomplete(run):
    async def scenario(driver):
        session = await start(driver)
        await driver.push([upsert("/a", index=9)], session_id=session, is_snapshot_end=True)
        session = await start(driver)
        before = await driver.get_latest_committed_index(session_id=session)
        await driver.push([upsert("/a", source=SNAPSHOT)], session_id=session)
        return before, await driver.get_latest_committed_index(session_id=session)

    assert run(scenario) == (9, -1)


def test_the_phase_is_stored(run, database):
    phases = []

    async def scenario(driver):
        session = await start(driver)
        for batch, end in (([upsert("/a")], False), ([], True), ([AUDIT_START], False), ([AUDIT_END], False)):
            await driver.push(batch, session_id=session, is_snapshot_end=end)
            phases.append(database.ask("SELECT phase FROM fustor._fustor_tasks")[0][0])

    run(scenario)
    assert phases == ["snapshot", "realtime", "audit", "realtime"]


def test_commits_are_synchronous(run, database):
    async def scenario(driver):
        await start(driver)
        with driver._store._pool.lend() as conn, conn.cursor() as cur:
            cur.execute("SHOW synchronous_commit")
            return cur.fetchone()

    database.ask(f"ALTER DATABASE {database._name} SET synchronous_commit = off")
    assert run(scenario) == ("on",)


def test_a_closed_driver_pushes_no_more(run):
    async def scenario(driver):
        session = await start(driver)
        await driver.close()
        with pytest.raises(DriverError, match="closed"):
            await driver.push([], session_id=session)

    run(scenario)


def test_statistics_count_what_was_committed(run):
    async def scenario(driver):
        session = await start(driver)
        await driver.push([upsert("/a", "/b"), upsert("relative")], session_id=session)
        return dict(driver.statistics())

    assert run(scenario) == {
        "batches": 1,
        "events": 2,
        "rows": 3,
        "refused_batches": 1,
        "refused_rows": 1,
        "refused_deletions": 0,
        "retries": 0,
    }


SECRET = "s3cr%t:/@?#&= x"  # noqa: S105 - looked for, and never found


@pytest.mark.parametrize("check", ["test_connection", "check_privileges"])
@pytest.mark.parametrize(
    "endpoint",
    ["postgresql://nobody@127.0.0.1:1/none", f"host=127.0.0.1 port=1 password='{SECRET}'", "postgres://[", ""],
)
def test_checks_answer_without_the_password(check, endpoint, caplog):
    caplog.set_level(logging.DEBUG)
    credential = {"user": "nobody", "passwd": SECRET}
    passed, text = asyncio.run(getattr(PostgresDriver, check)(endpoint=endpoint, credential=credential))
    assert passed is False
    assert SECRET not in text + caplog.text


def test_the_password_is_in_no_error_and_no_repr():
    config = PusherConfig(
        driver="postgres",
        endpoint="postgresql://nobody@127.0.0.1:1/none",
        credential={"user": "nobody", "passwd": SECRET},
        driver_params={"attempts": 1},
    )
    driver = PostgresDriver("t", config)
    with pytest.raises(DriverError) as caught:
        asyncio.run(driver.create_session("t"))
    assert SECRET not in str(caught.value) + repr(caught.value) + repr(driver._store._address)
    asyncio.run(driver.close())


def test_checks_pass_on_a_server_that_will_do(database):
    for check in ("test_connection", "check_privileges"):
        passed, text = asyncio.run(getattr(PostgresDriver, check)(endpoint=database.dsn))
        assert passed, text
    assert database.ask("SELECT to_regnamespace('fustor') IS NULL") == [(True,)]


def test_a_missing_database_is_the_users_to_mend(database):
    driver = PostgresDriver("t", PusherConfig(**database.broken()))
    with pytest.raises(ConfigError, match="no_such_database"):
        asyncio.run(driver.create_session("t"))
    asyncio.run(driver.close())


def test_two_instances_see_the_tables_and_columns_that_the_other_made(database):
    """Each keeps what it knows of the tables between pushes; the database says when that is out of date."""

    async def main():
        drivers = [database.driver(typed_tables=["*"]) for _ in range(2)]
        session = await start(drivers[0])
        for number in range(12):
            told = [
                record(f"{number}", {f"c{number // 3}": number, "n": 2**62 * number}, home=("public", name))
                for name in "abc"
            ]
            await drivers[number % 2].push(told[: 1 + number % 3], session_id=session)
        for driver in drivers:
            assert driver.statistics()["refused_batches"] == 0
            await driver.close()

    asyncio.run(main())
    for name, rows in (("a", range(12)), ("b", [n for n in range(12) if n % 3]), ("c", [2, 5, 8, 11])):
        table = f"fustor.public_{name}"
        found = database.ask(f"SELECT path, n FROM {table}")  # noqa: S608 - names of this test
        assert dict(found) == {f"/public/{name}/{n}": 2**62 * n for n in rows}
        for n in rows:
            query = f"SELECT c{n // 3} FROM {table} WHERE path = %s"  # noqa: S608 - the same
            assert database.ask(query, f"/public/{name}/{n}") == [(n,)]


def test_a_session_that_begins_during_a_push_begins_after_it(database):
    async def main():
        first, second = database.driver(), database.driver()
        session = await start(first)
        await first.push([], session_id=session, is_snapshot_end=True)

        async def stream():
            told = [-1]
            for number in range(50):
                event = upsert(*(f"/{number}/{key}" for key in range(100)), index=number + 1)
                reply = await first.push([event], session_id=session)
                if reply["snapshot_needed"]:
                    break
                told.append(reply["committed_index"])
            return told

        told, begun = await asyncio.gather(stream(), second.create_session("task"))
        await first.close()
        await second.close()
        return told, begun["committed_index"]

    told, committed = asyncio.run(main())
    assert committed == told[-1]
    assert len([row for row in database.stored() if not row["is_directory"]]) == 100 * (len(told) - 1)
