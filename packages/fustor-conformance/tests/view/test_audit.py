"""Contract section 8, points 3 to 5: audits and notices."""

import sys

import pytest
from view_source import AUDIT_END, AUDIT_START, delete, upsert
from view_variants import (
    AuditDeletesNothing,
    AuditDeletionLeavesAMark,
    AuditIgnoresMarks,
    AuditNeedsNoStart,
    AuditOutlivesItsSession,
    AuditRowOnlyIfYounger,
    CompensatingDeletesCount,
    IgnoredAuditRowIsNotReported,
    MarksFromBeforeTheAuditCount,
    NoDeletionIsBlockedByRealtime,
    OnlyTheChildItselfProtects,
    SkippedContainerCountsAsListed,
)

from fustor_conformance.view import View
from fustor_event_model import MessageSource


@pytest.fixture
def view():
    return begun(View())


def begun(view, *known):
    view.begin_session("s", -1)
    for path in known:
        view.apply(upsert(path))
    view.snapshot_end()
    return view


def row(path, mtime=1.0, size=1, **more):
    return upsert(path, mtime, size, source=MessageSource.AUDIT, **more)


def container(path, **more):
    return row(path, is_directory=True, **more)


def apply(view, *events):
    for event in events:
        view.apply(event)


def test_a_row_replaces_be_its_mtime_older_or_not(view):
    apply(view, upsert("/a", 9.0, 1), AUDIT_START, row("/a", 3.0, 2))
    assert view.row("/a")["size"] == 2


def test_a_row_is_ignored_where_realtime_told_since_the_start(view):
    apply(view, AUDIT_START, upsert("/a", 3.0, 7), delete("/b"), row("/a", 9.0, 1), row("/b/c", 9.0))
    assert view.row("/a")["size"] == 7
    assert view.paths() == {"/", "/a"}


def test_a_second_start_begins_again(view):
    apply(view, upsert("/a"), AUDIT_START, container("/"), AUDIT_START, AUDIT_END)
    assert "/a" in view.paths()


def test_the_end_deletes_the_unreported_children_of_listed_containers_only(view):
    begun(view, "/a/x", "/a/y", "/b/x", "/c/x")
    apply(
        view, AUDIT_START, row("/a/x"), container("/a"), container("/b", audit_skipped=True), container("/"), AUDIT_END
    )
    assert view.paths() == {"/", "/a", "/a/x", "/b", "/b/x"}


def test_a_container_reported_with_and_without_the_mark_counts_as_skipped(view):
    begun(view, "/a/x")
    apply(view, AUDIT_START, container("/a", audit_skipped=True), container("/a"), AUDIT_END)
    assert "/a/x" in view.paths()


def test_the_end_spares_a_child_that_realtime_touched(view):
    apply(view, AUDIT_START, upsert("/a"), container("/"), AUDIT_END)
    assert "/a" in view.paths()


def test_the_end_spares_a_child_that_realtime_touched_below(view):
    begun(view, "/a/old")
    apply(view, AUDIT_START, upsert("/a/b/c"), container("/"), AUDIT_END)
    assert view.paths() == {"/", "/a", "/a/old", "/a/b", "/a/b/c"}


def test_the_end_deletes_what_realtime_touched_and_deleted_below(view):
    begun(view, "/a/old")
    apply(view, AUDIT_START, upsert("/a/b/c"), delete("/a/b"), container("/"), AUDIT_END)
    assert view.paths() == {"/"}


def test_an_upsert_deleted_again_protects_nothing_above_it(view):
    apply(view, AUDIT_START, upsert("/a/b"), delete("/a/b"), upsert("/a/b/c"), delete("/a/b/c"))
    assert "/a/b" in view.paths()
    apply(view, container("/"), AUDIT_END)
    assert view.paths() == {"/"}


