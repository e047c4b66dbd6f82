"""A source, a pusher and a sender that note every call, in the order in which the calls came: one line of JSON each.

Copied into the environments of the released agents, and given to their simulators, so that both play before the same
witness. The address of each is the file. `driver_params` name the mode: what breaks, if anything does.
"""

import asyncio
import itertools
import json
import threading
import time

from fustor_event_model import EventBase, MessageSource, UpdateEvent

LOOKED_FOR = ("initialize", "connect", "schema_name", "require_schema_discovery", "is_transient")
"""What a host may look for on a driver without a call."""
FEW, MANY = 3, 150
"""Events of a phase; many are more than one batch of either agent."""
_LOCK = threading.Lock()
_HERE = threading.local()
_NUMBERS = itertools.count()
_POLL_SEC = 0.05


def note(address, who, method, *args, **kwargs):
    told = {"who": who, "method": method, "args": [_plain(arg) for arg in args]}
    told["kwargs"] = {name: _plain(value) for name, value in kwargs.items()}
    if not hasattr(_HERE, "number"):  # a thread's identifier is used again once it has ended
        _HERE.number = next(_NUMBERS)
    told |= {"thread": _HERE.number, "at": time.monotonic()}
    with _LOCK, open(address, "a", encoding="utf-8") as file:  # noqa: PTH123 - one append, as plain as can be
        file.write(json.dumps(told) + "\n")


def has_all(address):
    """Whether agent 0.2 has pushed the end of a snapshot, and something that the stream has told."""
    with open(address, encoding="utf-8") as file:  # noqa: PTH123 - as above
        calls = [json.loads(line) for line in file if line.endswith("\n")]
    return all(any(map(wanted, calls)) for wanted in (ends_snapshot, pushes_realtime))


def ends_snapshot(call):
    """Whether a call pushes the end of a snapshot."""
    return call["method"] == "push" and bool(call["kwargs"].get("is_snapshot_end"))


def pushes_realtime(call):
    """Whether a call pushes what the stream has told; the agent's own event has no rows."""
    told = call["kwargs"]
    return call["method"] == "push" and "source_type" not in told and any(rows for _, rows in told["events"])


def _plain(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, EventBase):
        return [value.table, len(value.rows)]
    return type(value).__name__


def told(source, path):
    row = {"path": path, "size": 1, "mtime": 1.0, "modified_time": 1.0, "is_directory": False}
    row |= {"parent_path": "/", "parent_mtime": 1.0}
    return UpdateEvent(fields=list(row), rows=[row], index=-1, event_schema="fs", table="t", message_source=source)


class TracedDriver:
    """A source whose mode is `plain`, `silent` or `many`, or what breaks: `ends`, `raises`, `snapraises` and so on."""

    schema_name = "fs"
    require_schema_discovery = True
    _SILENT = frozenset({"many", "silent", "snapraises"})
    """Modes without realtime: agent 0.8 reads its bus after a second, when the snapshot may be through or not."""

    def __init__(self, id, config):
        self.id, self.config = id, config
        self._address = config.uri
        self._mode = config.driver_params.get("mode", "plain")
        self._stop_driver_event = threading.Event()
        self._note("__init__", id)

    def __getattribute__(self, name):
        if name in LOOKED_FOR:
            object.__getattribute__(self, "_note")(f"({name})")
        return object.__getattribute__(self, name)

    def _note(self, method, *args, **kwargs):
        note(self._address, "source", method, *args, **kwargs)

    @property
    def is_transient(self):
        return False

    def is_position_available(self, position):
        self._note("is_position_available", position)
        return False

    def get_message_iterator(self, start_position=-1, **kwargs):
        self._note("get_message_iterator", start_position=start_position, **kwargs)
        return self._stream(kwargs.get("stop_event"))

    def _stream(self, stop):
        self._note("stream begins")
        for number in range(0 if self._mode in self._SILENT else FEW):
            yield told(MessageSource.REALTIME, f"/new-{number}")
        if self._mode == "raises":
            self._wait_until_it_may_break()
            self._note("stream raises")
            raise ValueError("The stream breaks")
        while self._mode != "ends" and not (stop.wait(_POLL_SEC) or self._stop_driver_event.is_set()):
            continue
        self._note("stream ends")

    def _wait_until_it_may_break(self):
        """Nothing: agent 0.8 sends its snapshot before it takes anything of the stream."""

    def get_snapshot_iterator(self, **kwargs):
        self._note("get_snapshot_iterator", **kwargs)
        return self._listed("snapshot", MessageSource.SNAPSHOT, raises=self._mode == "snapraises")

    def get_audit_iterator(self, **kwargs):
        self._note("get_audit_iterator", **kwargs)
        return self._audited(kwargs.get("mtime_cache"))

    def _audited(self, cache):
        for event in self._listed("audit", MessageSource.AUDIT, raises=self._mode == "auditraises"):
            yield event, {event.rows[0]["path"]: 1.0}
        yield None, {"/": float(len(cache))}

    def _listed(self, what, source, *, raises):
        """What is given up half-way ends without a note: when and where is the garbage collector's affair."""
        self._note(f"{what} begins")
        for number in range(MANY if self._mode == "many" else FEW):
            yield told(source, f"/there-{number}")
        if raises:
            self._note(f"{what} raises")
            raise ValueError(f"The {what} breaks")
        self._note(f"{what} ends")

    def perform_sentinel_check(self, *args, **kwargs):
        self._note("perform_sentinel_check", *args, **kwargs)
        return {"type": "suspect_update", "updates": []}

    def scan_path(self, *args, **kwargs):
        self._note("scan_path", *args, **kwargs)
        return [told(MessageSource.SNAPSHOT, "/there-0")]

    async def close(self):
        self._note("close")
        self._stop_driver_event.set()

    async def get_available_fields(self, **kwargs):
        if self._mode == "nodiscovery":
            self._note("get_available_fields raises", **kwargs)
            raise ValueError("No fields")
        self._note("get_available_fields", **kwargs)
        return {"properties": {}}


