"""Family S: what agent 0.8 asks for on demand, a part of the source and the state of single paths."""

from __future__ import annotations

import posixpath
from typing import Any

from fustor_conformance._reading import rows_of
from fustor_conformance._scenes import containers, odd_fields
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, EventType, MessageSource

Row = dict[str, Any]

_NOTHING = "/kit-nothing/at-all"
_ANSWER = "suspect_update"


@check("S26")
def part_of_the_source(subject: SourceSubject) -> int:
    """A thing, what holds it, the root, a thing that came a moment ago, and paths at which nothing is."""
    with subject.world() as world, subject.driver(world) as driver:
        paths = populate(world)
        deep = world.create("kit-part/inner/thing" if "nest" in world.operations else "kit-part")
        seen = sum(_require_part(driver, world, path) for path in dict.fromkeys((deep, paths[0], *containers(deep))))
        late = world.create("kit-part/late" if "nest" in world.operations else "kit-late")
        seen += _require_part(driver, world, late)
        for path in (_NOTHING, f"{deep}/below", "/.."):
            if events := _scanned(driver, path):
                raise Broken(f"Nothing is at {path!r}, and scan_path yields something", *events[:3])
        return seen


def _require_part(driver: SourceDriver, world: SourceWorld, path: str) -> int:
    there, inside = world.list(), path.rstrip("/") + "/"
    part = {other for other in there if other == path or other.startswith(inside)}
    near = {other for other in part if other == path or posixpath.dirname(other) == path}
    seen = 0
    for recursive, expected in ((True, part), (False, near)):
        told = {row["path"]: row for row in rows_of(_scanned(driver, path, recursive=recursive))}
        rows = {other for other, row in told.items() if other in there or row.get("is_directory") is not True}
        if odd := sorted(rows ^ expected):
            raise Broken(f"scan_path({path!r}, recursive={recursive}) and what is there differ", *odd[:5])
        for other in expected:
            if fields := odd_fields(told[other], there[other]):
                raise Broken(f"scan_path({path!r}) reports {other!r} otherwise", fields, there[other])
        seen += len(told)
    return seen


def _scanned(driver: SourceDriver, path: str, *, recursive: bool = True) -> list[EventBase]:
    events = list(driver.scan_path(path, recursive=recursive))
    for event in events:
        if event.message_source is not MessageSource.SNAPSHOT or event.event_type is EventType.DELETE:
            raise Broken(f"scan_path({path!r}) yields what is not a row of a snapshot", event)
    return [event for event in events if event.rows]


@check("S27")
def state_of_single_paths(subject: SourceSubject) -> int:
    """Things that are there, one that changed a moment ago, one that is gone, and one that never was."""
    with subject.world() as world, subject.driver(world) as driver:
        paths = populate(world)
        gone = [_NOTHING]
        if "modify" in world.operations:
            world.modify(paths[1])
        if "delete" in world.operations and len(set(paths)) > 1:
            world.delete(first := paths.pop(0))
            gone += [] if first in world.list() else [first]
        told = {row["path"]: row for row in rows_of(driver.get_snapshot_iterator())}
        task = {"type": "suspect_check", "paths": [*paths, *gone], "view_id": "kit"}
        updates = _updates(driver.perform_sentinel_check(task))
        for path in paths:
            _require_state(path, updates.get(path), told[path])
        if odd := {path: updates[path] for path in gone if updates.get(path, {}).get("mtime") is not None}:
            raise Broken("Nothing is there, and the answer has a time for it", odd)
        if other := driver.perform_sentinel_check({"type": "kit_unknown", "paths": paths}):
            raise Broken("A task of an unknown type is answered", other)
        return len(paths) + len(gone)


def _updates(answer: Any) -> dict[str, Row]:
    if not isinstance(answer, dict) or answer.get("type") != _ANSWER or not isinstance(answer.get("updates"), list):
        raise Broken(f"The answer is not {{'type': {_ANSWER!r}, 'updates': [...]}}", answer)
    return {entry["path"]: entry for entry in answer["updates"]}


def _require_state(path: str, entry: Row | None, row: Row) -> None:
    """As the row has it; the time of a row that is read in bulk is that of its reading."""
    names = ("mtime", "size") if "modified_time" in row else ("size",)
    if entry is None:
        raise Broken(f"{path!r} is there, and the answer has no entry for it", row)
    if odd := odd_fields(entry, {name: row[name] for name in names}):
        raise Broken(f"The answer reports {path!r} otherwise than its row", odd, row)
