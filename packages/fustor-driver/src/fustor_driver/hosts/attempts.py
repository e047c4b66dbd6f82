"""What a driver logs of its attempts at its other side, heard by the phase that waits for it.

A driver tries again by itself, since the released agents do not. So that this host can say so, it marks the log lines:
`extra={"fustor_retry": {"attempt": 3, "of": 10, "next_sec": 5.0}}`, and `{"attempt": 0}` once the other side answers
(driver contract, section 4).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Attempt", "heard"]

_MARK = "fustor_retry"


@dataclass(frozen=True)
class Attempt:
    """One marked line: the attempt of this number failed; 0 says that the other side answers again."""

    number: int
    text: str


@contextmanager
def heard(tell: Callable[[Attempt], None]) -> Iterator[None]:
    """While the block runs, `tell` gets every marked line that this thread logs; it is called in this thread."""
    _LISTENER.add(tell)
    try:
        yield
    finally:
        _LISTENER.remove()


class _Listener(logging.Handler):
    """One for the process, on the root logger while any thread is listened to."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._guard = threading.Lock()
        self._told: dict[int, Callable[[Attempt], None]] = {}

    def add(self, tell: Callable[[Attempt], None]) -> None:
        with self._guard:
            self._told[threading.get_ident()] = tell
            logging.root.addHandler(self)

    def remove(self) -> None:
        with self._guard:
            self._told.pop(threading.get_ident(), None)
            if not self._told:
                logging.root.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of a marked line."""
        if logging.root.handlers == [self] and logging.lastResort is not None:
            logging.lastResort.handle(record)  # nobody has configured logging, and it must not be us who silence it
        mark, tell = getattr(record, _MARK, None), self._told.get(threading.get_ident())
        if tell is not None and isinstance(mark, dict) and isinstance(number := mark.get("attempt"), int):
            tell(Attempt(number, record.getMessage()))


_LISTENER = _Listener()
