"""One run of a task at a time: a lock in its state directory."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fustor_driver.errors import EnvironmentProblem, system_allows
from fustor_driver.hosts.options import HostOptions
from fustor_driver.redaction import safe_logger

__all__ = ["locked_task"]

_log = safe_logger("fustor_driver.host")
_WAIT_SEC = 1.0
_RETRY_SEC = 0.05


@contextmanager
def locked_task(options: HostOptions) -> Iterator[None]:
    """Hold the task's lock; the system lets go of it when the process ends, however it ends.

    Raises:
        EnvironmentProblem: another run holds it, or the state directory cannot be written.
    """
    file = options.file(".lock")
    what = f"The state directory {str(options.state_dir)!r} cannot be written"
    way_out = "mend it, or give another with --state-dir"
    with system_allows(what, way_out):
        options.state_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise EnvironmentProblem(f"{str(file)!r} is not a regular file; take it away")
        with system_allows(what, way_out):  # the disk may be full, or fail
            _take(handle, options)
        yield
    finally:
        os.close(handle)


def _take(handle: int, options: HostOptions) -> None:
    import fcntl  # noqa: PLC0415 - not on every system; the rest of the package imports there

    until = time.monotonic() + _WAIT_SEC  # a run that was killed a moment ago may still be on its way out
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            if time.monotonic() < until:
                time.sleep(_RETRY_SEC)
                continue
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "of an unknown number"
            raise EnvironmentProblem(
                f"Task {options.task_id!r} is run by process {holder} already, with the state directory "
                f"{str(options.state_dir)!r}; stop that one, or give this one another --task"
            ) from err
        except OSError as err:
            if err.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):
                raise
            _log.warning("No lock in %r: %s; a second run would not be noticed", str(options.state_dir), err.strerror)
        break
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
