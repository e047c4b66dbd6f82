"""Tables that cannot be followed are named and left out; the others go on."""

import pytest

from fustor_core.exceptions import ConfigError

pytestmark = pytest.mark.wide


@pytest.fixture
def table(database):
    database.run("create table t (id int primary key, v text)")


def paths(rows):
    return [(kind, row["path"]) for kind, row in rows]


def listed(events):
    return [row["path"] for event in events for row in event.rows if not row.get("is_directory")]


def leaves(database, identity):
    database.run("create table p (id int, day date, v text, primary key (id, day)) partition by range (day)")
    for year in (2024, 2025):
        database.run(f"create table p{year} partition of p for values from ('{year}-01-01') to ('{year + 1}-01-01')")
    database.run(f"alter table p2024 replica identity {identity}")


@pytest.mark.parametrize("identity", ["full", "nothing", "default", "using index p2024_pkey"])
def test_a_leaf_may_have_another_identity_than_its_root(database, make_driver, read, identity):
    leaves(database, identity)
    reading = read(make_driver().get_message_iterator(-1))
    database.run("insert into p values (1, '2024-05-01', 'x'), (2, '2025-05-01', 'y')")
    expected = [("insert", "/public/p/1,2024-05-01"), ("insert", "/public/p/2,2025-05-01")]
    if identity != "nothing":  # which refuses the rest
        database.run("update p set v = 'z'")
        database.run("update p set id = id + 10")
        database.run("delete from p")
        expected += [("update", path) for _, path in expected]
        expected += [("delete", "/public/p/1,2024-05-01"), ("delete", "/public/p/2,2025-05-01")]
        expected += [("insert", "/public/p/11,2024-05-01"), ("insert", "/public/p/12,2025-05-01")]
        expected += [("delete", "/public/p/11,2024-05-01"), ("delete", "/public/p/12,2025-05-01")]
    assert sorted(paths(reading.rows(len(expected)))) == sorted(expected)


@pytest.mark.usefixtures("table")
def test_a_leaf_whose_identity_lacks_the_key_leaves_its_table_out(database, make_driver, read, caplog):
    leaves(database, "default")
    database.run("create unique index other on p2024 (v)")
    database.run("alter table p2024 alter v set not null, replica identity using index other")
    with pytest.raises(ConfigError, match=r"public\.p'.*REPLICA IDENTITY FULL"):
        make_driver(tables=["public.p"]).get_message_iterator(-1)
    reading = read(make_driver().get_message_iterator(-1))
    assert "public.p" in caplog.text
    database.run("insert into p values (1, '2024-05-01', 'x')")
    database.run("insert into t values (1, 'x')")
    assert paths(reading.rows(1)) == [("insert", "/public/t/1")]


@pytest.mark.usefixtures("table")
def test_an_identity_that_a_leaf_gets_later_tells_no_wrong_row(database, make_driver, read):
    leaves(database, "default")
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into p values (1, '2024-05-01', 'x')")
    reading.rows(1)
    database.run("create unique index other on p2024 (v)")
    database.run("alter table p2024 alter v set not null, replica identity using index other")
    database.run("delete from p")
    database.run("insert into t values (1, 'x')")
    assert paths(reading.rows(1)) == [("insert", "/public/t/1")]
    assert driver.statistics()["skipped_tables"] == 1


@pytest.mark.usefixtures("table")
def test_leaves_of_a_root_that_is_excluded_are_not_asked_for_their_keys(database, make_driver, read):
    database.run("create table root (a int) partition by list (a)")
    database.run("create table leaf partition of root for values in (1, 2)")
    database.run("alter table leaf replica identity full")
    database.run("create publication every for all tables with (publish_via_partition_root = true)")
    reading = read(make_driver(exclude=["public.root"], publication="every").get_message_iterator(-1))
    database.run("insert into root values (1)")
    database.run("insert into t values (1, 'x')")
    assert paths(reading.rows(1)) == [("insert", "/public/t/1")]


