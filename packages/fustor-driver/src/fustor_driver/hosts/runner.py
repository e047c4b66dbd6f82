"""Running the guide host as a process: signals, a time limit, and a regular look at its status."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.hosts.guide import GuideHost
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.status import Status

__all__ = ["run_host"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_host(
    source: SourceDriver,
    pusher: PusherDriver,
    options: HostOptions,
    *,
    duration_sec: float | None = None,
    look: Callable[[Status], None] = lambda _: None,
    look_every_sec: float = 1.0,
) -> int:
    """Run until a signal, the time limit or an error; the number of the signal that ended it, else 0.

    The first SIGINT or SIGTERM stops gracefully, the second at once. `look` gets the status regularly and once at the
    end, in the loop's thread.

    Raises:
        DriverError, FustorDriverError: as `GuideHost.run` does.
    """

    async def run() -> int:
        return await _run(GuideHost(source, pusher, options), duration_sec, look, look_every_sec)

    return asyncio.run(run())


async def _run(
    host: GuideHost, duration_sec: float | None, look: Callable[[Status], None], look_every_sec: float
) -> int:
    received = _stop_on_signals(host)
    if duration_sec is not None:
        asyncio.get_running_loop().call_later(duration_sec, host.stop)
    ticker = asyncio.ensure_future(_look_regularly(host, look, look_every_sec))
    try:
        await host.run()
    finally:
        ticker.cancel()
        with suppress(asyncio.CancelledError):
            await ticker
        look(host.status())
    return received[0] if received else 0


def _stop_on_signals(host: GuideHost) -> list[int]:
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        if len(received) == 1:
            host.stop()
        else:
            host.abort()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    return received


async def _look_regularly(host: GuideHost, look: Callable[[Status], None], every_sec: float) -> None:
    while True:
        look(host.status())
        await asyncio.sleep(every_sec)
