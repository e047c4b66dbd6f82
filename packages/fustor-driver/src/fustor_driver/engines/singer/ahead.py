"""What a tap writes, read ahead: a pusher that takes its time does not stop the tap at once."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from pydantic_core import from_json

from fustor_driver.errors import CheckFailed
from fustor_driver.redaction import safe_logger

__all__ = ["Ahead"]

_log = safe_logger("fustor_driver.singer")
_CHUNK = 1 << 20
_AHEAD = 4


class Ahead:
    """Lines that a thread reads ahead, some at once; it waits where they are not taken."""

    def __init__(self, inward: BinaryIO) -> None:
        self._inward = inward
        self._loop = asyncio.get_running_loop()
        self._ready: deque[list[bytes] | Exception | None] = deque()
        self._room = threading.Semaphore(_AHEAD)
        self._news = asyncio.Event()
        self._stopped = threading.Event()
        threading.Thread(target=self._read, name="fustor-singer-input", daemon=True).start()

    async def take(self) -> list[bytes] | None:
        """The next lines, None at the end.

        Raises:
            CheckFailed: they cannot be read.
        """
        while not self._ready:
            self._news.clear()
            if not self._ready:
                await self._news.wait()
        self._room.release()
        lines = self._ready.popleft()
        if isinstance(lines, Exception):
            raise lines
        return lines

    def stop(self) -> None:
        """Have the thread end as soon as something comes."""
        self._stopped.set()
        self._room.release()

    def _read(self) -> None:
        end: Exception | None = None
        try:
            for lines in _lines_of(self._inward):
                if not self._hand_over(lines):
                    return
        except OSError as err:
            end = CheckFailed(f"Cannot read what the tap writes: {err.strerror}")
        except Exception as err:  # noqa: BLE001 - whatever it is, who waits for lines has to hear of it
            end = err
        self._hand_over(end)

    def _hand_over(self, lines: list[bytes] | Exception | None) -> bool:
        self._room.acquire()
        if self._stopped.is_set():
            return False
        self._ready.append(lines)
        with suppress(RuntimeError):  # the loop has ended: nobody waits for more
            self._loop.call_soon_threadsafe(self._news.set)
        return True


def _lines_of(inward: BinaryIO) -> Iterator[list[bytes]]:
    """Lines as they come, several at once; a torn last one is left out, since its writer died over it."""
    parts: list[bytes] = []
    while chunk := inward.read1(_CHUNK) if hasattr(inward, "read1") else inward.read(_CHUNK):
        first, *lines = chunk.split(b"\n")
        parts.append(first)
        if lines:
            yield [b"".join(parts), *lines[:-1]]
            parts = lines[-1:]
    if rest := b"".join(parts).strip():
        if _is_whole(rest):
            yield [rest]
        else:
            _log.warning("The last line has no end and is left out: the tap died over it, or somebody in between")


def _is_whole(line: bytes) -> bool:
    """Whether a line without its end is a message all the same: no part of an object is one."""
    try:
        return isinstance(from_json(line), dict)
    except ValueError:
        return False
