"""A realtime row may leave out columns; what it leaves out is never lost, and never older than what is known."""

import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, delete, record, upsert
from postgres_tables import types

from fustor_event_model import InsertEvent

pytestmark = pytest.mark.wide

LONG = "long" * 1_000
HOME = ("public", "users")
PATH = "/public/users/1"


def live(**told):
    return record("1", told, mtime=5.0)


def listed(mtime=1.0, **told):
    return record("1", told, source=SNAPSHOT, mtime=mtime)


def new(**told):
    return record("1", told, model=InsertEvent)


GONE = delete(PATH, home=HOME)
NEWS = [[record(f"a{number}", {"n": 1})] for number in range(4)]
OLD_NEWS = [[record(f"b{number}", {"n": 1}, source=SNAPSHOT)] for number in range(4)]

CASES = {
    "the snapshot's row comes first": ([listed(n=1, t=LONG), live(n=2)], {"n": 2, "t": LONG}),
    "the snapshot's row comes later": ([live(n=2), listed(n=1, t=LONG)], {"n": 2, "t": LONG}),
    "the snapshot's row is younger": ([live(n=2), listed(9.0, n=1, t=LONG)], {"n": 2, "t": LONG}),
    "columns told add up": (
        [live(n=2), live(t="new"), live(n=3), listed(n=1, t="old", u=LONG)],
        {"n": 3, "t": "new", "u": LONG},
    ),
    "the first snapshot row counts": (
        [live(n=2), listed(n=1, t=LONG), live(t="new"), listed(n=1, t=LONG, u=1)],
        {"n": 2, "t": "new"},
    ),
    "a NULL is told": ([live(n=2, t=None), listed(n=1, t=LONG)], {"n": 2, "t": None}),
    "the snapshot tells a NULL": ([live(n=2), listed(n=1, t=None)], {"n": 2, "t": None}),
    "nothing is told": ([live(), listed(n=1, t=LONG)], {"n": 1, "t": LONG}),
    "an insert is whole": ([live(n=1), new(n=2), live(n=3), listed(n=1, t=LONG)], {"n": 3}),
    "a delete makes whole": ([live(n=1), GONE, live(n=2), listed(n=1, t=LONG)], {"n": 2}),
    "deleted and inserted again": (
        [live(n=1), GONE, new(n=2, t="x"), live(n=3), listed(n=1, t=LONG)],
        {"n": 3, "t": "x"},
    ),
    "a container above was deleted": ([live(n=1), delete("/public/users"), live(n=2), listed(n=1, t=LONG)], {"n": 2}),
}


@pytest.mark.parametrize("typed", [(), ("*",)], ids=["jsonb", "typed"])
@pytest.mark.parametrize(
    ("before", "apart"),
    [([], True), ([], False), ([*NEWS, *OLD_NEWS], True)],
    ids=["pushes", "one push", "after new rows"],
)
def test_what_is_left_out(run, database, before, apart, typed):
    async def scenario(driver):
        for name, (told, left) in CASES.items():
            session = (await driver.create_session(name))["session_id"]
            for batch in [*before, *([[event] for event in told] if apart else [told])]:
                await driver.push(batch, session_id=session)
            await driver.push([], session_id=session, is_snapshot_end=True)
            assert (name, found(database, typed, name)) == (name, without_null(left) if typed else left)
        assert driver.statistics()["refused_batches"] == 0

    run(scenario, typed_tables=typed)


def without_null(told):
    """A typed column cannot tell a NULL from a value that nobody told."""
    return {key: value for key, value in told.items() if value is not None}


def found(database, typed=(), task="task", path=PATH):
    """The record of a path, by default of the one that the cases tell of."""
    ((table,),) = database.ask(TABLE, task)
    if not typed:
        return database.ask(f"SELECT record FROM fustor.{table} WHERE path = %s", path)[0][0]  # noqa: S608 - ours
    columns = list(types(database, f"fustor.{table}"))
    told = "".join(f', "{name}"' for name in columns)
    ((rest, *values),) = database.ask(f"SELECT record{told} FROM fustor.{table} WHERE path = %s", path)  # noqa: S608
    return without_null(dict(zip(columns, values, strict=True)) | (rest or {}))


TABLE = (
    "SELECT relation FROM fustor._fustor_tables t JOIN fustor._fustor_tasks k ON k.number = t.task"
    " WHERE k.task = %s AND event_table = 'users'"
)


@pytest.mark.parametrize("typed", [(), ("*",)], ids=["jsonb", "typed"])
def test_what_an_earlier_session_knew_stands_in_until_the_snapshots_row(run, database, typed):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([listed(n=1, t="older", gone=1)], session_id=session)
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([live(n=2)], session_id=session)
        assert found(database, typed) == {"n": 2, "t": "older", "gone": 1}
        await driver.push([listed(n=1, t="newer")], session_id=session)

    run(scenario, typed_tables=typed)
    assert found(database, typed) == {"n": 2, "t": "newer"}


