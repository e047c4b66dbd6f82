"""A table is a schema and a name: no other with the same joined text is taken for it, and typing errors are told."""

import asyncio

import pytest

from fustor_core.exceptions import ConfigError
from fustor_core.models.config import SourceConfig
from fustor_source_postgres import PostgresDriver, PostgresParams
from fustor_source_postgres._names import Pattern, parse_name, written
from fustor_source_postgres.config import parse_params

ALIKE = '''
create schema "a.b"; create schema a; create schema "*"; create schema "q""q";
create table "a.b".c (id int primary key, own text default 'first');
create table a."b.c" (id int primary key, own text default 'second');
create table a.b (id int primary key, own text default 'third');
create table "*"."?[x]" (id int primary key, own text default 'fourth');
create table "q""q"."""" (id int primary key, own text default 'fifth');
alter table a."b.c" replica identity full;
insert into "a.b".c select generate_series(1, 500); insert into a."b.c" select generate_series(1, 700);
insert into a.b select 1; insert into "*"."?[x]" select 1; insert into "q""q"."""" select 1;
'''


@pytest.mark.parametrize(
    ("pattern", "matches", "leaves"),
    [
        ("*.*", [("a.b", "c"), ("a", "b.c"), ('"', ""), ("a\nb", "c")], []),
        ('"a.b".c', [("a.b", "c")], [("a", "b.c"), ("a.b", "C")]),
        ('a."b.c"', [("a", "b.c")], [("a.b", "c")]),
        ('a."*"', [("a", "*")], [("a", "b")]),
        ('a."x[1]"', [("a", "x[1]")], [("a", "x1")]),
        ("a.x[1.2]", [("a", "x1"), ("a", "x."), ("a", "x2")], [("a", "x[1.2]")]),
        ("a.x[!1]", [("a", "x2")], [("a", "x1")]),
        ("a.x[", [("a", "x[")], [("a", "x")]),
        ("a.?", [("a", "b")], [("a", "bc")]),
        ('a."b""c"', [("a", 'b"c')], []),
        ('a.b"."*', [("a", "b.c"), ("a", "b.")], [("a", "bc")]),
        ("My Schema.ü*", [("My Schema", "über")], []),
    ],
)
def test_a_pattern_matches_schema_and_table_apart(pattern, matches, leaves):
    parsed = Pattern.parse(pattern)
    assert [name for name in matches if not parsed.matches(*name)] == []
    assert [name for name in leaves if parsed.matches(*name)] == []


@pytest.mark.parametrize("schema", ["a.b", "a", "?", '"', ".", "ü b"])
@pytest.mark.parametrize("table", ["c", "b.c", "*", "[", '""', '."'])
def test_what_is_written_reads_as_the_same_table(schema, table):
    assert parse_name(written(schema, table)) == (schema, table)
    assert Pattern.parse(written(schema, table)).matches(schema, table)


@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ({"tables": ["orders"]}, "give it a schema"),
        ({"tables": [""]}, "give it a schema"),
        ({"tables": ["public."]}, "give it a schema"),
        ({"exclude": [".t"]}, "give it a schema"),
        ({"tables": ['"".t']}, "give it a schema"),
        ({"tables": ["a.b.c"]}, "double quotes"),
        ({"tables": ['a."b']}, "without its end"),
        ({"columns": {"a.b.c": ["id"]}}, "double quotes"),
        ({"columns": {"a.*": ["id"]}}, "wildcard"),
        ({"key_columns": {"a.b": ["id"], '"a".b': ["x"]}}, "named twice"),
    ],
)
def test_what_is_ambiguous_is_refused(params, fault):
    with pytest.raises(ConfigError, match=fault):
        parse_params(params)


