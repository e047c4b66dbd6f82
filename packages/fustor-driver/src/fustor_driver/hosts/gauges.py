"""What both drivers count of themselves, asked once a second while a run goes on."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.hosts.parts import Parts
from fustor_driver.redaction import safe_logger
from fustor_driver.supervision import in_thread

__all__ = ["Gauges"]

_log = safe_logger("fustor_driver.host")
_EVERY_SEC = 1.0
_ANSWERS_WITHIN_SEC = 1.0
_MOST = 100
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")


class Gauges:
    """Asks `statistics()` of the drivers in threads of their own; one that does not answer is not asked again."""

    def __init__(self, parts: Parts) -> None:
        self._sides: dict[str, SourceDriver | PusherDriver] = {"source": parts.source, "pusher": parts.pusher}
        self._parts = parts

    async def watch(self) -> None:
        """Ask regularly, until the host stops."""
        control = self._parts.control
        while True:
            await self.ask()
            if await control.bell.wait_until(lambda: control.stopping, _EVERY_SEC):
                return

    async def ask(self) -> None:
        """Ask both now."""
        for side, driver in list(self._sides.items()):
            try:
                async with asyncio.timeout(_ANSWERS_WITHIN_SEC):
                    told = await in_thread(driver.statistics, f"fustor-statistics-{side}")
            except Exception as err:  # noqa: BLE001 - figures that are not to be had must not end what works without them
                _log.debug("The %s %r gives no statistics: %r", side, driver.id, err)
                del self._sides[side]
            else:
                self._parts.progress.statistics[side] = _figures(told)


def _figures(told: object) -> dict[str, float]:
    """The finite numbers with a plain name among what a driver tells."""
    pairs = told.items() if isinstance(told, Mapping) else ()
    found = {
        name: value
        for name, value in pairs
        if isinstance(name, str) and _NAME.fullmatch(name) and type(value) in (int, float) and math.isfinite(value)
    }
    return dict(list(found.items())[:_MOST])
