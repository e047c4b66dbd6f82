"""Ends at which a reader of the log would delete most of what it holds are not told, unless the user gave leave."""

import asyncio
import logging
import os
import stat

import pytest

from fustor_conformance.view import View
from fustor_core.models import PusherConfig
from fustor_pusher_fs import FsDriver, read_events

MANY = 300


def row(path, **more):
    return {"path": path, "mtime": 1.0, "size": 1, "parent_mtime": 0.0, "is_directory": False, **more}


@pytest.fixture
def host(tmp_path, event, replay):
    made = []

    def make(**params):
        made.append(Host(tmp_path / "out", event, replay, params))
        return made[-1]

    yield make
    for one in made:
        asyncio.run(one.driver.close())


class Host:
    """Drives a pusher as a host does: a session, whole snapshots, whole audits."""

    def __init__(self, endpoint, event, replay, params):
        config = PusherConfig(driver="fs", endpoint=str(endpoint), driver_params=params)
        self.driver = FsDriver("p", config)
        self.make, self.replay = event, replay
        self.directory = endpoint / "t"
        self.begin()

    def begin(self):
        self.session = asyncio.run(self.driver.create_session("t"))["session_id"]
        return self

    def push(self, *events, **keywords):
        return asyncio.run(self.driver.push(list(events), session_id=self.session, **keywords))

    def event(self, source, rows, **more):
        fields = list(rows[0]) if rows else []
        return self.make(0, source, fields=fields, rows=rows, **more)

    def snapshot(self, paths, *, index=-1, marked=(), **keywords):
        events = [self.event("snapshot", [row(path) for path in paths], index=index)] if paths else []
        events += [self.event("snapshot", [row(path, is_directory=True, audit_skipped=True)]) for path in marked]
        return self.push(*events, is_snapshot_end=True, source_type="snapshot", **keywords)

    def audit(self, paths, *, marked=(), **keywords):
        self.push(self.event("audit", [], signal="Audit-Start"))
        rows = [row(path) for path in paths]
        if rows:
            self.push(self.event("audit", rows))
        for path in marked:
            self.push(self.event("audit", [row(path, is_directory=True, audit_skipped=True)]))
        if "/" not in marked:
            self.push(self.event("audit", [row("/", is_directory=True)]))
        return self.push(self.event("audit", [], signal="Audit-End"), **keywords)

    def seen(self):
        """How many rows a reader of the log holds."""
        return len(self.view().paths() - {"/"})

    def view(self):
        return self.replay(self.directory)

    def committed(self):
        return asyncio.run(self.driver.get_latest_committed_index(session_id=self.session))


def paths(count, start=0):
    return [f"/{number}" for number in range(start, start + count)]


def test_a_snapshot_that_would_empty_a_reader_does_not_end_for_it(host, caplog):
    host = host()
    host.snapshot(paths(MANY), index=1)
    reply = host.begin().snapshot(paths(1), index=2)
    assert reply["refused_deletions"] == MANY - 1
    assert host.seen() == MANY
    assert host.committed() == 2
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "299 of the 300 rows of task 't'" in warning
    assert "`fustor-driver run --allow-deletions`" in warning


def test_everything_else_of_the_batch_is_there(host):
    host = host()
    host.snapshot(paths(MANY))
    host.begin().snapshot(["/0", "/new"])
    assert "/new" in host.view().paths()
    assert [batch.is_snapshot_end for batch in read_events(host.directory)] == [True, False]


def test_the_next_complete_snapshot_asks_again_and_the_user_may_allow_it(host):
    host = host()
    host.snapshot(paths(MANY))
    assert host.begin().snapshot(paths(1))["refused_deletions"] == MANY - 1
    assert host.begin().snapshot(paths(1))["refused_deletions"] == MANY - 1
    assert host.begin().snapshot(paths(1), allow_deletions=True)["refused_deletions"] == 0
    assert host.seen() == 1


@pytest.mark.parametrize("leave", [False, None, 1, "yes"])
def test_nothing_but_true_is_leave(host, leave):
    host = host()
    host.snapshot(paths(MANY))
    assert host.begin().snapshot(paths(1), allow_deletions=leave)["refused_deletions"] == MANY - 1


def test_an_audit_that_would_empty_a_reader_does_not_end_for_it(host):
    host = host()
    host.snapshot(paths(MANY))
    reply = host.audit(paths(1))
    assert reply["refused_deletions"] == MANY - 2  # its rows are that of the file and of the root
    assert host.seen() == MANY
    assert [event.signal for batch in read_events(host.directory) for event in batch.events if event.signal] == [
        "Audit-Start"
    ]


def test_a_repeated_end_of_a_refused_audit_is_refused_as_well(host):
    host = host()
    host.snapshot(paths(MANY))
    host.audit(paths(1))
    assert host.push(host.event("audit", [], signal="Audit-End"))["refused_deletions"] > 0
    assert host.seen() == MANY


def test_a_repeated_end_of_a_refused_snapshot_is_refused_as_well(host):
    host = host()
    host.snapshot(paths(MANY))
    host.begin()
    replies = [host.snapshot(paths(1)), host.snapshot(paths(1)), host.push(is_snapshot_end=True)]
    assert [reply["refused_deletions"] for reply in replies] == [MANY - 1] * 3
    assert host.seen() == MANY


