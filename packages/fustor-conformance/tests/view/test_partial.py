"""Contract section 8, point 7: a realtime row may leave out the columns that did not change."""

import pytest
from view_source import AUDIT_END, AUDIT_START, begun, delete, upsert
from view_variants import (
    DeleteForgetsNothing,
    EarlierSessionOutranksInPartials,
    IgnoredAuditRowSupplies,
    InsertKeepsWhatItLeavesOut,
    NullCountsAsLeftOut,
    OnlyTheLastPartialCounts,
    PartialReplaces,
    SnapshotSuppliesEverything,
    SnapshotSuppliesNothing,
    SuppliesAfterADelete,
)

from fustor_conformance.view import View
from fustor_event_model import InsertEvent, MessageSource

LONG = "long" * 1_000


@pytest.fixture
def view():
    return begun(View())


def realtime(path="/t/1", **record):
    return upsert(path, 5.0, record=record)


def insert(path="/t/1", **record):
    return upsert(path, 5.0, kind=InsertEvent, record=record)


def listed(path="/t/1", mtime=3.0, **record):
    return upsert(path, mtime, source=MessageSource.SNAPSHOT, record=record)


def audited(path="/t/1", **record):
    return upsert(path, 9.0, source=MessageSource.AUDIT, record=record)


def play(view, *events):
    for event in events:
        view.apply(event)


def record(view, path="/t/1"):
    return view.row(path)["record"]


@pytest.mark.parametrize("first", [listed(n=1, t=LONG), insert(n=1, t=LONG)])
def test_a_column_left_out_keeps_the_value_that_is_known(view, first):
    play(view, first, realtime(n=2))
    assert record(view) == {"n": 2, "t": LONG}


def test_it_keeps_a_value_known_from_an_earlier_session(view):
    play(view, listed(n=1, t=LONG))
    view.snapshot_end()
    view.begin_session("t", 7)
    play(view, realtime(n=2))
    assert record(view) == {"n": 2, "t": LONG}


def test_a_snapshot_row_that_comes_later_supplies_what_is_unknown(view):
    play(view, realtime(n=2), listed(n=1, t=LONG))
    assert record(view) == {"n": 2, "t": LONG}


def test_whatever_its_mtime(view):
    play(view, realtime(n=2), listed(mtime=99.0, n=1, t=LONG))
    assert record(view) == {"n": 2, "t": LONG}


def test_it_supplies_only_what_every_realtime_row_left_out(view):
    play(view, realtime(n=2), realtime(t="new"), realtime(n=3), listed(n=1, t="old", u=LONG))
    assert record(view) == {"n": 3, "t": "new", "u": LONG}


def test_it_supplies_the_record_and_nothing_else(view):
    play(view, upsert("/t/1", 5.0, 7, record={"n": 2}), listed(n=1, t=LONG))
    assert view.row("/t/1") == {"path": "/t/1", "mtime": 5.0, "size": 7, "record": {"n": 2, "t": LONG}}


def test_the_first_snapshot_row_is_the_one_that_counts(view):
    play(view, realtime(n=2), listed(n=1, t=LONG), realtime(t="new"), listed(n=1, t=LONG, u="late"))
    assert record(view) == {"n": 2, "t": "new"}


def test_a_value_that_was_null_is_told(view):
    play(view, realtime(n=2, t=None), listed(n=1, t=LONG))
    assert record(view) == {"n": 2, "t": None}


def test_a_null_replaces_what_is_known(view):
    play(view, listed(n=1, t=LONG), realtime(n=2, t=None), realtime(n=3))
    assert record(view) == {"n": 3, "t": None}


def test_a_value_of_the_snapshot_may_be_null(view):
    play(view, realtime(n=2), listed(n=1, t=None))
    assert record(view) == {"n": 2, "t": None}


def test_an_earlier_session_stands_in_until_the_snapshot_row_comes(view):
    play(view, listed(n=1, t="older", gone=1))
    view.snapshot_end()
    view.begin_session("t", -1)
    play(view, realtime(n=2))
    assert record(view) == {"n": 2, "t": "older", "gone": 1}
    play(view, listed(n=1, t="newer"))
    assert record(view) == {"n": 2, "t": "newer"}


def test_an_insert_is_whole(view):
    play(view, listed(n=1, t=LONG), insert(n=2))
    assert record(view) == {"n": 2}


