"""Which table holds what, and in which columns."""

from random import Random

import pytest
from postgres_events import AUDIT, AUDIT_END, AUDIT_START, SNAPSHOT, delete, record, upsert
from postgres_tables import types

from fustor_event_model import InsertEvent, MessageSource

pytestmark = pytest.mark.wide


def push(run, *batches, **params):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for batch in batches:
            await driver.push(batch, session_id=session)

    run(scenario, **params)


def names(database):
    return dict(database.ask("SELECT event_schema || '/' || event_table, relation FROM fustor._fustor_tables"))


def test_names_that_fold_alike_are_told_apart(run, database):
    homes = [("Public", "Users"), ("public", "users"), ("public_users", ""), ("public", "u" * 80), ("public", "u" * 81)]
    push(run, [upsert(f"/{number}", home=home) for number, home in enumerate(homes)])
    found = names(database)
    assert len(set(found.values())) == len(homes)
    assert all(len(name) <= 63 and name == name.lower() for name in found.values())
    assert {row["path"] for row in database.stored()} == {f"/{number}" for number in range(len(homes))}


def test_the_mapping_is_found_again(run, database):
    for mtime in (1.0, 2.0):
        push(run, [upsert("/a", home=("Public", "Users"), mtime=mtime), upsert("/b", home=("public", "users"))])
    assert len(names(database)) == 2
    assert {row["path"]: row["mtime"] for row in database.stored()} == {"/a": 2.0, "/b": 1.0}


def test_a_table_of_somebody_else_is_left_alone(run, database):
    database.ask("CREATE SCHEMA fustor")
    database.ask("CREATE TABLE fustor.fs (mine text)")
    push(run, [upsert("/a")])
    assert database.ask("SELECT count(*) FROM fustor.fs") == [(0,)]
    assert names(database)["fs/"] != "fs"


@pytest.mark.parametrize(
    "name", ['quo"te', "semi;colon", "per%cent %s", "br{ace}", "ümlaut", "select", "_fustor_tasks"]
)
def test_hostile_names_are_only_names(run, database, name):
    push(
        run,
        [record("1", {name: 1}, home=(name, name))],
        [record("1", {name: 2}, home=(name, name))],
        typed_tables=["*"],
    )
    assert {row["path"] for row in database.stored()} == {f"/{name}/{name}/1", f"/{name}/{name}", f"/{name}"}


@pytest.mark.parametrize("schema", ["Mixed Case", "semi;colon", "br{ace}", "fustor'"])
def test_the_schema_is_the_configured_one(run, database, schema):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push(
            [upsert("/a/b", "/c", source=SNAPSHOT), delete("/c")], session_id=session, is_snapshot_end=True
        )

    run(scenario, schema=schema)
    (count,) = database.ask("SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = 'fs'", schema)
    assert count == (1,)


def test_containers_stay_out_of_the_table_of_a_database(run, database):
    table = upsert("/public/users", home=("public", "users"), is_directory=True)
    push(run, [record("1", {"id": 1}), record("2", {"id": 2}), table])
    assert database.ask("SELECT path FROM fustor.public_users ORDER BY path") == [
        ("/public/users/1",),
        ("/public/users/2",),
    ]
    assert database.ask("SELECT path FROM fustor.public ORDER BY path") == [("/public",), ("/public/users",)]


def test_a_column_that_an_update_does_not_tell_keeps_its_value(run, database):
    push(run, [record("1", {"id": 1, "long": "x", "n": None}, model=InsertEvent)], [record("1", {"id": 1, "n": 5})])
    assert database.ask("SELECT record FROM fustor.public_users") == [({"id": 1, "long": "x", "n": 5},)]


def test_an_insert_keeps_no_column_that_it_does_not_tell(run, database):
    told = [record("1", {"id": 1, "old": "x"}), record("2", {"id": 2, "old": "y"})]
    push(run, told, [record("1", {"id": 3}, model=InsertEvent), record("2", {"id": 4})])
    assert database.ask("SELECT record FROM fustor.public_users ORDER BY path") == [
        ({"id": 3},),
        ({"id": 4, "old": "y"},),
    ]


