"""Drivers in which one method never returns, in every way that a method can do so."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from fustor_core.exceptions import DriverError
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_event_model.models import EventBase, MessageSource
from fustor_try.scripted import ScriptedPusher, ScriptedSource, event


class Hang:
    """Where a driver hangs; `reached` when it does, and until `release` is set."""

    def __init__(self, where: str, how: str) -> None:
        self.where, self.how = where, how
        self.reached, self.release = threading.Event(), threading.Event()

    def block(self, where: str) -> None:
        if where == self.where:
            self._is_reached()
            self.release.wait()

    def _is_reached(self) -> None:
        self.reached.set()
        print("hanging", file=sys.stderr, flush=True)

    async def wait(self, where: str) -> None:
        if where == self.where:
            self._is_reached()
            await _WAYS[self.how](self.release)


async def _awaits(release: threading.Event) -> None:
    while not release.is_set():  # noqa: ASYNC110 - another thread sets it
        await asyncio.sleep(0.05)


async def _blocks(release: threading.Event) -> None:
    release.wait()


async def _blocks_a_thread(release: threading.Event) -> None:
    await asyncio.to_thread(release.wait)


async def _swallows(release: threading.Event) -> None:
    while not release.is_set():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue


_WAYS: dict[str, Callable[[threading.Event], Any]] = {
    "awaits": _awaits,
    "blocks": _blocks,
    "blocks a thread": _blocks_a_thread,
    "swallows": _swallows,
}
WAYS = tuple(_WAYS)


class HangingPusher(ScriptedPusher):
    def __init__(self, hang: Hang, config: PusherConfig | None = None) -> None:
        settings = {"driver": "hanging", "endpoint": "x", "retry_delay_sec": 0.01, "max_retries": 3}
        super().__init__("pusher", config or PusherConfig(**settings))
        self._hang = hang
        self.committed, self.interval_sec = 1, 0.01

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        await self._hang.wait("create_session")
        return await super().create_session(task_id, **kwargs)

    async def get_latest_committed_index(self, **kwargs: Any) -> int:
        await self._hang.wait("get_latest_committed_index")
        return await super().get_latest_committed_index(**kwargs)

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        if events:
            await self._hang.wait("push")
        return await super().push(events, **kwargs)

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        await self._hang.wait("heartbeat")
        return await super().heartbeat(**kwargs)

    async def close(self) -> None:
        await self._hang.wait("pusher.close")


class HangingSource(ScriptedSource):
    def __init__(self, hang: Hang, config: SourceConfig | None = None) -> None:
        settings = {"driver": "hanging", "uri": "x", "retry_delay_sec": 0.01, "max_retries": 3}
        super().__init__("source", config or SourceConfig(**settings))
        self._hang = hang

    def is_position_available(self, position: int) -> bool:
        self._hang.block("is_position_available")
        return super().is_position_available(position)

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        self._hang.block("get_message_iterator")
        return super().get_message_iterator(start_position, **kwargs)

    def _follow(self, stop: threading.Event) -> Iterator[EventBase]:
        for change in super()._follow(stop):
            yield change
            self._hang.block("realtime")

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        for change in super().get_snapshot_iterator(**kwargs):
            yield change
            self._hang.block("snapshot")

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[Any]:
        self._hang.block("audit")
        return super().get_audit_iterator(**kwargs)

    def acknowledge(self, index: int) -> None:
        self._hang.block("acknowledge")
        super().acknowledge(index)

    async def close(self) -> None:
        await self._hang.wait("source.close")


def _hang_of(config: SourceConfig | PusherConfig) -> Hang:
    """The hang that `driver_params` name; the thread that it may leave behind is none that the process ends without."""
    hang = Hang(config.driver_params["where"], config.driver_params.get("how", "blocks"))
    if hang.where == "leftover":
        threading.Thread(target=hang.release.wait, name="leftover").start()
    return hang


def _refuse_to_return(config: SourceConfig | PusherConfig, hang: Hang) -> None:
    if config.driver_params.get("how") == "exits" and hang.where == "constructor":
        raise SystemExit(0)
    while hang.where == "constructor" and not hang.release.is_set():
        try:
            hang.block("constructor")
        except BaseException:  # what a bad driver does: not even a signal interrupts it
            if config.driver_params.get("how") != "swallows":
                raise


class InstalledSource(HangingSource):
    """The hanging source as the command finds it."""

    def __init__(self, id: str, config: SourceConfig) -> None:
        del id
        hang = _hang_of(config)
        _refuse_to_return(config, hang)
        super().__init__(hang, config)
        self.snapshot = lambda: iter([event("/a", MessageSource.SNAPSHOT)])

    @classmethod
    async def test_connection(cls, **kwargs: Any) -> tuple[bool, str]:
        await Hang(kwargs["driver_params"]["where"], kwargs["driver_params"]["how"]).wait("test_connection")
        return True, "There"

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        await Hang(kwargs["driver_params"]["where"], "blocks").wait("get_available_fields")
        return {}


class InstalledPusher(HangingPusher):
    """The hanging pusher as the command finds it."""

    def __init__(self, id: str, config: PusherConfig) -> None:
        del id
        hang = _hang_of(config)
        _refuse_to_return(config, hang)
        super().__init__(hang, config)


class LateSource(ScriptedSource):
    """Waits for the other side, which is not there, until it is told to stop."""

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        del start_position
        kwargs["stop_event"].wait()
        raise DriverError("Stopped")

    @classmethod
    async def test_connection(cls, **_: Any) -> tuple[bool, str]:
        return False, "nobody listens there"
