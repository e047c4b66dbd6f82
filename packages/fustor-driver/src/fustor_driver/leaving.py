"""The end of the process: never later than a moment after the command, whatever threads a driver left behind."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType, ModuleType
from typing import IO, Any

__all__ = ["discard", "leaving_in_time"]

_THREADS_SEC = 2.0
_THREADS_OF_INTERRUPTED_SEC = 0.2
_HOOKS_SEC = 30.0
_SIGNAL_CODE_BASE = 128
_ENVIRONMENT_CODE = 7
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def leaving_in_time(command: Callable[[], object]) -> None:
    """Run a command and see to it that the process ends with its exit code soon afterwards.

    The interpreter waits for every thread but daemons, and a driver's may never end. It gets a moment, a shorter one
    where a signal ended the command; then the process ends without it. Exit hooks (servers and directories of tests)
    get more time. A signal that comes where the command does not catch it ends the process with the signal's code.
    """
    signal.signal(signal.SIGTERM, _exit_by_signal)
    atexit.register(_on_signals, signal.SIG_IGN)  # the last exit hook: the code is settled, the rest takes a moment
    code = 1
    try:
        _printing(command)
        code = 0
    except KeyboardInterrupt:
        code = _SIGNAL_CODE_BASE + signal.SIGINT
        raise SystemExit(code) from None
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise
    finally:
        # from now on nothing but the process's own end is under way, and whoever signals has waited long enough
        _on_signals(lambda got, _: os._exit(code or _SIGNAL_CODE_BASE + got))
        _flush()
        _end_within(code)


def discard(out: IO[Any]) -> None:
    """Have everything that is still written to a file of the system go nowhere: nobody takes it any more.

    Without that, the interpreter complains of what waits in a buffer when it ends.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, out.fileno())
    finally:
        os.close(nowhere)


def _printing(command: Callable[[], object]) -> None:
    """Run the command; that what it prints cannot be written is an error of the environment, and not a bug."""
    if sys.stdout is None:  # closed by whoever calls, who wants nothing of it; its number must not become a file's
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    try:
        try:
            command()
        finally:
            with suppress(BrokenPipeError, ValueError):
                sys.stdout.flush()
    except OSError as err:
        if err.errno not in _FULL:
            raise
        discard(sys.stdout)
        sys.stderr.write(f"Error: The output cannot be written: {err.strerror}\n")
        raise SystemExit(_ENVIRONMENT_CODE) from None


def _on_signals(act: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, act)


def _exit_by_signal(number: int, _: object) -> None:
    raise SystemExit(_SIGNAL_CODE_BASE + number)


def _flush() -> None:
    """What was printed goes out, however slowly it is read; a reader that is gone is not an error."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError, ValueError):
            stream.flush()


def _end_within(code: int) -> None:
    hooks_begin, over = threading.Event(), threading.Event()
    atexit.register(hooks_begin.set)  # hooks run last in, first out, and after the interpreter has waited for threads

    def watch() -> None:
        if hooks_begin.wait(_THREADS_SEC if code < _SIGNAL_CODE_BASE else _THREADS_OF_INTERRUPTED_SEC):
            over.wait(_HOOKS_SEC)
        _end_children()
        os._exit(code)

    threading.Thread(target=watch, name="fustor-end", daemon=True).start()


def _end_children() -> None:
    """Processes that a driver started through multiprocessing end with their parent, as they do at an ordinary exit."""
    module: ModuleType | None = sys.modules.get("multiprocessing")
    if module is not None:
        for child in module.active_children():
            child.terminate()
