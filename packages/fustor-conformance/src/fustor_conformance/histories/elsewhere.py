"""Another process: a fresh interpreter builds the driver anew, reads, and reports what was emitted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any
from weakref import WeakKeyDictionary

from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_event_model import EventBase

_DEADLINE_SEC = 25.0
_reachable: WeakKeyDictionary[SourceSubject, bool] = WeakKeyDictionary()


class Unreachable(Exception):  # noqa: N818 - not an error: some Worlds live in this process alone
    """The driver cannot be built, or its World not be read, in another process."""


def is_reachable(subject: SourceSubject) -> bool:
    """Whether another process can read the subject's World; tried out once.

    A World may live in this process alone, which shows in an error of the reader, or in its finding nothing.
    """
    if subject not in _reachable:
        with subject.world() as world:
            path = world.create("kit-reachable")
            try:
                events = read_snapshot(subject, world)
            except Unreachable:
                events = []
            _reachable[subject] = any(row["path"] == path for event in events for row in event.rows)
    return _reachable[subject]


def read_snapshot(subject: SourceSubject, world: SourceWorld, **keywords: Any) -> list[EventBase]:
    """What a snapshot emits in another process.

    Raises:
        Unreachable: the reader broke off; the text says why.
    """
    return _read(subject, world, {"snapshot": keywords})


def read_on(subject: SourceSubject, world: SourceWorld, start: int, until: str) -> list[EventBase] | None:
    """What a stream from `start` emits in another process, up to an upsert of the path `until`.

    None where the World cannot be reached from another process.

    Raises:
        Broken: the reader broke off.
    """
    if not is_reachable(subject):
        return None
    job = {"start": start, "until": until, "patience_sec": subject.options.patience_sec}
    try:
        return _read(subject, world, job)
    except Unreachable as error:
        raise Broken(f"In another process a stream from position {start} breaks off", str(error)) from error


def _read(subject: SourceSubject, world: SourceWorld, job: dict[str, Any]) -> list[EventBase]:
    cls = subject.driver_class
    asked = {
        **job,
        "path": sys.path,
        "driver": f"{cls.__module__}:{cls.__qualname__}",
        "config": subject.config(world).model_dump(mode="json"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "fustor_conformance.histories._reader"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=_DEADLINE_SEC,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "random", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode:
        raise Unreachable(done.stderr.strip()[-1500:])
    return [EventBase.model_validate_json(line) for line in done.stdout.splitlines()]
