import asyncio
import json
import logging
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fustor_event_model import UpdateEvent
from fustor_sender_bridge import PusherSender
from fustor_sender_bridge._session import LEADER

QUICK = {"retry_delay_sec": 0.001, "max_retries": 3}


class Log:
    """What the example pusher has written, read without it."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "events.jsonl"

    def lines(self):
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def told(self):
        """Signals, other events by phase and paths, and ends of snapshots, in order."""
        return [name for line in self.lines() for name in _names(line)]


def _names(line):
    if "commit" in line:
        return ["snapshot-end"] if line["commit"]["is_snapshot_end"] else []
    return [line["signal"] or f"{line['message_source']} {' '.join(row['path'] for row in line['rows'])}"]


class Agent:
    """The calls of one pipe of agent 0.8.17 on its sender, in its order and with its keywords."""

    def __init__(self, sender):
        self.sender = sender

    async def session(self):
        _, answer = await self.sender.create_session("a:p", source_type="fs", session_timeout_seconds=None)
        return answer

    async def snapshot(self, *events):
        await self.sender.send_events(events=list(events), source_type="snapshot", is_end=True, metadata=None)
        await self.sender.send_events(events=[], source_type="snapshot", is_end=True, metadata=None)

    async def realtime(self, *events):
        return await self.sender.send_events(events=list(events), source_type="message", is_end=False, metadata=None)

    async def audit(self, *batches, error=None):
        try:
            for batch in batches:
                await self.sender.send_events(events=batch, source_type="audit", is_end=False, metadata=None)
            if error is not None:
                raise error
        finally:
            await self.sender.send_events(events=[], source_type="audit", is_end=True, metadata=None)

    async def leads(self):
        """Ask until the agent leads; the roles on the way."""
        roles = [(await self.sender.heartbeat(can_realtime=True))["role"]]
        while roles[-1] != LEADER:
            await asyncio.sleep(0.05)
            roles.append((await self.sender.heartbeat(can_realtime=True))["role"])
        return roles


@pytest.fixture
def agent_of():
    """The agent of a sender."""
    return Agent


@pytest.fixture
def session():
    """The agent of a sender that has opened a session, for the length of a block."""

    @asynccontextmanager
    async def session(sender):
        agent = Agent(sender)
        await agent.session()
        yield agent
        await sender.close()

    return session


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path)


@pytest.fixture
def make(tmp_path):
    """A sender of the example pusher; keywords are parameters of the bridge."""

    def make(pusher="example", **params):
        return PusherSender("x", str(tmp_path), {}, {"batch_size": 100, "pusher": pusher, **QUICK, **params})

    return make


@pytest.fixture
def agent(make):
    """An agent that pushes through the example pusher."""
    return Agent(make())


@pytest.fixture
def own_pushers(tmp_path_factory, monkeypatch):
    """The pushers of the module of that name, installed as a distribution is."""
    site = tmp_path_factory.mktemp("site")
    info = site / "own_pushers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-pushers\nVersion: 1.0\n")
    names = ["Calls", "Wishing", "Forgetful", "Strict", "Guarding", "Unsure"]
    points = "".join(f"{name.lower()} = own_pushers:{name}\n" for name in names)
    (info / "entry_points.txt").write_text(f"[fustor.drivers.pushers]\n{points}missing = own_pushers:Nobody\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.syspath_prepend(Path(__file__).parent)


@pytest.fixture
def told():
    """An event of a phase about one path."""

    def told(phase, path, index=-1, **row):
        row = {
            "path": path,
            "mtime": 1.0,
            "size": 1,
            "parent_path": "/",
            "parent_mtime": 1.0,
            "is_directory": False,
        } | row
        return UpdateEvent(fields=list(row), rows=[row], index=index, event_schema="fs", table="", message_source=phase)

    return told


@pytest.fixture
def logged():
    """An event that is set when the bridge logs a text."""
    logger = logging.getLogger("fustor_sender_bridge")
    handlers = []

    def logged(text):
        seen = asyncio.Event()
        handler = logging.Handler()
        handler.emit = lambda record: seen.set() if text in record.getMessage() else None
        handlers.append(handler)
        logger.addHandler(handler)
        return seen

    yield logged
    for handler in handlers:
        logger.removeHandler(handler)
