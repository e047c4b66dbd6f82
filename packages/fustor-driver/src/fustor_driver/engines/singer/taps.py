"""A source as a Singer tap: one stream of flat rows, STATE where an event ends, and an end."""

from __future__ import annotations

import threading
from typing import Any

from pydantic import BaseModel

from fustor_core.drivers import SourceDriver
from fustor_driver.engines.bookmarks import Bookmark, has_positions, look, why_snapshot
from fustor_driver.engines.catching_up import Passed, SnapshotBegins, SnapshotEnds, catch_up
from fustor_driver.engines.lines import Lines, parsed
from fustor_driver.engines.schema import KEY, POSITION, json_schema, records
from fustor_driver.engines.writing import Writer
from fustor_driver.hosts.selection import SelectionNote
from fustor_driver.redaction import safe_logger
from fustor_event_model import EventBase

__all__ = ["DELETED_AT", "bookmark_of", "catalog_of", "is_selected", "tap"]

DELETED_AT = "_sdc_deleted_at"
_STATE_ROWS = 1_000
_log = safe_logger("fustor_driver.singer")


def catalog_of(source: SourceDriver) -> dict[str, Any]:
    """What the tap offers: one stream, named as the source is."""
    method = "INCREMENTAL" if has_positions(source) else "FULL_TABLE"
    stream = {
        "stream": source.id,
        "tap_stream_id": source.id,
        "schema": json_schema(DELETED_AT),
        "key_properties": [KEY],
        "replication_method": method,
        "metadata": [
            {
                "breadcrumb": [],
                "metadata": {
                    "inclusion": "available",
                    "selected-by-default": True,
                    "table-key-properties": [KEY],
                    "forced-replication-method": method,
                    **(
                        {"replication-key": POSITION, "valid-replication-keys": [POSITION]}
                        if has_positions(source)
                        else {}
                    ),
                },
            }
        ],
    }
    return {"streams": [stream]}


class _Said(BaseModel):
    selected: bool | None = None


class _Metadata(BaseModel):
    breadcrumb: list[str] = []
    metadata: _Said = _Said()


class _Entry(_Said):
    stream: str | None = None
    tap_stream_id: str | None = None
    metadata: list[_Metadata] | None = None


class _Catalog(BaseModel):
    streams: list[_Entry] = []


def is_selected(catalog: dict[str, Any], stream: str) -> bool:
    """Whether a catalog leaves the stream in; one that does not say so selects it.

    Raises:
        UsageProblem: it is not a catalog.
    """
    streams = parsed(_Catalog, catalog, "catalog").streams
    found = [one for one in streams if stream in (one.tap_stream_id, one.stream)]
    if not found:
        names = ", ".join(repr(one.tap_stream_id or one.stream) for one in streams) or "none"
        _log.warning("Nothing is read: the only stream is %r, and the catalog has %s", stream, names)
        return False
    said = [one.metadata.selected for one in found[0].metadata or () if not one.breadcrumb] or [found[0].selected]
    return said[0] is not False


def bookmark_of(state: Any, stream: str) -> Bookmark:
    """The bookmark of a stream in the value of a STATE message.

    Raises:
        CheckFailed: what is there is not one.
    """
    marks = state.get("bookmarks") if isinstance(state, dict) else None
    return Bookmark.of(marks.get(stream) if isinstance(marks, dict) else None)


def tap(source: SourceDriver, known: Bookmark, lines: Lines, stop: threading.Event) -> None:
    """Write everything since a bookmark, and end. Set `stop` to end sooner, behind an event.

    Raises:
        DriverError: the source cannot go on.
        CheckFailed: it is out of reach, or nobody reads any more.
    """
    selection = look(source, known.selection)
    why = why_snapshot(source, known, selection)
    writer = _Writer(source.id, lines, known, selection)
    columns = {"schema": json_schema(DELETED_AT), "key_properties": [KEY], "bookmark_properties": [POSITION]}
    lines.write({"type": "SCHEMA", "stream": source.id, **columns})
    if why is None:
        writer.say()
    else:
        _log.info("A snapshot is taken: %s", why)
    for step in catch_up(source, known, stop, snapshot=why is not None):
        writer.take(step)
    writer.say()


class _Writer(Writer):
    def __init__(self, stream: str, lines: Lines, known: Bookmark, selection: SelectionNote) -> None:
        super().__init__(stream, lines, known, selection, _STATE_ROWS)
        self._version = known.version

    def _note(self, step: SnapshotBegins | SnapshotEnds | Passed) -> None:
        if isinstance(step, SnapshotBegins):
            self._version = step.version
        elif isinstance(step, SnapshotEnds):
            self._lines.write({"type": "ACTIVATE_VERSION", "stream": self._stream, "version": step.version})
        super()._note(step)

    def _write_rows(self, event: EventBase) -> None:
        for record in records(event, DELETED_AT):
            self._lines.write({"type": "RECORD", "stream": self._stream, "record": record, "version": self._version})

    def _state(self, mark: Bookmark, rows: int) -> dict[str, Any]:
        del rows
        return {"type": "STATE", "value": {"bookmarks": {self._stream: mark.as_json()}}}
