"""Short words for the histories that are written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fustor_conformance.pushing.steps import Begin, Push, Row, Step, Told
from fustor_event_model import EventType, LifecycleSignal, MessageSource

__all__ = [
    "AUDIT_END",
    "AUDIT_START",
    "BEGIN",
    "EMPTY",
    "END",
    "FULL",
    "KNOWN",
    "Histories",
    "Sentence",
    "audit",
    "box",
    "complete",
    "found",
    "gone",
    "in_parts",
    "listed",
    "new",
    "now",
    "realtime",
    "sentences",
    "session",
    "snapshot",
    "thing",
]

BEGIN = Begin("new")
END = Push((), "snapshot", end=True)
AUDIT_START = Told(MessageSource.AUDIT, signal=LifecycleSignal.AUDIT_START)
AUDIT_END = Told(MessageSource.AUDIT, signal=LifecycleSignal.AUDIT_END)


@dataclass(frozen=True)
class Sentence:
    """A sentence of the contract, and a history that shows it and nothing else.

    Args:
        says: what a driver that fails the history does not do.
        steps: the history.
    """

    says: str
    steps: tuple[Step, ...]


Histories: TypeAlias = Mapping[str, tuple[Step, ...]]


def sentences(histories: Histories) -> tuple[Sentence, ...]:
    """The sentences of a table that has the history of each."""
    return tuple(Sentence(says, steps) for says, steps in histories.items())


def thing(path: str, size: int = 1, at: float = 10, **more: Any) -> Row:
    """A row of something that is no container."""
    return Row(path, size, at, **more)


def box(path: str = "", at: float = 10, *, skipped: bool = False) -> Row:
    """A row of a container."""
    return Row(path, 0, at, container=True, skipped=skipped)


def now(*rows: Row, index: int = -1) -> Told:
    """Realtime tells what is there now."""
    return Told(MessageSource.REALTIME, rows, index=index)


def new(*rows: Row, index: int = -1) -> Told:
    """Realtime tells what is new."""
    return Told(MessageSource.REALTIME, rows, EventType.INSERT, index)


def gone(*paths: str, at: float = 30, index: int = -1) -> Told:
    """Realtime tells what is gone."""
    return Told(MessageSource.REALTIME, tuple(Row(path, None, at) for path in paths), EventType.DELETE, index)


def listed(*rows: Row, index: int = -1) -> Told:
    """A snapshot lists."""
    return Told(MessageSource.SNAPSHOT, rows, index=index)


def found(*rows: Row, index: int = -1) -> Told:
    """An audit finds."""
    return Told(MessageSource.AUDIT, rows, index=index)


def realtime(*events: Told, again: bool = False) -> Push:
    """A push of realtime."""
    return Push(events, again=again)


def snapshot(*rows: Row, end: bool = False, index: int = -1) -> Push:
    """A push of a snapshot."""
    return Push((listed(*rows, index=index),), "snapshot", end=end)


def audit(*events: Told, again: bool = False) -> Push:
    """A push of an audit."""
    return Push(events, "audit", again=again)


def in_parts(*rows: Row) -> tuple[Push, Push, Push]:
    """An audit that finds these rows: its start, they and its end, each pushed by itself."""
    return audit(AUDIT_START), audit(found(*rows)), audit(AUDIT_END)


def session(*steps: Step) -> tuple[Step, ...]:
    """A new session, these steps, and the end of its snapshot."""
    return BEGIN, *steps, END


def complete(*rows: Row, index: int = -1) -> tuple[Step, ...]:
    """A new session, and a snapshot that lists these rows, to its end."""
    return session(snapshot(*rows, index=index))


FULL = snapshot(box("d"), thing("d/x", 3, 20), box("d/e"), thing("d/e/y", 4, 20), thing("f", 5, 20))
"""Files and containers, two of them below another: what many histories begin with."""
KNOWN = session(FULL)
EMPTY = session()
"""A first snapshot to its end: one that has listed these, and one that has listed nothing."""
