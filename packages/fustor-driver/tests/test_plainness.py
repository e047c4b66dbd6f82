"""What JSON carries of an event: all that the event model has."""

import asyncio

import pytest

from fustor_core.models.config import PusherConfig
from fustor_driver.event_files import read_events
from fustor_driver.hosts.deadletter import DeadLetterFile
from fustor_driver.hosts.recorder import RecordingPusher
from fustor_driver.plainness import event_json, unplain
from fustor_event_model import LifecycleSignal, MessageSource, TableLayout, UpdateEvent

LAYOUT = TableLayout(system="kit", columns={"n": "integer"}, key=("n",), labels={"n": ("a", "b")})


@pytest.fixture
def full():
    """An event with every field that there is."""
    row = {"path": "/a", "mtime": 1.0, "size": 1, "parent_mtime": 1.0, "record": {"n": 1}}
    made = UpdateEvent(
        fields=list(row),
        rows=[row],
        index=3,
        event_schema="kit",
        table="t",
        message_source=MessageSource.AUDIT,
        signal=LifecycleSignal.AUDIT_START,
        layout=LAYOUT,
    )
    assert made.model_fields_set >= set(UpdateEvent.model_fields) - {"event_type"}, "a new field belongs here as well"
    return made


def test_json_carries_every_field_of_an_event(full):
    assert UpdateEvent.model_validate_json(event_json(full)) == full


def test_what_json_cannot_carry_is_found_in_a_layout_too(full):
    full.layout = TableLayout.model_construct(system="kit", columns={"n": "\ud800"}, key=(), labels={})
    assert unplain(full) == "a text that is not valid Unicode"


def test_a_letter_keeps_every_field_of_an_event(full, tmp_path):
    DeadLetterFile(tmp_path / "letters.jsonl", "t").keep(
        full, session_id="s", phase=MessageSource.AUDIT, reason="It is refused"
    )
    assert list(read_events(tmp_path / "letters.jsonl")) == [full]


def test_a_recording_keeps_every_field_of_an_event(full, tmp_path):
    path = tmp_path / "recording.jsonl"
    recording = RecordingPusher("recording", PusherConfig(driver="recording", endpoint=str(path)))
    asyncio.run(recording.push([full], session_id="s", source_type="audit"))
    assert list(read_events(path)) == [full]
