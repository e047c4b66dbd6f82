"""Short words for the histories that are written by hand."""

from __future__ import annotations

from typing import Any

from fustor_conformance.pushing.steps import Begin, Push, Row, Told
from fustor_event_model import EventType, LifecycleSignal, MessageSource

__all__ = [
    "AUDIT_END",
    "AUDIT_START",
    "BEGIN",
    "END",
    "FULL",
    "audit",
    "box",
    "found",
    "gone",
    "listed",
    "new",
    "now",
    "realtime",
    "snapshot",
    "thing",
]

BEGIN = Begin("new")
END = Push((), "snapshot", end=True)
AUDIT_START = Told(MessageSource.AUDIT, signal=LifecycleSignal.AUDIT_START)
AUDIT_END = Told(MessageSource.AUDIT, signal=LifecycleSignal.AUDIT_END)


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


FULL = snapshot(box("d"), thing("d/x", 3, 20), box("d/e"), thing("d/e/y", 4, 20), thing("f", 5, 20))
"""Files and containers, two of them below another: what many histories begin with."""
