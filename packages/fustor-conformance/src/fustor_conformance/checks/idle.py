"""Family M: a stream on which nothing happens for long. Another process watches it while other checks are run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any
from weakref import WeakKeyDictionary, finalize

from fustor_conformance.apart import watch_idle
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject

_BY_ITSELF_SEC = 5.0
"""Below this a process of its own is not worth its start."""
_END_SEC = 30.0
_LOCAL = "<locals>"


class _Watch:
    """A process with a World, a driver and an idle stream of its own; it ends with the subject or this process."""

    def __init__(self, subject: SourceSubject) -> None:
        cls, factory = subject.driver_class, subject.world_factory
        self._process = subprocess.Popen(
            [sys.executable, "-B", watch_idle.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._end = finalize(self, _end, self._process)
        job = {
            "path": [os.path.abspath(entry) for entry in sys.path],  # noqa: PTH100 - "" is the directory of now
            "driver": f"{cls.__module__}:{cls.__qualname__}",
            "world": f"{getattr(factory, '__module__', '')}:{getattr(factory, '__qualname__', '')}",
            "name": subject.name,
            "seconds": subject.options.idle_sec,
            "patience_sec": subject.options.patience_sec,
        }
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What it saw, once it has seen enough; an error where it could not watch."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        text = self._process.stdout.read()
        self._end()
        try:
            found: dict[str, Any] = json.loads(text.strip().rpartition("\n")[2])
        except ValueError:
            return {"error": text[-200:]}
        return found


def _end(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait(_END_SEC)


_watches: WeakKeyDictionary[SourceSubject, _Watch] = WeakKeyDictionary()


def begin_to_watch(subject: SourceSubject) -> None:
    """Open an idle stream elsewhere, so that it has rested long enough when M14 asks."""
    names = (
        getattr(subject.driver_class, "__qualname__", _LOCAL),
        getattr(subject.world_factory, "__qualname__", _LOCAL),
    )
    if subject not in _watches and subject.options.idle_sec >= _BY_ITSELF_SEC and not any(_LOCAL in n for n in names):
        _watches[subject] = _Watch(subject)


@check("M14")
def idle_stream_stays(subject: SourceSubject) -> int:
    """Nothing, for longer than most timeouts; then a change."""
    begin_to_watch(subject)
    watch = _watches.pop(subject, None)
    answer = watch.answer() if watch is not None else {"error": "not watched"}
    if "broken" in answer:
        raise Broken(answer["broken"])
    return 1 if "seconds" in answer else _rest(subject)


def _rest(subject: SourceSubject) -> int:
    """The same in this process, for a shorter time."""
    seconds = min(subject.options.idle_sec, _BY_ITSELF_SEC)
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        if stream.wait_for_end(seconds):
            raise Broken(f"The stream ended by itself after less than {seconds:g} s of nothing")
        stream.require([world.create("kit-after-a-rest")])
    return 1
