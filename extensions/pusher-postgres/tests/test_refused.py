"""A row that the database refuses is set aside, and the batch goes on."""

import logging

import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, delete, event, record, rows_of, upsert

from fustor_core.exceptions import DriverError, RetryableError
from fustor_event_model import InsertEvent, MessageSource

pytestmark = pytest.mark.wide

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
        with pytest.raises(DriverError, match="choose another name"):
            await driver.create_session("a\0b")

    run(scenario)


TRIGGER = """
CREATE FUNCTION public.judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
CREATE TRIGGER judge BEFORE {when} ON fustor.public_users FOR EACH ROW EXECUTE FUNCTION public.judge();
"""


def trigger(database, body, when="INSERT OR UPDATE"):
    database.ask(TRIGGER.format(body=body, when=when))


def letters(database):
    return database.ask("SELECT path, times FROM fustor._fustor_dead_letters ORDER BY number")


def user(key):
    return f"/public/users/{key}"


def test_the_reply_the_statistics_and_the_log_tell_what_is_refused(run, database, caplog):
    caplog.set_level(logging.WARNING, "fustor_pusher_postgres")

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        good = await driver.push([record("1", {"n": 1})], session_id=session)
        database.ask("ALTER TABLE fustor.public_users ADD CONSTRAINT small CHECK ((record->>'n')::int < 10)")
        bad = [record(str(key), {"n": 7 if key % 2 else key * 10}) for key in range(2, 26)]
        reply = await driver.push([*bad, upsert("relative")], session_id=session)
        return good, reply, driver.statistics()["refused_rows"]

    good, reply, counted = run(scenario)
    assert (good["refused_rows"], reply["refused_rows"], counted) == (0, 13, 13)
    assert reply["success"] is True
    assert "small" in reply["refused_reason"]
    told = [entry.getMessage() for entry in caplog.records]
    assert [("small" in text, "relative" in text) for text in told] == [(True, False), (True, False), (False, True)]
    assert "'/public/users/2'" in told[0]
    assert "10 rows" in told[1]


def test_a_dead_letter_that_comes_with_every_audit_is_kept_once(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("1", {"n": 1})], session_id=session, is_snapshot_end=True)
        for number in range(3):
            row = {"path": user(2), "mtime": float(number), "size": 1, "parent_mtime": float(number)}
            refused = event(AUDIT, [row | {"record": {"n": 2**80, "t": "\udcff"}}], home=("public", "users"))
            replies = [await driver.push([e], session_id=session) for e in (AUDIT_START, refused, AUDIT_END)]
            assert replies[1]["refused_rows"] == 1

    run(scenario)
    assert letters(database) == [(user(2), 3)]


@pytest.mark.parametrize("source", [MessageSource.REALTIME, SNAPSHOT, AUDIT])
def test_an_older_version_of_a_refused_row_is_marked_until_it_is_written_again(run, database, source):
    def refused():
        return database.ask("SELECT path FROM fustor.public_users WHERE _refused IS NOT NULL ORDER BY path")

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record(str(key), {"n": key}) for key in range(3)], session_id=session, is_snapshot_end=True)
        if source is SNAPSHOT:
            session = (await driver.create_session("task"))["session_id"]
        if source is AUDIT:
            await driver.push([AUDIT_START], session_id=session)
        bad = [record("1", {"n": "\udcff"}, source=source, mtime=2.0), record("9", {"n": "\udcff"}, source=source)]
        await driver.push([*bad, record("2", {"n": 5}, source=source, mtime=2.0)], session_id=session)
        assert refused() == [(user(1),)]
        if source is MessageSource.REALTIME:  # what an update leaves out may be what was refused
            await driver.push([record("1", {"m": 1}, mtime=3.0)], session_id=session)
            assert refused() == [(user(1),)]
        await driver.push([record("1", {"n": 1}, source=source, mtime=3.0, model=InsertEvent)], session_id=session)

    run(scenario)
    assert refused() == []


def test_a_refused_row_of_a_snapshot_that_is_older_than_what_is_known_marks_nothing(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("1", {"n": 1})], session_id=session)
        await driver.push([record("1", {"n": "\udcff"}, source=SNAPSHOT, mtime=9.0)], session_id=session)

    run(scenario)
    assert database.ask("SELECT _refused IS NULL FROM fustor.public_users") == [(True,)]
    assert letters(database) == [(user(1), 1)]


