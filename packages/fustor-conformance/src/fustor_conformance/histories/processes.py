"""What another process emits, built anew from the configuration, against the world."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from fustor_conformance._reading import rows_of
from fustor_conformance.histories.abilities import abilities
from fustor_conformance.histories.changes import Changes
from fustor_conformance.histories.elsewhere import Unreachable, is_reachable, read_snapshot
from fustor_conformance.histories.host import Host
from fustor_conformance.histories.judging import differences
from fustor_conformance.histories.readers import Readers
from fustor_conformance.histories.step import parsed
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.subject import SourceSubject

_PARTITIONS = "get_snapshot_partitions"
_PARTS = 2
_BEFORE = parsed("create(0) create(1) create(2) create(3) odd_all(0)")
_BETWEEN = parsed("modify(4) delete(7) create(4) rename(9)")


def run_processes(subject: SourceSubject) -> int:
    """How many paths were compared.

    Raises:
        Broken: another process emits something else than is there.
        NotApplicable: the World lives in this process alone.
    """
    if not is_reachable(subject):
        raise NotApplicable("The World cannot be reached from another process")
    with subject.world() as world:
        changes = Changes(world, subject.config(world).uri, abilities(subject))
        for step in _BEFORE:
            changes.do(step)
        with Host(subject, world) as host:
            _require_snapshot(host)
            host.finish_snapshot()
            host.catch_up()
            readers = Readers(host)
            readers.remember()
            for step in _BETWEEN:
                changes.do(step)
            readers.elsewhere(0)
        return len(world.list())


def _require_snapshot(host: Host) -> None:
    """A whole snapshot of another process, or the parts of this one's, each read in a process of its own."""
    subject, world = host.subject, host.world
    parts = [None]
    if _PARTITIONS in subject.capabilities:
        parts = json.loads(json.dumps(list(host.driver.get_snapshot_partitions(_PARTS))))
    told: Counter[str] = Counter()
    rows: dict[str, dict[str, Any]] = {}
    try:
        for part in parts:
            found = rows_of(read_snapshot(subject, world, **({} if part is None else {"partition": part})))
            told.update({row["path"] for row in found} - {"/"})
            rows |= {row["path"]: row for row in found}
    except Unreachable as error:
        raise Broken("In another process a snapshot breaks off", str(error)) from error
    what = "A snapshot" if len(parts) == 1 else f"{len(parts)} partitions, each read"
    if again := sorted(path for path, times in told.items() if times > 1):
        raise Broken(f"{what} in a process of its own, hold {again[0]!r} more than once", *again[1:5])
    listed = world.list()
    boxes = "nest" in world.operations or any(row.get("is_directory") for row in listed.values())
    if odd := list(differences(rows, listed, containers=boxes)):
        raise Broken(f"{what} in another process differs from the world: {odd[0]}", *map(str, odd[1:5]))
