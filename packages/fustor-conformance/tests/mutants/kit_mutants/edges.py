"""Drivers that break a rule about what comes from elsewhere, goes there, is empty, or changes while it is listed."""

import os
from pathlib import Path

from fustor_core.exceptions import DriverError
from fustor_event_model import EventType
from fustor_source_fs import FsDriver
from fustor_source_fs.testing import World
from kit_mutants.registry import mutant


def without(events, is_left_out):
    for event in events:
        event.rows = [row for row in event.rows if not is_left_out(event, row)]
        if event.rows or event.signal:
            yield event


class _Moved(FsDriver):
    """Knows a file that was moved by its status: its bytes were written before it got its name."""

    def status(self, row):
        try:
            return Path(self.config.uri.removeprefix("file://") + row["path"]).stat()
        except FileNotFoundError:
            return None


@mutant("M25", world=World)
class HalfARenameIsNothing(_Moved):
    def get_message_iterator(self, start_position=-1, **kwargs):
        def came(_, row):
            status = self.status(row)
            return "came" in row["path"] and status is not None and status.st_ctime_ns != status.st_mtime_ns

        return without(super().get_message_iterator(start_position, **kwargs), came)


@mutant("M25", world=World)
class ArrivesEmpty(_Moved):
    """A container that is moved in is reported, and nothing in it."""

    def get_message_iterator(self, start_position=-1, **kwargs):
        return without(super().get_message_iterator(start_position, **kwargs), lambda _, row: "-came/" in row["path"])


@mutant("M25", world=World)
class WhatLeavesStays(_Moved):
    def get_message_iterator(self, start_position=-1, **kwargs):
        def left(event, row):
            return event.event_type is EventType.DELETE and "came" in row["path"]

        return without(super().get_message_iterator(start_position, **kwargs), left)


@mutant("S25", world=World)
class EmptyFilesAreNothing(FsDriver):
    def get_snapshot_iterator(self, **kwargs):
        return without(
            super().get_snapshot_iterator(**kwargs), lambda _, row: row["size"] == 0 and not row["is_directory"]
        )


@mutant("S25", world=World)
class EmptyFilesAreNotAudited(FsDriver):
    def get_audit_iterator(self, **kwargs):
        events = super().get_audit_iterator(**kwargs)
        if kwargs.get("mtime_cache") is not None:
            return events
        return without(events, lambda _, row: row["size"] == 0 and not row["is_directory"])


@mutant("S04", world=World)
class WhatIsNamedMustStay(FsDriver):
    """Ends the snapshot where a thing goes between its name and the look at it, a moment that no race ever hits."""

    def get_snapshot_iterator(self, **kwargs):
        root = self.config.uri.removeprefix("file://")
        for name in os.listdir(root):  # noqa: PTH208 - as drivers do
            try:
                os.lstat(f"{root}/{name}")
            except FileNotFoundError as err:
                raise DriverError(f"{name!r} is gone") from err
        yield from super().get_snapshot_iterator(**kwargs)


@mutant("A12", world=World)
class ChangedIsListed(FsDriver):
    """Whatever can be listed counts as listed, though it changed meanwhile."""

    def get_audit_iterator(self, **kwargs):
        events = super().get_audit_iterator(**kwargs)
        return events if kwargs.get("mtime_cache") is not None else self._plain(events)

    def _plain(self, events):
        for event in events:
            for row in event.rows:
                if row.get("audit_skipped") and row["path"] != "/" and self._can_be_listed(row["path"]):
                    del row["audit_skipped"]
                    event.fields = list(row)
            yield event

    def _can_be_listed(self, path):
        try:
            return any(True for _ in Path(self.config.uri.removeprefix("file://") + path).iterdir())
        except OSError:
            return False
