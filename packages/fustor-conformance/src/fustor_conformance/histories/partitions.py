"""Partitions that one process cuts and others read."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from fustor_conformance._other_process import NotSeenElsewhere, Rows, ask_elsewhere
from fustor_conformance._reading import rows_of
from fustor_conformance.histories.abilities import abilities
from fustor_conformance.histories.changes import Changes
from fustor_conformance.histories.step import parsed
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.subject import SourceSubject
from fustor_core.drivers import SourceDriver

_PARTS = 3
_THERE = parsed("create(0) create(1) create(2) create(3) odd_all(0) wide(0)")


def run_partitions(subject: SourceSubject) -> int:
    """How many paths the partitions hold: the first is read here, the others in another process.

    Raises:
        Broken: together they are not the snapshot.
        NotApplicable: no other process sees the World.
    """
    with subject.world() as world, subject.driver(world) as driver:
        changes = Changes(world, subject.config(world).uri, abilities(subject))
        for step in _THERE:
            changes.do(step)
        parts = json.loads(json.dumps(list(driver.get_snapshot_partitions(_PARTS))))
        try:
            there = ask_elsewhere(subject, world, [{"partition": part} for part in parts[1:]])
        except NotSeenElsewhere as error:
            raise NotApplicable("No other process sees this World") from error
        return _require_whole([rows_of(driver.get_snapshot_iterator(partition=parts[0])), *there], driver)


def _require_whole(parts: list[Rows], driver: SourceDriver) -> int:
    told: Counter[str] = Counter()
    for rows in parts:
        told.update({row["path"] for row in rows} - {"/"})
    whole: dict[str, Any] = {row["path"]: row for row in rows_of(driver.get_snapshot_iterator()) if row["path"] != "/"}
    what = f"Of {len(parts)} partitions, the first read here and the others in another process,"
    if again := sorted(path for path, times in told.items() if times > 1):
        raise Broken(f"{what} more than one holds {again[0]!r}", *again[1:5])
    if odd := sorted(told.keys() ^ whole.keys()):
        raise Broken(f"{what} the paths together are not those of the snapshot: {odd[0]!r}", *odd[1:5])
    return len(told)