def test_nothing_is_supplied_to_an_insert(view):
    play(view, realtime(n=1), insert(n=2), realtime(n=3), listed(n=1, t=LONG))
    assert record(view) == {"n": 3}


@pytest.mark.parametrize("gone", ["/t/1", "/t", "/"])
def test_a_delete_forgets_what_was_known(view, gone):
    play(view, listed(n=1, t=LONG), delete(gone), realtime(n=2))
    assert record(view) == {"n": 2}


@pytest.mark.parametrize("gone", ["/t/1", "/t", "/"])
def test_after_a_delete_no_snapshot_row_supplies_anything(view, gone):
    play(view, realtime(n=1), delete(gone), realtime(n=2), listed(n=1, t=LONG))
    assert record(view) == {"n": 2}


def test_a_deleted_row_stays_deleted(view):
    play(view, realtime(n=1), delete("/t/1"), listed(n=1, t=LONG))
    assert view.row("/t/1") is None


def test_after_the_end_a_snapshot_row_supplies_nothing(view):
    play(view, realtime(n=2))
    view.snapshot_end()
    play(view, listed(n=1, t=LONG))
    assert record(view) == {"n": 2}


def test_an_ignored_audit_row_supplies_nothing(view):
    view.snapshot_end()
    play(view, AUDIT_START, realtime(n=2), audited(n=1, t=LONG), AUDIT_END)
    assert record(view) == {"n": 2}


def test_an_audit_row_that_counts_is_whole(view):
    play(view, listed(n=1, t=LONG))
    view.snapshot_end()
    play(view, realtime(n=2), AUDIT_START, audited(n=2), realtime(m=3), AUDIT_END)
    assert record(view) == {"n": 2, "m": 3}


def test_a_row_without_a_record_replaces(view):
    play(view, listed(n=1, t=LONG), upsert("/t/1", 5.0))
    assert "record" not in view.row("/t/1")


def test_a_snapshot_row_without_a_record_supplies_nothing(view):
    play(view, realtime(n=2), upsert("/t/1", source=MessageSource.SNAPSHOT))
    assert record(view) == {"n": 2}


def test_rows_of_other_paths_are_left_alone(view):
    play(view, realtime("/t/1", n=1), realtime("/t/2", n=2), listed("/t/2", n=9, t=LONG))
    assert (record(view, "/t/1"), record(view, "/t/2")) == ({"n": 1}, {"n": 2, "t": LONG})


def test_an_event_is_not_changed_by_what_completes_it(view):
    event = realtime(n=2)
    play(view, listed(n=1, t=LONG), event)
    assert event.rows[0]["record"] == {"n": 2}


def test_a_session_that_broke_off_leaves_nothing_to_supply(view):
    """What the first session left out, the second may tell: its snapshot's row is ignored there."""
    play(view, realtime(n=2))
    view.begin_session("t", -1)
    play(view, insert(n=3), listed(n=1, t=LONG))
    assert record(view) == {"n": 3}


@pytest.mark.parametrize(
    ("behaviour", "broken"),
    [
        (test_a_null_replaces_what_is_known, PartialReplaces),
        (test_a_null_replaces_what_is_known, NullCountsAsLeftOut),
        (test_a_value_that_was_null_is_told, NullCountsAsLeftOut),
        (test_a_snapshot_row_that_comes_later_supplies_what_is_unknown, SnapshotSuppliesNothing),
        (test_it_supplies_only_what_every_realtime_row_left_out, SnapshotSuppliesEverything),
        (test_it_supplies_only_what_every_realtime_row_left_out, OnlyTheLastPartialCounts),
        (test_an_earlier_session_stands_in_until_the_snapshot_row_comes, EarlierSessionOutranksInPartials),
        (test_an_insert_is_whole, InsertKeepsWhatItLeavesOut),
        (test_an_ignored_audit_row_supplies_nothing, IgnoredAuditRowSupplies),
    ],
)
def test_a_view_without_the_clause_fails(behaviour, broken):
    with pytest.raises(AssertionError):
        behaviour(begun(broken()))


@pytest.mark.parametrize(
    ("behaviour", "broken"),
    [
        (test_a_delete_forgets_what_was_known, DeleteForgetsNothing),
        (test_after_a_delete_no_snapshot_row_supplies_anything, SuppliesAfterADelete),
    ],
)
def test_a_view_that_remembers_what_was_deleted_fails(behaviour, broken):
    with pytest.raises(AssertionError):
        behaviour(begun(broken()), "/t/1")
