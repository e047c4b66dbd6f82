"""How many rows a reader of a task's log holds, kept beside the log for the next start."""

from __future__ import annotations

import logging
import os

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from fustor_pusher_fs._directory import Directory

__all__ = ["HELD_NAME", "HeldRows"]

_log = logging.getLogger("fustor_pusher_fs")

HELD_NAME = "held.json"
_MAX_BYTES = 1024
_SLACK_ROWS = 50
_SLACK_SHARE = 100


class _Held(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: NonNegativeInt


class HeldRows:
    """The count, written when it has changed by more than an hundredth, at the end of a pass, and on closing.

    Nothing depends on it but the guard: a file that is missing or damaged is one that does not know.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._written = self.rows = self._read()

    def take(self, rows: int | None, *, is_end: bool) -> None:
        """Take over a new count; at the end of a pass it is durable."""
        self.rows = rows
        if rows is None or rows == self._written:
            return
        slack = max(_SLACK_ROWS, (self._written or 0) // _SLACK_SHARE)
        if is_end or self._written is None or abs(rows - self._written) > slack:
            self._write(rows, sync=is_end)

    def close(self) -> None:
        """Keep the count for the next start."""
        if self.rows is not None and self.rows != self._written:
            self._write(self.rows, sync=True)

    def _read(self) -> int | None:
        try:
            descriptor = self._directory.open(HELD_NAME, os.O_RDONLY)
        except OSError:  # a new task, or something else stands there
            return None
        try:
            return _Held.model_validate_json(os.read(descriptor, _MAX_BYTES)).rows
        except (OSError, ValidationError):
            return None
        finally:
            os.close(descriptor)

    def _write(self, rows: int, *, sync: bool) -> None:
        try:
            self._directory.replace(HELD_NAME, _Held(rows=rows).model_dump_json().encode() + b"\n", sync=sync)
        except OSError as error:  # what was pushed is durable all the same
            _log.warning("Cannot write %s: %s", self._directory.path / HELD_NAME, error)
        else:
            self._written = rows
