"""The example pusher keeps what the contract promises of an append log, whatever happens between two instructions."""

import asyncio
import json
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fustor_core.exceptions import DriverError, RetryableError
from fustor_core.models.config import PusherConfig
from fustor_event_model import EventBase, LifecycleSignal

PACKAGE = "fustor_pusher_log"
ROW = ["path", "mtime", "size", "parent_mtime"]


@pytest.fixture(scope="module")
def package(tools, rendered):
    with tools.imported(rendered("pusher", "log", example=True), PACKAGE) as module:
        yield module


class Store:
    """One directory, the driver that writes into it, and what is there without it."""

    def __init__(self, driver_class, directory: Path):
        self.driver_class, self.directory, self.file = driver_class, directory, directory / "events.jsonl"
        self.restart()

    def restart(self):
        self.driver = self.driver_class("log", PusherConfig(driver="log", endpoint=str(self.directory)))
        self.session = asyncio.run(self.driver.create_session("task"))["session_id"]

    def push(self, *events, **kwargs):
        return asyncio.run(self.driver.push(list(events), session_id=self.session, **kwargs))

    def committed(self):
        return asyncio.run(self.driver.get_latest_committed_index(session_id=self.session))

    def stored(self):
        found, pending = [], []
        for line in self.file.read_bytes().split(b"\n")[:-1] if self.file.exists() else []:
            record = json.loads(line)
            if "commit" in record:
                found, pending = found + pending, []
            else:
                pending += [(record["message_source"], row["path"]) for row in record["rows"]]
        return found


@pytest.fixture
def store(package, tmp_path):
    return Store(package.LogDriver, tmp_path / "made" / "when needed")


def event(source, *paths, index=-1, **more):
    rows = [dict.fromkeys(ROW, 1.0) | {"path": path} for path in paths]
    return EventBase(
        event_type="update",
        fields=ROW,
        rows=rows,
        index=index,
        event_schema="fs",
        table="",
        message_source=source,
        **more,
    )


def test_nothing_is_resumed_before_a_snapshot_is_complete(store):
    store.push(event("realtime", "/r", index=5))
    store.push(event("snapshot", "/s"), source_type="snapshot")
    assert store.committed() == -1
    store.push(source_type="snapshot", is_snapshot_end=True)
    assert store.committed() == 5


def test_index_of_the_snapshot_counts_while_there_is_no_other(store):
    store.push(event("snapshot", "/s", index=7), source_type="snapshot", is_snapshot_end=True)
    assert store.committed() == 7
    store.push(event("realtime", index=9))
    assert store.committed() == 9


def test_restart_remembers(store):
    store.push(event("snapshot", "/s"), event("realtime", "/r", index=3), is_snapshot_end=True)
    store.restart()
    assert store.committed() == 3
    store.push(event("realtime", "/r", index=3), event("realtime", "/n", index=4))
    assert store.stored() == [("snapshot", "/s"), ("realtime", "/r"), ("realtime", "/n")]


def test_new_snapshot_that_broke_off_is_not_resumed(store):
    store.push(event("snapshot", "/s"), event("realtime", "/r", index=3), is_snapshot_end=True)
    store.restart()
    store.push(event("snapshot", "/s"), source_type="snapshot")
    store.push(event("realtime", "/r", index=9))
    assert store.committed() == -1


def test_session_with_a_snapshot_starts_from_nothing(store):
    """The indexes of a source that was set up anew may be lower than those before."""
    store.push(event("snapshot", "/s"), event("realtime", "/r", index=900), is_snapshot_end=True)
    store.restart()
    store.push(event("snapshot", "/s"), source_type="snapshot")
    store.push(event("realtime", "/low", index=2))
    store.push(source_type="snapshot", is_snapshot_end=True)
    assert ("realtime", "/low") in store.stored()
    assert store.committed() == 2


def test_tasks_are_kept_apart(store):
    store.push(event("snapshot", "/s"), event("realtime", "/r", index=3), is_snapshot_end=True)
    other = asyncio.run(store.driver.create_session("other"))["session_id"]
    assert asyncio.run(store.driver.get_latest_committed_index(session_id=other)) == -1


@pytest.mark.parametrize("source", ["snapshot", "audit", "realtime"])
def test_repeated_batch_without_index_leaves_one_copy(store, source):
    for _ in range(3):
        store.push(event(source, "/a"), source_type=source)
    store.push(event(source, "/b"), source_type=source)
    store.push(event(source, "/a"), source_type=source)
    assert [path for _, path in store.stored()] == ["/a", "/b", "/a"]


def test_repeat_is_known_although_another_phase_went_on_meanwhile(store):
    store.push(event("snapshot", "/s"), source_type="snapshot")
    store.push(event("realtime", "/r"))
    store.push(event("snapshot", "/s"), source_type="snapshot")
    assert [path for _, path in store.stored()] == ["/s", "/r"]


def test_batch_with_a_signal_is_never_dropped(store):
    for _ in range(2):
        store.push(event("audit", signal=LifecycleSignal.AUDIT_START), source_type="audit")
    assert store.file.read_text().count("Audit-Start") == 2


def test_end_of_a_snapshot_is_not_taken_for_a_repeat(store):
    store.push(event("snapshot", "/s", index=1), source_type="snapshot")
    store.push(event("snapshot", "/s", index=1), source_type="snapshot", is_snapshot_end=True)
    assert store.committed() == 1


