"""The rules of fustor-view-fs 0.8.17, as found by running it."""

import pytest
from view_source import event_of

from fustor_conformance.view._released import MAX_ERRORS, RECOVERY_SEC
from fustor_conformance.view.released import ReleasedView
from fustor_event_model import DeleteEvent, MessageSource, UpdateEvent

REALTIME, SNAPSHOT, AUDIT = MessageSource


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def view(clock):
    view = ReleasedView(clock)
    view.begin_session("s", -1)
    return view


def row(path, mtime, source=REALTIME, *, kind=UpdateEvent, **more):
    fields = {"path": path, "mtime": mtime, "modified_time": mtime, "size": 1, "is_directory": False, **more}
    if source is AUDIT:
        fields = {"parent_path": path.rpartition("/")[0] or "/", "parent_mtime": 900.0, **fields}
    return event_of(source, fields, kind=kind)


def directory(path, mtime, source=AUDIT, **more):
    return row(path, mtime, source, is_directory=True, **more)


def audited(view, *events):
    for event in events:
        view.apply(event)
    view.audit_end()


@pytest.mark.parametrize("source", [SNAPSHOT, AUDIT])
@pytest.mark.parametrize(("mtime", "size"), [(499.0, 1), (500.0, 1), (501.0, 2)])
def test_a_compensating_row_counts_only_if_younger(view, source, mtime, size):
    view.apply(row("/a", 500.0))
    view.apply(row("/a", mtime, source, size=2))
    assert view.rows()["/a"]["size"] == size
    assert view.refused == ({"/a"} if size == 1 else set())


def test_realtime_replaces_be_its_mtime_older_or_not(view):
    view.apply(row("/a", 500.0))
    view.apply(row("/a", 400.0, size=2))
    assert view.rows()["/a"]["size"] == 2


@pytest.mark.parametrize("source", list(MessageSource))
def test_a_tombstone_blocks_every_source_until_a_row_is_younger(view, source):
    view.apply(row("/a", 1000.0, kind=DeleteEvent))
    view.apply(row("/a", 1000.0, source))
    assert "/a" not in view.paths()
    assert view.difference({"/a": {}}) == []  # a known fault
    view.apply(row("/a", 1000.1, source))
    assert "/a" in view.paths()


def test_a_tombstone_expires_at_an_audit_end_an_hour_later(view, clock):
    view.apply(row("/a", 1000.0, kind=DeleteEvent))
    for elapsed, is_back in ((3600.0, False), (3600.1, True)):
        clock.now = 1000.0 + elapsed
        audited(view, directory("/x", 1.0))
        view.apply(row("/a", 1000.0))
        assert ("/a" in view.paths()) is is_back


def test_a_realtime_delete_of_a_directory_removes_what_is_below(view):
    view.apply(row("/a/b/c", 500.0))
    view.apply(row("/a", 500.0, kind=DeleteEvent))
    assert view.paths() == {"/"}


def test_the_root_is_never_deleted(view):
    view.apply(row("/a", 500.0))
    view.apply(row("/", 500.0, kind=DeleteEvent))
    assert view.paths() == {"/", "/a"}


@pytest.mark.parametrize(("parent_mtime", "is_taken"), [(499.0, False), (500.0, True), (None, False)])
def test_an_audit_row_of_an_unknown_path_is_held_against_its_parent(view, parent_mtime, is_taken):
    view.apply(directory("/d", 500.0, REALTIME))
    view.apply(row("/d/a", 400.0, AUDIT, parent_mtime=parent_mtime))
    assert ("/d/a" in view.paths()) is is_taken


def test_a_parent_path_in_another_domain_never_matches(view):
    view.apply(directory("/d", 500.0, REALTIME))
    view.apply(row("/d/a", 400.0, AUDIT, parent_mtime=1.0, parent_path="/mnt/d"))
    assert "/d/a" in view.paths()


def test_an_audit_starts_with_its_first_row_and_without_rows_never(view):
    view.apply(row("/d/a", 500.0, SNAPSHOT))
    view.apply(event_of(AUDIT))
    view.audit_end()
    assert "/d/a" in view.paths()
    audited(view, directory("/d", 600.0))
    assert view.paths() == {"/", "/d"}
    assert view.blind_spots == {"/d", "/d/a"}


