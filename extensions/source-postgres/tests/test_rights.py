"""A user with exactly the rights that the documentation names can do everything; one with fewer is told which lack."""

import asyncio
import re
from pathlib import Path

import pytest
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_core.exceptions import ConfigError
from fustor_source_postgres import PostgresDriver

pytestmark = pytest.mark.wide

README = (Path(__file__).parents[1] / "README.md").read_text()
CHECKS = ("test_connection", "check_privileges", "check_runtime_params")


def ask(check, dsn, **params):
    return asyncio.run(getattr(PostgresDriver, check)(uri=dsn, driver_params=params, id="t"))


@pytest.fixture
def shop(database):
    database.run("create table orders (id int primary key, v text); create table customers (id int primary key)")
    database.run("insert into orders values (1, 'x'); insert into customers values (1)")
    return database


@pytest.fixture
def documented(shop):
    """The address of a user made by the documentation's own statements, but those for special cases."""
    name = f"fustor_{shop.name}"
    block = re.search(r"^    CREATE ROLE .*?(?=\n\n)", README, re.DOTALL | re.MULTILINE)[0]
    statements = [line.strip() for line in block.splitlines() if "-- only" not in line]
    assert len(statements) == 5
    for statement in statements:
        own = statement.replace("ROLE fustor", f"ROLE {name}").replace("TO fustor", f"TO {name}")
        shop.run(own.replace("DATABASE shop", f"DATABASE {shop.name}"))
    yield make_dsn("", **parse_dsn(shop.dsn) | {"user": name, "password": "..."})
    shop.run(f"revoke connect on database {shop.name} from {name}")
    shop.run(f"drop owned by {name}")
    shop.run(f"drop role {name}")


@pytest.mark.parametrize("params", [{}, {"tables": ["public.orders"], "publication": "fustor", "slot": "mine"}])
def test_the_documented_user_passes_every_check(documented, params):
    assert [ask(check, documented, **params)[0] for check in CHECKS] == [True, True, True]


def test_the_documented_user_can_do_everything(shop, documented, read):
    driver = shop.driver(dsn=documented)
    reading = read(driver.get_message_iterator(-1))
    assert len([row for event in driver.get_snapshot_iterator() for row in event.rows]) == 2
    assert len([row for event in driver.get_audit_iterator() for row in event.rows]) == 2 + 4
    shop.run("insert into orders values (2, 'y')")
    assert reading.rows(1)[0][1]["path"] == "/public/orders/2"
    driver.acknowledge(reading.events[-1].index)
    assert driver.is_position_available(reading.events[-1].index)
    asyncio.run(driver.close())


@pytest.mark.parametrize(
    ("lack", "mend"),
    [
        ("revoke select on orders from {user}", "GRANT SELECT ON"),
        ("revoke usage on schema public from {user}, public", "GRANT USAGE ON SCHEMA"),
        ("alter table orders enable row level security", "BYPASSRLS"),
        ("create table added (id int primary key)", "GRANT SELECT ON"),
    ],
)
def test_a_table_that_may_not_be_read_whole_stops_the_start_and_the_check(shop, documented, lack, mend):
    user = sql.Identifier(parse_dsn(documented)["user"]).as_string(shop.conn)
    shop.run(lack.format(user=user))
    table = "added" if "added" in lack else "orders"
    passed, text = ask("check_privileges", documented, tables=["public.*"])
    assert not passed
    assert mend in text
    driver = shop.driver(dsn=documented, tables=["public.*"])
    with pytest.raises(ConfigError, match=rf"'public.{table}'.*{mend}.*exclude"):
        driver.get_message_iterator(-1)
    if "usage" not in lack:
        assert ask("check_privileges", documented, exclude=[f"public.{table}"])[0]
        driver = shop.driver(dsn=documented, exclude=[f"public.{table}"])
        driver.get_message_iterator(-1)
        asyncio.run(driver.close())


def test_policies_that_are_forced_on_the_owner_are_told(shop, documented):
    user = parse_dsn(documented)["user"]
    shop.run(f"alter table orders owner to {user}; alter table orders enable row level security")
    assert ask("check_privileges", documented)[0]
    shop.run("alter table orders force row level security")
    passed, text = ask("check_privileges", documented)
    assert not passed
    assert "BYPASSRLS" in text


PUBLICATIONS = [
    "for table orders, customers with (publish_via_partition_root = true)",
    "for table orders, customers",
    "for table orders, customers with (publish = 'insert', publish_via_partition_root = true)",
    "for table orders, customers with (publish = 'insert, update, delete', publish_via_partition_root = true)",
    "for table orders where (id > 1), customers with (publish_via_partition_root = true)",
    "for table orders with (publish_via_partition_root = true)",
    "for all tables with (publish_via_partition_root = true)",
    "for all tables",
    "for tables in schema public with (publish_via_partition_root = true)",
    "with (publish_via_partition_root = true)",
]
STATES = [
    "select 1",
    "alter table orders replica identity nothing",
    "alter table orders replica identity full",
    "alter table orders drop constraint orders_pkey",
    "create table keyless (v int); grant select on keyless to public",
    "alter publication fustor owner to {user}",
    "revoke select on orders from {user}",
    "alter table orders enable row level security",
    "alter role {user} noreplication",
]


@pytest.mark.parametrize("tables", [["public.*"], ["public.orders"]], ids=["wildcard", "named"])
@pytest.mark.parametrize("state", STATES)
def test_the_checks_refuse_what_the_start_refuses_of_tables(shop, documented, state, tables):
    assert_alike(shop, documented, state, tables=tables)


@pytest.mark.parametrize("options", PUBLICATIONS)
def test_the_checks_refuse_what_the_start_refuses_of_publications(shop, documented, options):
    if shop.conn.server_version < 150_000 and ("where" in options or "schema" in options):
        pytest.skip("PostgreSQL 14 has no such publications")
    shop.run("drop publication fustor")
    assert_alike(shop, documented, f"create publication fustor {options}", tables=["public.*"])


def assert_alike(shop, dsn, state, **params):
    """The user may start where the checks say so, and only there."""
    shop.run(state.format(user=sql.Identifier(parse_dsn(dsn)["user"]).as_string(shop.conn)))
    answers = [ask(check, dsn, **params) for check in CHECKS]
    driver = shop.driver(dsn=dsn, max_retries=1, **params)
    refusal = None
    try:
        driver.get_message_iterator(-1)
    except Exception as err:  # noqa: BLE001 - whatever stops the start
        refusal = err
    assert all(passed for passed, _ in answers) == (refusal is None), (answers, refusal)
    asyncio.run(driver.close())


@pytest.mark.parametrize(
    "made",
    [
        "select pg_create_logical_replication_slot('{name}', 'pgoutput')",
        "select pg_create_logical_replication_slot('{name}', 'test_decoding')",
        "select pg_create_physical_replication_slot('{name}')",
    ],
)
@pytest.mark.parametrize("name", ["billing_{database}", "fustor_x_{database}", "fustor_{database}_01234567"])
def test_the_checks_refuse_what_the_start_refuses_of_slots(shop, documented, made, name):
    slot = name.format(database=shop.name)
    try:
        assert_alike(shop, documented, made.format(name=slot), slot=slot)
    finally:
        shop.run(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s and not active",
            slot,
        )
