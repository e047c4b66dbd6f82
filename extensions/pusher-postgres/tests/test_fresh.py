"""Rows that are copied because nothing is known of them: what can still forbid them, and what they say."""

import asyncio

import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, delete, upsert

from fustor_event_model import MessageSource

pytestmark = pytest.mark.wide


@pytest.fixture
def push(run):
    def push(*batches):
        async def scenario(driver):
            session = (await driver.create_session("task"))["session_id"]
            for batch in batches:
                await driver.push(batch, session_id=session)
            assert driver.statistics()["refused_batches"] == 0

        run(scenario)

    return push


def paths(database):
    return sorted(row["path"] for row in database.stored())


def test_a_file_that_realtime_told_of_has_nothing_below_it(push, database):
    push([upsert("/a")], [upsert("/a/listed-before", source=SNAPSHOT, mtime=9.0)])
    assert paths(database) == ["/a"]


def test_what_realtime_deleted_does_not_come_back_with_what_is_new(push, database):
    push([upsert("/a")], [delete("/a")], [upsert("/a", "/b", source=SNAPSHOT, mtime=9.0)])
    assert paths(database) == ["/b"]


def test_a_new_row_below_a_file_makes_it_a_container(push, database):
    push([upsert("/a", source=SNAPSHOT)], [upsert("/a/b/c")])
    assert {row["path"]: row.get("is_directory") for row in database.stored()} == {
        "/a": True,
        "/a/b": True,
        "/a/b/c": False,
    }


def test_a_new_row_that_another_table_has_moves(push, database):
    push([upsert("/a", "/z", home=("fs", ""))], [upsert("/a", "/b", home=("fs", "t"), mtime=2.0)])
    assert {row["path"]: row["mtime"] for row in database.stored()} == {"/a": 2.0, "/b": 2.0, "/z": 1.0}
    assert len(database.stored()) == 3


@pytest.mark.parametrize(
    ("told", "left"),
    [
        (["/a", "/b", "/a"], {"/a": 3.0, "/b": 2.0}),
        (["/a/b", "/a"], {"/a": 2.0}),
        (["/a", "/a/b"], {"/a": None, "/a/b": 2.0}),
    ],
)
def test_rows_that_rule_each_other_out_are_written_in_order(push, database, told, left):
    push([upsert(path, mtime=float(number)) for number, path in enumerate(told, 1)])
    assert {row["path"]: row["mtime"] for row in database.stored()} == left


@pytest.mark.parametrize("source", [None, SNAPSHOT])
def test_what_a_new_row_tells_is_stored_as_told(push, database, source):
    told = {
        "is_atomic_write": False,
        "parent_path": "/d",
        "record": {"text": 'back\\slash "tab\t" \n\r é\u2028 \\N', "none": None, "deep": [{"x": 1.5}], "big": 2**70},
        "name": 'tab\tnew\nline "q" \\N',
        "none": None,
    }
    more = {} if source is None else {"source": source}
    for names in (["back\\slash", "tab\t", "\\N", "re\rturn"], ["line\nfeed"]):
        push([upsert(*(f"/d/{name}" for name in names), index=7, **more, **told)])
    rows = [row for row in database.stored() if row["path"] != "/d"]
    assert sorted(row["path"] for row in rows) == [
        "/d/\\N",
        "/d/back\\slash",
        "/d/line\nfeed",
        "/d/re\rturn",
        "/d/tab\t",
    ]
    for row in rows:
        known = {"path": row["path"], "mtime": 1.0, "size": 1, "parent_mtime": 0.0, "is_directory": False}
        assert row == known | told | {"message_source": source or "realtime"}
    assert database.ask("SELECT DISTINCT event_index FROM fustor.fs WHERE NOT is_directory") == [(7,)]


def test_rows_that_differ_in_what_they_tell_may_come_together(push, database):
    push([upsert("/a", record={"x": 1}), upsert("/b"), upsert("/d", is_directory=True), upsert("/c", name="n")])
    found = {row["path"]: (row.get("record"), row.get("name"), row["is_directory"]) for row in database.stored()}
    assert found == {
        "/a": ({"x": 1}, None, False),
        "/b": (None, None, False),
        "/c": (None, "n", False),
        "/d": (None, None, True),
    }


