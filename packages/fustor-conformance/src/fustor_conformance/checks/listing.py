"""Family A: that an audit lists what is there, from the state before its container's stamps to that of its row."""

from __future__ import annotations

import posixpath
import time

from fustor_conformance._paths import containers
from fustor_conformance._scenes import (
    Reading,
    Row,
    between_names_and_looks,
    in_time,
    many,
    odd_fields,
    odd_things,
    pace,
)
from fustor_conformance.checks.audit import run_guide, run_pairs
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase

_RACES = 24
_RACES_SEC = 4.0
_RACED = 1000
_RACED_SEC = 0.4
_CHANGED = 8
_GOLDEN = 0.618
"""Of whose multiples any first few lie far apart."""
_NAMED = 8
_MOMENTS = 6
_AT_ONCE = 12
_AT_ONCE_SEC = 1.0


@check("A11")
def blind_spots(subject: SourceSubject) -> int:
    """Added, changed and deleted while nobody watched, under odd names too; and what a stream has just reported."""
    with subject.world() as world, subject.driver(world) as driver:
        paths = populate(world)
        box = world.create("kit-doomed/inner/thing") if "nest" in world.operations else None
        run_guide(driver)
        odd_things(world)
        if "modify" in world.operations:
            world.modify(paths[min(3, len(paths) - 1)])
        if "delete" in world.operations and len(paths) > 4:  # noqa: PLR2004 - one of the things, of which others stay
            world.delete(paths[4])
            if box is not None:
                world.delete(posixpath.dirname(posixpath.dirname(box)))
        expected = world.list()
        for name, rows in {"guide": run_guide(driver), "mtime_cache={}": run_pairs(driver, {})}.items():
            _require_told(name, rows, expected)
        return len(expected) + _at_once(subject, world, driver)


def _at_once(subject: SourceSubject, world: SourceWorld, driver: SourceDriver) -> int:
    """An audit in the moment in which realtime has reported a change."""
    with subject.stream(driver) as stream:
        for number in in_time(range(_AT_ONCE), _AT_ONCE_SEC):
            path = world.create(f"kit-at-once-{number}")
            stream.require([path])
            rows = run_guide(driver) if number % 2 else run_pairs(driver, {})
            if path not in {row["path"] for row in rows}:
                raise Broken(f"Realtime had reported {path!r}, and an audit begun after that does not know it")
        return len(stream.events)


def _require_told(name: str, rows: list[Row], expected: dict[str, Row]) -> None:
    told = {row["path"]: row for row in rows}
    if lacking := expected.keys() - told.keys():
        raise Broken(f"{name}: what was added is not reported", *sorted(lacking)[:3])
    above = {up for path in expected for up in containers(path)} | {"/"}
    is_tree = any(row.get("is_directory") for row in expected.values())
    empty = set() if is_tree else {path for path, row in told.items() if row.get("is_directory")}
    if ghosts := told.keys() - expected.keys() - above - empty:
        raise Broken(f"{name}: what was deleted is still reported", *sorted(ghosts)[:3])
    for path, fields in expected.items():
        if odd := odd_fields(told[path], fields):
            raise Broken(f"{name}: {path!r} is reported as {odd}, the world has {fields}", told[path])


@check("A12")
def stamps_first(subject: SourceSubject) -> int:
    """A child that comes while its container is being read, at many moments; and one that goes."""
    with subject.world() as world, subject.driver(world) as driver:
        box = "kit-moving/" if "nest" in world.operations else ""
        paths = [world.create(f"{box}kit-{number}") for number in range(4)]
        container = posixpath.dirname(paths[0])
        rows: list[Row] = []
        late, gone, early, is_tree = None, None, "", False
        for item in driver.get_audit_iterator(batch_size=1):
            rows += list(item.rows) if isinstance(item, EventBase) else []
            if late is None and rows and posixpath.dirname(rows[-1]["path"]) == container:
                late, early = world.create(f"{box}kit-late"), world.create(f"{box}!kit-early")
                gone = _delete_one(world, [path for path in paths if path != rows[-1]["path"]])
                is_tree = isinstance(item, EventBase) and item.event_schema == "fs"
        if late is None:
            raise Broken(f"The audit reports no child of {container!r}", *rows[:5])
        _require_stamped_before(container, late, rows, _row_of(container, run_guide(driver)))
        if gone is not None:
            went = f"{gone!r} went after {container!r} had begun to be read"
            if is_tree:  # it was there when the first one was read
                _require_mark(container, rows, {gone}, f"{went} and is not reported")
            what = f"{early!r} came and then {went}, and neither is reported"
            _require_mark(container, rows, {early, gone}, what)  # no state of the container has neither of them
        if is_tree and "modify" in world.operations:
            _named_and_changed(world, driver, box)
        return len(rows) + _raced(world, driver, box, is_tree=is_tree)


