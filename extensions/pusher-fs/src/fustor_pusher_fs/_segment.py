"""One segment that is being written: a batch is added to it whole and durably, or not at all."""

from __future__ import annotations

import contextlib
import os

from fustor_pusher_fs._directory import Directory, segment_name, sync_data
from fustor_pusher_fs._errors import DriverError, RetryableError


class Segment:
    """The last segment of a task; `size` counts the committed bytes only."""

    def __init__(
        self, directory: Directory, number: int, descriptor: int, *, size: int, created: float, has_batches: bool
    ) -> None:
        self.number = number
        self.size = size
        self.created = created
        self.has_batches = has_batches
        self._directory = directory
        self._descriptor = descriptor
        self._is_uncertain = False

    @classmethod
    def create(cls, directory: Directory, number: int, data: bytes, *, created: float) -> Segment:
        """A new segment that holds these bytes, durably, its name included.

        Raises:
            OSError: there is no new segment; at most an uncommitted piece of one, which the next attempt sets aside.
        """
        name = segment_name(number)
        if number in directory.numbers():
            directory.set_aside(name)
        descriptor = directory.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            write_at(descriptor, data, 0)
            sync_data(descriptor)
            directory.sync()
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):  # the error that matters is the first one
                directory.remove(name)
            raise
        return cls(directory, number, descriptor, size=len(data), created=created, has_batches=True)

    def append(self, data: bytes) -> None:
        """Add these bytes; when this returns they are durable.

        Raises:
            OSError: nothing was added, or what was will be cut off before anything else is.
            RetryableError: somebody else changed the file.
        """
        self.settle()
        try:
            write_at(self._descriptor, data, self.size)
            sync_data(self._descriptor)
        except OSError:
            self._is_uncertain = True
            with contextlib.suppress(OSError):  # tried again before the next write
                self._roll_back()
            raise
        self.size += len(data)
        self.has_batches = True

    def settle(self) -> None:
        """Make sure that the file holds what was committed and nothing else.

        Raises:
            OSError: what a failed write left behind cannot be cut off.
            RetryableError: somebody else changed the file.
        """
        if self._is_uncertain:
            self._roll_back()
        self._refuse_foreign_changes()

    def close(self) -> None:
        """Close the file; cuts off what a failed write may have left."""
        try:
            if self._is_uncertain:
                self._roll_back()
        finally:
            os.close(self._descriptor)

    def _roll_back(self) -> None:
        # Through a new descriptor: after a failed sync the old one may report success for pages that were dropped.
        descriptor = self._directory.open(segment_name(self.number), os.O_RDWR)
        try:
            self._refuse_replacement(descriptor)
            os.ftruncate(descriptor, self.size)
            os.fsync(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._is_uncertain = False

    def _refuse_replacement(self, descriptor: int) -> None:
        if not os.path.samestat(os.fstat(descriptor), os.fstat(self._descriptor)):
            raise self._changed("replaced")

    def _refuse_foreign_changes(self) -> None:
        status = os.fstat(self._descriptor)
        if status.st_nlink == 0:
            raise self._changed("removed")
        if status.st_size != self.size:
            raise self._changed(f"changed (it has {status.st_size} bytes instead of {self.size})")

    def _changed(self, how: str) -> DriverError:
        path = self._directory.path / segment_name(self.number)
        return RetryableError(
            f"File {str(path)!r} was {how} while in use, nothing was committed; find out by whom, then restart"
        )


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Put all of these bytes at an offset of a file. Raises OSError where the disk takes only some of them."""
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):  # the kernel stops short at a full disk, and says why at the next attempt
        written += os.pwrite(descriptor, memoryview(data)[written:], offset + written)
