"""Snapshots and audits over time."""

from __future__ import annotations

import pytest
from kit_told import NOW, row, told

from fustor_conformance.monitor.bulk import Audit, Snapshot, YoungContainers, pair_of
from fustor_conformance.monitor.finding import Told
from fustor_event_model import LifecycleSignal, MessageSource

START, END = LifecycleSignal.AUDIT_START, LifecycleSignal.AUDIT_END


def audited(*rows, signal=None):
    whole = [{**one, "parent_mtime": one.get("parent_mtime", NOW)} for one in rows]
    return told(*whole, message_source=MessageSource.AUDIT, signal=signal)


def file(path, **more):
    return audited(row(path, **more))


def container(path, **more):
    parent = {"parent_path": ""} if path == "/" else {}
    return audited(row(path, is_directory=True, **parent, **more))


def signal(which):
    return audited(signal=which)


def rules(*events, brackets=False, quiet=True, is_complete=True, was_stopped=False):
    state = Audit(lambda: quiet, has_brackets=brackets)
    found = [finding for one in events for finding in state.look(one)]
    found += state.finish(is_complete=is_complete, was_stopped=was_stopped)
    return sorted({finding.rule_id for finding in found})


WHOLE = [file("/d/f"), container("/d"), file("/g"), container("/")]


@pytest.mark.parametrize(
    "events",
    [WHOLE, [container("/d", audit_skipped=True), container("/")], [container("/")]],
    ids=["all", "mark", "empty"],
)
def test_an_audit_in_order(events):
    assert rules(*events) == []
    assert rules(signal(START), *events, signal(END), brackets=True) == []


@pytest.mark.parametrize(
    ("rule_id", "events"),
    [
        ("A05", [container("/d"), file("/d/f"), container("/")]),
        ("A05", [container("/"), container("/d")]),
        ("A05", [container("/d"), container("/d"), container("/")]),
        ("A05", [container("/d"), file("/d"), container("/")]),
        ("A05", [file("/d"), container("/d"), container("/")]),
        ("A05", [file("/d/f"), container("/")]),
        ("A05", [file("/g")]),
        ("A04", [file("/g", parent_mtime=NOW - 1), container("/")]),
        ("A04", [file("/g", parent_path="/elsewhere"), container("/")]),
        ("A04", [file("/g", parent_path=None), container("/")]),
        ("A02", [signal(START), container("/")]),
    ],
)
def test_an_audit_out_of_order(rule_id, events):
    assert rules(*events) == [rule_id]


@pytest.mark.parametrize(
    "events",
    [
        [container("/")],
        [signal(START), container("/")],
        [container("/"), signal(END)],
        [signal(START), signal(START), container("/"), signal(END)],
        [signal(START), container("/"), signal(END), container("/")],
        [signal(END), container("/"), signal(START)],
    ],
)
def test_brackets_out_of_order(events):
    assert "A03" in rules(*events, brackets=True)


def test_a_signal_carries_no_rows():
    both = audited(row("/", parent_path="", is_directory=True), signal=START)
    assert "A03" in rules(both, signal(END), brackets=True)


def test_an_audit_that_is_stopped_owes_nothing():
    assert rules(signal(START), file("/d/f"), brackets=True, was_stopped=True) == []
    assert rules(signal(START), file("/d/f"), brackets=True, is_complete=False) == []


def test_an_audit_that_breaks_off_has_sent_no_end():
    assert rules(signal(START), *WHOLE, signal(END), brackets=True, is_complete=False) == ["A03"]


def test_while_the_system_changes_nothing_is_said_of_order():
    assert rules(container("/d"), file("/d/f"), file("/x/y"), quiet=False) == []


@pytest.mark.parametrize(("quiet", "expected"), [(True, ["S03"]), (False, [])])
def test_a_path_comes_once_in_a_snapshot_of_a_system_that_stands_still(quiet, expected):
    state = Snapshot(lambda: quiet)
    events = [told(row("/a"), row("/b")), told(row("/a", audit_skipped=True)), told(row("/b"))]
    assert [finding.rule_id for one in events for finding in state.look(one)] == expected


EVENT = file("/a").event


@pytest.mark.parametrize("item", [(EVENT, {"/": 1.0}), (None, {"/": 1}), (EVENT, {})])
def test_pairs(item):
    assert pair_of(item, "item") == (item[0], None)


@pytest.mark.parametrize(
    "item", [EVENT, (EVENT,), ("event", {}), (EVENT, None), (EVENT, {1: 1.0}), (EVENT, {"d": 1.0}), (EVENT, {"/": "1"})]
)
def test_what_is_no_pair(item):
    assert pair_of(item, "item")[1].rule_id == "A02"


def test_a_told_knows_rows_that_are_dicts():
    one = Told(EVENT.model_copy(update={"rows": ["/a", {"path": "/b"}]}), MessageSource.AUDIT, "event 3")
    assert list(one.rows()) == [("event 3, row 1", {"path": "/b"})]


NOW_SOON, NOW_LATER = NOW + 0.004, NOW + 0.5
SKIPPED = {"audit_skipped": True}


@pytest.mark.parametrize(
    ("found", "listed_at", "second", "quiet"),
    [
        (["A15"], NOW_SOON, SKIPPED, True),
        ([], NOW_LATER, SKIPPED, True),
        ([], NOW_SOON, {}, True),
        ([], NOW_SOON, {**SKIPPED, "mtime": NOW + 0.002}, True),
        ([], NOW_SOON, SKIPPED, False),
        ([], NOW - 5, SKIPPED, True),
    ],
    ids=["called unchanged", "old enough", "listed again", "changed since", "changes meanwhile", "another clock"],
)
def test_a_container_listed_within_a_tick_is_listed_again(found, listed_at, second, quiet):
    young = YoungContainers()
    told_by_two = [*young.look(container("/d"), listed_at, lambda: True)]
    told_by_two += young.look(container("/d", **second), NOW + 1, lambda: quiet)
    assert [finding.rule_id for finding in told_by_two] == found


def test_a_table_may_trust_counters_that_are_young():
    young = YoungContainers()
    rows = [{**row("/s/t", is_directory=True), "parent_mtime": NOW, **more} for more in ({}, SKIPPED)]
    events = [told(one, message_source=MessageSource.AUDIT, event_schema="s") for one in rows]
    assert [finding for event in events for finding in young.look(event, NOW_SOON, lambda: True)] == []