def test_columns_are_kept_within_one_batch_too(run, database):
    push(run, [record("1", {"id": 1, "long": "x"}, model=InsertEvent), record("1", {"id": 2})])
    assert database.ask("SELECT record FROM fustor.public_users") == [({"id": 2, "long": "x"},)]


def test_a_row_that_was_deleted_before_keeps_nothing(run, database):
    gone = delete("/public/users/1", home=("public", "users"))
    push(run, [record("1", {"id": 1, "long": "x"})], [gone, record("1", {"id": 2})])
    assert database.ask("SELECT record FROM fustor.public_users") == [({"id": 2},)]


def test_a_snapshot_row_replaces_every_column(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("1", {"id": 1, "dropped": "x"})], session_id=session)
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([record("1", {"id": 1}, source=SNAPSHOT, mtime=9.0)], session_id=session)

    run(scenario)
    assert database.ask("SELECT record FROM fustor.public_users") == [({"id": 1},)]


def test_typed_columns_follow_the_records(run, database):
    told = {"id": 1, "name": "a", "ok": True, "ratio": 0.5, "doc": {"x": [1]}, "path": "kept", "none": None}
    push(
        run,
        [record("1", told)],
        [record("2", {"id": 2**70, "name": None, "ok": "maybe", "added": "x"})],
        typed_tables=["public.*"],
    )
    assert types(database) == {
        "id": "numeric",
        "name": "text",
        "ok": "text",
        "ratio": "double precision",
        "doc": "jsonb",
        "added": "text",
    }
    found = database.ask("SELECT id, name, ok, ratio, doc, added, record FROM fustor.public_users ORDER BY path")
    assert found == [
        (1, "a", "true", 0.5, {"x": [1]}, None, {"path": "kept", "none": None}),
        (2**70, None, "maybe", None, None, "x", None),
    ]


def test_a_typed_column_that_an_update_does_not_tell_keeps_its_value(run, database):
    push(
        run,
        [
            record("1", {"id": 1, "long": "x"}, model=InsertEvent),
            record("2", {"id": 2, "long": "y"}, model=InsertEvent),
        ],
        [record("1", {"id": 7}), record("2", {"id": 8, "long": None})],
        typed_tables=["*"],
    )
    assert database.ask("SELECT id, long FROM fustor.public_users ORDER BY path") == [(7, "x"), (8, None)]


def test_a_path_moves_with_the_table_that_tells_it(run, database):
    push(run, [upsert("/a", home=("fs", ""))], [upsert("/a", home=("fs", "t"), mtime=2.0)])
    assert [(row["path"], row["mtime"]) for row in database.stored()] == [("/a", 2.0)]


def test_a_later_layout_is_not_touched(run, database):
    push(run, [upsert("/a")])
    database.ask("UPDATE fustor._fustor_meta SET version = 99")
    with pytest.raises(Exception, match="upgrade the driver"):
        push(run, [upsert("/a")])


