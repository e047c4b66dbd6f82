"""Appends events to JSON Lines files: durable when `push` returns, and readable with `read_events`."""

from fustor_pusher_fs._errors import DamagedFileError
from fustor_pusher_fs._reader import CommittedBatch, read_events
from fustor_pusher_fs.config import FsParams
from fustor_pusher_fs.driver import FsDriver

__all__ = ["CommittedBatch", "DamagedFileError", "FsDriver", "FsParams", "read_events"]
