"""What the ends of snapshots and audits delete, where random histories seldom come."""

import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, delete, upsert

from fustor_conformance.view import View


def push(run, *batches):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for number, batch in enumerate(batches):
            await driver.push(batch, session_id=session, is_snapshot_end=number == 0)

    run(scenario)


def directory(path, source, **more):
    return upsert(path, source=source, is_directory=True, **more)


@pytest.mark.parametrize("skipped_first", [True, False])
@pytest.mark.parametrize("apart", [True, False])
def test_a_container_that_was_skipped_once_loses_nothing(run, database, skipped_first, apart):
    told = [directory("/d", AUDIT, audit_skipped=True), directory("/d", AUDIT)]
    told = told if skipped_first else told[::-1]
    batches = [[event] for event in told] if apart else [told]
    push(run, [upsert("/d/child", source=SNAPSHOT)], [AUDIT_START], *batches, [AUDIT_END])
    assert {row["path"] for row in database.stored()} == {"/d", "/d/child"}


def test_a_listed_container_loses_what_is_gone(run, database):
    push(
        run,
        [upsert("/d/gone", "/d/there", source=SNAPSHOT)],
        [AUDIT_START],
        [directory("/d", AUDIT), upsert("/d/there", source=AUDIT)],
        [AUDIT_END],
    )
    assert {row["path"] for row in database.stored()} == {"/d", "/d/there"}


def test_an_audit_works_on_paths_across_tables(run, database):
    users, orders = ("public", "users"), ("public", "orders")
    known = [
        upsert("/public/users/1", "/public/users/2", source=SNAPSHOT, home=users),
        upsert("/public/orders/1", source=SNAPSHOT, home=orders),
    ]
    told = [
        upsert("/public/users/2", source=AUDIT, home=users),
        upsert("/public/users", source=AUDIT, home=users, is_directory=True),
        upsert("/public", source=AUDIT, home=("public", ""), is_directory=True),
    ]
    push(run, known, [AUDIT_START], told, [AUDIT_END])
    assert {row["path"] for row in database.stored()} == {"/public", "/public/users", "/public/users/2"}


def test_a_repeated_end_deletes_nothing_more(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([upsert("/a", source=SNAPSHOT)], session_id=session, is_snapshot_end=True)
        await driver.push([AUDIT_START], session_id=session)
        await driver.push([upsert("/b", source=AUDIT)], session_id=session)
        await driver.push([], session_id=session, is_snapshot_end=True)

    run(scenario)
    assert {row["path"] for row in database.stored()} == {"/a", "/b"}


CHANGES_ITS_TABLE = {
    "cut by the audit": [
        [directory("/d", AUDIT), upsert("/d/p", source=AUDIT, home=("x", ""))],
        [upsert("/d", source=AUDIT)],
        [upsert("/d/p/c", source=AUDIT)],
    ],
    "deleted by realtime": [
        [directory("/d", AUDIT), upsert("/d/p", source=AUDIT, home=("x", ""))],
        [delete("/d/p", mtime=2.0)],
        [upsert("/d/p/c", mtime=3.0)],
        [delete("/d/p/c", mtime=4.0)],
    ],
    "moved by a snapshot": [
        [directory("/d", AUDIT), upsert("/d/p", source=AUDIT, home=("x", ""))],
        [upsert("/d/p", source=SNAPSHOT, mtime=2.0)],
    ],
}


@pytest.mark.parametrize("batches", CHANGES_ITS_TABLE.values(), ids=CHANGES_ITS_TABLE)
def test_what_an_audit_reported_stays_whatever_table_it_is_in_by_the_end(run, database, batches):
    view = View()

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        view.begin_session(session)
        for batch in ([AUDIT_START], *batches, [upsert("/e", source=AUDIT), directory("/", AUDIT)], [AUDIT_END]):
            for event in batch:
                view.apply(event)
            await driver.push(batch, session_id=session)

    run(scenario)
    paths = {row["path"] for row in database.stored()}
    assert paths == view.paths()
    assert "/d/p" in paths
    homes = database.ask("SELECT event_schema FROM fustor._fustor_tables ORDER BY event_schema")
    assert homes == [("fs",), ("x",)]


@pytest.mark.parametrize("told", [["delete"], ["delete", "insert"]])
def test_deleting_the_root_deletes_everything_although_the_root_has_no_row(run, database, told):
    events = {"delete": delete("/", mtime=2.0), "insert": upsert("/", mtime=3.0, is_directory=True)}
    push(run, [upsert("/a/b", source=SNAPSHOT)], [events[name] for name in told])
    assert {row["path"] for row in database.stored()} == ({"/"} if "insert" in told else set())
