"""What a simulated agent called, what it delivered, and what it lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fustor_conformance.agents.bus import MemoryBus
from fustor_event_model import EventBase, MessageSource

__all__ = ["Call", "Delivery", "Recorder", "Transcript"]


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


@dataclass
class _State:
    calls: list[Call] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    leaked_threads: list[str] = field(default_factory=list)
    streamed: list[EventBase] = field(default_factory=list)
    snapshots_ended: int = 0
    audits_ended: int = 0


class Recorder:
    """Written by the simulator's threads, read and waited upon by the one that drives the world."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._state = _State()
        self._bus: MemoryBus | None = None

    def called(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Note a call that is about to be made in this thread."""
        self._note(self._state.calls, Call(method, args, kwargs, threading.current_thread().name))

    def delivered(
        self, phase: MessageSource, source_type: str | None, events: list[EventBase], *, is_end: bool = False
    ) -> None:
        """Note a delivery."""
        self._note(self._state.deliveries, Delivery(phase, source_type, tuple(events), is_end))

    def streamed(self, event: EventBase) -> None:
        """Note what the stream has yielded."""
        self._note(self._state.streamed, event)

    def failed(self, what: str, err: BaseException | str) -> None:
        """Note that something broke."""
        reason = err if isinstance(err, str) else f"{type(err).__name__}: {err}"
        self._note(self._state.failures, f"{what}: {reason}")

    def leaked(self, thread: str) -> None:
        """Note a thread that did not end in time."""
        self._note(self._state.leaked_threads, thread)

    def snapshot_ended(self) -> None:
        """Note that the agent told the end of a snapshot."""
        with self._changed:
            self._state.snapshots_ended += 1
            self._changed.notify_all()

    def audit_ended(self) -> None:
        """Note that the agent told the end of an audit."""
        with self._changed:
            self._state.audits_ended += 1
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
        state, bus = self._state, self._bus
        return Transcript(
            calls=tuple(state.calls),
            deliveries=tuple(state.deliveries),
            failures=tuple(state.failures),
            snapshots_ended=state.snapshots_ended,
            audits_ended=state.audits_ended,
            discarded=tuple(bus.discarded) if bus else (),
            swallowed=bus.swallowed() if bus else (),
            swallowed_by_host=bus.swallowed_by_host() if bus else (),
            leaked_threads=tuple(state.leaked_threads),
            streamed=tuple(state.streamed),
        )

    def _note(self, notes: list[Any], note: Any) -> None:
        with self._changed:
            notes.append(note)
            self._changed.notify_all()
