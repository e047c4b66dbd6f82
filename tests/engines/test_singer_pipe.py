"""The reference drivers as taps and targets: killed in the middle, and gone on from the target's state."""

import json
import shutil
from contextlib import ExitStack

import pytest
from engines.pipes import SingerPipe
from engines.stores import count, records, stored
from psycopg2 import sql
from test_selected_anew import as_uri
from test_typed_tables import made_database

from fustor_driver.event_files import read_events

pytestmark = pytest.mark.wide
ROWS = 12_000


@pytest.fixture
def databases():
    with ExitStack() as stack:
        yield [stack.enter_context(made_database()) for _ in range(2)]


def wanted(source):
    rows = {}
    for name in ("a", "b"):
        for (row,) in source(sql.SQL("select to_jsonb(t) from {} t").format(sql.Identifier(name))):
            rows[f"/public/{name}/{row['id']}"] = row
    return rows


def test_tables_are_equal_after_kills_in_the_snapshot_and_in_the_log(databases, tmp_path):
    source, target = databases
    for name in ("a", "b"):
        source(sql.SQL("create table {} (id int primary key, v text)").format(sql.Identifier(name)))
        source(
            sql.SQL("insert into {} select i, 'old' from generate_series(1, %s) i").format(sql.Identifier(name)), ROWS
        )
    tap = {"id": "shop", "driver": "postgres", "uri": as_uri(source.dsn), "driver_params": {"tables": ["public.*"]}}
    lake = {"driver": "postgres", "endpoint": as_uri(target.dsn), "driver_params": {"max_delete_share": 1.0}}
    pipe = SingerPipe(tmp_path, tap, lake | {"batch_rows": 500})

    pipe.run(lines=ROWS, until=lambda: count(target) > ROWS // 4)
    assert pipe.state is None
    source("update a set v = 'between' where id % 7 = 0")
    pipe.run()
    assert records(target) == wanted(source)

    source("update a set v = 'new' where id <= %s", ROWS // 2)
    source("delete from b where id <= %s", ROWS // 2)
    source("insert into b select i, 'late' from generate_series(%s, %s) i", ROWS + 1, 2 * ROWS)
    pipe.run(lines=ROWS, until=lambda: pipe.states_so_far() >= 2)
    assert records(target) != wanted(source)
    position = pipe.state["bookmarks"]["shop"]["position"]
    source("update b set id = id + 1000000 where id % 100 = 1")
    pipe.run()
    assert records(target) == wanted(source)
    assert pipe.state["bookmarks"]["shop"]["position"] > position
    assert pipe.run() >= 1
    assert '"RECORD"' not in pipe.errors


def test_the_slot_moves_on_with_the_state(databases, tmp_path):
    source, target = databases
    source("create table a (id int primary key, v text)")
    tap = {"id": "shop", "driver": "postgres", "uri": as_uri(source.dsn), "driver_params": {"tables": ["public.*"]}}
    pipe = SingerPipe(tmp_path, tap, {"driver": "postgres", "endpoint": as_uri(target.dsn)})
    held = []
    for _ in range(3):
        source("insert into a select i, repeat('x', 1000) from generate_series(1, 500) i")
        source("delete from a")
        pipe.run()
        held.append(
            source("select confirmed_flush_lsn - '0/0' from pg_replication_slots where database = current_database()")
        )
    assert held[0] < held[1] < held[2]


def paths_below(root):
    return {f"/{path.relative_to(root)}" for path in root.rglob("*")}


def test_a_tree_is_read_whole_and_what_went_away_goes(databases, tmp_path):
    _, target = databases
    tree = tmp_path / "tree"
    for number in range(300):
        place = tree / f"box-{number % 7}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text("x" * number)
    lake = {"driver": "postgres", "endpoint": as_uri(target.dsn), "driver_params": {"max_delete_share": 1.0}}
    pipe = SingerPipe(tmp_path, {"id": "files", "driver": "fs", "uri": str(tree)}, lake)
    pipe.run()
    assert stored(target).keys() - {"/"} == paths_below(tree)
    shutil.rmtree(tree / "box-3")
    (tree / "late.txt").write_text("late")
    pipe.run()
    assert stored(target).keys() - {"/"} == paths_below(tree)


def test_a_tree_in_a_log_has_an_end_of_every_run(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_text("a")
    out = tmp_path / "out"
    pipe = SingerPipe(
        tmp_path, {"id": "files", "driver": "fs", "uri": str(tree)}, {"driver": "fs", "endpoint": str(out)}
    )
    for name in ("b", "c"):
        pipe.run()
        (tree / name).write_text(name)
    lines = [json.loads(line) for file in sorted(out.glob("*/*.jsonl")) for line in file.read_text().splitlines()]
    assert [line for line in lines if "a" in json.dumps(line)]
    assert sum(json.dumps(line).count('"/b"') for line in lines) == 1


def test_a_log_has_every_change_once_after_kills(databases, tmp_path):
    source, _ = databases
    source("create table a (id int primary key, v text)")
    tap = {"id": "shop", "driver": "postgres", "uri": as_uri(source.dsn), "driver_params": {"tables": ["public.*"]}}
    out = tmp_path / "out"
    pipe = SingerPipe(tmp_path, tap, {"driver": "fs", "endpoint": str(out), "batch_rows": 100})
    pipe.run()
    for number in range(3):
        source("insert into a select i, 'x' from generate_series(%s, %s) i", 2_000 * number, 2_000 * number + 1_999)
        pipe.run(lines=1_500, until=pipe.states_so_far)
    pipe.run()
    events = list(read_events(out))
    told = [(event.index, row["path"]) for event in events for row in event.rows if event.message_source == "realtime"]
    assert len(told) == len(set(told))
    assert {path for _, path in told} == {f"/public/a/{id}" for id in range(6_000)}
    assert [index for index, _ in told] == sorted(index for index, _ in told)