@pytest.mark.parametrize("source", [MessageSource.REALTIME, SNAPSHOT, AUDIT])
@pytest.mark.parametrize("news", [0, 4])
def test_a_row_of_which_a_trigger_makes_nothing_is_refused(run, database, source, news):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        known = [record(str(key), {"n": key}, source=SNAPSHOT) for key in range(3)]
        await driver.push(known, session_id=session, is_snapshot_end=source is AUDIT)
        if source is AUDIT:
            await driver.push([AUDIT_START], session_id=session)
        trigger(database, "IF (NEW.record->>'n')::int > 100 THEN RETURN NULL; END IF; RETURN NEW;")
        for number in range(news):
            await driver.push([record(f"new{number}", {"n": 1}, source=source)], session_id=session)
        told = [record(str(key), {"n": 200 if key % 2 else 3}, source=source, mtime=2.0) for key in range(6)]
        return (await driver.push(told, session_id=session))["refused_rows"]

    assert run(scenario) == 3
    assert letters(database) == [(user(key), 1) for key in (1, 3, 5)]
    found = dict(database.ask("SELECT path, record FROM fustor.public_users WHERE path !~ 'new'"))
    assert found == {user(0): {"n": 3}, user(1): {"n": 1}, user(2): {"n": 3}, user(4): {"n": 3}}


@pytest.mark.parametrize(("gone", "refused"), [(user(1), 1), (user(2), 0), ("/public/users", 1), ("/", 1)])
def test_a_row_that_a_trigger_keeps_from_going_is_refused(run, database, gone, refused):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record(str(key), {"n": key}) for key in range(3)], session_id=session, is_snapshot_end=True)
        trigger(database, "IF OLD.path = '/public/users/1' THEN RETURN NULL; END IF; RETURN OLD;", when="DELETE")
        told = [delete(gone, home=("public", "users")), record("4", {"n": 4})]
        return (await driver.push(told, session_id=session))["refused_rows"]

    assert run(scenario) == refused
    assert letters(database) == [(gone, 1)] * refused
    assert (user(4),) in database.ask("SELECT path FROM fustor.public_users")


@pytest.mark.parametrize("body", ["RAISE EXCEPTION 'no % today', NEW.path;", "RETURN NULL;"])
def test_where_a_trigger_refuses_everything_the_push_fails_and_nothing_is_lost(run, database, body):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("first", {"n": 1}, index=1)], session_id=session, is_snapshot_end=True)
        trigger(database, body)
        for number in range(3):
            reply = await driver.push([record(f"{number}-{key}", {"n": 1}) for key in range(30)], session_id=session)
            assert reply["refused_rows"] == 30
        more = [record(f"9-{key}", {"n": 1}) for key in range(10)]
        for _ in range(2):
            with pytest.raises(RetryableError, match="100 rows"):
                await driver.push(more, session_id=session)
        database.ask("DROP TRIGGER judge ON fustor.public_users")
        assert (await driver.push(more, session_id=session))["refused_rows"] == 0

    run(scenario)
    assert len(letters(database)) == 90
    assert database.ask("SELECT count(*) FROM fustor.public_users WHERE path LIKE '%/9-%'") == [(10,)]


def test_a_constraint_that_refuses_many_rows_but_not_all_stops_nothing(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("first", {"n": 1})], session_id=session)
        database.ask("ALTER TABLE fustor.public_users ADD CHECK ((record->>'n')::int < 10)")
        for number in range(4):
            told = [record(f"{number}-{key}", {"n": key or number}) for key in range(60)]
            await driver.push(told, session_id=session)
        return driver.statistics()["refused_rows"]

    assert run(scenario) == 4 * 50


def test_values_that_no_column_can_hold_stop_nothing_however_many_they_are(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for number in range(3):
            await driver.push([upsert(*(f"{number}-{key}" for key in range(60)))], session_id=session)

    run(scenario)
    assert database.ask("SELECT count(*) FROM fustor._fustor_dead_letters") == [(180,)]