def test_a_session_that_resumes_keeps_what_is_known(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([listed(n=1, t=LONG)], session_id=session, is_snapshot_end=True)
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([live(n=2)], session_id=session)

    run(scenario)
    assert found(database) == {"n": 2, "t": LONG}


def test_an_audit_row_that_is_ignored_supplies_nothing_and_one_that_counts_replaces(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([], session_id=session, is_snapshot_end=True)
        await driver.push([AUDIT_START], session_id=session)
        await driver.push([live(n=2)], session_id=session)
        audited = record("1", {"n": 1, "t": LONG}, source=AUDIT)
        await driver.push([audited], session_id=session)
        before = found(database)
        await driver.push([AUDIT_END], session_id=session)
        await driver.push([AUDIT_START, audited, AUDIT_END], session_id=session)
        return before

    assert run(scenario) == {"n": 2}
    assert found(database) == {"n": 1, "t": LONG}


@pytest.mark.parametrize("is_first", [True, False])
def test_many_rows_that_are_updated_while_the_snapshot_reads_them_lose_nothing(run, database, is_first):
    """Each batch holds rows that are new, known from the snapshot, and known from realtime."""

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for start in range(0, 300, 50):
            keys = range(start, start + 50)
            batches = [
                [record(str(key), {"n": key + 1000}, mtime=5.0) for key in keys if key % 3],
                [record(str(key), {"n": key, "t": LONG}, source=SNAPSHOT) for key in keys],
            ]
            for batch in batches if is_first else batches[::-1]:
                await driver.push(batch, session_id=session)
        await driver.push([], session_id=session, is_snapshot_end=True)

    run(scenario)
    rows = dict(database.ask("SELECT split_part(path, '/', 4)::int, record FROM fustor.public_users"))
    assert rows == {key: {"n": key + 1000 if key % 3 else key, "t": LONG} for key in range(300)}


def test_a_row_that_moves_to_another_table_keeps_what_it_awaits(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        other = record("1", {"n": 2}, mtime=5.0)
        other.table = "other"
        await driver.push([other], session_id=session)
        await driver.push([listed(n=1, t=LONG)], session_id=session)

    run(scenario)
    assert found(database) == {"n": 2, "t": LONG}


@pytest.mark.parametrize("typed", [(), ("*",), ("public.users",)], ids=["jsonb", "typed", "moved to typed"])
def test_rows_that_were_copied_in_part_await_what_they_lack(run, database, typed):
    """Whether they stay, move to another table or are updated before."""
    keys = [f"{number}" for number in range(8)]

    def live_in(table, key, told):
        event = record(key, told, mtime=5.0)
        event.table = table
        return event

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for table, some in (("users", keys[:4]), ("other", keys[4:])):
            await driver.push([live_in(table, f"{table}0", {"n": 0})], session_id=session)
            await driver.push([live_in(table, key, {"n": 2, "NULL": key}) for key in some], session_id=session)
            await driver.push([live_in(table, key, {"u": 1}) for key in some[:2]], session_id=session)
        for key in keys:
            whole = {"n": 1, "NULL": "old", "u": 0, "t": LONG}
            await driver.push([record(key, whole, source=SNAPSHOT)], session_id=session)
        await driver.push([], session_id=session, is_snapshot_end=True)

    run(scenario, typed_tables=typed)
    for key in keys:
        expected = {"n": 2, "NULL": key, "u": int(key in "0145"), "t": LONG}
        assert found(database, typed, path=f"/public/users/{key}") == expected


def test_a_column_that_was_awaited_at_the_end_is_not_supplied_in_the_next_session_by_mistake(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([live(n=2, u=1)], session_id=session, is_snapshot_end=True)
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([upsert(PATH, home=HOME, mtime=6.0, record={"n": 3})], session_id=session)
        await driver.push([listed(n=1, t="t", u=2)], session_id=session)

    run(scenario)
    assert found(database) == {"n": 3, "t": "t", "u": 2}


NUL_KEY = "k\0"


@pytest.mark.parametrize("is_known", [True, False])
def test_a_value_with_a_nul_is_kept_as_the_text_of_its_json(run, database, is_known):
    told = {"doc": {"a": ["x\0y"]}, "plain": "\\u0000", "text": "\0", NUL_KEY: 1, "n": 2}

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        if is_known:
            await driver.push([record("1", {"n": 1, "t": "kept"}, model=InsertEvent)], session_id=session)
        for _ in range(3):
            reply = await driver.push([record("1", told, name="x\0y")], session_id=session)
            assert not reply.get("refused_rows")

    run(scenario)
    expected = {"doc": '{"a":["x\\u0000y"]}', "plain": "\\u0000", "text": '"\\u0000"', '"k\\u0000"': 1, "n": 2}
    assert found(database) == expected | ({"t": "kept"} if is_known else {})
    assert database.ask("SELECT extra FROM fustor.public_users WHERE path = %s", PATH) == [({"name": '"x\\u0000y"'},)]


@pytest.mark.parametrize("source", [None, SNAPSHOT, AUDIT])
def test_a_typed_value_with_a_nul_is_kept_as_the_text_of_its_json(run, database, source):
    more = {"source": source} if source else {}

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("0", {"doc": {"a": 1}, "text": "x", "n": 1}, **more)], session_id=session)
        if source is AUDIT:
            await driver.push([], session_id=session, is_snapshot_end=True)
            await driver.push([AUDIT_START], session_id=session)
        for _ in range(2):
            told = record("1", {"doc": {"a": "\0"}, "text": "x\0y", "n": 2}, **more)
            assert (await driver.push([told], session_id=session))["refused_rows"] == 0

    run(scenario, typed_tables=["*"])
    told = database.ask("SELECT doc, text, n FROM fustor.public_users WHERE path = %s", PATH)
    assert [str(value) for value in told[0]] == ['{"a":"\\u0000"}', '"x\\u0000y"', "2"]
