"""What the host notes of a task beside its selection: that a snapshot is due, and how many rows the phases had."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from fustor_driver.durable import opened, sync_directory
from fustor_driver.errors import system_allows
from fustor_driver.redaction import safe_logger
from fustor_event_model import MessageSource

__all__ = ["ExpectedRows", "SnapshotMark"]

_log = safe_logger("fustor_driver.host")
_COUNTS = TypeAdapter(dict[MessageSource, int])


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
        with system_allows(f"Cannot note a snapshot in {str(self._path)!r}", "mend it"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with opened(self._path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK) as handle:  # a FIFO blocks nothing
                os.fsync(handle)
            sync_directory(self._path.parent)

    def clear(self) -> None:
        """The snapshot is complete. Lost in a crash, this costs one more snapshot and no data.

        Raises:
            EnvironmentProblem: the mark stays, since it cannot be taken away.
        """
        with system_allows(f"Cannot take away {str(self._path)!r}", "mend it"):
            self._path.unlink(missing_ok=True)


class ExpectedRows:
    """A file with the number of rows of each phase's last complete run: a hint, and nothing more."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[MessageSource, int]:
        """What is known; nothing where the file is not there or not ours."""
        try:
            return _COUNTS.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return {}

    def note(self, phase: MessageSource, rows: int) -> None:
        """Remember a complete run; what cannot be written is only a worse guess next time."""
        try:
            self._path.write_bytes(_COUNTS.dump_json(self.read() | {phase: rows}))
        except OSError as err:
            _log.debug("The number of rows cannot be noted in %r: %s", str(self._path), err.strerror)