def test_more_keys_than_a_table_can_have_columns_stay_in_the_record(run, database):
    keys = [f"k{number:04}" for number in range(2_000)]
    push(
        run,
        [record("1", dict.fromkeys(keys[:900], True))],
        [record("2", dict.fromkeys(keys, True))],
        typed_tables=["*"],
    )
    found = dict(database.ask("SELECT path, record FROM fustor.public_users"))
    assert found["/public/users/1"] is None
    assert set(found["/public/users/2"]) == set(keys[1_000:])
    assert database.ask("SELECT k0999 FROM fustor.public_users ORDER BY path") == [(None,), (True,)]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("smallint", 7, 70_000),
        ("integer", 7, 2**40),
        ("numeric(6,2)", 12, 10**9),
        ("real", 0.5, 1e300),
        ("timestamp with time zone", "2026-11-24 09:00:00+00", "yesterday-ish"),
        ("character varying(3)", "abc", "abcd"),
    ],
)
def test_a_column_whose_type_somebody_chose_keeps_it_and_refuses_what_does_not_fit(run, database, kind, good, bad):
    push(run, [record("1", {"n": good, "m": 1})], typed_tables=["*"])
    database.ask(f"ALTER TABLE fustor.public_users ALTER COLUMN n TYPE {kind} USING n::{kind}")
    push(run, [record("2", {"n": bad, "m": 2}), record("3", {"n": good, "m": 3})], typed_tables=["*"])
    query = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attname = 'n' AND attrelid = %s::regclass"
    assert database.ask(query, "fustor.public_users") == [(kind,)]
    assert database.ask("SELECT path FROM fustor._fustor_dead_letters") == [("/public/users/2",)]
    assert database.ask("SELECT path, m FROM fustor.public_users ORDER BY path") == [
        ("/public/users/1", 1),
        ("/public/users/3", 3),
    ]


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30, 0.5, 1e300, True, "x", [1], None])
def test_a_value_that_a_typed_column_cannot_hold_widens_it(run, database, value):
    push(run, [record("1", {"n": 1})], [record("2", {"n": value})], typed_tables=["*"])
    found = [kept for (kept,) in database.ask("SELECT n FROM fustor.public_users ORDER BY path")]
    if isinstance(value, bool | str | list):
        assert found == ["1", {True: "true", "x": "x"}.get(value if isinstance(value, bool | str) else None, "[1]")]
    else:
        assert [None if kept is None else float(kept) for kept in found] == [1, value and float(value)]
    assert database.ask("SELECT count(*) FROM fustor._fustor_dead_letters") == [(0,)]


@pytest.mark.parametrize("typed", [(), ("*",)])
@pytest.mark.parametrize("more", ['"100%" text', "twice bigint GENERATED ALWAYS AS (event_index * 2) STORED"])
def test_columns_that_are_made_by_the_server_are_left_to_it(run, database, typed, more):
    push(run, [record("1", {"n": 1})], typed_tables=typed)
    database.ask(f"ALTER TABLE fustor.public_users ADD COLUMN {more}")
    push(run, [record("1", {"n": 2}), record("2", {"n": 2})], [record("3", {"n": 3})], typed_tables=typed)
    assert database.ask("SELECT path FROM fustor.public_users ORDER BY path") == [
        (f"/public/users/{key}",) for key in (1, 2, 3)
    ]
    assert database.ask("SELECT count(*) FROM fustor._fustor_dead_letters") == [(0,)]


def test_a_column_may_get_another_type_while_a_driver_runs(run, database):
    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for number in (0, 1, 0, 1):
            await driver.push([record(str(number), {"at": "2026-11-24"})], session_id=session)
        database.ask("ALTER TABLE fustor.public_users ALTER COLUMN at TYPE date USING at::date")
        await driver.push([record("1", {"at": "2026-11-25"})], session_id=session)
        await driver.push([record("8", {"at": "never"}), record("9", {"at": "2026-11-26"})], session_id=session)

    run(scenario, typed_tables=["*"])
    query = "SELECT path, at::text FROM fustor.public_users WHERE at > '2026-11-24' ORDER BY path"
    assert database.ask(query) == [("/public/users/1", "2026-11-25"), ("/public/users/9", "2026-11-26")]
    assert database.ask("SELECT path FROM fustor._fustor_dead_letters") == [("/public/users/8",)]


def long_path(length, place="/d"):
    """An absolute path of names that do not compress."""
    random = Random(length)
    text = place
    while len(text) < length:
        text += "/" + "".join(
            random.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=min(200, length - len(text) - 1))
        )
    return text


LONG = [long_path(length) for length in (2_650, 2_750, 4_096, 9_000)]
"""The last ones are longer than an entry of an index may be, and than a path of Linux."""