def test_a_listing_that_failed_is_told_by_the_mark_alone(view):
    """A plain row deletes the children, no row deletes the directory, a row with the mark deletes nothing."""
    view.apply(row("/d/a", 500.0, SNAPSHOT))
    audited(view, directory("/d", 600.0, audit_skipped=True), directory("/", 600.0))
    assert "/d/a" in view.paths()
    audited(view, directory("/", 601.0))
    assert view.paths() == {"/"}


def test_the_mark_sticks_until_a_younger_row(view):
    view.apply(row("/d/a", 500.0, SNAPSHOT))
    audited(view, directory("/d", 600.0, audit_skipped=True))
    audited(view, directory("/d", 600.0))
    assert "/d/a" in view.paths()
    audited(view, directory("/d", 601.0))
    assert "/d/a" not in view.paths()


def test_file_rows_without_a_directory_row_delete_nothing(view):
    view.apply(row("/d/a", 500.0, SNAPSHOT))
    audited(view, row("/d/b", 500.0, AUDIT))
    assert {"/d/a", "/d/b"} <= view.paths()


def test_a_child_that_realtime_updated_since_the_first_row_is_spared(view, clock):
    view.apply(row("/d/old", 500.0))
    clock.now += 1
    view.apply(row("/x", 500.0, AUDIT))
    clock.now += 1
    view.apply(row("/d/new", 500.0))
    audited(view, directory("/d", 600.0))
    assert "/d/new" in view.paths()
    assert "/d/old" not in view.paths()


def test_a_child_under_a_tombstone_is_spared(view):
    view.apply(row("/d/a", 1000.0, kind=DeleteEvent))
    view.apply(row("/d/a/x", 500.0, SNAPSHOT))
    audited(view, directory("/d", 600.0))
    assert "/d/a/x" in view.paths()


@pytest.mark.parametrize(("pause", "is_deleted"), [(4.9, True), (5.0, False)])
def test_a_late_start_keeps_what_was_seen(view, clock, pause, is_deleted):
    view.apply(row("/d/a", 500.0, SNAPSHOT))
    view.apply(directory("/d", 600.0))
    clock.now += pause
    view.audit_start()
    view.audit_end()
    assert ("/d/a" not in view.paths()) is is_deleted


def test_fifty_events_without_rows_stop_it_for_a_minute(view, clock):
    for _ in range(MAX_ERRORS - 1):
        assert view.apply(event_of(AUDIT)) is False
    assert view.apply(row("/a", 500.0)) is True  # does not make up for the errors
    view.apply(event_of(AUDIT))
    assert not view.is_listening
    view.apply(row("/b", 500.0))
    assert view.paths() == {"/", "/a"}
    clock.now += RECOVERY_SEC + 0.1
    view.apply(row("/b", 500.0))
    assert "/b" in view.paths()


def test_a_row_without_modified_time_breaks_its_event_or_loses_its_time(view):
    fields = {"path": "/a", "mtime": 500.0, "size": 1}
    assert view.apply(event_of(REALTIME, fields)) is True
    assert view.rows()["/a"]["modified_time"] == 0.0
    assert view.apply(event_of(SNAPSHOT, {**fields, "path": "/b"})) is False


def test_another_schema_never_arrives(view):
    event = row("/a", 500.0)
    event.event_schema = "file:///data"
    view.apply(event)
    assert view.paths() == {"/"}


def test_old_rows_read_as_realtime_shift_its_clock(view):
    """A day-old audit row without message_source is taken for realtime: then a fresh tombstone is a day old."""
    view.apply(row("/old", 1000.0 - 500.0))
    view.apply(row("/a", 500.0, kind=DeleteEvent))
    view.apply(row("/a", 600.0, SNAPSHOT))
    assert "/a" in view.paths()


def test_suspects_are_partial_writes_and_young_compensating_rows(view, clock):
    view.apply(row("/partial", 1000.0, is_atomic_write=False))
    view.apply(row("/young", 990.0, SNAPSHOT))
    view.apply(row("/cold", 960.0, SNAPSHOT))
    assert view.suspects == {"/partial", "/young"}
    clock.now += 31
    view.expire_suspects()
    assert view.suspects == set()


def test_a_new_session_voids_the_audit_and_blind_spots_and_a_snapshot_end_removes_nothing(view):
    view.apply(row("/d/a", 500.0, SNAPSHOT))
    view.apply(directory("/d", 600.0))
    view.begin_session("t", -1)
    view.audit_end()
    view.snapshot_end()
    assert "/d/a" in view.paths()
    assert view.blind_spots == set()
    view.reset()
    assert view.paths() == {"/"}