def test_marks_of_copied_rows_hold_against_the_snapshot(push, database):
    push(
        [upsert("/a", "/d/file", mtime=1.0), upsert("/d2", is_directory=True)],
        [upsert("/a", "/d/file", "/d2/below", "/a/below", source=SNAPSHOT, mtime=9.0)],
    )
    assert {row["path"]: row["mtime"] for row in database.stored() if not row["is_directory"]} == {
        "/a": 1.0,
        "/d/file": 1.0,
        "/d2/below": 9.0,
    }


NEWS = [[upsert(*(f"/d/{batch}/{key}" for key in range(3)))] for batch in range(6)]
"""So many pushes of new rows that the next ones are copied before anything is asked."""


@pytest.mark.parametrize("source", [MessageSource.REALTIME, SNAPSHOT])
def test_a_known_row_after_many_new_ones_is_written_over(push, database, source):
    news = [[upsert(*(row["path"] for row in batch[0].rows), source=source)] for batch in NEWS]
    push(*news, [upsert("/d/9/a", "/d/0/0", "/d/9/b", mtime=5.0, source=source)], [upsert("/e/f")])
    found = {row["path"]: row["mtime"] for row in database.stored() if not row["is_directory"]}
    assert len(found) == 18 + 3
    assert (found["/d/9/a"], found["/d/0/0"], found["/d/9/b"]) == (5.0, 5.0, 5.0)
    assert {row["path"] for row in database.stored() if row["is_directory"]} >= {"/d/9", "/e"}


def test_a_row_of_another_table_after_many_new_ones_moves(push, database):
    push([upsert("/d/0/z", home=("fs", "t"))], *NEWS, [upsert("/d/0/z", "/d/0/y", mtime=5.0)])
    assert [row["mtime"] for row in database.stored() if row["path"] == "/d/0/z"] == [5.0]


@pytest.mark.parametrize(
    ("batch", "left"),
    [
        ([upsert("/d/x", "/d/x", mtime=5.0)], {"/d/x": 5.0}),
        ([upsert("/d/x/y"), upsert("/d/x", mtime=5.0)], {"/d/x": 5.0}),
        ([upsert("/d/x", mtime=5.0), upsert("/d/x/y", mtime=5.0)], {"/d/x": None, "/d/x/y": 5.0}),
        ([upsert("/d/1/0/y", mtime=5.0)], {"/d/1/0": None, "/d/1/0/y": 5.0}),
        ([upsert("/d/x", mtime=5.0), delete("/d/x", mtime=5.0)], {}),
        ([upsert("/d/x", mtime=5.0), upsert("/d/y", mtime=5.0, home=("fs", "t"))], {"/d/x": 5.0, "/d/y": 5.0}),
        ([upsert("/d/x", mtime=5), upsert("/d/y", mtime=5.0, is_directory=True)], {"/d/x": 5.0, "/d/y": 5.0}),
        ([upsert("/other/x", mtime=5.0)], {"/other": None, "/other/x": 5.0}),
    ],
    ids=["twice", "cut", "below a file", "below a known file", "delete", "two tables", "container", "wider root"],
)
def test_what_is_odd_after_many_new_rows_is_written_in_order(push, database, batch, left):
    push(*NEWS, batch)
    known = {row["path"] for (event,) in NEWS for row in event.rows} - left.keys()
    found = {row["path"]: row["mtime"] for row in database.stored()}
    assert {path: mtime for path, mtime in found.items() if mtime == 5.0 or path in left} == left
    assert known <= found.keys()


@pytest.mark.parametrize(("path", "is_there"), [("/d/0/0/x", False), ("/d/9/x", True)])
def test_what_realtime_closed_stays_closed_for_many_new_rows_of_a_snapshot(push, database, path, is_there):
    listed = [[upsert(f"/d/listed/{number}", source=SNAPSHOT)] for number in range(4)]
    push(*NEWS, *listed, [upsert("/d/listed/x", path, source=SNAPSHOT, mtime=9.0)])
    assert (path in paths(database)) is is_there
    assert "/d/listed/x" in paths(database)


