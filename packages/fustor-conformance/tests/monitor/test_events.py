"""Each event and each row by itself: what is in order is not said, what is not is said by its rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit_told import NOW, event, row, told

from fustor_conformance.monitor.events import EVENT_PREDICATES, look_at_event
from fustor_conformance.monitor.finding import Finding
from fustor_conformance.monitor.rows import is_path
from fustor_event_model import EventType, LifecycleSignal, MessageSource, TableLayout


def broken(one):
    return [finding.rule_id for finding in look_at_event(one)[0]]


AUDITED = {"parent_mtime": NOW}
TABLE = TableLayout(system="kit", columns={"n": "integer", "t": "text"}, key=("n",))


def of_table(*, layout=TABLE):
    rows = ({"path": f"/s/t/{n}", "mtime": NOW, "size": 1, "record": {"n": n, "t": "a"}} for n in range(3))
    return told(*rows, event_schema="s", table="t", layout=layout)


@pytest.mark.parametrize(
    "one",
    [
        told(row("/a")),
        told(row("/a/b"), row("/c", size=0), event_type=EventType.INSERT),
        told(row("/a", size=None), event_type=EventType.DELETE),
        told(row("/", parent_path="", file_name="", is_directory=True, **AUDITED), message_source=MessageSource.AUDIT),
        told(message_source=MessageSource.AUDIT, signal=LifecycleSignal.AUDIT_START),
        replace(told(), may_be_empty=True),
        replace(told(row("/a"), row("/b")), batch_size=2),
        told(row("/a%20b", file_name="a b")),
        told({"path": "/s%2Ft/t/1,2", "mtime": 1, "size": 0, "record": {}}, event_schema="s/t", table="t"),
        of_table(),
        of_table(layout=TableLayout(system="kit", columns=TABLE.columns)),
        told({"path": "/s/t/..", "mtime": 1, "size": 0, "record": {}}, event_schema="s", table="t"),
    ],
    ids=lambda one: f"{one.event.event_type.value}-{len(one.event.rows)}",
)
def test_what_is_in_order_is_not_said(one):
    assert broken(one) == []


def changed(**values):
    one = event(row("/a"))
    for name, value in values.items():
        setattr(one, name, value)
    return one


@pytest.mark.parametrize(
    ("rule_id", "one"),
    [
        ("E01", replace(told(row("/a")), event="no event")),
        ("E01", replace(told(row("/a")), event=changed(event_type="update"))),
        ("E01", replace(told(row("/a")), event=changed(rows=(row("/a"),)))),
        ("E01", replace(told(row("/a")), event=changed(index=True))),
        ("E02", replace(told(row("/a")), phase=MessageSource.SNAPSHOT)),
        ("E04", told()),
        ("E04", replace(told(row("/a")), event=changed(fields=["path"]))),
        ("E04", replace(told(row("/a")), event=changed(fields=[*row("/a"), "path"]))),
        ("E04", replace(told(row("/a")), event=changed(rows=["/a"]))),
        ("E05", told({"path": "/a", "mtime": NOW, "size": 1})),
        ("E05", told(row("/a", modified_time=NOW - 1))),
        ("E06", told(row("a"))),
        ("E06", told(row("/a//b"))),
        ("E06", told(row("/a/../b"))),
        ("E06", told(row("/a", mtime=float("nan"), modified_time=float("nan")))),
        ("E06", told(row("/a", mtime="1", modified_time="1"))),
        ("E06", told(row("/a", mtime=True, modified_time=True))),
        ("E06", told(row("/a", size=1.0))),
        ("E06", told(row("/a", size=-1))),
        ("E06", told(row("/a", size=None))),
        ("E06", told(row("/a"), event_type=EventType.DELETE)),
        ("E06", told(row("/a", is_directory=0))),
        ("E07", told(row("/a", extra="\ud800"))),
        ("E07", told(row("/a", extra=float("inf")))),
        ("E07", told(row("/a", extra=object()))),
        ("E08", told(row("/a"), event_schema="")),
        ("E08", told(row("/a"), event_schema="fs://host")),
        ("E08", told(row("/a"), table="files")),
        ("E08", told(row("/a"), event_schema="s", table="t")),
        ("E08", told(row("/a"), layout=TABLE)),
        ("E08", replace(told(row("/a", is_directory=True), event_schema="s"), phase=MessageSource.SNAPSHOT)),
        ("E09", replace(told(row("/a"), row("/b")), batch_size=1)),
        ("E11", told(row("/a/b", parent_path="/"))),
        ("E11", told(row("/a/b", file_name="a/b"))),
        ("E11", told(row("/a/b", parent_path="/a/"))),
        ("E17", of_table(layout=TableLayout(system="kit", columns={"n": "varchar(3)", "t": "text"}))),
        ("E17", of_table(layout=TableLayout(system="kit", columns={"n": "integer"}))),
        ("E17", of_table(layout=TableLayout(system="kit", columns=TABLE.columns, key=("n", "t")))),
        ("E17", of_table(layout=TableLayout(system="kit", columns=TABLE.columns, key=("t",)))),
        ("E17", of_table(layout=TableLayout(system="kit", columns=TABLE.columns, key=("id",)))),
        ("E17", of_table(layout=TableLayout(system="kit", columns=TABLE.columns, labels={"u": ("a",)}))),
    ],
)
def test_what_is_not_is_said_by_its_rule(rule_id, one):
    assert rule_id in broken(one)


def test_an_event_without_rows_may_leave_its_source_out_in_every_phase():
    one = event(signal=LifecycleSignal.AUDIT_END)
    one.model_fields_set.discard("message_source")
    assert broken(replace(told(), event=one, phase=MessageSource.AUDIT)) == []


def test_every_predicate_speaks_for_its_own_rule():
    strange = replace(told(row("//a", size=1.5)), phase=MessageSource.AUDIT, batch_size=0)
    for rule_id, predicate in EVENT_PREDICATES.items():
        assert {finding.rule_id for finding in predicate(strange)} <= {rule_id}


PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1).filter(
    lambda part: part not in (".", "..")
)


@given(st.lists(PARTS, min_size=1, max_size=5))
def test_any_parts_make_a_path_and_its_parent_and_name(parts):
    one = told(row("/" + "/".join(parts)))
    assert is_path(one.event.rows[0]["path"])
    assert broken(one) == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=8,
)


@given(JSON)
def test_whatever_is_json_can_be_sent(value):
    assert broken(told(row("/a", record={"value": value}))) == []


@given(st.lists(st.text(), max_size=4))
def test_a_finding_can_always_be_shown(evidence):
    assert str(Finding("E01", "seen", *evidence)).startswith("seen")


def test_evidence_is_what_it_was_when_it_was_seen():
    rows = [{"path": "/a"}]
    finding = Finding("E01", "seen", rows)
    rows.clear()
    assert "/a" in str(finding)


class Unshowable:
    def __repr__(self):
        raise ValueError("no")


def test_what_cannot_be_shown_hides_no_finding():
    assert "cannot be shown" in str(Finding("E01", "seen", Unshowable()))
