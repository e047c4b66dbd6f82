"""Checks say what is wrong and what to run; the user they lead to can do everything, and no secret is shown."""

import asyncio
import logging

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_core.exceptions import ConfigError
from fustor_core.models.config import PasswdCredential, SourceConfig
from fustor_source_postgres import PostgresDriver
from fustor_source_postgres.__main__ import main
from fustor_source_postgres._server.slots import name_for

SECRET = "s3cret-word"  # noqa: S105 - nobody's


@pytest.fixture
def agent(database):
    """The name of a role that a check makes."""
    name = f"{database.name} Agent"
    yield name
    if database.run("select from pg_roles where rolname = %s", name):
        database.run(f'drop owned by "{name}"')
        database.run(f'drop role "{name}"')


def ask(check, **kwargs):
    return asyncio.run(getattr(PostgresDriver, check)(**kwargs))


def without_user(dsn):
    return make_dsn("", **{name: value for name, value in parse_dsn(dsn).items() if name != "user"})


def test_connection_tells_the_server(database):
    passed, text = ask("test_connection", uri=database.dsn)
    assert passed
    assert "PostgreSQL" in text


@pytest.mark.parametrize("check", ["test_connection", "check_privileges", "check_runtime_params", "create_agent_user"])
@pytest.mark.parametrize("uri", ["postgresql://u:s3cret-word@localhost:1/d", f"rubbish {SECRET}", "", f"://{SECRET}"])
def test_a_failing_check_answers_without_a_secret(check, uri):
    credential = {"user": "u", "passwd": SECRET}
    for kwargs in ({"credential": credential}, {"admin_creds": credential, "credential": credential}, {}):
        passed, text = ask(check, uri=uri, **kwargs)
        assert not passed
        assert text
        assert SECRET not in text


def test_a_server_that_is_set_up_passes(database):
    database.run("create table t (id int primary key)")
    assert ask("check_runtime_params", uri=database.dsn)[0]
    assert ask("check_privileges", uri=database.dsn)[0]


@pytest.mark.parametrize(
    ("setup", "mend"),
    [
        ('create table "T 1" (id int)', "primary key"),
        ("create table t (id int primary key); alter table t replica identity nothing", "REPLICA IDENTITY FULL"),
        ("select 1", "match no table"),
    ],
)
def test_tables_that_cannot_be_told_are_named(database, setup, mend):
    database.run(setup)
    passed, text = ask("check_runtime_params", uri=database.dsn)
    assert not passed
    assert mend in text


def test_what_is_missing_can_be_run_as_it_is_said(database, agent):
    database.run('create schema "My Schema"')
    database.run('create table "My Schema"."My Table" (id int primary key)')
    database.run('alter table "My Schema"."My Table" enable row level security')
    database.run(f'create role "{agent}" login password %s', SECRET)
    dsn = make_dsn(database.dsn, user=agent, password=SECRET)
    passed, text = ask("check_privileges", uri=dsn)
    assert not passed
    for statement in text.split("`")[1::2]:
        database.run(statement)
    assert ask("check_privileges", uri=dsn)[0]


def test_the_agents_user_can_do_everything(database, read, agent):
    database.run("create schema s")
    database.run("create table s.t (id int primary key)")
    database.run("insert into s.t values (1)")
    admin = {"user": parse_dsn(database.dsn)["user"], "passwd": None}
    credential = {"user": agent, "passwd": SECRET}
    uri = without_user(database.dsn)
    for _ in range(2):
        assert ask("create_agent_user", uri=uri, admin_creds=admin, credential=credential) == (
            True,
            f"User {agent!r} may read 1 tables and publication 'fustor'",
        )
    assert ask("check_privileges", uri=uri, credential=PasswdCredential(**credential))[0]
    config = SourceConfig(driver="postgres", uri=uri, credential=credential)
    driver = PostgresDriver("t", config)
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into s.t values (2)")
    first = reading.next()
    driver.acknowledge(first.index)
    assert len([row for event in driver.get_snapshot_iterator() for row in event.rows]) == 1
    assert len([row for event in driver.get_audit_iterator() for row in event.rows]) == 5
    asyncio.run(driver.close())
    again = PostgresDriver("t", config)
    again.acknowledge(first.index)
    assert again.is_position_available(first.index)
    asyncio.run(again.close())


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (["public.*"], ['GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "u";', ": CREATE PUBLICATION"]),
        (["*.*"], ["-- and for every table like *.*: GRANT SELECT"]),
        (["s.t", '"a.b"."c""d"'], ['GRANT USAGE ON SCHEMA "a.b"', 'ON "a.b"."c""d" TO', '"s"."t", "a.b"."c""d" WITH']),
    ],
)
def test_statements_name_what_can_be_named_without_the_server(tables, expected):
    asked = {"uri": "postgresql://h/d", "credential": {"user": "u"}, "driver_params": {"tables": tables}}
    passed, text = ask("create_agent_user", **asked, dry_run=True)
    assert passed
    assert all(piece in text for piece in expected), text


