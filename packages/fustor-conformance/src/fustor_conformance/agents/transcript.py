"""What a simulated agent called, what it delivered, and what it lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fustor_conformance.agents.bus import MemoryBus
from fustor_event_model import EventBase, MessageSource

__all__ = ["Call", "Delivery", "Recorder", "Transcript"]

_NOTED = ("calls", "deliveries", "failures", "leaked_threads", "streamed")
"""What a transcript has one after the other, as it was noted."""


@dataclass(frozen=True)
class Call:
    """One call of a driver's method: how it was called, and in which thread."""

    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    thread: str


@dataclass(frozen=True)
class Delivery:
    """What one push, or one send of agent 0.8, carried. `source_type` is what the agent says, None if nothing."""

    phase: MessageSource
    source_type: str | None
    events: tuple[EventBase, ...]
    is_end: bool = False


@dataclass(frozen=True)
class Transcript:
    """Everything up to one moment."""

    calls: tuple[Call, ...]
    deliveries: tuple[Delivery, ...]
    failures: tuple[str, ...]
    """What broke: the bus, the snapshot, the pipe; each with the reason."""
    snapshots_ended: int
    audits_ended: int
    discarded: tuple[EventBase, ...] = ()
    """Events that the bus threw away because their index went down."""
    swallowed: tuple[EventBase, ...] = ()
    """Events that the bus never delivered because their index was not above the committed one."""
    swallowed_by_host: tuple[EventBase, ...] = ()
    """Events without an index that the agent lost by a fault of its own."""
    leaked_threads: tuple[str, ...] = ()
    """Threads that outlived the time the agent gives them."""
    streamed: tuple[EventBase, ...] = ()
    """Events that the stream has yielded, whatever became of them."""

    @property
    def lost(self) -> tuple[EventBase, ...]:
        """What a driver that breaks the rules of indexes loses."""
        return (*self.discarded, *self.swallowed)

    def events(self, phase: MessageSource | None = None) -> tuple[EventBase, ...]:
        """All events delivered, or those of one phase."""
        chosen = (delivery for delivery in self.deliveries if phase in (None, delivery.phase))
        return tuple(event for delivery in chosen for event in delivery.events)

    def methods(self) -> tuple[str, ...]:
        """The names of what was called, in order."""
        return tuple(call.method for call in self.calls)


class Recorder:
    """Written by the simulator's threads, read and waited upon by the one that drives the world."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._notes: dict[str, list[Any]] = {name: [] for name in _NOTED}
        self._ended: Counter[MessageSource] = Counter()
        self._bus: MemoryBus | None = None

    def called(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Note a call that is about to be made in this thread."""
        self._note("calls", Call(method, args, kwargs, threading.current_thread().name))

    def delivered(
        self, phase: MessageSource, source_type: str | None, events: list[EventBase], *, is_end: bool = False
    ) -> None:
        """Note a delivery."""
        self._note("deliveries", Delivery(phase, source_type, tuple(events), is_end))

    def streamed(self, event: EventBase) -> None:
        """Note what the stream has yielded."""
        self._note("streamed", event)

    def failed(self, what: str, err: BaseException | str) -> None:
        """Note that something broke."""
        reason = err if isinstance(err, str) else f"{type(err).__name__}: {err}"
        self._note("failures", f"{what}: {reason}")

    def leaked(self, thread: str) -> None:
        """Note a thread that did not end in time."""
        self._note("leaked_threads", thread)

    def ended(self, phase: MessageSource) -> None:
        """Note that the agent told the end of a snapshot, or of an audit."""
        with self._changed:
            self._ended[phase] += 1
            self._changed.notify_all()

    def watch(self, bus: MemoryBus) -> None:
        """Take what the bus keeps back into every transcript from now on."""
        self._bus = bus

    def changed(self) -> None:
        """Let those who wait look again."""
        with self._changed:
            self._changed.notify_all()

    def transcript(self) -> Transcript:
        """Everything so far."""
        with self._changed:
            return self._transcript()

    def wait_for(self, condition: Callable[[Transcript], bool], timeout_sec: float) -> bool:
        """Whether the condition came true within the time; it is looked at after every change."""
        deadline = time.monotonic() + timeout_sec
        with self._changed:
            while not condition(self._transcript()):
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return condition(self._transcript())
            return True

    def _transcript(self) -> Transcript:
        bus = self._bus
        return Transcript(
            **{name: tuple(notes) for name, notes in self._notes.items()},
            snapshots_ended=self._ended[MessageSource.SNAPSHOT],
            audits_ended=self._ended[MessageSource.AUDIT],
            discarded=tuple(bus.discarded) if bus else (),
            swallowed=bus.swallowed() if bus else (),
            swallowed_by_host=bus.swallowed_by_host() if bus else (),
        )

    def _note(self, name: str, note: Any) -> None:
        with self._changed:
            self._notes[name].append(note)
            self._changed.notify_all()
