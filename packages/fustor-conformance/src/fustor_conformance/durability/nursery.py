"""Run as a script: import a pusher once, and let each job of it run in a process of its own, which may die.

The first line of standard input says what to import: `path` (sys.path) and `driver` (module:class). Each line after it
is a job; the answer to it is one line: `said` (one reply a step, as far as it came) and `status` (of the process).
"""

import asyncio
import base64
import json
import os
import pickle
import resource
import select
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

_CHUNK = 1 << 16


class _Job:
    """The steps of one process: what it says goes out at once, since it may not live to the end."""

    def __init__(self, driver: type[Any], job: dict[str, Any], output: int) -> None:
        self.driver = driver
        self.job = job
        self.output = output
        self.names: list[str] = []
        self.lefts: list[Any] = []
        self.disk: Any = None
        self.boundaries: Any = None
        self.process: Any = None

    def say(self, **said: Any) -> None:
        data = json.dumps(said, default=repr).encode() + b"\n"
        while data:
            data = data[os.write(self.output, data) :]

    def run(self) -> None:
        self._watch()
        asyncio.run(self._steps())

    def _watch(self) -> None:
        from fustor_conformance.durability import hooks  # noqa: PLC0415 - importable only once sys.path is set
        from fustor_conformance.durability.disk import Disk  # noqa: PLC0415 - importable only once sys.path is set

        if roots := self.job.get("roots"):
            self.disk = Disk([Path(root) for root in roots])
            hooks.watch(self.disk)
        self.boundaries = hooks.Boundaries(self._reached)
        if self.job.get("boundaries"):
            self.boundaries.listen()

    def _reached(self, name: str) -> None:
        self.names.append(name)
        if [name, self.names.count(name)] == self.job.get("die_at"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.disk is not None:
            self._note(name)

    def _note(self, when: str) -> None:
        left = self.disk.look(when)
        if not self.lefts or (left.pages, left.names) != (self.lefts[-1].pages, self.lefts[-1].names):
            self.lefts.append(left)

    async def _steps(self) -> None:
        from fustor_core.models.config import PusherConfig  # noqa: PLC0415 - importable only once sys.path is set

        pusher = session = None
        for step in self.job["steps"]:
            if step["do"] == "look":
                self.say(reply=self._left_behind())
                continue
            try:
                if pusher is None:
                    pusher = self.driver("kit", PusherConfig.model_validate(self.job["config"]))
                reply = await self._step(pusher, session, step)
            except Exception as err:  # noqa: BLE001 - told to the parent, which judges it
                reply, kinds = None, [kind.__name__ for kind in type(err).__mro__]
                self.say(error=kinds, text=str(err))
            else:
                self.say(reply=reply, **self._observed(step))
            if step["do"] == "session" and reply:
                session = reply["session_id"]

    def _left_behind(self) -> list[str]:
        """What is another in this process than at the last look, in words."""
        from fustor_conformance.monitor.process import ProcessState  # noqa: PLC0415 - importable only once sys.path is set

        before, self.process = self.process, ProcessState()
        return [] if before is None else list(before.changes(self.process).values())

    async def _step(self, pusher: Any, session: str | None, step: dict[str, Any]) -> Any:
        if step["do"] == "session":
            return await pusher.create_session(step["task"])
        if step["do"] == "committed":
            return await pusher.get_latest_committed_index(session_id=session)
        if step["do"] == "close":
            return await pusher.close()
        if step["do"] == "room":
            return _give_room(step["file_bytes"])
        return await self._push(pusher, session, step)

    async def _push(self, pusher: Any, session: str | None, step: dict[str, Any]) -> Any:
        from fustor_event_model import EventBase  # noqa: PLC0415 - importable only once sys.path is set

        events = [EventBase.model_validate(event) for event in step["events"]]
        self.names, self.lefts = [], []
        self.boundaries.is_armed = bool(step.get("armed"))
        try:
            reply = await pusher.push(events, session_id=session, **step.get("keywords", {}))
        finally:
            self.boundaries.is_armed = False
        if self.disk is not None:
            self.lefts.append(self.disk.look("push returned"))
        return reply

    def _observed(self, step: dict[str, Any]) -> dict[str, Any]:
        if step["do"] != "push":
            return {}
        lefts = base64.b64encode(pickle.dumps(self.lefts)).decode()
        return {"calls": self.names, "lefts": lefts, "unseen": self.disk.unseen if self.disk else ""}


def _give_room(file_bytes: int | None) -> None:
    """No file of this process grows beyond so many bytes; None: as far as it may."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that a write fails, as on a full disk
    limit = resource.RLIM_INFINITY if file_bytes is None else file_bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def _born(driver: type[Any], job: dict[str, Any]) -> tuple[list[Any], int]:
    """What a process of its own said of the job, and how it ended."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        status = 1
        try:
            _Job(driver, job, writing).run()
            status = 0
        except BaseException:  # noqa: BLE001 - nobody else is there to say it
            traceback.print_exc()
        finally:
            os._exit(status)  # as a process that dies: nothing is closed, no thread is waited for
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        lines = b"".join(_until_gone(pipe, process)).split(b"\n")[:-1]
    return [json.loads(line) for line in lines], os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _until_gone(pipe: Any, process: int) -> Iterator[bytes]:
    """What comes out of the pipe while the process lives: processes that it left behind hold the other end open."""
    watched = [pipe, *([os.pidfd_open(process)] if hasattr(os, "pidfd_open") else [])]
    try:
        while True:
            ready = select.select(watched, [], [])[0]
            chunk = pipe.read(_CHUNK) if pipe in ready else b""
            if not chunk:
                return
            yield chunk
    finally:
        for descriptor in watched[1:]:
            os.close(descriptor)


def main() -> None:
    """Serve until standard input ends."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the driver prints is no answer
    start = json.loads(sys.stdin.readline())
    sys.path[:] = start["path"]
    from fustor_conformance.durability import hooks  # noqa: PLC0415 - importable only once sys.path is set

    hooks.install()
    driver = resolve_name(start["driver"])
    for line in sys.stdin:
        said, status = _born(driver, json.loads(line))
        output.write(json.dumps({"said": said, "status": status}) + "\n")
        output.flush()
    if os.getpgid(0) == os.getpid():  # a group of its own: what the jobs have left behind goes too
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
