"""The world of the conformance kit: a clock in a file, moved by hand, so that ticks come when a test wants them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

__all__ = ["World"]

_KEEP = 100_000
_DEMO_SEC = 0.5


class World:
    """Time, standing still until something is created.

    It keeps so many files that none goes: only time can remove one, and it would take the older ones along. What is
    there is computed here, without the driver.
    """

    operations = frozenset({"create"})

    def __enter__(self) -> Self:
        """A clock at tick 2, when one file is there."""
        self._directory = TemporaryDirectory()
        self._clock = Path(self._directory.name) / "clock"
        self._move_to(2)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stops the clock for good."""
        self._directory.cleanup()

    def config(self) -> dict[str, Any]:
        """A source that reads this clock."""
        params = {"interval_sec": 1, "keep": _KEEP, "epoch": 0, "clock_file": str(self._clock)}
        return {
            "driver": "example",
            "uri": "tick://world",
            "retry_delay_sec": 1,
            "disabled": False,
            "driver_params": params,
        }

    def create(self, key: str) -> str:
        """The file of the next odd tick, whatever the key."""
        del key
        self._move_to(self._tick + 1 + self._tick % 2)
        return f"/ticks/{self._tick}"

    def list(self) -> dict[str, dict[str, Any]]:
        """Every odd tick so far, and their container."""
        files = {f"/ticks/{n}": {"size": len(str(n)), "is_directory": False} for n in range(1, self._tick + 1, 2)}
        return {"/ticks": {"is_directory": True}, **files}

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """No clock to be read, for a while."""
        away = self._clock.rename(self._clock.with_suffix(".away"))
        try:
            yield
        finally:
            away.rename(self._clock)

    def broken(self) -> dict[str, Any]:
        """A source whose clock does not exist."""
        params = {"clock_file": str(self._clock.with_suffix(".never"))}
        return {**self.config(), "driver_params": params}

    @classmethod
    @contextmanager
    def demo(cls) -> Iterator[dict[str, Any]]:
        """A configuration whose clock moves on by itself until the context is left."""
        stopped = threading.Event()
        with cls() as world:
            mover = threading.Thread(target=world._run, args=(stopped,))
            mover.start()
            try:
                yield world.config()
            finally:
                stopped.set()
                mover.join()

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.wait(_DEMO_SEC):
            self._move_to(self._tick + 1)

    def _move_to(self, tick: int) -> None:
        """Half way to the next tick, so that no rounding misses this one; replaced whole, so that none reads half."""
        self._tick = tick
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(tick + 0.5), encoding="ascii")
        fresh.replace(self._clock)