def test_an_ignored_row_counts_as_reported(view):
    """The container's own row is ignored, and yet it was listed."""
    begun(view, "/a/old")
    apply(view, AUDIT_START, upsert("/a", 9.0, is_directory=True), container("/a"), container("/"), AUDIT_END)
    assert view.paths() == {"/", "/a"}


def test_an_audit_deletion_leaves_no_mark(view):
    begun(view, "/a")
    apply(view, AUDIT_START, container("/"), AUDIT_END)
    assert "/a" not in view.paths()
    apply(view, AUDIT_START, row("/a"), container("/"), AUDIT_END)
    assert "/a" in view.paths()


def test_an_audit_deletion_does_not_hold_off_the_snapshot_under_way(view):
    """No host does this, and the clause is clear all the same."""
    begun(view, "/a")
    view.begin_session("t", -1)
    apply(view, AUDIT_START, container("/"), AUDIT_END)
    assert "/a" not in view.paths()
    view.apply(upsert("/a", source=MessageSource.SNAPSHOT))
    assert "/a" in view.paths()


@pytest.mark.parametrize("prologue", [[], [AUDIT_START, AUDIT_END]], ids=["no start", "ended"])
def test_rows_and_end_outside_an_audit_change_nothing(view, prologue):
    begun(view, "/a")
    apply(view, *prologue[:1], row("/a"), *([container("/", audit_skipped=True)] if prologue else []), *prologue[1:])
    apply(view, row("/b"), container("/"), AUDIT_END)
    assert view.paths() == {"/", "/a"}


def test_a_new_session_discards_the_audit(view):
    begun(view, "/a")
    apply(view, AUDIT_START, container("/"))
    view.begin_session("t", 5)
    apply(view, AUDIT_END)
    assert "/a" in view.paths()


def test_an_audit_tells_no_deletion(view):
    begun(view, "/a")
    apply(view, AUDIT_START, delete("/a", source=MessageSource.AUDIT), container("/"), AUDIT_END)
    assert "/a" in view.paths()


def test_marks_from_before_the_start_count_for_nothing(view):
    view.begin_session("t", 5)
    apply(view, delete("/a"), AUDIT_START, row("/a"), container("/"), AUDIT_END)
    assert "/a" in view.paths()


def test_a_change_of_kind_found_by_an_audit_removes_what_was_below(view):
    begun(view, "/a/b")
    apply(view, AUDIT_START, row("/a"), container("/"), AUDIT_END)
    assert view.paths() == {"/", "/a"}
    assert view.blind_spots == {"/a", "/a/b"}


def test_a_file_that_became_a_container_is_a_blind_spot_with_its_contents(view):
    begun(view, "/a")
    apply(view, AUDIT_START, row("/a/b"), container("/a"), container("/"), AUDIT_END)
    assert view.blind_spots == {"/a", "/a/b"}


def test_the_mtime_of_a_container_is_no_blind_spot(view):
    apply(view, upsert("/a", 1.0, is_directory=True), AUDIT_START, container("/a", mtime=9.0), AUDIT_END)
    assert view.blind_spots == set()


def test_what_an_audit_adds_changes_or_deletes_is_a_blind_spot(view):
    begun(view, "/same", "/changed", "/grown", "/gone/deep")
    apply(
        view,
        AUDIT_START,
        row("/same"),
        row("/changed", 2.0),
        row("/grown", size=2),
        row("/new/x"),
        container("/new"),
        container("/"),
        AUDIT_END,
    )
    assert view.blind_spots == {"/changed", "/grown", "/gone", "/gone/deep", "/new/x"}


def test_a_container_told_of_for_the_first_time_is_a_blind_spot_only_if_unknown(view):
    begun(view, "/t/1")
    apply(view, AUDIT_START, container("/t", mtime=9.0), container("/empty"), container("/"), AUDIT_END)
    assert view.blind_spots == {"/empty", "/t/1"}


