"""Contract section 8, point 2, and section 5: a snapshot replaces."""

import pytest
from view_source import AUDIT_START, begun, delete, upsert
from view_variants import (
    CompensatingDeletesCount,
    DeleteMarkHoldsForItsPathOnly,
    EarlierSessionsOutrank,
    LaterUpsertLiftsTheMarkBelow,
    SnapshotEndForgetsSkippedContainers,
    SnapshotEndReplacesNothing,
    SnapshotIgnoresMarks,
    SnapshotRowsCountAfterTheEnd,
    UpsertOfAFileHoldsForItsPathOnly,
)

from fustor_conformance.view import View
from fustor_event_model import MessageSource

SNAPSHOT = MessageSource.SNAPSHOT


@pytest.fixture
def view():
    return begun(View())


def snapshot(path, mtime=1.0, size=1, **more):
    return upsert(path, mtime, size, source=SNAPSHOT, **more)


def test_a_row_is_ignored_where_realtime_told_an_upsert(view):
    view.apply(upsert("/a", 3.0, 7))
    view.apply(snapshot("/a", 9.0, 1))
    assert view.row("/a")["size"] == 7


def test_a_row_is_ignored_where_realtime_told_a_delete(view):
    view.apply(delete("/a", 3.0))
    view.apply(snapshot("/a", 9.0))
    assert view.paths() == set()


def test_a_row_is_ignored_below_a_deleted_container(view):
    view.apply(delete("/a", 3.0))
    view.apply(snapshot("/a/b/c", 9.0))
    assert view.paths() == set()


def test_a_later_upsert_does_not_lift_the_mark_below(view):
    view.apply(delete("/a", 3.0))
    view.apply(upsert("/a", is_directory=True))
    view.apply(snapshot("/a/b", 9.0))
    assert view.paths() == {"/", "/a"}


def test_a_row_below_what_realtime_called_a_file_is_ignored(view):
    view.apply(upsert("/a", 3.0))
    view.apply(snapshot("/a/b", 9.0))
    assert view.paths() == {"/", "/a"}


def test_a_row_that_calls_a_file_what_realtime_filled_is_ignored(view):
    view.apply(upsert("/a/b", 3.0))
    view.apply(snapshot("/a", 9.0))
    assert view.paths() == {"/", "/a", "/a/b"}


@pytest.mark.parametrize(("second", "size"), [(4.0, 1), (5.0, 1), (6.0, 2)])
def test_a_row_is_ignored_unless_younger_than_what_this_session_told(view, second, size):
    view.apply(snapshot("/a", 5.0, 1))
    view.apply(snapshot("/a", second, 2))
    assert view.row("/a")["size"] == size


def test_the_youngest_mtime_told_is_what_counts(view):
    for mtime, size in ((9.0, 1), (5.0, 2), (7.0, 3)):
        view.apply(snapshot("/a", mtime, size))
    assert view.row("/a")["size"] == 1


def test_earlier_sessions_never_outrank_a_row(view):
    view.apply(upsert("/a", 9.0, 1))
    view.apply(delete("/b", 9.0))
    view.begin_session("t", -1)
    view.apply(snapshot("/a", 3.0, 2))
    view.apply(snapshot("/b", 3.0, 2))
    assert (view.row("/a") or {}).get("size") == 2
    assert "/b" in view.paths()


def test_the_end_removes_what_the_session_did_not_report(view):
    view.apply(snapshot("/old"))
    view.apply(snapshot("/gone/deep"))
    view.snapshot_end()
    view.begin_session("t", -1)
    view.apply(snapshot("/old"))
    assert "/gone/deep" in view.paths()  # until the end is committed
    view.snapshot_end()
    assert view.paths() == {"/", "/old"}


def test_what_realtime_told_of_counts_as_reported(view):
    view.apply(upsert("/a"))
    view.snapshot_end()
    assert "/a" in view.paths()


def test_an_ignored_row_counts_as_reported_with_its_mark(view):
    view.apply(snapshot("/a/b"))
    view.begin_session("t", -1)
    view.apply(upsert("/a", 9.0, is_directory=True))
    view.apply(snapshot("/a", 5.0, is_directory=True, audit_skipped=True))
    view.snapshot_end()
    assert "/a/b" in view.paths()