def test_a_container_that_a_snapshot_could_not_list_is_noted_after_many_new_rows(push, database):
    listed = [[upsert(f"/d/{number}", source=SNAPSHOT)] for number in range(4)]
    push(*listed, [upsert("/dark", source=SNAPSHOT, is_directory=True, audit_skipped=True)])
    assert database.ask("SELECT path FROM fustor.fs WHERE _dark") == [("/dark",)]


@pytest.mark.parametrize("is_first", [True, False])
def test_rows_of_two_tables_after_many_new_rows_go_to_their_own(push, database, is_first):
    batch = [upsert("/d/x"), upsert("/d/y", home=("fs", "t"))]
    push(*NEWS, batch if is_first else batch[::-1])
    assert database.ask("SELECT path FROM fustor.fs_t") == [("/d/y",)]


def test_new_rows_elsewhere_are_found_again_in_their_table(push, database):
    news = [[upsert(*(row["path"] for row in event.rows), home=("fs", "t"))] for (event,) in NEWS]
    push(*news, [upsert("/other/x", home=("fs", "t"))], [delete("/other")])
    assert "/other/x" not in paths(database)


def containers(database):
    return {row["path"] for row in database.stored() if row["is_directory"]}


def test_a_container_that_was_deleted_comes_back_with_what_is_new_below_it(push, database):
    push(*NEWS, [delete("/d")], [upsert("/d/0/y")])
    assert (paths(database), containers(database)) == (["/d", "/d/0", "/d/0/y"], {"/d", "/d/0"})


