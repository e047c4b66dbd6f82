"""What is put between an agent and a pusher notes what arrives, and passes everything on."""

import asyncio
import json

import pytest

from fustor_core.models.config import PusherConfig
from fustor_driver.agents.receiver import Pusher, Sender
from fustor_try.scripted import event


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "notes"


def noted(notes):
    return [json.loads(line) for line in notes.read_text().splitlines()]


def test_a_pusher_behind_it_gets_the_events(notes, tmp_path, installed):  # noqa: ARG001 - the test drivers are there
    own = {"driver": "try_lines", "file": str(notes)}
    config = {"driver": "fustor_receiver", "endpoint": str(tmp_path / "out"), "driver_params": {"fustor_receiver": own}}
    pusher = Pusher("p", PusherConfig.model_validate(config))

    async def pushed():
        session = (await pusher.create_session("task"))["session_id"]
        told = {"session_id": session, "task_id": "task", "source_type": "snapshot"}
        await pusher.push([event("/a")], **told, is_snapshot_end=False)
        await pusher.push([], **told, is_snapshot_end=True)
        await pusher.heartbeat(session_id=session)
        await pusher.close()

    asyncio.run(pushed())
    assert [(one["phase"], one["rows"], one["last"], one["is_end"]) for one in noted(notes)] == [
        ("snapshot", 1, "/a", False),
        ("snapshot", 0, "", True),
    ]
    assert "/a" in "".join(file.read_text() for file in (tmp_path / "out").rglob("*") if file.is_file())


def test_a_sender_without_a_driver_counts(notes):
    sender = Sender("s", "nowhere", {}, {"fustor_receiver": {"driver": "", "file": str(notes)}, "batch_size": 1})

    async def sent():
        await sender.connect()
        _, session = await sender.create_session("task", source_type="message")
        assert session["role"] == "leader"
        await sender.send_events([event("/a"), event("/b")], source_type="message", is_end=False)
        await sender.send_events([], source_type="audit", is_end=True)
        await sender.heartbeat()
        await sender.close()

    asyncio.run(sent())
    assert [(one["phase"], one["events"], one["rows"], one["last"], one["is_end"]) for one in noted(notes)] == [
        ("realtime", 2, 2, "/b", False),
        ("audit", 0, 0, "", True),
    ]
