"""One check in a thread of its own, so that a driver which never returns costs a deadline and not the run."""

from __future__ import annotations

import asyncio
import gc
import linecache
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, chain, islice, repeat
from operator import call, methodcaller
from pathlib import Path
from types import FrameType

from fustor_conformance import _noting, worlds
from fustor_conformance._reading import Stream
from fustor_conformance._stubs import unwritten
from fustor_conformance._world_probe import insufficient, require_sound
from fustor_conformance.monitor import Finding
from fustor_conformance.outcome import Broken, NotApplicable, NotJudged, Status
from fustor_conformance.rules import Check, Kind, Rule
from fustor_conformance.subject import Subject

_WORLD_PROTOCOLS: dict[str, type] = {
    "unreadable": worlds.WithUnreadable,
    "interrupted": worlds.WithInterruption,
    "broken": worlds.WithBrokenConfig,
    "settle": worlds.WithSettling,
    "create_long": worlds.WithLongValues,
}
_NEEDS_OF_PUSHERS = ("stored", "keyed")
_A_LOG = "The destination keeps a log: the World says `keyed = False`, and this is asked of stores with one row a path"
_KIT = str(Path(__file__).parent)
_SHOWN_FRAMES = 6


@dataclass(frozen=True)
class Outcome:
    """How a check ended, and what the monitor saw meanwhile; `is_stuck` where its thread is still there."""

    status: Status
    detail: str = ""
    observed: int = 0
    without: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    is_stuck: bool = False


class Runner(threading.Thread):
    """Runs one check; `result` is there once the thread has ended."""

    def __init__(self, subject: Subject, rule: Rule, function: Check) -> None:
        super().__init__(name=f"conformance-{rule.id}", daemon=True)
        self._subject = subject
        self._rule = rule
        self._function = function
        self._outcome = Outcome(Status.FAILED, "The check ended without a word")
        self._without: set[str] = set()
        self.error: Exception | None = None
        """What ended the check, where it is neither a verdict nor a stub."""

    def run(self) -> None:
        try:
            self._require_world()
            self._without = _noting.begin()
            observed = self._function(self._subject)
        except Broken as broken:
            self._outcome = Outcome(Status.FAILED, f"{broken} [thread {broken.thread}]")
        except NotApplicable as reason:
            self._outcome = Outcome(Status.SKIPPED, str(reason))
        except NotJudged as reason:
            self._outcome = Outcome(Status.NOT_JUDGED, str(reason))
        except NotImplementedError as err:
            self._outcome = self._not_implemented(err)
        except Exception as err:  # noqa: BLE001 - whatever a driver raises is the verdict, and is told in full
            self.error, self._outcome = err, _raised(err)
        else:
            nothing = Outcome(Status.FAILED, f"Observed nothing: {self._what_is_not_there()}")
            self._outcome = Outcome(Status.PASSED, observed=observed) if observed else nothing

    def result(self) -> Outcome:
        """How the check ended, with what it asked of the World in vain."""
        return replace(self._outcome, without=frozenset(self._without))

    def place(self) -> tuple[tuple[int, int], ...]:
        """Where the kit's own code stands; it stays the same while one call of the driver does not return."""
        return tuple(
            (id(frame), frame.f_lasti) for frame in self._frames() if frame.f_code.co_filename.startswith(_KIT)
        )

    def where_it_stands(self) -> str:
        """The thread's stack, innermost last; of an event loop what its tasks wait for."""
        frames = self._frames()
        loops = (frame.f_locals.get("self") for frame in frames)
        loop = next((one for one in loops if isinstance(one, asyncio.AbstractEventLoop)), None)
        if loop is not None and frames[0].f_code.co_name == "select":
            return "".join(_line(frame) for frame in _awaited(loop)) or "an event loop that has no task"
        replays = [f"  replay: {frame.f_locals['replay']}\n" for frame in frames if "replay" in frame.f_locals]
        return "".join((*map(_line, reversed(frames[:_SHOWN_FRAMES])), *replays[:1]))

    def _frames(self) -> list[FrameType]:
        """The thread's frames at one moment, innermost first; none once it has ended.

        The thread must stand still for that: in Python 3.11 a frame that it has left leads to memory that is no frame
        any longer. From the first frame to the last only functions in C are called, so no other thread has its turn,
        and no finalizer.
        """
        current = iter(sys._current_frames, None)  # noqa: SLF001 - the documented way to see another thread
        newest = islice(map(methodcaller("get", self.ident), current), 1)
        outwards = accumulate(chain(newest, repeat("f_back")), getattr)
        frames: list[FrameType] = []
        walk = partial(frames.extend, iter(outwards.__next__, None))
        steps: list[Callable[[], None]] = [gc.disable, walk, gc.enable] if gc.isenabled() else [walk]
        deque(map(call, steps), maxlen=0)
        return frames

    def _not_implemented(self, error: NotImplementedError) -> Outcome:
        owners = [self._subject.driver_class]
        if isinstance(self._subject.world_factory, type):
            owners.append(self._subject.world_factory)
        stub = unwritten(error, *owners)
        if stub is None:
            return _raised(error)
        name = stub.rpartition(".")[2]
        may = f"; or leave {name!r} out of `capabilities`" if name in self._subject.capabilities else ""
        return Outcome(Status.TODO, f"Write {stub}" + (f": {error}" if str(error) else "") + may)

    def _what_is_not_there(self) -> str:
        name = self._rule.capability
        if name is None:
            return "the driver emits nothing that this check could look at"
        return f"`capabilities` declares {name!r}, and nothing comes of it; a driver that has none leaves it out there"

    def _require_world(self) -> None:
        if not self._rule.needs:
            return
        world = self._subject.make_world()
        lacking = insufficient(self._subject)
        for need in self._rule.needs:
            if self._subject.kind is Kind.PUSHER and need not in _NEEDS_OF_PUSHERS:
                continue
            if need in lacking:
                raise NotJudged(lacking[need])
            if not _can(world, need):
                raise NotApplicable(_A_LOG if need == "keyed" else f"The World declares no {need!r}")
        require_sound(self._subject)


def stop_everything(driver_class: type) -> None:
    """Set the stop events of all streams and instances, so that a check which hangs may come back and tidy up."""
    for thing in gc.get_objects():
        if issubclass(type(thing), driver_class):
            event = getattr(thing, "_stop_driver_event", None)
        else:
            event = thing.stop_event if type(thing) is Stream else None
        if isinstance(event, threading.Event):
            event.set()


def _can(world: object, need: str) -> bool:
    if need in _WORLD_PROTOCOLS:
        return isinstance(world, _WORLD_PROTOCOLS[need])
    if need == "stored":
        return True
    if need == "keyed":
        return bool(getattr(world, "keyed", False))
    return need in getattr(world, "operations", ())


def _awaited(loop: asyncio.AbstractEventLoop) -> Iterator[FrameType]:
    """The frames in which the loop's tasks stand, each task from its outermost coroutine inwards."""
    for task in asyncio.all_tasks(loop):
        coroutine: object = task.get_coro()
        while (frame := getattr(coroutine, "cr_frame", None)) is not None:
            yield frame
            coroutine = getattr(coroutine, "cr_await", None)


def _line(frame: FrameType) -> str:
    name, number = frame.f_code.co_filename, frame.f_lineno
    return f"  {Path(name).name}:{number}, in {frame.f_code.co_name}: {linecache.getline(name, number).strip()}\n"


def _raised(error: Exception) -> Outcome:
    trace = "".join(traceback.format_exception(error)[-8:])
    return Outcome(Status.FAILED, f"Raised {type(error).__name__}: {error}\n{trace}")
