"""A publication that stops to carry every change is noticed; one that is looked at locks nothing."""

import asyncio

import pytest

from fustor_core.exceptions import ConfigError, DriverError

pytestmark = pytest.mark.wide

SHARED = "create publication p for table t, u with (publish_via_partition_root = true)"
FIRST_WITH_LISTS = 150000


@pytest.fixture
def tables(database):
    database.run("create table t (id int primary key, v text, w int)")
    database.run("create table u (id int primary key)")
    database.run(SHARED)


def needs_lists(database):
    if database.conn.server_version < FIRST_WITH_LISTS:
        pytest.skip("has neither column lists nor row filters")


STORIES = {
    "dropped": ["drop publication p"],
    "made again": ["drop publication p", SHARED],
    "a table taken out": ["alter publication p drop table t"],
    "taken out and put back": ["alter publication p drop table t", "alter publication p add table t"],
    "columns": ["alter publication p set table t (id, w), u"],
    "columns for a moment": ["alter publication p set table t (id, w), u", "alter publication p set table t, u"],
    "rows": ["alter publication p set table t where (id > 10), u"],
    "operations": ["alter publication p set (publish = 'insert')"],
    "leaves": ["alter publication p set (publish_via_partition_root = false)"],
}


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("traffic", ["none", "t", "u"])
def test_what_is_not_carried_any_more_is_noticed(database, make_driver, read, story, traffic):
    if story in {"columns", "columns for a moment", "rows"}:
        needs_lists(database)
    driver = make_driver(publication="p", heartbeat_sec=0.2)
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into u values (0)")
    position = reading.next().index
    for number, statement in enumerate(STORIES[story]):
        database.run(statement)
        if traffic != "none":
            database.run(f"insert into {traffic} values (%s)", number + 1)  # noqa: S608
    error = reading.join(10)
    assert isinstance(error, DriverError)
    assert "'p'" in str(error)
    assert "new snapshot" in str(error)
    assert not driver.is_position_available(position)
    asyncio.run(driver.close())

    database.run("drop publication if exists p")
    database.run(SHARED)
    again = make_driver(publication="p")
    reading = read(again.get_message_iterator(-1))
    told = {row["path"] for event in again.get_snapshot_iterator() for row in event.rows}
    assert {f"/public/t/{key}" for (key,) in database.run("select id from t")} <= told
    database.run("insert into t values (99)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/99"


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("is_back", [True, False])
def test_a_publication_that_was_away_between_two_runs_needs_a_new_snapshot(database, make_driver, read, is_back):
    driver = make_driver(publication="p")
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    position = reading.next().index
    asyncio.run(driver.close())
    database.run("drop publication p")
    database.run("insert into t values (2)")
    if is_back:
        database.run(SHARED)
    again = make_driver(publication="p")
    if again.is_position_available(position):
        error = read(again.get_message_iterator(position)).join()
        assert "new snapshot" in str(error)
        again = make_driver(publication="p")
    assert not again.is_position_available(position)
    read(again.get_message_iterator(position))
    told = {row["path"] for event in again.get_snapshot_iterator() for row in event.rows}
    assert told == {"/public/t/1", "/public/t/2"}


@pytest.mark.usefixtures("tables")
def test_a_publication_that_gains_tables_is_read_on(database, make_driver, read):
    driver = make_driver(publication="p", heartbeat_sec=0.1)
    reading = read(driver.get_message_iterator(-1))
    for number in range(4):
        database.run(f"create table more{number} (id int primary key)")
        list(driver.get_audit_iterator())
        database.run("select pg_sleep(0.15)")
        database.run(f"insert into more{number} values (1)")  # noqa: S608
        assert reading.rows(1)[0][1]["path"] == f"/public/more{number}/1"
    database.run("drop table more0")
    database.run("select pg_sleep(0.3)")
    database.run("insert into t values (1)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/1"


@pytest.mark.usefixtures("tables")
def test_a_list_that_leaves_columns_out_is_refused(database, make_driver):
    needs_lists(database)
    database.run("alter publication p set table t (id, w), u")
    with pytest.raises(ConfigError, match=r"\['v'\].*public\.t"):
        make_driver(publication="p").get_message_iterator(-1)


@pytest.mark.usefixtures("tables")
def test_a_list_of_the_columns_that_are_chosen_is_fine(database, make_driver, read):
    needs_lists(database)
    database.run("alter publication p set table t (id, w), u")
    driver = make_driver(publication="p", columns={"public.t": ["id", "w"]}, heartbeat_sec=0.1)
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1, 'v', 2)")
    assert reading.rows(1)[0][1]["record"] == {"id": 1, "w": 2}
    database.run("select pg_sleep(0.3)")
    database.run("update t set w = 3")
    assert reading.rows(1)[0][1]["record"] == {"id": 1, "w": 3}


@pytest.mark.usefixtures("tables")
def test_a_list_that_a_new_column_is_not_in_is_noticed(database, make_driver, read):
    needs_lists(database)
    database.run("alter publication p set table t (id, v, w), u")
    reading = read(make_driver(publication="p", heartbeat_sec=0.1).get_message_iterator(-1))
    database.run("alter table t add x int")
    assert "['x']" in str(reading.join(10))


@pytest.mark.usefixtures("tables")
def test_a_filter_on_a_table_that_is_not_chosen_is_fine(database, make_driver, read):
    needs_lists(database)
    database.run("alter publication p set table t, u where (id > 10)")
    reading = read(make_driver(publication="p", exclude=["public.u"]).get_message_iterator(-1))
    database.run("insert into t values (1)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/1"


def test_generated_columns_are_in_no_phase(database, make_driver, read):
    if database.conn.server_version < 180000:
        pytest.skip("publishes no generated columns")
    database.run("create table g (id int primary key, a int, b int generated always as (a * 2) stored)")
    database.run(
        "create publication p for table g with (publish_via_partition_root = true, publish_generated_columns = stored)"
    )
    database.run("insert into g values (1, 2)")
    driver = make_driver(publication="p")
    reading = read(driver.get_message_iterator(-1))
    (snapshot,) = driver.get_snapshot_iterator()
    database.run("update g set a = a")
    ((_, told),) = reading.rows(1)
    assert (told["record"], told["size"]) == (snapshot.rows[0]["record"], snapshot.rows[0]["size"])
    assert told["record"] == {"id": 1, "a": 2}


@pytest.mark.usefixtures("tables")
def test_a_locked_table_holds_no_start_that_leaves_it_as_it_is(database, make_driver):
    driver = make_driver(publication="p", lock_timeout_sec=0.2, max_retries=1)
    with database.transaction() as run:
        run("lock table t in access exclusive mode")
        with driver._address.session() as conn:
            driver._opener._prepare(conn)


@pytest.mark.usefixtures("tables")
def test_a_locked_table_that_holds_the_start_is_named(database, make_driver, caplog):
    database.run("create table late (id int primary key)")
    with database.transaction() as run:
        run("lock table late in access exclusive mode")
        with pytest.raises(DriverError, match=r"table public\.late is locked by process \d+"):
            make_driver(publication="p", lock_timeout_sec=0.1, max_retries=1).get_message_iterator(-1)
    assert "public.late" in caplog.text