class Fields:
    """The same for agent 0.2, which asks the class."""

    @classmethod
    async def get_available_fields(cls, **kwargs):
        del kwargs
        return {"properties": {"path": {"type": "string", "column_index": 0}}}


class TracedDriver02(Fields, TracedDriver):
    """A source for agent 0.2, whose stream and snapshot go at once: what breaks waits until both have been pushed."""

    _SILENT = frozenset()

    def _wait_until_it_may_break(self):
        while not (has_all(self._address) or self._stop_driver_event.wait(_POLL_SEC)):
            continue


class TracedPusher:
    """A pusher for agent 0.2, whose mode is `plain`, `pushfails`, `beatfails` or `away`."""

    def __init__(self, id, config):
        self.id, self.config = id, config
        self._mode = config.driver_params.get("mode", "plain")
        self._snapshot_came, self._snapshot_ended, self._realtime_came = (asyncio.Event() for _ in range(3))
        self._note("__init__", id)

    def _note(self, method, *args, **kwargs):
        note(self.config.endpoint, "pusher", method, *args, **kwargs)

    async def create_session(self, *args, **kwargs):
        self._note("create_session", *args, **kwargs)
        if self._mode == "away":
            raise ConnectionError("The receiver is away")
        return {"session_id": "session", "suggested_heartbeat_interval_seconds": 1}

    async def get_latest_committed_index(self, *args, **kwargs):
        self._note("get_latest_committed_index", *args, **kwargs)
        return -1

    async def heartbeat(self, *args, **kwargs):
        self._note("heartbeat", *args, **kwargs)
        if self._mode == "beatfails":
            await self._snapshot_ended.wait()
            await self._realtime_came.wait()
            raise ConnectionError("The receiver is away")
        return {"status": "ok"}

    async def push(self, *args, **kwargs):
        self._note("push", *args, **kwargs)
        if kwargs.get("source_type") == "snapshot":
            self._snapshot_came.set()
        if kwargs.get("is_snapshot_end"):
            self._snapshot_ended.set()
        elif "source_type" not in kwargs:
            self._realtime_came.set()
        if self._mode == "pushfails":
            await self._snapshot_came.wait()
            raise ConnectionError("The receiver is away")
        return {"success": True, "snapshot_needed": False}

    async def close(self):
        self._note("close")

    @classmethod
    async def get_needed_fields(cls, **kwargs):
        note(kwargs["endpoint"], "pusher", "get_needed_fields", *kwargs)
        return {}


class TracedSender:
    """A sender for agent 0.8, whose mode is `plain`, `pushfails`, `pushraises`, `beatfails` or `away`."""

    def __init__(self, sender_id, endpoint, credential, config=None):
        self.id, self.endpoint, self.credential, self.config = sender_id, endpoint, credential, config or {}
        self._mode = self.config.get("mode", "plain")
        self._commands = [{"type": "scan", "path": "/there-0", "recursive": True, "job_id": "job"}]
        self._note("__init__")

    def _note(self, method, *args, **kwargs):
        note(self.endpoint, "sender", method, *args, **kwargs)

    async def connect(self):
        self._note("connect")

    async def create_session(self, *args, **kwargs):
        self._note("create_session", *args, **kwargs)
        if self._mode == "away":
            raise ConnectionError("The receiver is away")
        return "session", {"session_id": "session", "role": "leader", "session_timeout_seconds": 1.5}

    async def get_latest_committed_index(self, *args, **kwargs):
        self._note("get_latest_committed_index", *args, **kwargs)
        return 7

    async def heartbeat(self, *args, **kwargs):
        self._note("heartbeat", *args, **kwargs)
        if self._mode == "beatfails":
            raise ConnectionError("The receiver is away")
        commands, self._commands = self._commands, []
        return {"status": "ok", "role": "leader", "commands": commands}

    async def send_events(self, *args, **kwargs):
        self._note("send_events", *args, **kwargs)
        if self._mode == "pushraises":
            raise ConnectionError("The receiver is away")
        return {"success": self._mode != "pushfails", "role": "leader"}

    async def signal_audit_start(self):
        self._note("signal_audit_start")
        return True

    async def signal_audit_end(self):
        self._note("signal_audit_end")
        return True

    async def get_sentinel_tasks(self):
        self._note("get_sentinel_tasks")
        return {"type": "suspect_check", "paths": ["/there-0"]}

    async def submit_sentinel_results(self, *args, **kwargs):
        self._note("submit_sentinel_results", *args, **kwargs)
        return True

    async def close_session(self):
        self._note("close_session")

    async def close(self):
        self._note("close")
