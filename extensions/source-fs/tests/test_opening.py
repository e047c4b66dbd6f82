"""What an audit for agent 0.8 begins with, and what its rows do to the released view."""

import math
import os
import threading

import pytest

from fustor_conformance.view.released import ReleasedView

BATCH = 100
OPENING_ITEMS = BATCH + 1001
"""What agent 0.8.17 sends at once, and one item more than its queue holds."""


@pytest.fixture
def opening(root, make_driver):
    """The items before anything is listed, and the audit."""
    audit = make_driver().get_audit_iterator(mtime_cache={})
    return [next(audit) for _ in range(OPENING_ITEMS)], audit


def test_nothing_is_listed_before_the_agent_has_taken_more_than_it_reads_ahead(root, opening):
    _, audit = opening
    (root / "late").write_bytes(b"")
    assert "/late" in {row["path"] for event, _ in audit for row in event.rows}


def test_the_opening_is_one_batch_that_claims_nothing_but_that_the_root_is_there(opening):
    items, _ = opening
    events = [event for event, _ in items[:BATCH]]
    assert [(row["path"], row["audit_skipped"]) for event in events for row in event.rows] == [("/", True)] * BATCH
    assert [event for event, _ in items[BATCH:]] == [None] * (OPENING_ITEMS - BATCH)
    assert {len(stamps) for _, stamps in items} == {0}


def test_an_opening_that_is_stopped_is_all_there_is(root, make_driver):
    (root / "file").write_bytes(b"")
    stop = threading.Event()
    audit = make_driver().get_audit_iterator(mtime_cache={}, stop_event=stop)
    next(audit)
    stop.set()
    assert {row["path"] for event, _ in audit for row in event.rows} == {"/"}


@pytest.mark.parametrize("dialect", ["guide", "0.8"])
def test_only_what_agent_08_gets_has_a_time_below_that_of_a_directory_that_was_not_listed(
    public_root, make_driver, as_nobody, dialect
):
    (public_root / "closed").mkdir(0)
    driver = make_driver(uri=str(public_root))
    as_nobody()
    events = driver.get_audit_iterator() if dialect == "guide" else audited(driver)
    (row,) = [row for event in events for row in event.rows if row["path"] == "/closed"]
    below = math.nextafter(row["mtime"], 0) if dialect == "0.8" else row["mtime"]
    assert (row["audit_skipped"], row["modified_time"]) == (True, below)


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root can become another user and come back")
@pytest.mark.parametrize("marked_by", ["snapshot", "audit"])
def test_what_was_deleted_in_a_directory_leaves_the_released_view_though_its_time_is_the_same(
    public_root, make_driver, as_nobody, marked_by
):
    box = public_root / "box"
    box.mkdir()
    (box / "gone").write_bytes(b"")
    driver, view = make_driver(uri=str(public_root), clock_granularity_sec=0), ReleasedView()
    told(view, driver.get_snapshot_iterator())
    (box / "gone").unlink()
    box.chmod(0)
    as_nobody()
    told(view, driver.get_snapshot_iterator() if marked_by == "snapshot" else audited(driver))
    as_nobody(again=True)
    assert "/box/gone" in view.paths()
    box.chmod(0o755)
    told(view, audited(driver))
    view.audit_end()
    assert "/box/gone" not in view.paths()


def audited(driver):
    return (event for event, _ in driver.get_audit_iterator(mtime_cache={}) if event)


def told(view, events):
    assert all(view.apply(event) for event in events)