PUBLICATIONS = [
    "create publication every for all tables with (publish_via_partition_root = true)",
    "create publication every for tables in schema public with (publish_via_partition_root = true)",
]
LATE = {
    "key added": [
        "create table late (id int, v text)",
        "insert into late values (1)",
        "alter table late add primary key (id)",
    ],
    "made from a query": ["create table late as select 1 as id, 'v' as v", "alter table late add primary key (id)"],
    "key made again": [
        "create table late (id int primary key, v text)",
        "alter table late drop constraint late_pkey",
        "insert into late values (1)",
        "alter table late add primary key (id)",
    ],
    "nothing for a moment": [
        "create table late (id int primary key, v text)",
        "alter table late replica identity nothing",
        "insert into late values (1)",
        "alter table late replica identity default",
    ],
}


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("publication", PUBLICATIONS)
@pytest.mark.parametrize("case", [(story, is_read) for story in LATE for is_read in ("meanwhile", "later")])
def test_a_table_without_a_key_for_a_while_stops_nothing(database, make_driver, read, publication, case):
    story, is_read = case
    if "schema" in publication and database.conn.server_version < 150000:
        pytest.skip("publishes no schemas")
    database.run(publication)
    driver = make_driver(publication="every")
    stream = driver.get_message_iterator(-1)
    reading = read(stream) if is_read == "meanwhile" else None
    for number, statement in enumerate(LATE[story]):
        database.run(statement)
        if reading:
            database.run("insert into t values (%s)", number)
            while reading.next().rows[-1]["path"] != f"/public/t/{number}":
                pass
    database.run("insert into late values (2)")
    database.run("update late set v = 'w' where id = 2")
    reading = reading or read(stream)
    told = paths(reading.rows(2))
    while ("update", "/public/late/2") not in told:
        told += paths(reading.rows(1))
    assert ("insert", "/public/late/2") in told
    assert driver.statistics()["skipped_tables"] == 0
    assert "/public/late/1" in listed(driver.get_audit_iterator())


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("identity", ["default", "full"])
def test_rows_of_a_table_without_a_key_are_counted_and_named(database, make_driver, read, caplog, identity):
    database.run(PUBLICATIONS[0])
    driver = make_driver(publication="every")
    reading = read(driver.get_message_iterator(-1))
    database.run("create table bare (a int)")
    database.run(f"alter table bare replica identity {identity}")
    database.run("insert into bare values (1), (2)")
    database.run("insert into t values (1)")
    assert paths(reading.rows(1)) == [("insert", "/public/t/1")]
    assert (driver.statistics()["skipped_tables"], driver.statistics()["skipped_rows"]) == (1, 2)
    assert caplog.text.count("leaves out changes of public.bare") == 1


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("pattern", ["*.*", "public.*", "public.[a-z]*"])
def test_a_table_without_a_key_that_a_wildcard_catches_stops_no_start(database, make_driver, read, caplog, pattern):
    database.run("insert into t values (1)")
    database.run("create table bare (a int)")
    driver = make_driver(tables=[pattern])
    reading = read(driver.get_message_iterator(-1))
    assert "public.bare" in caplog.text
    events = list(driver.get_snapshot_iterator())
    assert listed(events) == ["/public/t/1"]
    (mark,) = [row for event in events for row in event.rows if row.get("is_directory")]
    assert (mark["path"], mark["audit_skipped"]) == ("/public/bare", True)
    database.run("insert into bare values (1)")
    database.run("insert into t values (2)")
    assert paths(reading.rows(1)) == [("insert", "/public/t/2")]
    audit = {row["path"]: row.get("audit_skipped") for event in driver.get_audit_iterator() for row in event.rows}
    assert (audit["/public/bare"], audit["/public/t"]) == (True, None)
    parts = driver.get_snapshot_partitions(2)
    rows = [row for part in parts for event in driver.get_snapshot_iterator(partition=part) for row in event.rows]
    assert {row["path"]: row.get("audit_skipped") for row in rows} == {
        "/public/t/1": None,
        "/public/t/2": None,
        "/public/bare": True,
    }


@pytest.mark.usefixtures("table")
def test_a_table_without_a_key_that_is_named_is_an_error(database, make_driver):
    database.run("create table bare (a int)")
    driver = make_driver(tables=["public.t", "public.bare"])
    with pytest.raises(ConfigError, match=r"public\.bare"):
        driver.get_message_iterator(-1)
    with pytest.raises(ConfigError, match=r"public\.bare"):
        list(driver.get_snapshot_iterator())


@pytest.mark.usefixtures("table")
def test_a_table_gets_its_key_while_the_driver_follows_the_others(database, make_driver, read):
    database.run("create table bare (a int)")
    database.run("insert into bare values (1)")
    driver = make_driver()
    reading = read(driver.get_message_iterator(-1))
    database.run("alter table bare add primary key (a)")
    assert "/public/bare/1" in listed(driver.get_audit_iterator())
    database.run("insert into bare values (2)")
    assert paths(reading.rows(1)) == [("insert", "/public/bare/2")]


@pytest.mark.usefixtures("table")
def test_a_key_of_a_generated_column_is_no_key(database, make_driver, read):
    database.run("create table g (a int, k int generated always as (a * 2) stored primary key)")
    reading = read(make_driver().get_message_iterator(-1))
    database.run("insert into t values (1)")
    assert paths(reading.rows(1)) == [("insert", "/public/t/1")]


@pytest.mark.usefixtures("table")
def test_changes_of_a_table_that_was_dropped_since_stop_nothing(database, make_driver, read):
    database.run("create table gone (a int primary key)")
    database.run("alter table gone replica identity full")
    stream = make_driver().get_message_iterator(-1)
    database.run("insert into gone values (1)")
    database.run("drop table gone")
    database.run("insert into t values (1)")
    assert paths(read(stream).rows(1)) == [("insert", "/public/t/1")]
