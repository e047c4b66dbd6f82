"""The streams of a target: what of each waits to be pushed, and what of it is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from fustor_driver.engines.rows import COLUMNS, FlatRow, events_of
from fustor_driver.engines.singer.deliveries import Session
from fustor_driver.engines.singer.foreign import event_of
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts.calls import nothing_up_to
from fustor_event_model import EventBase, MessageSource

__all__ = ["ForeignStream", "OwnStream", "Stream", "is_own", "stream_of"]

OpenSession = Callable[[], Awaitable[Session]]


class Stream:
    """What the two kinds of streams share: a session, its heartbeats, and events that are whole."""

    def __init__(self, name: str, opens: OpenSession) -> None:
        self.name = name
        self._opens = opens
        self._session: Session | None = None
        self._heart: asyncio.Task[None] | None = None

    async def session(self) -> Session:
        """The session of this run; a new one behind the end of a snapshot that another one follows."""
        if self._session is None:
            await self.close()
            self._session = await self._opens()
            self._heart = asyncio.ensure_future(self._session.keep_alive())
        return self._session

    async def flush(self) -> None:
        """Have everything that is whole durable."""
        for phase, group in groupby(self._whole(), key=lambda event: event.message_source):
            session = await self._ready(phase)
            await session.push(list(group), phase)

    async def close(self) -> None:
        """Send no more heartbeats."""
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.wait([self._heart])
            self._heart = None

    async def _ready(self, phase: MessageSource) -> Session:
        """The session that a batch of this phase is pushed in."""
        del phase
        return await self.session()

    def _whole(self) -> list[EventBase]:
        raise NotImplementedError


class OwnStream(Stream):
    """Flat rows of a source of this project: the events come again as they were, with their positions.

    The rows of one position are one event. What no other row and no STATE follows may be half of one, and waits.
    """

    def __init__(self, name: str, opens: OpenSession) -> None:
        super().__init__(name, opens)
        self._rows: list[FlatRow] = []
        self._sealed = 0
        self._pushed = -1
        self._due = -1
        self._is_known = self._is_ended = False

    @property
    def ready(self) -> int:
        """Rows that can be pushed."""
        return self._sealed

    def add(self, message: Mapping[str, Any]) -> None:
        """Take a record.

        Raises:
            CheckFailed: it lacks a column, or has one of another type.
        """
        record = message["record"]
        try:
            row = FlatRow(*(record[name] for name in COLUMNS))
        except KeyError as err:
            raise CheckFailed(
                f"A record of the stream {self.name!r} has no {err}; correct what stands between"
            ) from err
        if not (isinstance(row.position, int) and isinstance(row.row, dict) and isinstance(row.row.get("path"), str)):
            raise CheckFailed(
                f"A record of the stream {self.name!r} has a 'position' or a 'row' of another type; "
                "correct what stands between"
            )
        if self._rows and row[:5] != self._rows[-1][:5]:
            self._sealed = len(self._rows)
        self._rows.append(row)
        if row.position < 0 or row.message_source != MessageSource.REALTIME:  # whole by itself: no event of the log
            self._sealed = len(self._rows)

    async def passed(self, position: int) -> None:
        """Take note of a STATE: every event before it is whole, and there is nothing else up to its position.

        Raises:
            CheckFailed: the tap resumes behind rows that the destination does not have.
        """
        self._sealed = len(self._rows)
        if not self._is_known and not self._rows and position > 0:
            await self._require(position)
        self._due = max(self._due, position)

    @property
    def torn(self) -> int:
        """Rows at the end that may be half an event."""
        return len(self._rows) - self._sealed

    async def end_snapshot(self) -> None:
        """Have the snapshot durable, and say that it was complete; errors as for `Session.end_snapshot`."""
        self._sealed = len(self._rows)
        await self.flush()
        session = await self._ready(MessageSource.SNAPSHOT)
        await session.end_snapshot()
        self._is_ended = True

    async def _ready(self, phase: MessageSource) -> Session:
        if phase is MessageSource.SNAPSHOT and self._is_ended:
            self._session, self._is_ended = None, False
        session = await self.session()
        if phase is MessageSource.SNAPSHOT and not session.takes_snapshot:
            await session.begin_snapshot()
        if phase is MessageSource.REALTIME and not self._is_known and not session.takes_snapshot:
            await self._require(1)
        self._is_known = True
        return session

    async def _require(self, position: int) -> None:
        self._is_known = True
        session = await self.session()
        if session.committed < position:
            has = "no complete snapshot" if session.committed < 0 else f"nothing behind position {session.committed}"
            raise CheckFailed(
                f"The destination has {has} of {session.opened.task_id!r}, and the tap goes on at {position}; "
                "run the tap without state, as `meltano run --full-refresh` does"
            )
        self._pushed = session.committed

    def _whole(self) -> list[EventBase]:
        rows = self._rows[: self._sealed]
        del self._rows[: self._sealed]
        self._sealed = 0
        try:
            events = list(events_of(rows))
        except ValueError as err:
            raise CheckFailed(
                f"The records of the stream {self.name!r} are not those of an event: {type(err).__name__}"
            ) from err
        realtime = [event.index for event in events if event.message_source is MessageSource.REALTIME]
        self._pushed = max([self._pushed, *realtime[-1:]])
        if self._due > self._pushed:
            self._pushed = self._due
            events.append(nothing_up_to(self._due))
        return events


class ForeignStream(Stream):
    """Records of another project's tap, which replace what is known of their keys."""

    def __init__(self, name: str, opens: OpenSession, keys: Sequence[str]) -> None:
        super().__init__(name, opens)
        self._keys = keys
        self._events: list[EventBase] = []

    @property
    def ready(self) -> int:
        """Rows that can be pushed."""
        return len(self._events)

    def add(self, message: Mapping[str, Any]) -> None:
        """Take a record; errors as for `event_of`."""
        self._events.append(event_of(message, self._keys, MessageSource.REALTIME))

    def _whole(self) -> list[EventBase]:
        events, self._events = self._events, []
        return events


def is_own(schema: Mapping[str, Any]) -> bool:
    """Whether a SCHEMA message is one of flat rows."""
    properties = schema["schema"].get("properties")
    return isinstance(properties, Mapping) and properties.keys() >= set(COLUMNS)


def stream_of(schema: Mapping[str, Any], opens: OpenSession) -> OwnStream | ForeignStream:
    """The stream that a SCHEMA message announces.

    Raises:
        CheckFailed: its rows have no key, so there is no path for them, or one that is not a list of names.
    """
    name = schema["stream"]
    if is_own(schema):
        return OwnStream(name, opens)
    keys = schema.get("key_properties") or []
    if not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
        raise CheckFailed(f"The stream {name!r} has key_properties that are not a list of names; correct the tap")
    if not keys:
        raise CheckFailed(f"The stream {name!r} has no key_properties, and a row needs a path; let the tap name a key")
    return ForeignStream(name, opens, keys)
