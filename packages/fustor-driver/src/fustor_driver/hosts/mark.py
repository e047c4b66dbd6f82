"""The host's one durable note: a snapshot is due, whatever index the pusher has committed."""

from __future__ import annotations

import os
from pathlib import Path

from fustor_driver.durable import sync_directory
from fustor_driver.errors import EnvironmentProblem

__all__ = ["SnapshotMark"]


class SnapshotMark:
    """A file that stands from before a session with a snapshot begins until its end is pushed.

    Realtime is pushed while a snapshot runs, so after a crash a pusher that had a complete snapshot in an earlier
    session may name an index of this one; resumed there, what this snapshot had not yet emitted would never be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_set(self) -> bool:
        """Whether an earlier run left a snapshot unfinished."""
        return self._path.exists()

    def set(self) -> None:
        """Note it; on the disk when this returns.

        Raises:
            EnvironmentProblem: it cannot be noted; the host must not begin the session.
        """
        try:
            self._note()
        except OSError as err:
            raise EnvironmentProblem(f"Cannot note a snapshot in {str(self._path)!r}: {err.strerror}; mend it") from err

    def _note(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(
            self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600
        )  # a FIFO blocks nothing
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_directory(self._path.parent)

    def clear(self) -> None:
        """The snapshot is complete. Lost in a crash, this costs one more snapshot and no data.

        Raises:
            EnvironmentProblem: the mark stays, since it cannot be taken away.
        """
        try:
            self._path.unlink(missing_ok=True)
        except OSError as err:
            raise EnvironmentProblem(f"Cannot take away {str(self._path)!r}: {err.strerror}; mend it") from err
