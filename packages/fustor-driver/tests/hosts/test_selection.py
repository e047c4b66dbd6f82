"""What a source selects is remembered: where it has changed, what is new is read at once."""

import asyncio

import pytest

from fustor_core.exceptions import DriverError
from fustor_driver.hosts import GuideHost, HostOptions
from fustor_driver.hosts.selection import Change, Selection
from fustor_event_model import LifecycleSignal, MessageSource
from fustor_try.running import run_until
from fustor_try.scripted import ScriptedSource, event, scripted_source, signal

SNAPSHOT, AUDIT = MessageSource.SNAPSHOT, MessageSource.AUDIT


class Telling(ScriptedSource):
    """A source that answers what it is told to."""

    capabilities = frozenset({"get_audit_iterator"})
    answer = {}  # noqa: RUF012 - set for each test

    @classmethod
    async def get_available_fields(cls, **_):
        if isinstance(cls.answer, Exception):
            raise cls.answer
        return cls.answer


def telling(answer=None, **config):
    kind = type("Told", (Telling,), {"answer": answer or {}})
    return kind("source", scripted_source(**config).config)


@pytest.fixture
def look(tmp_path):
    """What is seen of a source, and noted if asked."""

    def look(source, *, note=False):
        selection = Selection(tmp_path / "t.selection", source)
        change = asyncio.run(selection.look())
        if note:
            selection.note()
        return change

    return look


CHANGED = {"tables": ["a", "b"], "password": "s3cret"}


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (telling(), telling(), Change.NONE),
        (telling(driver_params={"a": 1, "b": {}}), telling(driver_params={"b": {}, "a": 1}), Change.NONE),
        (telling(), telling(driver_params=CHANGED), Change.SURE),
        (telling(), telling(uri="y"), Change.SURE),
        (telling(), telling(max_queue_size=7, credential={"user": "u", "passwd": "p"}), Change.NONE),
        (telling({"properties": {"a": {}}}), telling({"properties": {"a": {}, "b": {}}}), Change.SURE),
        (telling({"selection": ["a"]}), telling({"selection": ["a"]}, driver_params=CHANGED), Change.NONE),
        (telling({"selection": ["a"]}), telling({"selection": ["a", "b"]}), Change.SURE),
        (telling({"selection": ["a"]}), telling({"selection": ["a"]}, uri="y"), Change.SURE),
        (telling({"selection": ["a"]}), telling({"properties": {}}), Change.UNKNOWN),
        (telling({"selection": ["a"]}), telling(DriverError("away")), Change.UNKNOWN),
        (telling(RuntimeError("a bug")), telling(RuntimeError("a bug")), Change.UNKNOWN),
        (telling({"selection": ["a"]}), telling(DriverError("away"), driver_params=CHANGED), Change.SURE),
    ],
)
def test_a_change_is_seen_by_what_the_source_says_or_else_by_its_configuration(before, after, change, look):
    assert look(before, note=True) is Change.UNKNOWN
    assert look(after) is change


def test_a_note_names_nothing_of_the_configuration_and_is_for_its_owner_only(look, tmp_path):
    look(telling({"selection": ["a-table"]}, driver_params=CHANGED), note=True)
    text = (tmp_path / "t.selection").read_text()
    assert not any(word in text for word in ("a-table", "tables", "s3cret"))
    assert (tmp_path / "t.selection").stat().st_mode & 0o777 == 0o600


def test_what_a_killed_run_has_left_of_a_note_is_gone_with_the_next_one(look, tmp_path):
    left = tmp_path / ".t.selection.new"
    left.write_text("torn")
    look(telling(), note=True)
    assert [path.name for path in tmp_path.iterdir()] == ["t.selection"]


@pytest.mark.parametrize("text", ["", "{}", "[]", "\x00"])
def test_a_note_that_cannot_be_read_is_none(text, look, tmp_path):
    (tmp_path / "t.selection").write_text(text)
    assert look(telling()) is Change.UNKNOWN


@pytest.fixture
def start(pusher, tmp_path):
    """Run a host from the committed index 7 until the condition holds."""

    def start(source, condition, **options):
        pusher.committed = 7
        source.available = {7}
        source.snapshot = lambda: iter([event("/a", SNAPSHOT)])
        source.changes.put(event("/b", index=8))
        settings = {"task_id": "t", "state_dir": tmp_path, "audit_interval_sec": 600.0} | options
        host = GuideHost(source, pusher, HostOptions(**settings))
        run_until(host, condition, timeout_sec=10)
        return host.status()

    return start


def test_what_is_new_is_filled_by_a_snapshot_while_realtime_goes_on_from_its_position(start, pusher, look, tmp_path):
    look(telling(), note=True)
    source = telling(driver_params=CHANGED)
    status = start(source, lambda: pusher.ends() and pusher.paths("realtime"))
    assert source.notes.calls == ["realtime from 7", "snapshot"]
    assert (status.resumed_from, status.committed_index) == (7, 8)
    assert (pusher.paths("snapshot"), pusher.paths("realtime")) == (["/a"], ["/b"])
    assert not (tmp_path / "t.snapshot-due").exists()
    assert look(source) is Change.NONE


def test_the_pusher_is_told_where_realtime_goes_on_before_anything_else(start, pusher, look):
    look(telling(), note=True)
    start(telling(driver_params=CHANGED), pusher.ends)
    assert [(batch.phase, batch.paths) for batch in pusher.taken[:2]] == [("snapshot", ()), ("realtime", ())]


def test_a_pusher_that_has_no_use_for_what_it_is_told_gets_the_rest(start, pusher, look):
    def refuse(batch):
        if not (batch.paths or batch.end):
            raise DriverError("an event without rows")

    look(telling(), note=True)
    pusher.answer = refuse
    status = start(telling(driver_params=CHANGED), lambda: pusher.ends() and pusher.paths("realtime"))
    assert (status.dead_letters, status.last_error) == (0, None)


def test_a_snapshot_that_was_cut_off_is_due_at_the_next_start_too(start, pusher, look):
    look(telling(), note=True)
    source = telling(driver_params=CHANGED, max_retries=1_000)

    def refuse(batch):
        if batch.end:
            raise DriverError("no end")

    pusher.answer = refuse
    start(source, lambda: [batch for batch in pusher.tried if batch.end])
    assert look(source) is Change.SURE


def test_where_nothing_is_known_an_audit_is_taken_at_once(start, pusher, look):
    source = telling()
    source.audit = lambda: iter(
        [signal(LifecycleSignal.AUDIT_START), event("/c", AUDIT), signal(LifecycleSignal.AUDIT_END)]
    )
    start(source, lambda: len(pusher.signals()) == 2)
    assert source.notes.calls == ["realtime from 7", "audit"]
    assert look(source) is Change.NONE


@pytest.mark.parametrize("options", [{"audit_interval_sec": 0.0}, {"once": True}])
def test_where_nothing_is_known_and_there_are_no_audits_a_snapshot_is_taken(options, start, pusher):
    source = telling()
    start(source, pusher.ends, **options)
    assert source.notes.calls == ["realtime from 7", "snapshot"]
