"""Other users of the database gain nothing from a pusher that writes there, be it a superuser."""

import asyncio
import uuid

import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, delete, record, upsert
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_core.exceptions import ConfigError
from fustor_core.models.config import PusherConfig
from fustor_pusher_postgres import PostgresDriver

FUNCTIONS = """
unnest(smallint[])|unnest(text[])|unnest(double precision[])|unnest(boolean[])|hashtextextended(text, integer)
hashtextextended(text, bigint)|pg_advisory_xact_lock(bigint)|to_regnamespace(text)|to_regclass(text)|now()
current_setting(text)|pg_is_in_recovery()|pg_current_xact_id()|has_schema_privilege(text, text)|strpos(text, text)
strpos(name, unknown)|substr(text, integer)|regexp_replace(text, text, text)|jsonb_typeof(jsonb)|jsonb_each(jsonb)
jsonb_object_keys(jsonb)|octet_length(text)|format_type(oid, integer)|format_type(oid, smallint)|starts_with(text, text)
quote_ident(name)|quote_ident(text)|current_database()|convert_to(text, name)|sha256(bytea)|encode(bytea, text)
"""
COMPARED = (
    "text text",
    "name text",
    "text name",
    "integer integer",
    "bigint bigint",
    "smallint integer",
    "text[] text[]",
)
OPERATORS = [
    *((name, kinds) for name in ("=", "<>", "<", ">", "<=", ">=", "@>", "&") for kinds in COMPARED),
    *((name, f"jsonb {kind}") for name in ("-", "->", "->>") for kind in ("text", "text[]", "jsonb")),
    *(("||", f"{kind} {kind}") for kind in ("text", "jsonb", "text[]")),
]
RELATIONS = ("pg_class", "pg_attribute", "pg_namespace", "pg_roles", "_fustor_tasks", "_fustor_stage")


def signatures():
    return [one.strip() for line in FUNCTIONS.split("\n") for one in line.split("|") if one.strip()]


@pytest.fixture
def mallory(database):
    """Somebody who may create things in `public`, and put everything there that is found before the server's own."""
    name = f"mallory_{uuid.uuid4().hex[:8]}"
    database.ask(f"CREATE ROLE {name} LOGIN")
    database.ask(f"GRANT CREATE, USAGE ON SCHEMA public TO {name}")
    database.ask(f"ALTER DATABASE {database._name} SET search_path = public, pg_catalog")
    yield name
    database.ask(f"ALTER DATABASE {database._name} RESET search_path")
    database.ask(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def set_traps(database, mallory):
    """Each makes mallory a superuser where it is run by one."""
    body = f"BEGIN EXECUTE 'ALTER ROLE {mallory} SUPERUSER'; RETURN NULL; END"
    for signature in signatures():
        if "unknown" not in signature:
            database.ask(
                f"SET LOCAL ROLE {mallory}; CREATE FUNCTION public.{signature} RETURNS text LANGUAGE plpgsql AS '"
                + body.replace("'", "''")
                + "'"
            )
    for number, operator in enumerate(OPERATORS):
        name, (left, right) = operator[0], operator[1].split(" ")
        database.ask(
            f"SET LOCAL ROLE {mallory};"
            f" CREATE FUNCTION public.trap{number}({left}, {right}) RETURNS boolean LANGUAGE plpgsql AS '"
            + body.replace("'", "''")
            + f"'; CREATE OPERATOR public.{name} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = public.trap{number})"
        )
    for name in RELATIONS:
        database.ask(f"SET LOCAL ROLE {mallory}; CREATE TABLE public.{name} (trap integer)")


def test_a_public_schema_full_of_traps_springs_none(run, database, mallory):
    set_traps(database, mallory)

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        told = {"id": 1, "long": "x", "doc": {"a": 1}}
        for number in range(3):
            await driver.push(
                [
                    record("1", told, source=SNAPSHOT),
                    record("1", {"id": 2}),
                    record(f"n{number}", told),
                    upsert(f"/a/{number}", "relative", source=SNAPSHOT, mtime=float(number)),
                    delete("/a/0", "/a"),
                ],
                session_id=session,
            )
        await driver.push([], session_id=session, is_snapshot_end=True)
        root = upsert("/", source=AUDIT, is_directory=True)
        await driver.push([AUDIT_START, upsert("/b", source=AUDIT), root, AUDIT_END], session_id=session)
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("2", told, source=SNAPSHOT)], session_id=session, is_snapshot_end=True)
        await driver.heartbeat(session_id=session)
        for check in ("test_connection", "check_privileges"):
            passed, text = await getattr(PostgresDriver, check)(endpoint=database.dsn)
            assert passed, text

    run(scenario, typed_tables=["public.*"])
    assert database.ask(
        "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) %s", mallory
    ) == [(False,)]
    assert database.ask("SELECT path FROM fustor.public_users") == [("/public/users/2",)]


def trap_schema(database, mallory):
    database.ask(f"CREATE SCHEMA fustor AUTHORIZATION {mallory}")


