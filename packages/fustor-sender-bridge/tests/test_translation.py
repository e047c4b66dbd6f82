"""Events as fustor-core 0.8 has them; the shapes are those of the release's own sources."""

from enum import Enum, StrEnum
from types import SimpleNamespace

import pytest

from fustor_event_model import DeleteEvent, MessageSource, UpdateEvent
from fustor_sender_bridge._events import translated


class Type(Enum):
    UPDATE = "update"
    DELETE = "delete"


class Source(StrEnum):
    REALTIME = "realtime"
    SNAPSHOT = "snapshot"
    AUDIT = "audit"
    ON_DEMAND_JOB = "on_demand_job"


def released(kind, source, *rows):
    return SimpleNamespace(
        event_type=kind,
        fields=list(rows[0]) if rows else [],
        rows=list(rows),
        index=5,
        event_schema="fs",
        table="files",
        message_source=source,
    )


FILE = {"path": "/d/f", "file_name": "f", "size": 3, "modified_time": 7.5, "created_time": 7.0, "is_directory": False}


def only(event, clock=lambda: 99.0):
    (made,) = translated([event], clock)
    return made


@pytest.mark.parametrize("source", [Source.REALTIME, Source.SNAPSHOT])
def test_a_row_gets_its_mtime_and_keeps_the_rest(source):
    made = only(released(Type.UPDATE, source, FILE))
    assert made == UpdateEvent(
        fields=[*FILE, "mtime"],
        rows=[FILE | {"mtime": 7.5}],
        index=5,
        event_schema="fs",
        table="files",
        message_source=MessageSource(source.value),
    )


def test_a_deletion_is_of_now_and_has_no_size():
    made = only(released(Type.DELETE, Source.REALTIME, {"path": "/d/f"}))
    assert isinstance(made, DeleteEvent)
    assert made.rows == [{"path": "/d/f", "mtime": 99.0, "size": None}]


def test_rows_of_an_audit_name_their_container_in_the_source():
    told = FILE | {"parent_path": "/srv/data/d", "parent_mtime": 6.0}
    (row,) = only(released(Type.UPDATE, Source.AUDIT, told)).rows
    assert (row["parent_path"], row["parent_mtime"]) == ("/d", 6.0)


def test_the_root_of_an_audit_has_no_container():
    root = FILE | {"path": "/", "is_directory": True, "audit_skipped": True}
    (row,) = only(released(Type.UPDATE, Source.AUDIT, root)).rows
    assert (row["parent_path"], row["parent_mtime"], row["audit_skipped"]) == ("", 7.5, True)


def test_the_release_s_own_rows_are_not_changed():
    event = released(Type.UPDATE, Source.AUDIT, dict(FILE))
    only(event)
    assert event.rows == [FILE]


def test_an_event_without_rows_passes():
    made = only(released(Type.UPDATE, Source.REALTIME))
    assert (made.rows, made.index, made.signal) == ([], 5, None)


def test_a_phase_that_the_contract_does_not_know_is_refused():
    with pytest.raises(ValueError, match="on_demand_job"):
        only(released(Type.UPDATE, Source.ON_DEMAND_JOB, FILE))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("caf\u00e9", "caf\u00e9"),
        ("caf\udce9", "caf\ufffdE9"),
        ("\ufffd", "\ufffdEF\ufffdBF\ufffdBD"),
        ("\ud800", "\ufffdED\ufffdA0\ufffd80"),
    ],
)
def test_a_name_that_is_not_text_gets_the_form_of_source_fs(name, text):
    (row,) = only(released(Type.UPDATE, Source.SNAPSHOT, FILE | {"path": f"/{name}", "file_name": name})).rows
    assert (row["path"], row["file_name"]) == (f"/{text}", text)
