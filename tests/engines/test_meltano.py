"""Meltano runs our taps and targets, and those of others at their other end; killed, it goes on."""

import json
import os
import select
import signal
import threading
import time
import uuid
from pathlib import Path

import pytest
import yaml
from engines.commands import DEADLINE_SEC, Meltano, ours
from engines.stores import count, records, stored
from psycopg2.extensions import parse_dsn

pytestmark = [pytest.mark.engines, pytest.mark.full]
ROWS = 3_000
PUBLIC_ROWS = 40_000


@pytest.fixture
def meltano(environment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Meltano(environment("meltano"))


@pytest.fixture
def write_project(meltano):
    """Have `singer init` write a project, and put a plugin of others in its place; how to run it."""

    def write(source, pusher, kind, plugin):
        entries = {"sources": {"shop": source}, "pushers": {"lake": pusher}}
        for section in entries.values():
            for entry in section.values():
                entry["disabled"] = False
        Path("fustor.yaml").write_text(json.dumps(entries))
        ours("singer", "init")
        document = yaml.safe_load(Path("meltano.yml").read_text())
        document["plugins"][kind].append({"namespace": plugin["name"].replace("-", "_")} | plugin)
        Path("meltano.yml").write_text(yaml.safe_dump(document))
        return meltano

    return write


@pytest.fixture
def shop(make_shop, request):
    return make_shop(getattr(request, "param", ROWS))


@pytest.fixture
def project(environment, shop, write_project):
    """A project with a target of others beside ours."""
    Path("out").mkdir()
    program = str(environment("jsonl") / "target-jsonl")
    settings = {"destination_path": "out", "do_timestamp_file": False}
    jsonl = {"name": "target-jsonl", "executable": program, "config": settings}
    return write_project(shop.entry, {"driver": "fs", "endpoint": "lake"}, "loaders", jsonl)


def killed_when(process, condition):
    """Kill a run, and all that it has started, when something is there."""
    deadline, pause = time.monotonic() + DEADLINE_SEC, threading.Event()
    with process:
        while not condition():
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < deadline
            pause.wait(0.01)
        os.killpg(process.pid, signal.SIGKILL)


def written(place):
    """The rows in the one file that a run wrote, which is taken away."""
    (file,) = Path(place).iterdir()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.unlink()
    return rows


def written_until_killed(process, place):
    """The rows that a target wrote before it was killed, into a pipe that is soon full: it cannot have ended."""
    os.mkfifo(place)
    with place.open("r+b", buffering=0) as pipe:
        killed_when(process, lambda: select.select([pipe], [], [], 0)[0])
        rows = [json.loads(line) for line in pipe.read(1 << 20).splitlines()]
    place.unlink()
    return rows


def test_meltano_reaches_no_host_here(project):
    with project.start("ping", of="hub") as process:
        out, _ = process.communicate(timeout=DEADLINE_SEC)
    assert process.returncode != 0
    assert "Could not connect to Meltano Hub" in out
    assert "127.0.0.1" in out  # where the proxy would be


def test_meltano_runs_a_tap_of_ours_into_a_target_of_others(project, shop):
    before = written_until_killed(project.start("tap-fustor", "target-jsonl"), Path("out/shop.jsonl"))
    assert 0 < len(before) < ROWS
    project.run("--force", "tap-fustor", "target-jsonl")
    first = written("out")
    shop("update orders set item = 'new' where id = 3")
    shop("delete from orders where id = 5")
    project.run("--force", "tap-fustor", "target-jsonl")
    second = written("out")
    assert len(first) == ROWS
    assert {row["path"] for row in before + first} == {f"/public/orders/{id}" for id in range(1, ROWS + 1)}
    assert [(row["path"], row["event_type"]) for row in second] == [
        ("/public/orders/3", "update"),
        ("/public/orders/5", "delete"),
    ]


def test_meltano_goes_on_after_it_was_killed(project, shop):
    killed_when(project.start("tap-fustor", "target-fustor"), lambda: list(Path().glob("lake/*/*.jsonl")))
    shop("insert into orders select i, 'late' from generate_series(%s, %s) i", ROWS + 1, ROWS + 100)
    project.run("--force", "tap-fustor", "target-fustor")
    project.run("--force", "tap-fustor", "target-fustor")
    told = [json.loads(line) for line in ours("replay", "lake").splitlines()]
    last = max(at for at, event in enumerate(told) if event["message_source"] == "snapshot")
    first = max((at for at, event in enumerate(told[:last]) if event["message_source"] == "realtime"), default=-1)
    paths = [row["path"] for event in told[first + 1 :] for row in event["rows"]]
    assert {f"/public/orders/{id}" for id in range(1, ROWS + 101)} <= set(paths)


@pytest.fixture
def public_tap(environment, shop, lake, write_project):
    """A project with a tap of others for PostgreSQL, which follows a column that counts changes."""
    shop("create sequence changes")
    shop("alter table orders add changed bigint not null default nextval('changes'), add details jsonb")
    shop("update orders set details = jsonb_build_object('ä', id), changed = nextval('changes')")
    server = parse_dsn(shop.dsn)
    role = f"r{uuid.uuid4().hex}"
    shop(f"create role {role} superuser login password '{role}'")
    tap = {
        "name": "tap-postgres",
        "executable": str(environment("tap-postgres") / "tap-postgres"),
        "capabilities": ["catalog", "discover", "state"],
        "config": {
            "sqlalchemy_url": f"postgresql+psycopg2://{role}:{role}@localhost/{server['dbname']}?host={server['host']}",
            "filter_schemas": ["public"],
        },
        "select": ["public-orders.*"],
        "metadata": {"public-orders": {"replication-method": "INCREMENTAL", "replication-key": "changed"}},
    }
    yield write_project(shop.entry, lake.entry | {"batch_rows": 500}, "extractors", tap)
    shop(f"drop role {role}")


def wanted(shop):
    return {f"/public-orders/{row['id']}": row for (row,) in shop("select to_jsonb(o) from orders o")}


@pytest.mark.parametrize("shop", [PUBLIC_ROWS], indirect=True)
def test_a_public_tap_is_written_whole_though_it_was_killed(public_tap, shop, lake):
    killed_when(public_tap.start("tap-postgres", "target-fustor"), lambda: count(lake) > PUBLIC_ROWS // 3)
    assert len(records(lake)) < PUBLIC_ROWS
    public_tap.run("--force", "tap-postgres", "target-fustor")
    assert records(lake) == wanted(shop)
    before, ((last,),) = time.time(), shop("select id from orders order by changed desc limit 1")
    shop("update orders set item = 'new', details = null, changed = nextval('changes') where id % 7 = 0")
    shop("insert into orders (id, item) select i, 'late' from generate_series(100001, 100500) i")
    killed_when(public_tap.start("--force", "tap-postgres", "target-fustor"), lambda: count(lake) > PUBLIC_ROWS)
    public_tap.run("--force", "tap-postgres", "target-fustor")
    assert records(lake) == wanted(shop)
    again = {path for path, mtime in stored(lake, "mtime").items() if (mtime or 0) >= before}
    changed = {path for path, row in wanted(shop).items() if row["item"] in ("new", "late")}
    assert again - changed <= {f"/public-orders/{last}"}  # where the state was, which is read again
    assert again >= changed