@pytest.mark.parametrize("typed", [(), ("*",)], ids=["jsonb", "typed"])
@pytest.mark.parametrize("news", [0, 5])
def test_a_path_that_is_too_long_for_an_index_is_a_row_like_others(run, database, typed, news):
    def told(mtime, source=MessageSource.REALTIME, paths=LONG, **more):
        return upsert(*paths, source=source, mtime=mtime, home=("fs", "t"), record={"n": mtime, "s": "x"}, **more)

    def found():
        rows = {row["path"]: row["mtime"] for row in database.stored() if not row["is_directory"]}
        return {path: mtime for path, mtime in rows.items() if not path.startswith("/new")}

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        for number in range(news):
            await driver.push([upsert(f"/new/{number}", home=("fs", "t"), record={"n": 1.0})], session_id=session)
        for mtime in (1.0, 2.0):
            await driver.push([told(mtime, SNAPSHOT), upsert("/short", home=("fs", "t"))], session_id=session)
        assert found() == dict.fromkeys(LONG, 2.0) | {"/short": 1.0}
        await driver.push([told(3.0), told(9.0, SNAPSHOT)], session_id=session, is_snapshot_end=True)
        assert found() == dict.fromkeys(LONG, 3.0) | {"/short": 1.0}
        await driver.push([delete(LONG[2])], session_id=session)
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([delete(LONG[1]), told(9.0, SNAPSHOT, LONG[:2])], session_id=session, is_snapshot_end=True)
        assert found() == {LONG[0]: 9.0}
        await driver.push([AUDIT_START], session_id=session)
        above = [upsert(LONG[3].rpartition("/")[0], source=AUDIT, is_directory=True, home=("fs", "t"))]
        await driver.push([told(5.0, AUDIT, LONG[2:3]), *above, AUDIT_END], session_id=session)
        assert found() == {LONG[0]: 9.0, LONG[2]: 5.0}
        await driver.push([delete("/d")], session_id=session)
        assert found() == {}
        assert driver.statistics()["refused_rows"] == 0

    run(scenario, typed_tables=typed)


def test_a_long_path_that_an_earlier_version_could_compress_is_still_one_row(run, database):
    path = "/d/" + "a" * 3_000

    async def scenario(driver):
        session = (await driver.create_session("task"))["session_id"]
        await driver.push([upsert("/d/x")], session_id=session)
        database.ask(
            "INSERT INTO fustor.fs (path, mtime, is_directory, message_source, event_index)"
            " VALUES (%s, 1, false, 'realtime', 1)",
            path,
        )
        await driver.push([upsert(path, mtime=2.0)], session_id=session)

    run(scenario)
    assert [row["mtime"] for row in database.stored() if row["path"] == path] == [2.0]


def test_a_long_path_moves_with_the_table_that_tells_it(run, database):
    push(run, [upsert(LONG[2], home=("fs", ""))], [upsert(LONG[2], home=("fs", "t"), mtime=2.0)])
    assert [row["mtime"] for row in database.stored() if row["path"] == LONG[2]] == [2.0]
    assert database.ask("SELECT path FROM fustor.fs_t") == [(LONG[2],)]


def test_a_long_directory_is_known_by_what_is_below_it(run, database):
    below = LONG[3] + "/x"
    push(run, [upsert(below)], [upsert(below.rpartition("/")[0])])
    told = {row["path"]: row["is_directory"] for row in database.stored()}
    assert told[LONG[3]] is False
    assert below not in told


def test_a_table_with_long_paths_changes_its_form_like_others(run, database):
    told = [upsert(path, home=("fs", "t"), record={"n": number}) for number, path in enumerate(["/short", LONG[2]])]
    push(run, told)
    push(run, [], typed_tables=["*"])
    push(run, [upsert(LONG[3], home=("fs", "t"), record={"n": 2, "more": "x"})], typed_tables=["*"])
    assert sorted(database.ask("SELECT n, more FROM fustor.fs_t")) == [(0, None), (1, None), (2, "x")]
    push(run, [])
    assert sorted(record["n"] for (record,) in database.ask("SELECT record FROM fustor.fs_t")) == [0, 1, 2]
