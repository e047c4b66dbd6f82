"""A source as a connector: RECORD, STATE where an event ends, and TRACE for what goes on and what goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from fustor_core.drivers import SourceDriver
from fustor_driver.engines.airbyte.answers import DELETED_AT
from fustor_driver.engines.bookmarks import Bookmark, has_positions, look, why_snapshot
from fustor_driver.engines.catching_up import catch_up, take_snapshot
from fustor_driver.engines.lines import Lines, parsed
from fustor_driver.engines.schema import records
from fustor_driver.engines.writing import Writer
from fustor_driver.errors import CheckFailed
from fustor_driver.redaction import clean
from fustor_event_model import EventBase

__all__ = ["Mode", "bookmark_of", "mode_of", "read", "trace_error"]

_STATE_ROWS = 10_000
Mode: TypeAlias = Literal["full_refresh", "incremental"]


class _Named(BaseModel):
    name: str


class _Chosen(BaseModel):
    stream: _Named
    sync_mode: Mode


class _Catalog(BaseModel):
    streams: list[_Chosen]


def mode_of(catalog: dict[str, Any], source: SourceDriver) -> Mode | None:
    """How a configured catalog wants the stream of a source read; None where nothing is chosen.

    Raises:
        UsageProblem: it is not a configured catalog.
        CheckFailed: it chooses another stream than that of the source, since a sync of nothing would pass for one of
            everything; or the stream is to be read by positions, which it does not have.
    """
    chosen = parsed(_Catalog, catalog, "catalog").streams
    if unknown := sorted({repr(entry.stream.name) for entry in chosen if entry.stream.name != source.id}):
        raise CheckFailed(
            f"The catalog chooses {', '.join(unknown)}, and the only stream is {source.id!r}; refresh the schema"
        )
    if not chosen:
        return None
    if chosen[0].sync_mode == "incremental" and not has_positions(source):
        raise CheckFailed(f"The source {source.id!r} has no positions; choose full_refresh for its stream")
    return chosen[0].sync_mode


def bookmark_of(states: Any, stream: str) -> Bookmark:
    """The bookmark of a stream among the STATE messages that the engine kept.

    Raises:
        CheckFailed: what is there is not one.
    """
    for state in states if isinstance(states, list) else ():
        one = state.get("stream") if isinstance(state, dict) else None
        if isinstance(one, dict) and isinstance(of := one.get("stream_descriptor"), dict) and of.get("name") == stream:
            return Bookmark.of(one.get("stream_state"))
    return Bookmark()


def read(source: SourceDriver, mode: Mode, known: Bookmark, lines: Lines, stop: threading.Event) -> None:
    """Write what is asked for of the one stream, and end. Set `stop` to end sooner, behind an event.

    Raises:
        DriverError: the source cannot go on.
        CheckFailed: it is out of reach, nobody reads any more, or only a refresh can go on from the state.
    """
    with _said_how_it_is(lines, source.id, stop):
        selection = look(source, known.selection)
        if mode == "incremental":
            why = why_snapshot(source, known, selection)
            if why is not None and known.position > 0:
                raise CheckFailed(f"The stream {source.id!r} cannot go on: {why}; refresh it, and remove its records")
            steps = catch_up(source, known, stop, snapshot=why is not None)
        else:
            steps = take_snapshot(source, stop)
        writer = _Writer(source.id, lines, known, selection, _STATE_ROWS)
        _say_status(lines, source.id, "RUNNING")
        for step in steps:
            writer.take(step)
        writer.say()


def trace_error(message: str) -> dict[str, Any]:
    """A message that names what ended a sync."""
    error = {"message": clean(message), "internal_message": clean(message), "failure_type": "config_error"}
    return {"type": "TRACE", "trace": {"type": "ERROR", "emitted_at": time.time() * 1000, "error": error}}


@contextmanager
def _said_how_it_is(lines: Lines, stream: str, stop: threading.Event) -> Iterator[None]:
    """Say that the stream has started, and at the end whether all of it was read, whatever it ends by."""
    _say_status(lines, stream, "STARTED")
    try:
        yield
    except Exception:
        with suppress(CheckFailed, OSError):  # nobody reads it
            _say_status(lines, stream, "INCOMPLETE")
        raise
    _say_status(lines, stream, "INCOMPLETE" if stop.is_set() else "COMPLETE")


def _say_status(lines: Lines, stream: str, status: str) -> None:
    """Write how the stream is."""
    said = {"stream_descriptor": {"name": stream}, "status": status}
    trace = {"type": "STREAM_STATUS", "emitted_at": time.time() * 1000, "stream_status": said}
    lines.write({"type": "TRACE", "trace": trace})
    lines.flush()


class _Writer(Writer):
    def _write_rows(self, event: EventBase) -> None:
        now = int(time.time() * 1000)
        for data in records(event, DELETED_AT):
            record = {"stream": self._stream, "data": data, "emitted_at": now}
            self._lines.write({"type": "RECORD", "record": record})

    def _state(self, mark: Bookmark, rows: int) -> dict[str, Any]:
        stream = {"stream_descriptor": {"name": self._stream}, "stream_state": mark.as_json()}
        counts = {"recordCount": float(rows)}
        return {"type": "STATE", "state": {"type": "STREAM", "stream": stream, "sourceStats": counts}}
