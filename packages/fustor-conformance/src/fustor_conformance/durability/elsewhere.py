"""Pushers in processes of their own, which may die, run out of room, or be watched while they write."""

from __future__ import annotations

import base64
import json
import os
import pickle
import selectors
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, TypeAlias, cast

from fustor_conformance._desk import TASK
from fustor_conformance.durability import nursery
from fustor_conformance.durability.disk import Left
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.subject import PusherSubject
from fustor_event_model import EventBase

__all__ = [
    "CLOSING",
    "COMMITTING",
    "LOOKING",
    "Ended",
    "Nursery",
    "Said",
    "nursery_of",
    "opening",
    "pushing",
    "room",
]

_JOB_SEC = 30.0
Step: TypeAlias = dict[str, Any]
COMMITTING: Step = {"do": "committed"}
"""Ask for the committed index."""
CLOSING: Step = {"do": "close"}
"""Close the pusher."""
LOOKING: Step = {"do": "look"}
"""Say what the process has another of than at the last look: its main thread is where the pusher works."""


def opening(task: str = TASK) -> Step:
    """Open a session, which the steps after it use."""
    return {"do": "session", "task": task}


def pushing(*events: EventBase, armed: bool = False, **keywords: Any) -> Step:
    """Push one batch. `armed`: the calls that it makes are counted, watched, and may end the process."""
    said = [event.model_dump(mode="json", exclude_none=True) | {"rows": event.rows} for event in events]
    return {"do": "push", "events": said, "keywords": keywords, "armed": armed}


def room(file_bytes: int | None) -> Step:
    """From here on no file grows beyond so many bytes; None: as far as it may."""
    return {"do": "room", "file_bytes": file_bytes}


@dataclass(frozen=True)
class Said:
    """What one step came to: its reply, or the names of the error's classes and its text."""

    reply: Any = None
    error: Sequence[str] = ()
    text: str = ""
    calls: Sequence[str] = ()
    lefts: Sequence[Left] = ()
    unseen: str = ""
    """Why the pages of some file had to be believed."""

    def __str__(self) -> str:
        return f"{self.error[0]}: {self.text}" if self.error else repr(self.reply)


@dataclass(frozen=True)
class Ended:
    """How far a process came, and how it ended."""

    said: tuple[Said, ...]
    status: int
    complaint: str

    @property
    def was_killed(self) -> bool:
        """Whether it died in the middle of a step."""
        return self.status == -signal.SIGKILL

    def require(self, steps: Sequence[Step]) -> tuple[Said, ...]:
        """What was said, where every step was made and none failed."""
        failed = [str(said) for said in self.said if said.error]
        if failed or len(self.said) < len(steps):
            what = failed[0] if failed else f"it ended with {self.status}"
            raise Broken(f"A push from a process of its own failed: {what}", self.complaint)
        return self.said


class Nursery:
    """One process that has imported the driver; every job is a fork of it."""

    def __init__(self, driver_class: type[Any]) -> None:
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the nursery goes
        self._process = subprocess.Popen(
            [sys.executable, "-B", nursery.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,
        )
        self._input, self._output = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        weakref.finalize(self, _end, self._process, self._complaints)
        self._tell({"path": sys.path, "driver": f"{driver_class.__module__}:{driver_class.__qualname__}"})

    def run(self, config: dict[str, Any], steps: Sequence[Step], **job: Any) -> Ended:
        """The steps in a process of its own. Keywords: `die_at`, `roots`, `boundaries`.

        Raises:
            Broken: it does not end.
        """
        self._complaints.truncate(0)
        self._tell({"config": config, "steps": list(steps), **job})
        answer = self._answer()
        return Ended(tuple(map(_said, answer["said"])), answer["status"], self._complaint())

    def _tell(self, said: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # the answer says why it is gone
            self._input.write(json.dumps(said, default=str).encode() + b"\n")
            self._input.flush()

    def _answer(self) -> dict[str, Any]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            if not selector.select(_JOB_SEC):
                raise Broken(f"A pusher in a process of its own does not end within {_JOB_SEC:g} s", self._complaint())
        line = self._output.readline()
        if not line:
            raise Broken("The driver cannot be imported, or run, in a process of its own", self._complaint())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _complaint(self) -> str:
        self._complaints.seek(0)
        return self._complaints.read().decode(errors="replace")[-800:]


def _end(process: subprocess.Popen[bytes], complaints: Any) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    complaints.close()


_nurseries: weakref.WeakKeyDictionary[PusherSubject, Nursery] = weakref.WeakKeyDictionary()


def nursery_of(subject: PusherSubject) -> Nursery:
    """The nursery of this subject, one for all its checks.

    Raises:
        NotApplicable: the system cannot fork.
    """
    if not hasattr(os, "fork"):
        raise NotApplicable("Processes are not forked on this system, so none is made to die")
    found = _nurseries.get(subject)
    if found is None or found._process.poll() is not None:  # noqa: SLF001 - its own module
        found = _nurseries[subject] = Nursery(subject.driver_class)
    return found


def _said(said: dict[str, Any]) -> Said:
    lefts = base64.b64decode(said.pop("lefts", ""))
    return Said(**said, lefts=pickle.loads(lefts) if lefts else ())  # noqa: S301 - the kit's own, of the nursery
