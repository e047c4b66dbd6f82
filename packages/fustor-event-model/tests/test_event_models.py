"""What an event accepts, refuses and tells."""

import json

import pytest
from pydantic import ValidationError

import fustor_event_model
from fustor_event_model import (
    DeleteEvent,
    EventBase,
    EventType,
    InsertEvent,
    LifecycleSignal,
    MessageSource,
    TableLayout,
    UpdateEvent,
    audit_signal,
    event_class,
    parent_of,
)

ROW = {"path": "/a", "mtime": 1.5, "size": 3, "parent_mtime": 1.0}
FIELDS = list(ROW)


def event(**changes):
    keywords = {"fields": FIELDS, "rows": [dict(ROW)], "event_schema": "fs", "table": "", "message_source": "realtime"}
    return UpdateEvent(**(keywords | changes))


@pytest.mark.parametrize(
    ("model", "event_type"),
    [(InsertEvent, EventType.INSERT), (UpdateEvent, EventType.UPDATE), (DeleteEvent, EventType.DELETE)],
)
def test_each_class_tells_its_type(model, event_type):
    assert model(fields=[], rows=[], event_schema="s", table="t").event_type is event_type


def test_the_base_class_needs_a_type():
    with pytest.raises(ValidationError, match="event_type"):
        EventBase(fields=[], rows=[], event_schema="s", table="t")


def test_the_values_are_those_of_the_wire():
    assert [kind.value for kind in EventType] == ["insert", "update", "delete"]
    assert [source.value for source in MessageSource] == ["realtime", "snapshot", "audit"]
    assert [signal.value for signal in LifecycleSignal] == ["Audit-Start", "Audit-End"]


def test_a_source_is_a_string():
    assert MessageSource.AUDIT == "audit"
    assert f"{MessageSource.AUDIT}" == "audit"


def test_the_keywords_of_the_released_classes_construct_an_event_without_rows():
    trigger = UpdateEvent(
        event_schema="initial_trigger", table="initial_trigger", rows=[], index=7, fields=[], event_type="update"
    )
    assert trigger.message_source is MessageSource.REALTIME
    assert trigger.index == 7
    assert trigger.signal is None


def test_the_index_is_minus_one_unless_told():
    assert event().index == -1


@pytest.mark.parametrize("model", [InsertEvent, UpdateEvent, DeleteEvent])
def test_rows_without_a_source_are_refused_with_the_three_values(model):
    with pytest.raises(ValidationError) as refused:
        model(fields=FIELDS, rows=[ROW], event_schema="fs", table="")
    text = str(refused.value)
    assert all(word in text for word in ("message_source", "'realtime'", "'snapshot'", "'audit'"))


@pytest.mark.parametrize("source", ["Realtime", "Audit-Start", "", None, "message"])
def test_an_unknown_source_is_refused(source):
    with pytest.raises(ValidationError, match="message_source"):
        event(message_source=source)


@pytest.mark.parametrize("source", list(MessageSource))
@pytest.mark.parametrize("missing", ["path", "mtime", "size"])
def test_rows_need_the_fields_of_every_phase(source, missing):
    with pytest.raises(ValidationError, match=repr(missing)):
        event(message_source=source, fields=[name for name in FIELDS if name != missing])


@pytest.mark.parametrize("source", list(MessageSource))
def test_only_audit_rows_need_the_mtime_of_their_parent(source):
    fields = ["path", "mtime", "size"]
    if source is MessageSource.AUDIT:
        with pytest.raises(ValidationError, match="'parent_mtime'"):
            event(message_source=source, fields=fields)
    else:
        assert event(message_source=source, fields=fields).message_source is source


def test_fields_are_free_while_there_are_no_rows():
    assert event(rows=[], fields=[]).fields == []


def test_rows_are_never_looked_at():
    assert event(rows=[object(), None]).rows[1] is None


def test_rows_and_fields_can_be_assigned_afterwards():
    changed = event()
    changed.rows, changed.fields = [{"x": 1}], ["x"]
    assert (changed.rows, changed.fields) == ([{"x": 1}], ["x"])


def test_an_unknown_argument_is_refused_instead_of_dropped():
    with pytest.raises(ValidationError, match="mesage_source"):
        event(mesage_source="audit")


def test_a_refusal_does_not_repeat_the_rows():
    with pytest.raises(ValidationError) as refused:
        event(message_source="audit", fields=["path", "mtime", "size"], rows=[{"path": "/secret"}])
    assert "/secret" not in str(refused.value)


def test_two_events_share_nothing():
    rows = [dict(ROW)]
    first, second = event(rows=rows), event(rows=rows)
    first.rows.append(None)
    assert second.rows == [ROW]
    assert rows == [ROW]


@pytest.mark.parametrize("signal", list(LifecycleSignal))
def test_json_carries_every_attribute_and_reads_back(signal):
    sent = event(rows=[], fields=[], message_source="audit", signal=signal, index=5)
    wire = json.loads(sent.model_dump_json())
    assert wire == {
        "event_type": "update",
        "fields": [],
        "rows": [],
        "index": 5,
        "event_schema": "fs",
        "table": "",
        "message_source": "audit",
        "signal": signal.value,
        "layout": None,
    }
    assert EventBase.model_validate(wire).model_dump() == sent.model_dump()


def test_everything_public_is_declared_and_exists():
    assert sorted(fustor_event_model.__all__) == fustor_event_model.__all__
    assert all(getattr(fustor_event_model, name) is not None for name in fustor_event_model.__all__)


def test_a_layout_survives_json():
    layout = TableLayout(
        system="postgresql", columns={"id": "integer", "m": "s.mood"}, key=("id",), labels={"m": ("a",)}
    )
    told = event(layout=layout)
    assert UpdateEvent.model_validate_json(told.model_dump_json()) == told


def test_an_event_without_a_layout_says_null_as_one_without_a_signal_does():
    assert event().layout is None
    written = json.loads(event().model_dump_json())
    assert (written["layout"], written["signal"]) == (None, None)


@pytest.mark.parametrize("event_type", EventType)
def test_every_type_has_a_class_whose_events_say_so(event_type):
    made = event_class(event_type)(event_schema="fs", table="", fields=[], rows=[])
    assert (type(made), made.event_type) == (event_class(event_type), event_type)


@pytest.mark.parametrize("signal", LifecycleSignal)
def test_a_bracket_of_an_audit_has_no_rows_and_no_index(signal):
    made = audit_signal(signal, "public")
    assert (made.signal, made.message_source, made.event_schema) == (signal, MessageSource.AUDIT, "public")
    assert (made.rows, made.fields, made.index) == ([], [], -1)


@pytest.mark.parametrize(("path", "parent"), [("/", "/"), ("/a", "/"), ("/a/b", "/a"), ("/a b/c/d", "/a b/c")])
def test_the_parent_of_a_path_is_its_container(path, parent):
    assert parent_of(path) == parent
