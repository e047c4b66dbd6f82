"""The logs that are open in this process: two drivers that write one task share one, other processes are refused."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fustor_pusher_fs._log import TaskLog
from fustor_pusher_fs.config import FsParams


@dataclass(slots=True)
class _Shared:
    log: TaskLog
    users: int = 0


_guard = threading.Lock()
_open: dict[tuple[int, Path], _Shared] = {}
"""By process as well: a forked child inherits this, and must not take its parent's log for its own."""


def acquire(path: Path, task: str, params: FsParams, *, clock: Callable[[], float]) -> tuple[TaskLog, bool]:
    """The log of a task, and whether this opened it; the newest parameters hold. Errors as from `TaskLog`."""
    key = (os.getpid(), path)
    with _guard:
        shared = _open.get(key)
        is_new = shared is None
        if shared is None:
            shared = _open[key] = _Shared(TaskLog(path, task, params, clock=clock))
        shared.log.params = params
        shared.users += 1
        return shared.log, is_new


def release(path: Path) -> None:
    """Give a log back; the last one closes it."""
    key = (os.getpid(), path)
    with _guard:
        shared = _open[key]
        shared.users -= 1
        if shared.users == 0:
            del _open[key]
            shared.log.close()
