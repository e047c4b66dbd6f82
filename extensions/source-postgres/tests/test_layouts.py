"""Events say how their table declares its columns."""

import pytest

from fustor_event_model import TableLayout

SETUP = """
create type mood as enum ('sad', 'ok');
create domain positive as int;
create domain whole as positive;
create domain tags as text[];
create domain cheer as mood;
create type pair as (a int, b text);
"""
TYPES = {
    "smallint": "smallint",
    "int": "integer",
    "bigint": "bigint",
    "numeric(10,2)": "numeric",
    "real": "real",
    "double precision": "double precision",
    "boolean": "boolean",
    "varchar(5)": "character varying",
    "char(5)": "bpchar",
    '"char"': '"char"',
    "bit(3)": '"bit"',
    "bit varying(3)": "bit varying",
    "timestamp(3) with time zone": "timestamp with time zone",
    "json": "json",
    "jsonb": "jsonb",
    "oid": "oid",
    "int[][]": "integer[]",
    "varchar(5)[]": "character varying[]",
    "int4range": "int4range",
    "mood": "public.mood",
    "mood[]": "public.mood[]",
    "pair": "public.pair",
    "positive": "integer",
    "whole": "integer",
    "whole[]": "integer[]",
    "tags": "text[]",
    "cheer": "public.mood",
}


@pytest.fixture
def table(database):
    database.run(SETUP)
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(TYPES))
    database.run(f"create table t (b int, a text, {columns}, primary key (a, b))")
    return TableLayout(
        system="postgresql",
        columns={"b": "integer", "a": "text", **{f"c{number}": name for number, name in enumerate(TYPES.values())}},
        key=("a", "b"),
        labels={f"c{number}": ("sad", "ok") for number, name in enumerate(TYPES) if name in ("mood", "cheer")},
    )


@pytest.mark.parametrize("phase", ["snapshot", "audit"])
def test_what_is_read_says_what_was_declared(table, database, make_driver, phase):
    database.run("insert into t values (1, 'x')")
    events = list(getattr(make_driver(), f"get_{phase}_iterator")())
    (told,) = [event.layout for event in events if event.layout is not None]
    assert told == table
    assert TableLayout.model_validate(told.model_dump(mode="json")) == table


def test_a_stream_says_it_once_and_again_when_it_has_changed(table, database, make_driver):
    driver = make_driver()
    driver.get_message_iterator(-1)
    start = driver.get_latest_position()
    for statement in (
        "insert into t values (1, 'x')",
        "update t set b = 2",
        "alter table t add column added inet",
        "insert into t values (3, 'x')",
        "delete from t where b = 3",
    ):
        database.run(statement)
    events = list(driver.get_message_iterator(start, end_position=driver.get_latest_position()))
    first, second = [event.layout for event in events if event.layout is not None]
    assert events[0].layout == first == table
    assert second.columns == {**table.columns, "added": "inet"}


def test_only_the_chosen_columns_are_in_it(database, make_driver):
    database.run("create table t (id int primary key, a text, b text)")
    driver = make_driver(columns={"public.t": ["b"]})
    driver.get_message_iterator(-1)
    start = driver.get_latest_position()
    database.run("insert into t values (1, 'a', 'b')")
    streamed = driver.get_message_iterator(start, end_position=driver.get_latest_position())
    snapshot = make_driver(columns={"public.t": ["b"]}, slot="other").get_snapshot_iterator()
    for (event,) in (streamed, snapshot):
        assert event.layout == TableLayout(system="postgresql", columns={"b": "text"}, key=("id",))