def test_tables_that_join_to_one_text_stay_two(database, make_driver, read):
    database.run(ALIKE)
    driver = make_driver(columns={'"a.b".c': ["id"]}, key_columns={'a."b.c"': ["id", "own"]}, exclude=["a.b"])
    reading = read(driver.get_message_iterator(-1))
    told = [list(driver.get_snapshot_iterator(partition=part)) for part in driver.get_snapshot_partitions(3)]
    rows = [(event.event_schema, event.table, row["path"]) for events in told for event in events for row in event.rows]
    assert len(rows) == len(set(rows)) == 1202
    assert ("a", "b.c", "/a/b.c/700,second") in rows
    paths = {path for *_, path in rows}
    assert {row["path"] for event in driver.get_snapshot_iterator() for row in event.rows} == paths
    listed = {row["path"] for event in driver.get_audit_iterator() for row in event.rows if "is_directory" not in row}
    assert listed == paths
    database.run('insert into "a.b".c values (9000)')
    database.run('insert into a."b.c" values (9000)')
    assert [(row["path"], row["record"]) for _, row in reading.rows(2)] == [
        ("/a.b/c/9000", {"id": 9000}),
        ("/a/b.c/9000,second", {"id": 9000, "own": "second"}),
    ]


READ = {
    "start": lambda driver: driver.get_message_iterator(-1),
    "snapshot": lambda driver: list(driver.get_snapshot_iterator()),
    "partitions": lambda driver: driver.get_snapshot_partitions(2),
    "audit": lambda driver: list(driver.get_audit_iterator()),
    "audit with a cache": lambda driver: list(driver.get_audit_iterator(mtime_cache={})),
    **{
        check: lambda driver, check=check: refuse(driver, check)
        for check in ("check_privileges", "check_runtime_params", "create_agent_user")
    },
}


def refuse(driver, check):
    config = driver.config
    credential = {"user": "nobody_at_all", "passwd": None}
    asked = {"uri": config.uri, "driver_params": config.driver_params, "admin_creds": {"user": "postgres"}}
    if check == "create_agent_user":
        asked["credential"] = credential
    passed, text = asyncio.run(getattr(PostgresDriver, check)(**asked))
    assert not passed
    raise ConfigError(text)


@pytest.mark.parametrize("way", READ)
@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ({"tables": ["public.orders", "public.ordersx"]}, r"\['public.ordersx'\].*did you mean \['public.orders'\]"),
        ({"tables": ["Public.orders"]}, "'Public.orders'.*did you mean"),
        ({"tables": ["sales.*", "public.*"]}, r"'sales.\*'"),
        ({"tables": ["public.seen"]}, "public.seen is a view"),
        ({"tables": ["public.fast"]}, "public.fast is unlogged"),
        ({"tables": ["public.parted_1"]}, "public.parted_1 is a partition: name its root"),
        ({"exclude": ["public.*"]}, "No table is chosen"),
        ({"columns": {"public.ordersx": ["id"]}}, "no tables.*'public.ordersx'"),
        ({"key_columns": {"public.ordersx": ["id"]}}, "no tables.*'public.ordersx'"),
    ],
)
def test_what_stands_for_no_table_is_an_error_everywhere(orders, way, params, fault):
    driver = orders.driver(**params)
    with pytest.raises(ConfigError, match=fault):
        READ[way](driver)
    asyncio.run(driver.close())


@pytest.fixture(scope="module")
def orders(module_database):
    module_database.run("create table orders (id int primary key); create view seen as select * from orders")
    module_database.run("create unlogged table fast (id int primary key)")
    module_database.run("create table parted (id int primary key) partition by range (id)")
    module_database.run("create table parted_1 partition of parted for values from (1) to (5)")
    return module_database


def test_an_empty_database_is_an_error_too(make_driver):
    for way in READ.values():
        with pytest.raises(ConfigError, match="match no table"):
            way(make_driver())


def test_a_stream_goes_on_where_a_table_of_another_pattern_is_dropped(database, make_driver, read):
    database.run("create table t (id int primary key); create table u (id int primary key)")
    driver = make_driver(tables=["public.t", "public.u"])
    reading = read(driver.get_message_iterator(-1))
    database.run("drop table u")
    database.run("insert into t values (1)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/1"
    with pytest.raises(ConfigError, match=r"public\.u"):
        list(driver.get_audit_iterator())


def test_the_parameters_can_be_sent_to_another_process():
    params = PostgresParams(tables=('"a.b".c',), columns={'"a.b".c': ("id",)})
    assert params.chooses("a.b", "c")
    assert PostgresParams.model_validate(params.model_dump(mode="json")) == params
    assert SourceConfig(driver="postgres", uri="host=x", driver_params=params.model_dump())