def test_a_container_that_another_process_deleted_comes_back_with_what_is_new_below_it(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for batch in NEWS:
            await driver.push(batch, session_id=session)
        other = database.driver()
        await other.push([delete("/d")], session_id=session)
        await other.close()
        await driver.push([upsert("/d/5/y")], session_id=session)

    run(scenario)
    assert containers(database) == {"/d", "/d/5"}


def test_a_container_that_an_audit_deleted_comes_back_with_what_is_new_below_it(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([], session_id=session, is_snapshot_end=True)
        for batch in NEWS:
            await driver.push(batch, session_id=session)
        root = upsert("/", source=AUDIT, is_directory=True)
        await driver.push([AUDIT_START, root], session_id=session)
        await driver.push([AUDIT_END], session_id=session)
        assert paths(database) == ["/"]
        await driver.push([upsert("/d/5/y")], session_id=session)

    run(scenario)
    assert containers(database) == {"/", "/d", "/d/5"}


def test_a_row_of_another_table_is_found_whoever_looked_before(push, database):
    push(*NEWS, [upsert("/d/5/q", home=("fs", "t"))], [upsert("/d/5/r")], [upsert("/d/5/q", mtime=5.0)])
    assert [row["mtime"] for row in database.stored() if row["path"] == "/d/5/q"] == [5.0]


def test_a_row_is_found_when_new_rows_go_to_another_table_than_before(push, database):
    there = ("fs", "t")
    push([upsert("/d/z", home=there)], [delete("/d/z")], *NEWS, [upsert("/d/5/0", home=there, mtime=5.0)])
    assert [row["mtime"] for row in database.stored() if row["path"] == "/d/5/0"] == [5.0]


def test_a_file_that_became_a_container_stays_closed_to_a_snapshot(push, database):
    listed = [upsert("/e/1", source=SNAPSHOT)]
    push([upsert("/c")], [upsert("/c/1")], listed, [upsert("/c/2")], [upsert("/c/x", source=SNAPSHOT, mtime=9.0)])
    assert paths(database) == ["/c", "/c/1", "/c/2", "/e", "/e/1"]


def test_a_row_without_a_form_after_many_new_ones_is_set_aside_alone(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for batch in NEWS:
            await driver.push(batch, session_id=session)
        odd = [upsert("/d/x", "relative", "/d/y", mtime=5.0), upsert("/d/z", mtime=5.0, name="\udc00")]
        await driver.push(odd, session_id=session)
        assert driver.statistics()["refused_rows"] == 2

    run(scenario)
    assert {row["path"] for row in database.stored() if row["mtime"] == 5.0} == {"/d/x", "/d/y"}


def test_keys_of_a_record_may_be_of_any_order_number_and_kind(push, database):
    told = [{"long": 1, "a": 2, "bb": None}, {"a": 1}, {"bb": 3, "a": 2, "long": 1, "x": "\\"}, {}, {"z": 0}, {"é": 1}]
    rows = [upsert(f"/t/{number}", record=record) for number, record in enumerate(told)]
    push(rows, [upsert("/u", record={1: "one", "key": 2})], [upsert("/v", record=[2]), upsert("/w", record=None)])
    found = {row["path"]: row.get("record") for row in database.stored()}
    assert [found[f"/t/{number}"] for number in range(len(told))] == told
    assert (found["/u"], found["/v"], found["/w"]) == ({"1": "one", "key": 2}, [2], None)


def test_a_constraint_of_the_user_after_many_new_rows_refuses_one(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for batch in NEWS:
            await driver.push(batch, session_id=session)
        await asyncio.to_thread(database.ask, "CREATE UNIQUE INDEX ON fustor.fs (mtime) WHERE mtime > 5")
        await driver.push(
            [upsert("/x", mtime=6.0), upsert("/y", mtime=6.0), upsert("/z", mtime=7.0)], session_id=session
        )

    run(scenario)
    assert [row["path"] for row in database.stored() if (row["mtime"] or 0) > 5] == ["/x", "/z"]
    assert database.ask("SELECT path FROM fustor._fustor_dead_letters") == [("/y",)]


@pytest.mark.parametrize("source", [MessageSource.REALTIME, SNAPSHOT])
@pytest.mark.parametrize("name", ["/d/5", "/d"])
def test_a_file_in_the_place_of_a_container_is_found_among_new_rows(push, database, source, name):
    home = ("fs", "t")
    push(
        *([upsert(path, home=home, source=source)] for path in ("/d/1", "/d/2", "/d/5/3")),
        [upsert(name, home=home, source=source, mtime=9.0)],
        [upsert("/d/6", home=home, source=source)],
    )
    told = [(row["path"], bool(row["is_directory"])) for row in database.stored()]
    assert len({path for path, _ in told}) == len(told)
    assert (("/d/5", False) in told) == (name == "/d/5")
    assert ("/d/5/3", False) not in told


def test_a_file_in_the_place_of_another_schemas_container_is_found(push, database):
    push(
        [upsert("/d", home=("x", ""), is_directory=True)],
        *([upsert(f"/d/{number}")] for number in range(3)),
        [upsert("/d", mtime=9.0)],
    )
    assert [(row["path"], row["is_directory"]) for row in database.stored()] == [("/d", False)]


@pytest.mark.parametrize(
    "bad",
    [[("", 1)], [("/a", 10**400), ("/b", -(10**400))], [("/a", 10**5_000)]],
    ids=["no path", "a sum that is finite", "an integer too long to print"],
)
@pytest.mark.parametrize("news", [0, 4])
def test_a_row_that_cannot_be_is_set_aside_among_new_ones(run, database, bad, news):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for number in range(news):
            await driver.push([upsert(f"/d/{number}")], session_id=session)
        await driver.push([upsert(path, mtime=mtime) for path, mtime in bad], session_id=session)
        await driver.push([upsert("/e")], session_id=session)
        assert driver.statistics()["refused_rows"] == len(bad)

    run(scenario)
    assert paths(database)[-1] == "/e"


def test_a_push_is_begun_again_once(push, database):
    batch = [event for number in range(70) for event in (upsert(f"/a{number}"), AUDIT_START)]
    push([*batch, upsert("/a1", mtime=2.0)])
    assert len(paths(database)) == 70
