"""Family S: what is said of one state is the same, by each phase, of a part of the source, and of single paths."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from fustor_conformance._paths import containers
from fustor_conformance._reading import Stream, eventually, rows_of
from fustor_conformance._recording import AUDIT
from fustor_conformance._scenes import Row, boxed, odd_fields, odd_things, view_of
from fustor_conformance.checks.meanwhile import audited
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, EventType, MessageSource

_THINGS = 7
_SMALL = 2
_LARGE = 10
_OF_ONE_PHASE = {"parent_mtime", "is_atomic_write", "audit_skipped"}
_TIMES = {"mtime", "modified_time"}
_NOTHING = "/kit-nothing/at-all"
_ANSWER = "suspect_update"


@check("S10")
def phases_agree(subject: SourceSubject) -> int:
    """The last word of the stream, the snapshot and the audit; then again where a number of the parameters is small."""
    seen = 0
    with subject.world() as world, subject.driver(world) as driver:
        seen += _compare(subject, world, driver, everything=True)
        params = subject.config(world).driver_params
    for name, value in params.items():
        if isinstance(value, int) and not isinstance(value, bool) and value >= _LARGE:
            seen += _compare_small(subject, name)
    return seen


def _compare_small(subject: SourceSubject, name: str) -> int:
    """The same with `name` set to 2, where the driver takes that."""
    with subject.world() as world:
        params = {**subject.config(world).driver_params, name: _SMALL}
        try:
            with subject.driver(world, driver_params=params, max_retries=1, retry_delay_sec=0.01) as driver:
                return _compare(subject, world, driver, everything=False)
        except DriverError:
            return 0
        except Broken as broken:
            raise Broken(f"With {name}={_SMALL} in driver_params: {broken.seen}", *broken.evidence) from broken


def _compare(subject: SourceSubject, world: SourceWorld, driver: SourceDriver, *, everything: bool) -> int:
    before = {row["path"]: row for row in _snapshot(driver)}
    with subject.stream(driver) as stream:
        paths = [world.create(boxed(world, "kit")(number)) for number in range(_THINGS)]
        paths += odd_things(world) if everything else []
        if "modify" in world.operations:
            world.modify(paths[0])
        if "delete" in world.operations and len(set(paths)) > 1:
            world.delete(paths.pop(1))
        if everything:
            stream.require(paths)
        return _require_agreement(subject, driver, stream, before)


def _snapshot(driver: SourceDriver) -> list[Row]:
    return [row for row in rows_of(driver.get_snapshot_iterator()) if row["path"] != "/"]


def _require_agreement(subject: SourceSubject, driver: SourceDriver, stream: Stream, before: dict[str, Row]) -> int:
    def odd() -> list[str]:
        if stream.error is not None:
            raise stream.error
        is_tree = all(event.event_schema == "fs" for event in stream.events)
        return list(_differences(view_of(stream.events, before), _snapshot(driver), times=is_tree))

    if not eventually(lambda: not odd(), subject.options.patience_sec):
        raise Broken("Stream and snapshot say different things of one state", *odd()[:5])
    seen = len(stream.events)
    if AUDIT in subject.capabilities:
        dialects: dict[str, dict[str, float] | None] = {"guide": None, "mtime_cache={}": {}}
        for name, cache in dialects.items():
            told = rows_of(audited(driver, cache))
            if not told:  # A02 and A03 say so
                continue
            rows = [row for row in told if row["path"] != "/"]
            if found := list(_differences({row["path"]: row for row in rows}, _snapshot(driver))):
                raise Broken(f"Audit ({name}) and snapshot say different things of one state", *found[:5])
            seen += len(rows)
    return seen


def _differences(view: dict[str, Row], rows: list[Row], *, times: bool = False) -> Iterator[str]:
    """Things that one of the two lacks, and fields of things that both have; containers may be in one of them alone.

    A database has one clock for what it reads in bulk and another for what happens; a tree has one time of a file.
    """
    told = {row["path"]: row for row in rows}
    for path in sorted(view.keys() ^ told.keys()):
        row = view.get(path) or told[path]
        if not row.get("is_directory"):
            yield f"{path!r} is in {'the first' if path in view else 'the snapshot'} alone"
    for path in sorted(view.keys() & told.keys()):
        one, other = view[path], told[path]
        names = (one.keys() & other.keys()) - (_OF_ONE_PHASE if times else _OF_ONE_PHASE | _TIMES)
        if odd := sorted(name for name in names if one[name] != other[name] and not one.get("is_directory")):
            yield f"{path!r}: {odd[0]} is {one[odd[0]]!r} there and {other[odd[0]]!r} in the snapshot"


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
