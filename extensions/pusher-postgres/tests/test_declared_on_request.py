"""Indexes of declared keys and checks of enumerated values, which are made on request."""

import logging
from random import Random

import pytest
from postgres_events import record
from postgres_tables import declared, layout, letters, push, texts

pytestmark = pytest.mark.wide


def indexes(database):
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'fustor' AND tablename = 'public_users'"
    return [text for (text,) in database.ask(query + " AND indexname ~ '_fustor_key'")]


def test_a_key_index_on_request(run, database):
    push(
        run,
        [declared("1", {"id": 1, "name": "x"}, layout(key=("name", "id"), id="integer", name="text"))],
        key_index=True,
    )
    (text,) = indexes(database)
    assert text.endswith("USING btree (name, id)")
    assert "UNIQUE" not in text


@pytest.mark.parametrize("start", [True, False])
def test_a_key_index_is_made_and_dropped_when_the_configuration_changes(run, database, start):
    push(run, [declared("1", {"id": 1}, layout(id="integer"))], key_index=start)
    push(run, key_index=not start)
    assert len(indexes(database)) == (not start)
    push(run, [declared("2", {"id": 2}, layout(id="integer"))], key_index=start)
    assert len(indexes(database)) == start


def test_a_key_index_follows_the_key(run, database):
    both = {"id": "integer", "other": "integer"}
    push(run, [declared("1", {"id": 1, "other": 2}, layout(**both))], key_index=True)
    push(run, [declared("2", {"id": 2, "other": 2}, layout(key=("other",), **both))], key_index=True)
    assert [text.rpartition("(")[2] for text in indexes(database)] == ["other)"]


def test_rows_that_exchange_their_keys_pass_the_index(run, database):
    told = layout(id="integer", n="text")
    push(
        run,
        [declared("1", {"id": 1, "n": "a"}, told), record("2", {"id": 2, "n": "b"})],
        [record("1", {"id": 2, "n": "b"}), record("2", {"id": 1, "n": "a"})],
        key_index=True,
    )
    assert texts(database, "id") == ["2", "1"]
    assert letters(database) == []


def test_a_key_that_is_too_long_for_an_index_drops_it(run, database, caplog):
    told = layout(id="text")
    long = "".join(Random(1).choices("".join(map(chr, range(33, 400))), k=9_000))
    with caplog.at_level(logging.WARNING):
        push(
            run,
            [declared("1", {"id": "a"}, told)],
            [record("2", {"id": long})],
            [record("3", {"id": "c"})],
            key_index=True,
        )
    assert texts(database, "id") == ["a", long, "c"]
    assert (indexes(database), letters(database)) == ([], [])
    assert "index of its key is dropped" in caplog.text


MOODS = {"mood": ("sad", "it's ok")}


def checks(database):
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conname ~ '^_fustor_labels'"
    return [text for (text,) in database.ask(query)]


def test_enumerated_values_are_checked_on_request(run, database):
    told = layout(labels=MOODS, id="integer", mood="public.mood")
    push(run, [declared("1", {"id": 1, "mood": "sad"}, told), record("2", {"id": 2, "mood": None})], enum_checks=True)
    (text,) = checks(database)
    assert "it''s ok" in text
    more = layout(labels={"mood": ("sad", "it's ok", "new")}, id="integer", mood="public.mood")
    push(run, [declared("3", {"id": 3, "mood": "new"}, more)], enum_checks=True)
    assert "new" in checks(database)[0]
    push(run)
    assert checks(database) == []
    assert letters(database) == []


def test_a_value_that_is_not_declared_drops_the_check(run, database):
    told = layout(labels=MOODS, id="integer", mood="public.mood")
    rows = [declared("1", {"id": 1, "mood": "sad"}, told), record("2", {"id": 2, "mood": "new"})]
    push(run, rows, [record("1", {"id": 1, "mood": "newer"})], enum_checks=True)
    assert texts(database, "mood") == ["newer", "new"]
    assert (checks(database), letters(database)) == ([], [])
