"""Links that break, servers that are not there, and hosts that close in the middle."""

import asyncio
from contextlib import closing

import psycopg2
import pytest
from postgres_events import upsert

from fustor_core.exceptions import ConfigError, RetryableError
from fustor_core.models.config import PusherConfig
from fustor_pusher_postgres import PostgresDriver
from fustor_pusher_postgres._server import is_transient
from fustor_pusher_postgres._write.stage import copy_chunks

CUT = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'fustor-pusher-postgres'"


def test_a_link_that_was_cut_is_opened_again(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        database.ask(CUT)
        await driver.push([upsert("/a", index=1)], session_id=session)
        return driver.statistics()["retries"]

    assert run(scenario) == 1
    assert [row["path"] for row in database.stored()] == ["/a"]


def test_links_that_are_cut_all_the_time_lose_nothing(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        pushed = asyncio.Event()

        async def cut():
            while not pushed.is_set():
                await asyncio.to_thread(database.ask, CUT)

        cutter = asyncio.ensure_future(cut())
        for number in range(30):
            while True:
                try:
                    await driver.push([upsert(f"/{number}", "/same", mtime=float(number))], session_id=session)
                    break
                except RetryableError:
                    continue
        pushed.set()
        await cutter

    run(scenario)
    assert {row["path"]: row["mtime"] for row in database.stored()} == {
        **{f"/{number}": float(number) for number in range(30)},
        "/same": 29.0,
    }


def test_a_server_that_is_not_there_may_come_back(tmp_path):
    config = PusherConfig(driver="postgres", endpoint=f"postgresql://x@/x?host={tmp_path}", retry_delay_sec=0.01)
    driver = PostgresDriver("t", config)
    with pytest.raises(RetryableError, match="No commit is known of"):
        asyncio.run(driver.create_session("t"))
    assert driver.statistics()["retries"] == 2
    asyncio.run(driver.close())


def test_closing_waits_for_what_is_under_way(database):
    async def main():
        driver = database.driver()
        session = (await driver.create_session("task"))["session_id"]
        pushes = [asyncio.ensure_future(driver.push([upsert(f"/{n}")], session_id=session)) for n in range(8)]
        await pushes[0]
        await driver.close()
        return await asyncio.gather(*pushes, return_exceptions=True)

    done = [not isinstance(reply, Exception) for reply in asyncio.run(main())]
    assert done[0]
    assert len(database.stored()) == sum(done)


def test_nobody_waits_for_ever_for_a_lock_of_another_task(run, database):
    async def scenario(driver):
        one, two = [(await driver.create_session(name))["session_id"] for name in ("one", "two")]
        pushes = [
            driver.push([upsert(f"/{n}", home=("fs", str(n % 3)))], session_id=session)
            for n in range(12)
            for session in (one, two)
        ]
        await asyncio.wait_for(asyncio.gather(*pushes), 30)

    run(scenario)
    assert len(database.stored()) == 24


REFUSES_TWICE = """
CREATE SEQUENCE attempts;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('public.attempts') <= 2 THEN
        RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '{state}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON fustor.fs FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "53300"])
def test_a_transaction_that_could_not_be_serialised_is_done_again(run, database, state):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([upsert("/known")], session_id=session)
        await asyncio.to_thread(database.ask, REFUSES_TWICE.format(state=state))
        await driver.push([upsert("/a", "/known", index=3)], session_id=session)
        return driver.statistics()

    statistics = run(scenario)
    assert (statistics["retries"], statistics["refused_rows"]) == (2, 0)
    assert [row["path"] for row in database.stored()] == ["/a", "/known"]


def test_a_table_that_somebody_dropped_is_named_and_nothing_is_set_aside(database):
    batch = [upsert("/a", home=("fs", "gone"))]

    async def main():
        for is_first in (True, False):
            driver = database.driver()
            session = (await driver.create_session("task"))["session_id"]
            if is_first:
                await driver.push(batch, session_id=session)
                await asyncio.to_thread(database.ask, "DROP TABLE fustor.fs_gone")
            with pytest.raises(ConfigError, match=r"fs_gone.*bring it back"):
                await driver.push(batch, session_id=session)
            await driver.close()

    asyncio.run(main())
    assert database.ask("SELECT count(*) FROM fustor._fustor_dead_letters") == [(0,)]


@pytest.mark.parametrize("rows", [1, 100_000])
def test_a_link_that_is_cut_in_the_middle_of_a_copy_says_so_as_any_other(database, rows):
    database.ask("CREATE TABLE t (a text)")
    with closing(psycopg2.connect(database.dsn)) as conn, conn.cursor() as cur:

        def chunks():
            yield b"first\n"
            database.ask("SELECT pg_terminate_backend(%s, 5000)", conn.info.backend_pid)
            for _ in range(rows):
                yield b"second\n"

        with pytest.raises(psycopg2.Error) as caught:
            copy_chunks(cur, "COPY t FROM STDIN", chunks())
        assert is_transient(caught.value)
    assert database.ask("SELECT count(*) FROM t") == [(0,)]
