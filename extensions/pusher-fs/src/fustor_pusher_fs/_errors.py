"""What can go wrong with files, classed by what the caller does next."""

from __future__ import annotations

import errno
from pathlib import Path

import fustor_core.exceptions
from fustor_core.exceptions import ConfigError, DriverError

__all__ = ["ConfigError", "DamagedFileError", "DriverError", "RetryableError", "opening_error", "writing_error"]

# the fustor-core of agent 0.2.16 has no such class, and its agent stops at any error
RetryableError: type[DriverError] = getattr(fustor_core.exceptions, "RetryableError", DriverError)
_MAY_PASS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EINTR})
_ADVICE = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "raise the quota",
    errno.EFBIG: "raise the limit on file sizes or lower `segment_max_bytes`",
    errno.EROFS: "mount the file system for writing",
    errno.EACCES: "give this user the right to write there",
    errno.EPERM: "give this user the right to write there",
    errno.EIO: "check the disk",
    errno.ENOTDIR: "name a directory that is not a symbolic link",
    errno.ELOOP: "replace the symbolic link by what it points to",
}


class DamagedFileError(DriverError):
    """A file holds bytes, before its last valid commit mark, that this package did not write that way."""

    def __init__(self, path: Path, offset: int, reason: str) -> None:
        super().__init__(f"File {str(path)!r} is damaged at offset {offset}: {reason}; restore it, or move it away")
        self.path = path
        self.offset = offset
        self.reason = reason


def opening_error(path: Path, error: OSError) -> DriverError:
    """The error to raise when a task's directory cannot be opened: the user's to mend, unless it may pass."""
    text = f"Cannot open {str(path)!r} for writing: {_what(error)}; {_ADVICE.get(error.errno or 0, 'check `endpoint`')}"
    return RetryableError(text) if error.errno in _MAY_PASS else ConfigError(text)


def writing_error(path: Path, error: OSError) -> DriverError:
    """The error to raise when a batch was not committed; always retryable, since the batch itself is at no fault."""
    advice = _ADVICE.get(error.errno or 0, "check the disk")
    return RetryableError(f"Cannot write to {str(path)!r}, nothing was committed: {_what(error)}; {advice}")


def _what(error: OSError) -> str:
    return error.strerror or str(error)
