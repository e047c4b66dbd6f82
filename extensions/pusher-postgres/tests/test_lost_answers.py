"""A commit whose answer is lost: the driver must not know whether it happened, and pushes the batch again."""

import asyncio
import tempfile
from random import Random

import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, delete, record, upsert
from postgres_histories import MANY_NAMES, NAMES, play, reader
from postgres_proxy import broken_link

from fustor_core.exceptions import RetryableError
from fustor_core.models.config import PusherConfig
from fustor_event_model import InsertEvent
from fustor_pusher_postgres import PostgresDriver

pytestmark = pytest.mark.wide

PUSHES = {
    "new rows": ([upsert("/a", "/b")], False),
    "new rows with an index": ([upsert("/a", "/b", index=9)], False),
    "known rows": ([upsert("/known", "/d/known", mtime=5.0)], False),
    "a delete": ([delete("/d", mtime=5.0)], False),
    "a delete and what comes after it": ([delete("/d", mtime=5.0), upsert("/d/x", mtime=6.0)], False),
    "columns that are not told": ([record("1", {"a": 1, "b": 2}), record("1", {"b": 3})], False),
    "a refused row": ([upsert("relative", "/a", index=9)], False),
    "rows of a snapshot": ([upsert("/a", "/known", source=SNAPSHOT, mtime=5.0)], False),
    "the end of a snapshot": ([upsert("/a", source=SNAPSHOT)], True),
    "a whole audit": (
        [AUDIT_START, upsert("/a", source=AUDIT), upsert("/d", source=AUDIT, is_directory=True), AUDIT_END],
        False,
    ),
}
KNOWN = [upsert("/known", "/d/known", "/d/e/known", source=SNAPSHOT), record("1", {"a": 0, "c": 0}, model=InsertEvent)]


def driver_on(dsn, **params):
    return PostgresDriver(
        "test", PusherConfig(driver="postgres", endpoint=dsn, retry_delay_sec=0.01, driver_params=params)
    )


async def rows_after(database, events, is_end, cut, expected_retries):
    with tempfile.TemporaryDirectory(prefix="fpp") as directory:
        async with broken_link(database.dsn, directory, cut) as link:
            driver = driver_on(link.dsn)
            session = (await driver.create_session("task"))["session_id"]
            await driver.push(KNOWN, session_id=session, is_snapshot_end=False)
            if AUDIT_START in events:
                await driver.push([], session_id=session, is_snapshot_end=True)
            cut.is_armed = True
            await driver.push(events, session_id=session, is_snapshot_end=is_end)
            assert driver.statistics()["retries"] == link.lost == expected_retries
            index = await driver.get_latest_committed_index(session_id=session)
            await driver.close()
    return database.stored(), index, database.ask("SELECT phase, realtime_index FROM fustor._fustor_tasks")


class Once:
    """Loses the next answer after it was armed."""

    def __init__(self, loses):
        self.is_armed = False
        self.loses = loses

    def __call__(self):
        loses, self.loses = self.is_armed and self.loses, self.loses and not self.is_armed
        return loses


@pytest.mark.parametrize(("events", "is_end"), PUSHES.values(), ids=PUSHES)
def test_a_push_whose_answer_was_lost_counts_once(database, events, is_end):
    with type(database)() as other:
        expected = asyncio.run(rows_after(other, events, is_end, Once(loses=False), 0))
    assert asyncio.run(rows_after(database, events, is_end, Once(loses=True), 1)) == expected


def test_a_host_that_is_told_to_try_again_may_do_so(database):
    async def main():
        with tempfile.TemporaryDirectory(prefix="fpp") as directory:
            cut = Once(loses=True)
            async with broken_link(database.dsn, directory, cut) as link:
                driver = driver_on(link.dsn, attempts=1)
                session = (await driver.create_session("task"))["session_id"]
                cut.is_armed = True
                with pytest.raises(RetryableError, match="No commit is known of") as told:
                    await driver.push([upsert("/a", index=3)], session_id=session)
                assert "tried again" not in str(told.value), "the host says whether it is"
                reply = await driver.push([upsert("/a", index=3)], session_id=session)
                await driver.close()
                return reply["committed_index"]

    assert asyncio.run(main()) == -1
    assert [row["path"] for row in database.stored()] == ["/a"]


def play_with_lost_answers(database, seeds, length, names):
    async def main():
        with tempfile.TemporaryDirectory(prefix="fpp") as directory:
            random = Random(f"cuts {seeds}")
            async with broken_link(database.dsn, directory, lambda: random.random() < 0.3) as link:
                driver = driver_on(link.dsn, attempts=30, max_delete_rows=1_000_000)  # a view has no guard
                with reader(database) as stored:
                    for seed in seeds:
                        await play(driver, stored, seed, length, task=f"lost {seed}", names=names)
                await driver.close()
                assert driver.statistics()["retries"] == link.lost > 0

    asyncio.run(main())


@pytest.mark.parametrize("names", [NAMES, MANY_NAMES], ids=["few paths", "many paths"])
def test_tables_equal_the_view_whatever_answers_are_lost(database, names):
    play_with_lost_answers(database, range(5), 20, names)


@pytest.mark.full
@pytest.mark.parametrize("start", range(100, 400, 50))
def test_tables_equal_the_view_in_many_histories_with_lost_answers(database, start):
    play_with_lost_answers(database, range(start, start + 50), 40, (NAMES, MANY_NAMES)[start // 50 % 2])
