"""Drivers that break a rule about the root of a directory tree: they take an empty one for what the user meant."""

from __future__ import annotations

from fustor_source_fs import FsDriver
from fustor_source_fs.testing import World
from kit_mutants.registry import mutant


class MayBeEmpty(FsDriver):
    def __init__(self, id, config):
        params = {**(config.driver_params or {}), "allow_empty_root": True}
        super().__init__(id, config.model_copy(update={"driver_params": params}))


@mutant("M20", "S20", world=World)
class AnEmptyRootIsTheRoot(MayBeEmpty):
    """What was there is gone, row by row."""


@mutant("S20", world=World)
class AnEmptyRootIsListed(MayBeEmpty):
    """In every pass, and whatever was there before."""


@mutant("S20", world=World)
class AnEmptyRootIsListedInSnapshots(FsDriver):
    def get_snapshot_iterator(self, **kwargs):
        for event in super().get_snapshot_iterator(**kwargs):
            for row in event.rows:
                if row["path"] == "/" and len(event.rows) == 1:
                    row.pop("audit_skipped", None)
                    row["modified_time"] = row["mtime"]
                    event.fields = list(row)
            yield event