def test_an_audit_after_a_refused_one_is_seen_in_full(host):
    host = host()
    host.snapshot(paths(MANY))
    host.audit(paths(1))
    assert host.audit(paths(MANY - 50))["refused_deletions"] == 0
    assert host.seen() == MANY - 50
    assert host.audit(paths(1), allow_deletions=True)["refused_deletions"] == 0
    assert host.seen() == 1


@pytest.mark.parametrize("end", ["snapshot", "audit"])
@pytest.mark.parametrize(
    ("held", "left", "refused"),
    [(100, 0, False), (101, 0, True), (1000, 850, False), (1000, 800, False), (1000, 790, True), (50, 1, False)],
)
def test_both_limits_must_be_exceeded(host, held, left, refused, end):
    host = host()
    host.snapshot([*paths(held - 1), "/"])
    tell = host.begin().snapshot if end == "snapshot" else host.audit
    reply = tell([*paths(left - 1), "/"] if end == "snapshot" and left else paths(max(left - 1, 0)), marked=())
    assert (reply["refused_deletions"] > 0) is (refused and (end == "snapshot" or left > 0))


def test_the_limits_are_parameters(host):
    host = host(max_delete_share=0.0, max_delete_rows=0)
    host.snapshot(paths(5))
    assert host.begin().snapshot(paths(4))["refused_deletions"] == 1
    assert host.seen() == 5


@pytest.mark.parametrize("params", [{"max_delete_share": 1.5}, {"max_delete_rows": -1}, {"max_delete_share": "x"}])
def test_limits_out_of_range_are_refused(host, params):
    with pytest.raises(Exception, match="max_delete"):
        host(**params)


def test_what_is_held_is_known_after_a_restart(host):
    first = host()
    first.snapshot(paths(MANY))
    asyncio.run(first.driver.close())
    second = host()
    assert second.snapshot(paths(1))["refused_deletions"] == MANY - 1
    assert second.seen() == MANY


def test_what_realtime_deletes_is_never_guarded_and_not_counted_again(host):
    first = host()
    first.snapshot(paths(MANY))
    for path in paths(MANY - 1):
        first.push(first.event("realtime", [row(path, size=None)], event_type="delete"))
    assert first.seen() == 1
    asyncio.run(first.driver.close())
    second = host()
    assert second.snapshot(paths(1, MANY - 1))["refused_deletions"] == 0


def test_inserts_are_held_too(host):
    host = host()
    host.snapshot(paths(1))
    for start in range(0, MANY, 50):
        rows = [row(path) for path in paths(50, 1 + start)]
        host.push(host.event("realtime", rows, event_type="insert"))
    assert host.begin().snapshot(paths(1))["refused_deletions"] == MANY


def test_a_first_snapshot_deletes_nothing_and_is_not_asked(host):
    assert host().snapshot([])["refused_deletions"] == 0


@pytest.mark.parametrize("end", ["snapshot", "audit"])
def test_a_root_that_was_not_listed_deletes_nothing_and_is_no_case_for_the_guard(host, end):
    host = host()
    host.snapshot(paths(MANY))
    tell = host.begin().snapshot if end == "snapshot" else host.audit
    assert tell([], marked=["/"])["refused_deletions"] == 0
    assert host.seen() == MANY
    assert host.begin().snapshot(paths(1))["refused_deletions"] == MANY - 1


def test_a_batch_that_was_not_written_is_counted_once(host, monkeypatch):
    host = host()
    monkeypatch.setattr("os.fdatasync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(Exception, match="free some space"):
        host.snapshot(paths(MANY))
    monkeypatch.undo()
    host.snapshot(paths(MANY))
    assert host.begin().snapshot(paths(MANY - 90))["refused_deletions"] == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"rows": -1}', b'{"rows": "x"}', b"\xff" * 5000, None])
def test_a_count_that_is_missing_or_damaged_is_not_known(host, content):
    first = host()
    first.snapshot(paths(MANY))
    asyncio.run(first.driver.close())
    file = first.directory / "held.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    second = host()
    assert second.snapshot(paths(1))["refused_deletions"] == 0
    assert second.seen() == 1
    assert second.begin().snapshot(paths(1))["refused_deletions"] == 0


def test_a_link_or_a_pipe_in_place_of_the_count_harms_nothing(host, tmp_path):
    first = host()
    first.snapshot(paths(MANY))
    asyncio.run(first.driver.close())
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    for kind in ("link", "pipe"):
        (first.directory / "held.json").unlink()
        if kind == "link":
            (first.directory / "held.json").symlink_to(target)
        else:
            os.mkfifo(first.directory / "held.json")
        again = host()
        again.snapshot(paths(2))
        asyncio.run(again.driver.close())
        assert target.read_bytes() == b"mine"
        assert (first.directory / "held.json").read_text() == '{"rows":2}\n'


def test_a_reader_that_follows_sees_what_one_sees_that_had_the_whole(host):
    """Random passes: the view of the log differs from that of the pushes only by what was refused."""
    host = host()
    view = View()
    for count in (MANY, MANY - 20, MANY - 30, MANY):
        host.begin()
        view.begin_session(host.session, -1)
        host.snapshot(paths(count))
        view.apply(host.event("snapshot", [row(path) for path in paths(count)]))
        view.snapshot_end()
        assert host.view().paths() == view.paths()
