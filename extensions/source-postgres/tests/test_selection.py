"""What `get_available_fields` says of the tables that are chosen, so that a host sees when others are."""

import asyncio

import pytest

from fustor_source_postgres import PostgresDriver


@pytest.fixture
def selection(database, make_driver):
    def selection(**params):
        config = make_driver(**params).config
        answer = asyncio.run(
            PostgresDriver.get_available_fields(
                uri=config.uri, credential=config.credential, driver_params=config.driver_params
            )
        )
        assert answer["properties"]["path"] == {"type": "string", "column_index": 0}
        return answer.get("selection")

    database.run("create table a (id int primary key, t text)")
    database.run("create table b (id int primary key)")
    return selection


def test_another_table_another_key_and_other_columns_are_another_selection(selection):
    one = selection(tables=["public.a"])
    assert list(one) == ["public.a"]
    assert list(selection(tables=["public.*"])) == ["public.a", "public.b"]
    assert selection(tables=["public.a"], columns={"public.a": ["id"]}) != one
    assert selection(tables=["public.a"], key_columns={"public.a": ["t"]}) != one


def test_a_table_that_a_wildcard_catches_later_is_another_selection(selection, database):
    before = selection(tables=["public.*"])
    database.run("create table c (id int primary key)")
    assert selection(tables=["public.*"]) != before


def test_what_selects_nothing_leaves_it_as_it_is(selection, database):
    before = selection(tables=["public.*"])
    database.run("insert into a values (1, 'x')")
    database.run("vacuum full a")
    assert selection(tables=["public.*"], queue_bytes=1 << 20) == before


@pytest.mark.parametrize(
    "statements",
    [
        ["drop table a", "create table a (id int primary key, t text)"],
        ["alter table a rename to z", "alter table b rename to a", "alter table z rename to b"],
        ["alter table a add column n int default 1"],
        ["alter table a drop column t", "alter table a add column t text"],
        ["alter table a rename column t to u"],
        ["alter table a alter column t type int using 1"],
        ["alter table a alter column t type varchar(3)", "alter table a alter column t type varchar(2)"],
    ],
)
def test_what_a_name_means_is_selected_too(selection, database, statements):
    before = selection(tables=["public.*"])
    for statement in statements:
        database.run(statement)
    assert selection(tables=["public.*"]) != before


def test_a_column_that_is_not_sent_selects_nothing(selection, database):
    before = selection(tables=["public.a"], columns={"public.a": ["id"]})
    database.run("alter table a add column n int default 1")
    assert selection(tables=["public.a"], columns={"public.a": ["id"]}) == before


@pytest.mark.parametrize(
    "asked", [{}, {"uri": "postgresql://127.0.0.1:1/x"}, {"uri": "postgresql://127.0.0.1:1/x", "driver_params": {}}]
)
def test_who_does_not_ask_or_reaches_nobody_gets_the_fields_alone(asked):
    assert set(asyncio.run(PostgresDriver.get_available_fields(**asked))) == {"properties"}


def test_parameters_that_are_wrong_are_no_selection(make_driver):
    config = make_driver().config
    answer = asyncio.run(PostgresDriver.get_available_fields(uri=config.uri, driver_params={"tabels": []}))
    assert set(answer) == {"properties"}
