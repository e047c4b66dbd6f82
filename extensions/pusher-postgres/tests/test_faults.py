"""Links that break, servers that are not there, and hosts that close in the middle."""

import asyncio

import pytest
from postgres_events import upsert

from fustor_core.exceptions import RetryableError
from fustor_core.models.config import PusherConfig
from fustor_pusher_postgres import PostgresDriver

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
    with pytest.raises(RetryableError, match="tried again"):
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
