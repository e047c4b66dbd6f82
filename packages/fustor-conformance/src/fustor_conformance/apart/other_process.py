"""A driver that another process builds anew, from its class and the JSON of its configuration, and reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, TypeAlias
from weakref import WeakSet

from fustor_conformance.apart import read_there
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld

Rows: TypeAlias = list[dict[str, Any]]

_SEED = "1"
_TZ = "KIT+03:30"  # not the odd one that this process may be in
_TIMEOUT_SEC = 60.0
_alone: WeakSet[SourceSubject] = WeakSet()
"""Subjects whose Worlds no other process sees."""


class NotSeenElsewhere(Exception):  # noqa: N818 - a World in memory is none of the driver's faults
    """No other process sees this World: it lives in this one."""


def ask_elsewhere(subject: SourceSubject, world: SourceWorld, jobs: list[dict[str, Any]]) -> list[Rows]:
    """The rows that another process reads for each job, in the order of the jobs.

    A job has the keywords of a snapshot, or `audit`, or `fields` (what `get_available_fields` answers, as one row), or
    `start` and `paths`: a stream that is read until it has told these. The process stands in another directory, with
    another time zone and another seed of `hash`, and reads in a thread that is not its main one.

    Raises:
        NotSeenElsewhere: it sees nothing of this World in surroundings like these either.
        Broken: it fails, or sees nothing, in those surroundings alone.
    """
    if subject in _alone:
        raise NotSeenElsewhere
    answer = _run(subject, world, jobs, strange=True)
    if answer.get("error") is None and _sees(answer["plain"], world):
        found: list[Rows] = answer["rows"]
        return found
    plain = _run(subject, world, [], strange=False)
    if plain.get("error") is not None or not _sees(plain["plain"], world):
        _alone.add(subject)
        raise NotSeenElsewhere
    raise Broken(
        f"Another process, in {os.sep!r} with TZ={_TZ} and PYTHONHASHSEED={_SEED}, does not read it",
        str(answer.get("error") or answer["plain"][:5]),
    )


def left_behind(subject: SourceSubject, world: SourceWorld) -> list[str]:
    """What the driver leaves changed in a process whose main thread it works in: only there can it handle signals.

    Empty where that process cannot be had.
    """
    if subject in _alone:
        return []
    found: list[str] = _run(subject, world, [], strange=False, in_main_thread=True).get("left", [])
    return found


def _sees(paths: list[str], world: SourceWorld) -> bool:
    return bool(world.list().keys() & set(paths))


def _run(
    subject: SourceSubject, world: SourceWorld, jobs: list[dict[str, Any]], *, strange: bool, **more: Any
) -> dict[str, Any]:
    cls = subject.driver_class
    job = {
        "path": [os.path.abspath(entry) for entry in sys.path],  # noqa: PTH100 - "" is the directory of now
        "driver": f"{cls.__module__}:{cls.__qualname__}",
        "config": subject.config(world).model_dump(mode="json"),
        "patience_sec": subject.options.patience_sec,
        "jobs": jobs,
        **more,
    }
    surroundings = {"TZ": _TZ, "PYTHONHASHSEED": _SEED} if strange else {}
    done = subprocess.run(
        [sys.executable, "-B", read_there.__file__],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SEC,
        cwd=os.sep if strange else None,
        env={**os.environ, **surroundings},
        check=False,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError:
        return {"error": f"{done.stdout[-200:]}{done.stderr[-600:]}"}
    return answer
