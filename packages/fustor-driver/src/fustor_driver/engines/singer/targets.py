"""A pusher as a Singer target: what a STATE says is passed on when everything before it is durable."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, BinaryIO, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from fustor_core.drivers import PusherDriver
from fustor_driver.engines.lines import Lines
from fustor_driver.engines.singer.ahead import Ahead
from fustor_driver.engines.singer.deliveries import Session, Tally, open_session
from fustor_driver.engines.singer.foreign import as_written, exact_json, is_inexact
from fustor_driver.engines.singer.streams import ForeignStream, OwnStream, is_own, stream_of
from fustor_driver.engines.singer.taps import bookmark_of
from fustor_driver.errors import CheckFailed
from fustor_driver.redaction import safe_logger

__all__ = ["TargetOptions", "target"]

_log = safe_logger("fustor_driver.singer")
_BATCH_BYTES = 64 << 20
_NEEDED: Mapping[str, Mapping[str, type]] = MappingProxyType(
    {
        "RECORD": {"stream": str, "record": dict},
        "STATE": {"value": object},
        "SCHEMA": {"stream": str, "schema": dict},
        "ACTIVATE_VERSION": {"stream": str},
    }
)
"""The types of messages, and what each of them has."""


class TargetOptions(BaseModel):
    """How a target writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_deletions: bool = Field(
        default=False, description="Let the pusher delete as much as the end of a snapshot says"
    )
    task: str = Field(default="singer", description="Begins the names of the tasks: one a stream, TASK:STREAM")
    batch_rows: int = Field(default=10_000, gt=0, description="Rows that wait at most for a push")
    batch_sec: float = Field(
        default=10.0, gt=0, allow_inf_nan=False, description="Seconds that a row waits at most for a push"
    )


async def target(pusher: PusherDriver, options: TargetOptions, inward: BinaryIO, outward: Lines) -> Tally:
    """Push everything that comes, until its end; what the pusher refused.

    Raises:
        CheckFailed: a message is not one, or the pusher stayed out of reach or takes nothing at all. What was not
            confirmed comes again.
        DriverError: the pusher refuses a batch.
    """
    work = _Target(pusher, options, outward)
    ahead = Ahead(inward)
    try:
        while (lines := await work.next(ahead)) is not None:
            for line in lines:
                await work.take(line)
        await work.end()
    finally:
        await work.close()
        ahead.stop()
    return work.refused


@dataclass
class _Target:
    pusher: PusherDriver
    options: TargetOptions
    outward: Lines
    refused: Tally = field(default_factory=Tally)
    streams: dict[str, OwnStream | ForeignStream] = field(default_factory=dict)
    state: bytes | None = None
    number: int = 0
    size: int = 0
    pushed_at: float = field(default_factory=time.monotonic)

    async def next(self, ahead: Ahead) -> list[bytes] | None:
        """The next lines, None at the end; what waits too long meanwhile is pushed."""
        while True:
            left = self.pushed_at + self.options.batch_sec - time.monotonic()
            try:
                async with asyncio.timeout(max(left, 0.0) if self._waits else None):
                    return await ahead.take()
            except TimeoutError:
                await self._flush()

    async def take(self, line: bytes) -> None:
        """Do what a line says."""
        self.number += 1
        if not line.strip():
            return
        message = self._parsed(line)
        match message["type"]:
            case "RECORD":
                self._record(message, line)
                if self._is_full:
                    await self._flush()
            case "STATE":
                await self._state(message["value"], line)
            case "SCHEMA":
                await self._schema(message)
            case "ACTIVATE_VERSION":
                await self._end_snapshot(message["stream"])

    def _parsed(self, line: bytes) -> dict[str, Any]:
        """The message in a line; what is wrong with one that is not shown, since it is data."""
        try:
            message = from_json(line)
        except ValueError:
            raise CheckFailed(f"Line {self.number} is not JSON") from None
        kind = message.get("type") if isinstance(message, dict) else None
        needed = _NEEDED.get(str(kind))
        if needed is None:
            raise CheckFailed(f"Line {self.number} is a message of the type {kind!r}, which this target cannot read")
        for name, kinds in needed.items():
            if name not in message or not isinstance(message[name], kinds):
                raise CheckFailed(f"Line {self.number} is a message of the type {kind!r} without a valid {name!r}")
        return cast("dict[str, Any]", message)

    async def end(self) -> None:
        """Push what is whole of the rest, and pass the last state on."""
        for stream in self.streams.values():
            if isinstance(stream, OwnStream) and (torn := stream.torn):
                _log.warning("The last %d rows of %r have no STATE behind them; they come again", torn, stream.name)
        await self._flush()

    async def close(self) -> None:
        """Send no more heartbeats."""
        for stream in self.streams.values():
            await stream.close()

    @property
    def _is_full(self) -> bool:
        rows = sum(stream.ready for stream in self.streams.values())
        return rows >= self.options.batch_rows or self.size >= _BATCH_BYTES

    @property
    def _waits(self) -> bool:
        return self.state is not None or any(stream.ready for stream in self.streams.values())

    def _record(self, message: dict[str, Any], line: bytes) -> None:
        stream = self.streams.get(message["stream"])
        if stream is None:
            raise CheckFailed(f"Line {self.number} is a record of {message['stream']!r}, which no SCHEMA announced")
        if isinstance(stream, ForeignStream) and is_inexact(line):
            message = exact_json(line)
        stream.add(message)
        self.size += len(line)

    async def _state(self, value: Any, line: bytes) -> None:
        if value is not None:
            self.state = as_written(line, "value") if is_inexact(line) else to_json(value)
        for stream in self.streams.values():
            if isinstance(stream, OwnStream):
                await stream.passed(bookmark_of(value, stream.name).position)
        if time.monotonic() - self.pushed_at >= self.options.batch_sec:
            await self._flush()

    async def _schema(self, message: dict[str, Any]) -> None:
        name = message["stream"]
        known = self.streams.get(name)
        if isinstance(known, OwnStream) and is_own(message):
            return  # it is said again, and what waits may be half an event
        if known is not None:
            await known.flush()
            await known.close()

        async def opens() -> Session:
            task, leave = f"{self.options.task}:{name}", self.options.allow_deletions
            return await open_session(self.pusher, task, self.refused, allow_deletions=leave)

        self.streams[name] = stream_of(message, opens)

    async def _end_snapshot(self, name: str) -> None:
        stream = self.streams.get(name)
        if isinstance(stream, OwnStream):
            await stream.end_snapshot()
        else:
            _log.warning("What the stream %r no longer has stays: its tap does not say which rows are all", name)

    async def _flush(self) -> None:
        """Have everything that is whole durable, then pass on the last STATE."""
        for stream in self.streams.values():
            await stream.flush()
        self.pushed_at, self.size = time.monotonic(), 0
        if self.state is not None:
            self.outward.write_text(self.state)
            self.outward.flush()
            self.state = None
