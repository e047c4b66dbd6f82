"""Whether rows are taken for new: what was found before says it, and what the types of events mean."""

import asyncio

import pytest
from postgres_events import SNAPSHOT, upsert

from fustor_event_model import EventType, InsertEvent, MessageSource
from fustor_pusher_postgres._fast.known import Forecast

pytestmark = pytest.mark.wide

NEWS = [[upsert(*(f"/d/{batch}/{key}" for key in range(3)))] for batch in range(6)]


def test_after_a_mistake_twice_as_many_new_rows_are_wanted():
    forecast, taken = Forecast(), []
    for mistakes in range(10):
        looked = 0
        while not forecast.is_new(SNAPSHOT):
            forecast.found(SNAPSHOT, are_new=True)
            looked += 1
        taken.append(looked)
        assert mistakes or not forecast.is_new(MessageSource.REALTIME)
        forecast.was_mistaken(SNAPSHOT)
        assert not forecast.is_new(SNAPSHOT)
    assert taken == [1, 2, 4, 8, 16, 32, 64, 64, 64, 64]


@pytest.fixture
def tries(run, database):
    """How many statements wrote rows into `fs`, rolled back or not, while the last of some batches was pushed."""

    def tries(*batches):
        async def scenario(driver):
            session = (await driver.create_session("task"))["session_id"]
            for batch in batches[:-1]:
                await driver.push(batch, session_id=session)
            await asyncio.to_thread(database.ask, COUNTS)
            await driver.push(batches[-1], session_id=session)

        run(scenario)
        return database.ask("SELECT last_value FROM tries WHERE is_called")

    return tries


COUNTS = """
CREATE SEQUENCE tries;
CREATE FUNCTION count_tries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('public.tries');
    RETURN NULL;
END $$;
CREATE TRIGGER count_tries BEFORE INSERT ON fustor.fs FOR EACH STATEMENT EXECUTE FUNCTION count_tries();
"""


INSERTS = [[upsert(*(row["path"] for row in event.rows), model=InsertEvent)] for (event,) in NEWS]


NEW_UPDATES = [[upsert("/d/9/x")], [upsert("/d/9/y")]]


NEW_UPDATES = [[upsert("/d/0/x")], [upsert("/d/0/y")]]


@pytest.mark.parametrize("told", [["/d/0/0"], ["/d/0/0", "/d/0/new"]])
@pytest.mark.parametrize("before", [INSERTS, [*INSERTS, *NEW_UPDATES]], ids=["inserts", "inserts and new updates"])
def test_an_update_after_many_inserts_is_not_tried_as_new(tries, database, before, told):
    assert tries(*before, [upsert(*told, mtime=5.0)]) == [(1,)]
    assert {row["path"] for row in database.stored() if row["mtime"] == 5.0} == {*told}


def test_an_update_of_a_source_of_upserts_is_tried_as_new_like_those_before(tries, database):
    assert tries(*NEWS, [upsert("/d/0/0", mtime=5.0)]) == [(2,)]
    assert {row["path"] for row in database.stored() if row["mtime"] == 5.0} == {"/d/0/0"}


def test_one_insert_says_what_updates_mean():
    forecast = Forecast()
    forecast.found(MessageSource.REALTIME, {EventType.UPDATE}, are_new=True)
    assert forecast.is_new(MessageSource.REALTIME, {EventType.UPDATE})
    assert not forecast.is_new(MessageSource.REALTIME, {EventType.INSERT})
    assert not forecast.is_new(MessageSource.REALTIME, {EventType.UPDATE})