def _delete_one(world: SourceWorld, paths: list[str]) -> str | None:
    if "delete" not in world.operations:
        return None
    world.delete(paths[-1])
    return paths[-1]


def _require_stamped_before(container: str, late: str, rows: list[Row], after: Row) -> None:
    row = _row_of(container, rows)
    told = late in {row["path"] for row in rows}
    if row["mtime"] == after["mtime"] and not row.get("audit_skipped") and not told:
        raise Broken(f"{late!r} came while {container!r} was listed; its row has the later mtime and no mark", row)


def _require_mark(container: str, rows: list[Row], paths: set[str], what: str) -> None:
    """One of these paths is reported, or the container is marked."""
    row = _row_of(container, rows)
    if not paths & {row["path"] for row in rows} and not row.get("audit_skipped"):
        raise Broken(f"{what}: {container!r} changed while it was listed, and its row has no audit_skipped", row)


def _raced(world: SourceWorld, driver: SourceDriver, box: str, *, is_tree: bool) -> int:
    """Audits of one large container, each with one thing that comes at another moment of it, and changes after that."""
    paths = many(world, lambda number: f"{box}kit-many-{number}", _RACED, _RACED_SEC)
    container, races = posixpath.dirname(paths[0]), in_time(range(_RACES), _RACES_SEC)
    began = time.monotonic()
    before = run_guide(driver)
    took = time.monotonic() - began
    for race in races:
        reading = Reading(lambda: run_guide(driver))
        pace(took * (race * _GOLDEN % 1))
        late = world.create(f"{box}kit-race-{race}")
        changed = paths[race :: len(paths) // _CHANGED + 1] if is_tree and "modify" in world.operations else []
        for path in changed:
            world.modify(path)
        rows, after = reading.finish(), run_guide(driver)
        if _row_of(container, after)["mtime"] != _row_of(container, before)["mtime"]:
            _require_stamped_before(container, late, rows, _row_of(container, after))
        _require_mark_after(container, late, rows, _newer(changed, before, rows))
        before = after
    return len(paths)


def _named_and_changed(world: SourceWorld, driver: SourceDriver, box: str) -> None:
    """Where the driver has read names and not yet looked, a thing comes, and then those that it looks at change."""
    paths = [world.create(f"{box}kit-named-{number}") for number in range(_NAMED)]
    sizes = [_sizes(world, paths)]
    late: list[str] = []

    def change() -> None:
        if len(late) < _MOMENTS:
            late.append(world.create(f"{box}kit-moment-{len(late)}"))
            for path in paths:
                world.modify(path)
            sizes.append(_sizes(world, paths))

    with between_names_and_looks(change):
        rows = run_guide(driver)
    told = {row["path"]: row["size"] for row in rows}
    for number, path in enumerate(late, 1):
        newer = [
            one
            for one in paths
            if told.get(one) in {then[one] for then in sizes[number:]} - {then[one] for then in sizes[:number]}
        ]
        _require_mark_after(posixpath.dirname(paths[0]), path, rows, newer)


def _sizes(world: SourceWorld, paths: list[str]) -> dict[str, object]:
    there = world.list()
    return {path: there[path].get("size") for path in paths}


def _newer(changed: list[str], before: list[Row], rows: list[Row]) -> list[str]:
    """Those of which the rows have another size than before, so that they were read after they were changed."""
    old, new = ({row["path"]: row["size"] for row in one} for one in (before, rows))
    return [path for path in changed if path in new and new[path] != old.get(path)]


def _require_mark_after(container: str, late: str, rows: list[Row], newer: list[str]) -> None:
    if newer:
        what = f"{late!r} came before {newer[0]!r} was changed and read, and it is not reported"
        _require_mark(container, rows, {late}, what)


def _row_of(container: str, rows: list[Row]) -> Row:
    found = [row for row in rows if row["path"] == container]
    if not found:
        raise Broken(f"The audit has no row for the container {container!r}", *rows[-3:])
    return found[-1]
