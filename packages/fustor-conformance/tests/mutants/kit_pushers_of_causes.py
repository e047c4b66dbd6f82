"""Pushers whose fault has many consequences, in a module that another process can import."""

from kit_pusher import KeyedDriver, LogDriver


class IndexForgotten(KeyedDriver):
    """The index of a task lives in the instance alone."""

    def load(self):
        state = super().load()
        if not getattr(self, "_loaded", False):
            state["tasks"] = {}
        self._loaded = True
        return state

    async def create_session(self, task_id, **kwargs):
        self._loaded = False
        return await super().create_session(task_id, **kwargs)


class WrittenLater(LogDriver):
    """What was pushed is written when the next batch comes."""

    async def push(self, events, **kwargs):
        waiting, self._waiting = getattr(self, "_waiting", None), (events, kwargs)
        if waiting is not None:
            await super().push(waiting[0], **waiting[1])
        return {"success": True, "snapshot_needed": False}