def trap_table(database, mallory):
    database.ask(f"CREATE SCHEMA fustor; GRANT ALL ON SCHEMA fustor TO {mallory}")
    database.ask(f"SET LOCAL ROLE {mallory}; CREATE TABLE fustor._fustor_meta (version integer NOT NULL)")


def trap_trigger(database, mallory):
    asyncio.run(_make_schema(database))
    database.ask(f"GRANT USAGE ON SCHEMA fustor TO {mallory}; GRANT TRIGGER ON fustor._fustor_tasks TO {mallory}")
    database.ask(
        f"SET LOCAL ROLE {mallory}; CREATE FUNCTION public.spring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"
    )
    database.ask(
        f"SET LOCAL ROLE {mallory}; CREATE TRIGGER trap BEFORE UPDATE ON fustor._fustor_tasks"
        " FOR EACH ROW EXECUTE FUNCTION public.spring()"
    )


async def _make_schema(database):
    driver = database.driver()
    await driver.create_session("task")
    await driver.close()


@pytest.mark.parametrize("trap", [trap_schema, trap_table, trap_trigger])
def test_what_another_user_made_beforehand_is_refused_by_name(database, mallory, trap):
    trap(database, mallory)
    driver = database.driver()
    with pytest.raises(ConfigError, match=mallory):
        asyncio.run(driver.create_session("task"))
    asyncio.run(driver.close())
    passed, text = asyncio.run(PostgresDriver.check_privileges(endpoint=database.dsn))
    assert not passed
    assert mallory in text


def test_a_schema_that_an_administrator_made_for_the_user_will_do(database):
    name = f"writer_{uuid.uuid4().hex[:8]}"
    database.ask(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'; CREATE SCHEMA fustor AUTHORIZATION {name}")
    database.ask(f"CREATE SCHEMA theirs; GRANT ALL ON SCHEMA theirs TO {name}")
    endpoint = make_dsn("", **parse_dsn(database.dsn) | {"user": name, "password": name})

    async def main():
        for schema in ("fustor", "theirs"):
            config = PusherConfig(driver="postgres", endpoint=endpoint, driver_params={"schema": schema})
            driver = PostgresDriver("t", config)
            session = (await driver.create_session("task"))["session_id"]
            await driver.push([upsert("/a")], session_id=session)
            await driver.close()

    try:
        asyncio.run(main())
        assert database.ask("SELECT path FROM fustor.fs") == database.ask("SELECT path FROM theirs.fs") == [("/a",)]
    finally:
        database.ask(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


SECRET = "s3cr3t"  # noqa: S105 - looked for, and never found


@pytest.mark.parametrize(
    "endpoint",
    [
        f"postgresql://bob:{SECRET}/word@127.0.0.1/db",
        f"postgresql://bob:1/{SECRET}@127.0.0.1/db",
        f"postgresql://bob:pw@{SECRET}@127.0.0.1/db",
        f"postgresql://bob:{SECRET}@word@127.0.0.1:1/db",
        f"postgresql://bob:{SECRET}?x@127.0.0.1:1/db",
        f"postgresql://bob:{SECRET}:x@127.0.0.1:1/{SECRET}@db",
        f"postgresql://bob:pw@127.0.0.1:{SECRET}/db",
        f"postgresql://127.0.0.1:1/db?p%61ssword={SECRET}",
        f"postgresql://bob@127.0.0.1:1/db?sslpassword={SECRET}",
        f"host=127.0.0.1 port=1 user=bob password={SECRET} word",
        f"host=127.0.0.1 port={SECRET} user=bob",
        f"host=bob:{SECRET}@127.0.0.1 port=1",
        f"sftp://bob:{SECRET}@127.0.0.1/x",
        f"postgresql://bob:{SECRET}\0@127.0.0.1:1/db",
    ],
)
def test_a_password_in_a_broken_address_is_shown_nowhere(endpoint, caplog):
    texts = [asyncio.run(PostgresDriver.test_connection(endpoint=endpoint))[1]]
    try:
        config = PusherConfig(driver="postgres", endpoint=endpoint, driver_params={"attempts": 1, "timeout_sec": 1})
        driver = PostgresDriver("t", config)
        asyncio.run(driver.create_session("t"))
    except Exception as error:  # noqa: BLE001 - whatever it is, its text is what a user reads
        texts += [str(error), repr(error), repr(error.__cause__)]
    assert SECRET not in "".join(texts) + caplog.text
    assert len(texts) == 4


@pytest.mark.parametrize(
    "name", ["timeout_sec", "heartbeat_interval_sec", "max_delete_rows", "max_delete_share", "attempts"]
)
@pytest.mark.parametrize(
    "value", [float("inf"), float("nan"), -1, 1e300, 10**400], ids=["inf", "nan", "negative", "big", "huge"]
)
def test_odd_numbers_are_refused_by_name(name, value):
    config = PusherConfig(driver="postgres", endpoint="postgresql://h/d", driver_params={name: value})
    if (name, value) == ("max_delete_rows", 10**400):
        PostgresDriver("t", config)  # as good as no limit
        return
    with pytest.raises(ConfigError, match=name):
        PostgresDriver("t", config)