@pytest.mark.parametrize(("record", "spots"), [({"k": 1}, set()), ({"k": 2}, {"/t/1"})])
def test_a_record_read_at_another_time_is_no_blind_spot(view, record, spots):
    apply(view, upsert("/t/1", 5.0, record={"k": 1}), AUDIT_START, row("/t/1", 9.0, record=record), AUDIT_END)
    assert view.blind_spots == spots


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (upsert("/a/x"), {"/a/y", "/b"}),
        (upsert("/a", is_directory=True), {"/a/x", "/a/y", "/b"}),
        (upsert("/a"), {"/b"}),
        (delete("/a"), {"/b"}),
        (upsert("/b", source=MessageSource.SNAPSHOT), {"/a/x", "/a/y", "/b"}),
    ],
)
def test_only_realtime_clears_notices(view, event, left):
    apply(view, *(upsert(path, is_atomic_write=False) for path in ("/a/x", "/a/y", "/b")))
    apply(view, AUDIT_START, *(row(path, 2.0) for path in ("/a/x", "/a/y", "/b")), container("/a"), container("/"))
    apply(view, AUDIT_END)
    assert view.suspects == view.blind_spots == {"/a/x", "/a/y", "/b"}
    view.begin_session("t", -1)
    view.apply(event)
    assert view.suspects == view.blind_spots == left


def test_a_partial_write_makes_a_suspect_until_a_whole_one(view):
    view.apply(upsert("/a", is_atomic_write=False))
    assert view.suspects == {"/a"}
    view.apply(upsert("/a", is_atomic_write=True))
    assert view.suspects == set()


@pytest.mark.parametrize(
    ("behaviour", "broken"),
    [
        (test_a_row_replaces_be_its_mtime_older_or_not, AuditRowOnlyIfYounger),
        (test_a_row_is_ignored_where_realtime_told_since_the_start, AuditIgnoresMarks),
        (test_the_end_deletes_the_unreported_children_of_listed_containers_only, AuditDeletesNothing),
        (test_the_end_deletes_the_unreported_children_of_listed_containers_only, SkippedContainerCountsAsListed),
        (test_the_end_spares_a_child_that_realtime_touched, NoDeletionIsBlockedByRealtime),
        (test_the_end_spares_a_child_that_realtime_touched_below, OnlyTheChildItselfProtects),
        (test_an_ignored_row_counts_as_reported, IgnoredAuditRowIsNotReported),
        (test_a_new_session_discards_the_audit, AuditOutlivesItsSession),
        (test_an_audit_tells_no_deletion, CompensatingDeletesCount),
        (test_marks_from_before_the_start_count_for_nothing, MarksFromBeforeTheAuditCount),
        (test_an_audit_deletion_does_not_hold_off_the_snapshot_under_way, AuditDeletionLeavesAMark),
    ],
)
def test_a_view_without_the_clause_fails(behaviour, broken):
    with pytest.raises(AssertionError):
        behaviour(begun(broken()))


@pytest.mark.parametrize("prologue", [[], [AUDIT_START, AUDIT_END]], ids=["no start", "ended"])
def test_a_view_that_needs_no_start_fails(prologue):
    with pytest.raises(AssertionError):
        test_rows_and_end_outside_an_audit_change_nothing(begun(AuditNeedsNoStart()), prologue)


def _calls_of_an_upsert(spots):
    """How many functions an upsert calls where an audit has found so many things."""
    view = begun(View())
    apply(view, AUDIT_START, *(row(f"/a/{number}") for number in range(spots)), container("/a"), AUDIT_END)
    assert len(view.blind_spots) >= spots
    calls = []
    event = upsert("/b")
    sys.setprofile(lambda _, kind, __: calls.append(kind))
    try:
        view.apply(event)
    finally:
        sys.setprofile(None)
    return calls.count("call")


def test_what_an_upsert_costs_does_not_grow_with_the_blind_spots():
    assert _calls_of_an_upsert(500) == _calls_of_an_upsert(5)
