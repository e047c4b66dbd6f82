"""A row that the database refuses is set aside, and the batch goes on."""

import pytest
from postgres_events import SNAPSHOT, event, record, rows_of, upsert

from fustor_core.exceptions import DriverError
from fustor_event_model import MessageSource

GOOD = {"path": "/good", "mtime": 1.0, "size": 1, "parent_mtime": 0.0}


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def endless():
    value = {}
    value["itself"] = value
    return value


REFUSED = {
    "no path": GOOD | {"path": None},
    "relative path": GOOD | {"path": "a/b"},
    "empty name": GOOD | {"path": "/a//b"},
    "no mtime": GOOD | {"mtime": None},
    "infinite mtime": GOOD | {"mtime": float("inf")},
    "no mapping": "row",
    "NUL in the path": GOOD | {"path": "/a\0b"},
    "surrogate in the path": GOOD | {"path": "/a\udcffb"},
    "surrogate in a column": GOOD | {"path": "/bad", "record": {"a": "\udcff"}},
    "not a number": GOOD | {"path": "/bad", "record": {"a": float("nan")}},
    "no JSON": GOOD | {"path": "/bad", "record": {"a": object()}},
    "size out of range": GOOD | {"path": "/bad", "size": 2**80},
    "size beyond any type": GOOD | {"path": "/bad", "size": 10**5_000},
    "mtime beyond any type": GOOD | {"path": "/bad", "mtime": 10**400},
    "number beyond any type": GOOD | {"path": "/bad", "record": {"a": 10**140_000}},
    "deeper than JSON goes": GOOD | {"path": "/bad", "record": {"a": nested(50_000)}},
    "deep": GOOD | {"path": "/bad", "record": {"a": nested(200)}, "name": {(1, 2): object()}},
    "endless": GOOD | {"path": "/bad", "record": endless()},
    "NUL in the container's path": GOOD | {"path": "/bad", "parent_path": "/\0"},
    "surrogate in the name of a field": GOOD | {"path": "/bad", "\ud800": 1},
    "size is text": GOOD | {"path": "/bad", "size": "big"},
    "too long for an index": GOOD | {"path": "/" + "/".join(str(n) for n in range(3_000, 9_000))},
}


@pytest.mark.parametrize(
    ("row", "source"),
    [(row, SNAPSHOT if number % 2 else MessageSource.REALTIME) for number, row in enumerate(REFUSED.values())],
    ids=REFUSED,
)
def test_the_others_are_written(run, database, row, source):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        rows = [*rows_of([f"/{n}" for n in range(9)], 1.0, {}), row, *rows_of(["/last"], 1.0, {})]
        reply = await driver.push([event(source, rows, index=4), upsert("/next", index=5)], session_id=session)
        await driver.push([], session_id=session, is_snapshot_end=True)
        return reply["success"], await driver.get_latest_committed_index(session_id=session)

    assert run(scenario) == (True, 5)
    assert {row["path"] for row in database.stored()} == {*(f"/{n}" for n in range(9)), "/last", "/next"}
    ((task, told, reason, index),) = database.ask(
        "SELECT task, message_source, reason, event_index FROM fustor._fustor_dead_letters"
    )
    assert (task, told, index) == ("task", source.value, 4)
    assert reason


def test_what_is_known_of_a_refused_path_stays(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([upsert("/a", "/gone", source=SNAPSHOT)], session_id=session, is_snapshot_end=True)
        session = (await driver.create_session("task"))["session_id"]
        bad = upsert("/a", source=SNAPSHOT, mtime=2.0, record={"a": "\udcff"})
        await driver.push([bad], session_id=session)
        await driver.push([], session_id=session, is_snapshot_end=True)

    run(scenario)
    assert [(row["path"], row["mtime"]) for row in database.stored()] == [("/a", 1.0)]


def test_a_constraint_of_the_user_refuses_rows_too(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("1", {"n": 1})], session_id=session)
        database.ask("ALTER TABLE fustor.public_users ADD CHECK ((record->>'n')::int < 10)")
        await driver.push([record("2", {"n": 2}), record("3", {"n": 30}), record("4", {"n": 4})], session_id=session)

    run(scenario)
    assert database.ask("SELECT path FROM fustor.public_users ORDER BY path") == [
        (f"/public/users/{key}",) for key in (1, 2, 4)
    ]
    assert database.ask("SELECT path FROM fustor._fustor_dead_letters") == [("/public/users/3",)]


@pytest.mark.parametrize("home", [("public", "a\0b"), ("a\0b", ""), ("\ud800", "t")])
def test_rows_of_a_table_that_cannot_be_named_are_set_aside(run, database, home):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([upsert("/a"), upsert("/b", "/c", home=home), upsert("/d", index=3)], session_id=session)

    run(scenario)
    assert {row["path"] for row in database.stored()} == {"/a", "/d"}
    assert database.ask("SELECT path FROM fustor._fustor_dead_letters ORDER BY path") == [("/b",), ("/c",)]


def test_a_constraint_that_is_checked_at_the_end_refuses_single_rows(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("1", {"n": 1})], session_id=session)
        database.ask('CREATE TABLE allowed (path text COLLATE "C" PRIMARY KEY)')
        database.ask("INSERT INTO allowed SELECT '/public/users/' || n FROM unnest(ARRAY[1, 2, 4]) AS n")
        database.ask(
            "ALTER TABLE fustor.public_users ADD FOREIGN KEY (path) REFERENCES allowed DEFERRABLE INITIALLY DEFERRED"
        )
        await driver.push([record("2", {"n": 2}), record("3", {"n": 3}), record("4", {"n": 4})], session_id=session)

    run(scenario)
    assert database.ask("SELECT record FROM fustor.public_users ORDER BY path") == [({"n": n},) for n in (1, 2, 4)]
    assert database.ask("SELECT path FROM fustor._fustor_dead_letters") == [("/public/users/3",)]


def test_an_index_that_cannot_be_stored_commits_nothing(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        with pytest.raises(DriverError, match="out of range"):
            await driver.push([upsert("/a", index=2**63)], session_id=session)

    run(scenario)
    assert database.stored() == []


def test_a_task_that_cannot_be_named_is_refused(run):
    async def scenario(driver):
        with pytest.raises(DriverError, match="name it otherwise"):
            await driver.create_session("a\0b")

    run(scenario)
