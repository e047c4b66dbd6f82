"""What the log told of tables before they were changed is read with the key that their rows had then."""

import pytest

pytestmark = pytest.mark.wide


@pytest.fixture
def told(make_driver):
    """Everything that `change` writes, read when all of it is done: operation and path."""

    def told(change):
        driver = make_driver()
        driver.get_message_iterator(-1)
        start = driver.get_latest_position()
        change()
        events = driver.get_message_iterator(start, end_position=driver.get_latest_position())
        return [(event.event_type.value, row["path"]) for event in events for row in event.rows]

    return told


IDENTITIES = {
    "full": "alter table t replica identity full",
    "index": "create unique index i on t (a, id); alter table t replica identity using index i",
    "default": "",
}


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize(
    "later",
    [
        "alter table t add c int",
        "alter table t drop b",
        "alter table t drop b, add c int",
        "alter table t rename id to n",
    ],
)
def test_columns_come_and_go_before_the_log_is_read(database, told, identity, later):
    database.run("create table t (a text not null, id int primary key, b text)")
    if IDENTITIES[identity]:
        database.run(IDENTITIES[identity])

    def change():
        database.run("insert into t values ('x', 1, 'p'), ('x', 2, 'q')")
        database.run("delete from t where id = 2")
        database.run(later)

    assert told(change) == [("insert", "/public/t/1"), ("insert", "/public/t/2"), ("delete", "/public/t/2")]


def test_a_column_before_the_key_is_replaced(database, told):
    database.run("create table t (a text, id int primary key, b text)")
    database.run("alter table t replica identity full")

    def change():
        database.run("insert into t values ('x', 1, 'p')")
        database.run("alter table t drop a, add c int")

    assert told(change) == [("insert", "/public/t/1")]


def test_a_column_comes_in_the_same_transaction(database, told):
    database.run("create table t (id int primary key, v text)")
    database.run("alter table t replica identity full")

    def change():
        with database.transaction() as run:
            run("insert into t values (1, 'a')")
            run("alter table t add n int")

    assert told(change) == [("insert", "/public/t/1")]


def test_a_range_ends_before_what_cannot_be_told(database, make_driver):
    database.run("create table t (id int primary key)")
    database.run("create table u (id int primary key)")
    database.run("alter table u replica identity full")
    driver = make_driver()
    driver.get_message_iterator(-1)
    start = driver.get_latest_position()
    database.run("insert into t values (1)")
    (event,) = driver.get_message_iterator(start, end_position=driver.get_latest_position())
    database.run("insert into u values (1)")
    database.run("alter table u rename id to n")
    database.run("alter table u add c int")
    end = database.run("select pg_current_wal_lsn()")[0][0]
    again = driver.get_message_iterator(start, end_position=event.index)
    sent = f"select bool_and(sent_lsn >= '{end}') from pg_stat_replication"  # noqa: S608 - an LSN
    database.wait_for(lambda: database.run(sent) == [(True,)])
    assert [row["path"] for event in again for row in event.rows] == ["/public/t/1"]