def test_orphaned_slots_are_listed_and_dropped_by_name(database, capsys):
    database.run("create table t (id int primary key)")
    driver = database.driver(id="gone")
    driver.get_message_iterator(-1)
    asyncio.run(driver.close())
    ((name, _, _),) = database.slots()
    passed, text = ask("check_runtime_params", uri=database.dsn, id="another")
    assert passed
    assert name in text
    assert main_command("slots", database.dsn) == 0
    assert name in capsys.readouterr().out
    assert main_command("drop", database.dsn, name) == 0
    assert database.slots() == []
    assert main_command("drop", database.dsn, name) == 9
    assert "does not exist" in capsys.readouterr().err


def test_a_slot_of_another_sync_of_the_source_is_not_called_abandoned(database):
    database.run("create table t (id int primary key)")
    for reader in ("s", "s:p2", "other"):
        driver = database.driver(id=reader)
        driver.get_message_iterator(-1)
        asyncio.run(driver.close())
    passed, text = ask("check_runtime_params", uri=database.dsn, id="s")
    assert passed
    mine = {slot: note for note in text.split("; Slot ") for slot, _, _ in database.slots() if f"'{slot}'" in note}
    second, other = name_for("s:p2", database.name), name_for("other", database.name)
    assert "another sync of this source resumes from it" in mine[second]
    assert "another sync" not in mine[other]
    assert "read by nobody" not in mine[name_for("s", database.name)]


def test_a_slot_of_something_else_is_not_dropped(database, capsys):
    name = f"foreign_{database.name}"
    database.run("select pg_create_logical_replication_slot(%s, 'test_decoding')", name)
    assert main_command("drop", database.dsn, name) == 9
    assert "test_decoding" in capsys.readouterr().err


def main_command(*arguments):
    return main(arguments)


def test_no_secret_is_shown_anywhere(database, caplog):
    caplog.set_level(logging.DEBUG)
    uri = make_dsn(database.dsn, password=SECRET, dbname="no_such_database")
    driver = PostgresDriver("t", SourceConfig(driver="postgres", uri=uri, max_retries=1, retry_delay_sec=0.1))
    with pytest.raises(Exception, match=r"does not exist|authentication failed") as caught:
        driver.get_message_iterator(-1)
    assert not driver.is_position_available(1 << 40)
    shown = [str(caught.value), repr(caught.value), repr(vars(driver)), caplog.text]
    assert not [text for text in shown if SECRET in text]


def test_a_wrong_address_is_not_repeated():
    with pytest.raises(Exception, match="not an address") as caught:
        PostgresDriver("t", SourceConfig(driver="postgres", uri=f"postgresql//u:{SECRET}@h/d"))
    assert SECRET not in str(caught.value)


def test_no_process_title_shows_a_secret(database, agent):
    database.run("create table t as select generate_series(1, 100000) id; alter table t add primary key (id)")
    database.run(f'create role "{agent}" login password %s', SECRET)
    database.run(f'grant select on t to "{agent}"')
    uri = make_dsn(database.dsn, user=agent, password=SECRET)
    driver = PostgresDriver("t", SourceConfig(driver="postgres", uri=uri))
    snapshot = driver.get_snapshot_iterator(batch_size=1)
    next(snapshot)
    titles = database.run("select concat(application_name, query) from pg_stat_activity where usename = %s", agent)
    assert titles
    assert not [title for (title,) in titles if SECRET in title]
    snapshot.close()
    asyncio.run(driver.close())


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ("for table t where (id > 1) with (publish_via_partition_root = true)", "without WHERE"),
        ("for table t", "publish_via_partition_root = true"),
        (
            "for table t with (publish = 'insert', publish_via_partition_root = true)",
            "insert, update, delete, truncate",
        ),
    ],
)
def test_a_publication_that_hides_changes_is_refused(database, options, mend):
    database.run("create table t (id int primary key)")
    database.run(f"create publication fustor {options}")
    driver = database.driver()
    with pytest.raises(ConfigError, match=mend):
        driver.get_message_iterator(-1)
