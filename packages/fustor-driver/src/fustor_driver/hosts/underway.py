"""Which calls of drivers have not returned: whoever ends a run has to say on whom it gave up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fustor_core.drivers import PusherDriver, SourceDriver

__all__ = ["UnderWay", "described"]


class UnderWay:
    """The calls that a host waits for. Noted in its loop, read from any thread."""

    def __init__(self) -> None:
        self._calls: list[str] = []

    @contextmanager
    def call(self, driver: SourceDriver | PusherDriver, method: str) -> Iterator[None]:
        """While the block runs, the driver's method is under way."""
        text = described(driver, method)
        self._calls.append(text)
        try:
            yield
        finally:
            self._calls.remove(text)

    def leave(self, driver: SourceDriver | PusherDriver, method: str) -> None:
        """Nobody waits any more for a call that is still under way, in a thread of its own."""
        self._calls.append(described(driver, method))

    def __call__(self) -> list[str]:
        """Driver and method of each, in words."""
        return list(self._calls)


def described(driver: SourceDriver | PusherDriver, method: str) -> str:
    """A driver and what it is asked to do, as the beginning of a sentence."""
    kind = "source" if isinstance(driver, SourceDriver) else "pusher"
    return f"The {kind} {driver.id!r} ({method})"