def test_what_is_below_a_skipped_container_stays_and_so_do_the_containers_above(view):
    for path in ("/x/a/b/c", "/x/d"):
        view.apply(snapshot(path))
    view.begin_session("t", -1)
    view.apply(snapshot("/x/a", is_directory=True))
    view.apply(snapshot("/x/a", is_directory=True, audit_skipped=True))  # sent again with the mark
    view.snapshot_end()
    assert view.paths() == {"/", "/x", "/x/a", "/x/a/b", "/x/a/b/c"}


def test_a_container_above_something_kept_keeps_its_row(view):
    view.apply(snapshot("/a", 5.0, is_directory=True))
    view.begin_session("t", -1)
    view.apply(snapshot("/a/b"))
    view.snapshot_end()
    assert view.row("/a")["mtime"] == 5.0


def test_rows_count_for_nothing_after_the_end(view):
    view.apply(snapshot("/a"))
    view.snapshot_end()
    view.apply(snapshot("/b"))
    view.apply(snapshot("/a", 9.0, 2))
    view.snapshot_end()
    assert view.row("/a")["size"] == 1
    assert view.paths() == {"/", "/a"}


def test_an_empty_world_is_a_snapshot_without_rows(view):
    view.apply(upsert("/", is_directory=True))
    view.apply(upsert("/a"))
    view.begin_session("t", -1)
    view.snapshot_end()
    assert view.paths() == set()


def test_a_session_resumed_from_an_index_goes_on_from_what_is_known(view):
    view.apply(snapshot("/a"))
    view.snapshot_end()
    view.begin_session("t", 7)
    view.apply(upsert("/b"))
    assert view.paths() == {"/", "/a", "/b"}


def test_a_snapshot_in_a_resumed_session_replaces_too(view):
    view.apply(snapshot("/a"))
    view.snapshot_end()
    view.begin_session("t", 7)
    view.apply(snapshot("/b"))
    view.snapshot_end()
    assert view.paths() == {"/", "/b"}


@pytest.mark.parametrize("is_under_way", [True, False])
def test_in_a_resumed_session_an_audit_says_that_no_snapshot_is_to_come(view, is_under_way):
    view.begin_session("t", 7)
    if is_under_way:
        view.apply(snapshot("/a"))
    view.apply(AUDIT_START)
    view.apply(snapshot("/b"))
    assert ("/b" in view.paths()) is is_under_way


def test_a_snapshot_tells_no_deletion(view):
    view.apply(snapshot("/a"))
    view.apply(delete("/a", 9.0, source=SNAPSHOT))
    view.snapshot_end()
    assert "/a" in view.paths()


@pytest.mark.parametrize(
    ("behaviour", "broken"),
    [
        (test_a_row_is_ignored_where_realtime_told_an_upsert, SnapshotIgnoresMarks),
        (test_a_row_is_ignored_where_realtime_told_a_delete, SnapshotIgnoresMarks),
        (test_a_row_that_calls_a_file_what_realtime_filled_is_ignored, SnapshotIgnoresMarks),
        (test_a_row_is_ignored_below_a_deleted_container, DeleteMarkHoldsForItsPathOnly),
        (test_a_later_upsert_does_not_lift_the_mark_below, LaterUpsertLiftsTheMarkBelow),
        (test_a_row_below_what_realtime_called_a_file_is_ignored, UpsertOfAFileHoldsForItsPathOnly),
        (test_earlier_sessions_never_outrank_a_row, EarlierSessionsOutrank),
        (test_the_end_removes_what_the_session_did_not_report, SnapshotEndReplacesNothing),
        (test_an_ignored_row_counts_as_reported_with_its_mark, SnapshotEndForgetsSkippedContainers),
        (test_rows_count_for_nothing_after_the_end, SnapshotRowsCountAfterTheEnd),
        (test_a_snapshot_tells_no_deletion, CompensatingDeletesCount),
    ],
)
def test_a_view_without_the_clause_fails(behaviour, broken):
    with pytest.raises(AssertionError):
        behaviour(begun(broken()))
