"""A slot that a source did not make is neither read nor dropped."""

import asyncio

import pytest

from fustor_core.exceptions import ConfigError
from fustor_source_postgres.__main__ import main
from fustor_source_postgres._server.slots import name_for

pytestmark = pytest.mark.wide

MAKE = "select lsn from pg_create_logical_replication_slot(%s, %s)"


@pytest.fixture
def table(database):
    database.run("create table t (id int primary key)")


@pytest.fixture
def other(server, new_database):
    with new_database(server) as made:
        yield made


def found(database, name):
    return database.run("select confirmed_flush_lsn from pg_replication_slots where slot_name = %s", name)


def starts(driver, position=-1):
    """What every way in says."""
    with pytest.raises(ConfigError) as caught:
        driver.get_message_iterator(position)
    return str(caught.value)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("name", ["billing_sub", "fustor_billing"])
def test_a_slot_of_another_database_is_left_alone(database, other, make_driver, name):
    name = f"{name}_{other.name}"
    before = other.run(MAKE, name, "pgoutput")
    assert f"database '{other.name}'" in starts(make_driver(slot=name))
    assert main(["drop", database.dsn, name]) == 9
    assert found(database, name) == before


@pytest.mark.usefixtures("table")
def test_a_slot_of_another_plugin_is_left_alone(database, make_driver):
    before = database.run(MAKE, f"fustor_x_{database.name}", "test_decoding")
    assert "plugin 'test_decoding'" in starts(make_driver(slot=f"fustor_x_{database.name}"))
    assert main(["drop", database.dsn, f"fustor_x_{database.name}"]) == 9
    assert found(database, f"fustor_x_{database.name}") == before


@pytest.mark.usefixtures("table")
def test_a_slot_that_somebody_else_made_is_left_alone(database, make_driver):
    name = f"billing_sub_{database.name}"
    before = database.run(MAKE, name, "pgoutput")
    driver = make_driver(slot=name)
    assert "Nothing says" in starts(driver)
    assert "Nothing says" in starts(driver, driver.get_latest_position())
    assert main(["drop", database.dsn, name]) == 9
    assert found(database, name) == before


@pytest.mark.usefixtures("table")
def test_the_default_slot_of_another_source_is_left_alone(database, make_driver):
    first = make_driver(id="first")
    first.get_message_iterator(-1)
    asyncio.run(first.close())
    name = name_for("first", database.name)
    before = found(database, name)
    assert "Nothing says" in starts(make_driver(id="second", slot=name))
    assert found(database, name) == before


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("prefix", ["", "fustor_"])
@pytest.mark.parametrize("is_running", [True, False])
def test_two_sources_with_one_slot_are_refused(database, make_driver, read, prefix, is_running):
    name = f"{prefix}shared_{database.name}"
    first, second = make_driver(id="first", slot=name), make_driver(id="second", slot=name)
    reading = read(first.get_message_iterator(-1))
    if not is_running:
        asyncio.run(first.close())
        reading.join()
    told = starts(second)
    assert ("'fustor first'" if is_running else "'first'") in told
    assert name in told
    assert len(found(database, name)) == 1
    if is_running:
        database.run("insert into t values (1)")
        assert reading.rows(1)[0][1]["path"] == "/public/t/1"


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("user", ["postgres", "least"])
@pytest.mark.parametrize("id", ["t", "ü 'x' %s " + "y" * 80])
def test_a_source_knows_its_slot_again(database, make_driver, read, id, user):
    name = f"mine_{database.name}"
    dsn = database.dsn
    if user == "least":
        database.run(f"create role {database.name} login replication password 'p'")
        database.run(f"grant select on t to {database.name}")
        database.run("create publication fustor for table t with (publish_via_partition_root = true)")
        dsn = f"{dsn} user={database.name} password=p"
    try:
        for _ in range(3):
            driver = make_driver(id=id, slot=name, dsn=dsn)
            reading = read(driver.get_message_iterator(-1))
            second = make_driver(id=id, slot=name, dsn=dsn)
            read(second.get_message_iterator(-1))
            database.run("insert into t values (1) on conflict (id) do update set id = 1")
            reading.rows(1)
            asyncio.run(second.close())
            asyncio.run(driver.close())
        assert database.run("select count(*) from pg_largeobject_metadata") == [(1,)]
    finally:
        if user == "least":
            database.run(f"reassign owned by {database.name} to postgres")
            database.run(f"drop owned by {database.name}")
            database.run(f"drop role {database.name}")


@pytest.mark.usefixtures("table")
def test_a_slot_of_this_project_is_dropped_on_request(database, make_driver, capsys):
    for name in (f"mine_{database.name}", None):
        driver = make_driver(**({"slot": name} if name else {}))
        driver.get_message_iterator(-1)
        asyncio.run(driver.close())
    assert main(["slots", database.dsn]) == 0
    shown = capsys.readouterr().out
    for name in (f"mine_{database.name}", name_for("t", database.name)):
        assert name in shown
        assert main(["drop", database.dsn, name]) == 0
        assert found(database, name) == []
    assert database.run("select count(*) from pg_largeobject_metadata") == [(0,)]


def needs_failover(database):
    if database.conn.server_version < 170000:
        pytest.skip("has no failover slots")


def is_failover(database, name):
    return database.run("select failover from pg_replication_slots where slot_name = %s", name)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("name", ["default", "chosen"])
def test_a_failover_slot_stays_one(database, make_driver, name):
    needs_failover(database)
    name = name_for("t", database.name) if name == "default" else f"fustor_{database.name}"
    database.run("select pg_create_logical_replication_slot(%s, 'pgoutput', failover => true)", name)
    driver = make_driver(slot=name)
    driver.get_message_iterator(-1)
    assert is_failover(database, name) == [(True,)]


@pytest.mark.usefixtures("table")
def test_a_failover_slot_is_made_on_request(database, make_driver, read):
    needs_failover(database)
    name = name_for("t", database.name)
    plain = make_driver()
    reading = read(plain.get_message_iterator(-1))
    assert is_failover(database, name) == [(False,)]
    database.run("insert into t values (1)")
    position = reading.next().index
    asyncio.run(plain.close())
    driver = make_driver(failover=True)
    reading = read(driver.get_message_iterator(position))
    assert is_failover(database, name) == [(True,)]
    database.run("insert into t values (2)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/2"
    asyncio.run(driver.close())
    make_driver(failover=True).get_message_iterator(-1)
    assert is_failover(database, name) == [(True,)]


@pytest.mark.usefixtures("table")
def test_an_old_server_has_no_failover_slots(database, make_driver):
    if database.conn.server_version >= 170000:
        pytest.skip("has failover slots")
    assert "PostgreSQL 17" in starts(make_driver(failover=True))