def test_mixed_batch_keeps_each_source(store):
    store.push(event("audit", "/a"), event("realtime", "/r", index=1), event("snapshot", "/s"))
    assert store.stored() == [("audit", "/a"), ("realtime", "/r"), ("snapshot", "/s")]


def test_two_instances_know_of_each_other(package, store):
    other = Store(package.LogDriver, store.directory)
    store.push(event("snapshot", "/s"), event("realtime", "/r", index=3), is_snapshot_end=True)
    other.push(event("realtime", "/r", index=3), event("realtime", "/n", index=4))
    assert store.committed() == 4
    assert [path for _, path in store.stored()] == ["/s", "/r", "/n"]


def test_pushes_at_once_do_not_mix(store):
    async def both():
        pushes = [
            store.driver.push([event("audit", f"/{n}", f"/{n}b")], session_id=store.session, source_type="audit")
            for n in range(20)
        ]
        await asyncio.gather(*pushes)

    asyncio.run(both())
    paths = [path for _, path in store.stored()]
    assert sorted(paths) == sorted(f"/{n}{half}" for n in range(20) for half in ("", "b"))
    assert all(second == f"{first}b" for first, second in zip(paths[::2], paths[1::2], strict=True))


def test_tail_torn_at_any_byte_is_cut(package, store, tmp_path):
    store.push(event("snapshot", "/s"), is_snapshot_end=True)
    whole = len(store.file.read_bytes())
    store.push(event("realtime", "/r", index=1), event("realtime", "/t", index=2))
    content = store.file.read_bytes()
    for length in sorted({*range(whole, len(content), 9), len(content) - 1}):
        directory = tmp_path / str(length)
        directory.mkdir()
        (directory / "events.jsonl").write_bytes(content[:length])
        torn = Store(package.LogDriver, directory)
        torn.push(event("realtime", "/r", index=1), event("realtime", "/t", index=2))
        assert torn.stored() == [("snapshot", "/s"), ("realtime", "/r"), ("realtime", "/t")]
        assert torn.committed() == 2


def test_tail_longer_than_what_follows_is_cut(store):
    store.push(event("snapshot", "/s"), is_snapshot_end=True)
    with store.file.open("ab") as file:
        file.write(b'{"event_type":"update",' + b" " * 10_000)
    store.push(event("realtime", "/r", index=1))
    assert store.file.read_bytes().endswith(b"}}\n")
    assert store.stored() == [("snapshot", "/s"), ("realtime", "/r")]


def test_foreign_file_is_refused_and_left_alone(store):
    store.directory.mkdir(parents=True)
    store.file.write_text('{"mine": 1}\n')
    with pytest.raises(DriverError, match="not a log"):
        store.push(event("realtime", "/r", index=1))
    assert store.file.read_text() == '{"mine": 1}\n'


def test_disk_that_refuses_leaves_what_was_there(store, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python leaves cut bytecode behind on a full disk
    store.push(event("snapshot", "/s"), event("realtime", "/r", index=1), is_snapshot_end=True)
    before = store.file.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
    try:
        with pytest.raises(RetryableError):
            store.push(event("realtime", "/big" * 100, index=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.file.read_bytes() == before
    store.push(event("realtime", "/big", index=2))
    assert store.committed() == 2


WRITER = """
import asyncio, sys
from fustor_core.models.config import PusherConfig
from fustor_event_model import EventBase
from fustor_pusher_log import LogDriver
ROW = ["path", "mtime", "size"]
async def main():
    driver = LogDriver("log", PusherConfig(driver="log", endpoint=sys.argv[1]))
    session = (await driver.create_session(sys.argv[2]))["session_id"]
    index = await driver.get_latest_committed_index(session_id=session)
    if index < 0:
        await driver.push([], session_id=session, source_type="snapshot", is_snapshot_end=True)
    index = max(index, 0)
    while True:
        index += 1
        row = dict.fromkeys(ROW, 1.0) | {"path": "/" + "x" * 200 + str(index)}
        await driver.push([EventBase(event_type="update", fields=ROW, rows=[row], index=index, event_schema="fs",
                                     table="", message_source="realtime")], session_id=session)
        print(index, flush=True)
asyncio.run(main())
"""


def test_killed_at_any_moment_nothing_is_missing_and_nothing_twice(tools, rendered, package, tmp_path):
    seed = random.SystemRandom().randrange(2**32)
    moments = random.Random(seed)
    promised = 0
    env = {"PYTHONPATH": str(rendered("pusher", "log", example=True) / "src")}
    for life in range(4):
        command = [sys.executable, "-c", WRITER, str(tmp_path), "task"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=tools.os.environ | env) as writer:
            for _ in range(moments.randint(1, 40)):
                promised = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
        rows = [int(path.strip("/x")) for _, path in Store(package.LogDriver, tmp_path).stored()]
        assert rows == list(range(1, len(rows) + 1)), f"seed {seed}, life {life}"
        assert len(rows) >= promised, f"seed {seed}, life {life}"
        assert Store(package.LogDriver, tmp_path).committed() == len(rows)


def test_processes_share_one_log(tools, rendered, package, tmp_path):
    env = tools.os.environ | {"PYTHONPATH": str(rendered("pusher", "log", example=True) / "src")}
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, task], stdout=subprocess.PIPE, text=True, env=env) for task in "abc"]
    for writer in writers:
        with writer:
            while int(writer.stdout.readline()) < 60:
                pass
            writer.kill()
    rows = [int(path.strip("/x")) for _, path in Store(package.LogDriver, tmp_path).stored()]
    for number in range(1, 61):
        assert rows.count(number) == len(writers), number
