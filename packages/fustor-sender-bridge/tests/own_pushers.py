"""Pushers with moods, installed by the tests under their names in lower case."""

from fustor_core.exceptions import DriverError
from fustor_pusher_example import ExampleDriver


class Calls(ExampleDriver):
    """Notes how it was called."""

    def __init__(self, id, config):
        super().__init__(id, config)
        self.calls = []
        self.beats = []

    async def create_session(self, task_id, **kwargs):
        return await super().create_session(task_id, **kwargs) | {"suggested_heartbeat_interval_seconds": 0.002}

    async def heartbeat(self, **kwargs):
        self.beats.append(kwargs["session_id"])
        return await super().heartbeat(**kwargs)

    async def push(self, events, **kwargs):
        self.calls.append((list(events), kwargs))
        return await super().push(events, **kwargs)


class Wishing(ExampleDriver):
    """Asks for a new session once it is told to."""

    wishes = False

    async def push(self, events, **kwargs):
        reply = await super().push(events, **kwargs)
        return reply | {"snapshot_needed": type(self).wishes}


class Forgetful(ExampleDriver):
    """Forgets its session between two heartbeats."""

    async def create_session(self, task_id, **kwargs):
        return await super().create_session(task_id, **kwargs) | {"suggested_heartbeat_interval_seconds": 0.01}

    async def heartbeat(self, **kwargs):
        raise DriverError(f"Session {kwargs['session_id']!r} is unknown or obsolete (419)")


class Strict(ExampleDriver):
    """Refuses a batch with the path /bad for good."""

    async def push(self, events, **kwargs):
        if any(row["path"] == "/bad" for event in events for row in event.rows):
            raise DriverError("/bad is refused")
        return await super().push(events, **kwargs)


class Guarding(ExampleDriver):
    """Refuses the deletions of every audit."""

    async def push(self, events, **kwargs):
        reply = await super().push(events, **kwargs)
        return reply | {"refused_deletions": sum(event.signal == "Audit-End" for event in events)}


class Unsure(ExampleDriver):
    """Promises nothing at every first attempt."""

    async def push(self, events, **kwargs):
        reply = await super().push(events, **kwargs)
        return reply | {"success": reply["written"] == 0}
