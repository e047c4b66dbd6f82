"""The signals that end a command: what they raise, and how they are held back for a moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ENDING", "Terminated", "heed", "uninterrupted"]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Each ends a command with 128 and its number as the exit code."""


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived; whatever is under way cleans up behind itself."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def heed() -> None:
    """Let the signals raise what ends the command, but for those that are ignored, as SIGHUP is below `nohup`."""
    for number in ENDING:
        if number != signal.SIGINT and signal.getsignal(number) != signal.SIG_IGN:  # of SIGINT, Python takes care
            signal.signal(number, _terminate)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back the signals until the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # raises what came just before
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise Terminated(number)
