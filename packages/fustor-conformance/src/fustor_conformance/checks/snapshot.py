"""Family S: the snapshot against the World's own listing."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from fustor_conformance._reading import DELIVERY_SEC, eventually, rows_of
from fustor_conformance._recording import watched_for
from fustor_conformance._scenes import Reading, between_names_and_looks, boxed, in_time, many, odd_fields, odd_things
from fustor_conformance.apart.other_process import NotSeenElsewhere, ask_elsewhere
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithUnreadable
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, parent_of

_MOMENTS = 3
_MOMENTS_SEC = 1.5
"""Moments at which a snapshot is stopped whatever that takes, and the time for others."""
_THINGS = 12
_MANY = 300
_MANY_SEC = 0.4
_RACES = 8
_RACES_SEC = 1.0
_RACE_SEC = 0.2


@check("S01")
def equals_world(subject: SourceSubject) -> int:
    """Paths and fields, both ways, odd names and long ones included."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        odd_things(world)
        return require_equal(rows_of(driver.get_snapshot_iterator()), world.list())


@check("S02")
def repeatable(subject: SourceSubject) -> int:
    """Same world, same rows; other world, other rows."""
    with subject.world() as world, subject.driver(world) as driver:
        paths = populate(world)
        first, second = (_contents(driver.get_snapshot_iterator()) for _ in range(2))
        if first != second:
            odd = [path for path in first | second if first.get(path) != second.get(path)]
            raise Broken("Two snapshots of an unchanged world differ", *sorted(odd)[:5])
        world.create("kit-later")
        if "delete" in world.operations:
            world.delete(paths[0])
        return len(first) + require_equal(rows_of(driver.get_snapshot_iterator()), world.list())


@check("S03")
def no_path_twice(subject: SourceSubject) -> int:
    """One row a path."""
    with watched_for(subject, "S03"), subject.world() as world, subject.driver(world) as driver:
        populate(world)
        many(world, boxed(world, "kit-many"), _MANY, _MANY_SEC)
        return len(rows_of(driver.get_snapshot_iterator(batch_size=3)))


@check("S04")
def vanishing_items(subject: SourceSubject) -> int:
    """Deleted, or refused, while the snapshot reads."""
    with subject.world() as world, subject.driver(world) as driver:
        _named_and_gone(world, driver)
        for race in in_time(range(_RACES), _RACES_SEC):
            _race(world, driver, race)
        doomed = populate(world)[-3:]
        rows = []
        for number, event in enumerate(driver.get_snapshot_iterator(batch_size=1)):
            if number == 0:
                for path in doomed:
                    world.delete(path)
            rows += event.rows
        if lacking := world.list().keys() - {row["path"] for row in rows}:
            raise Broken("Things vanished, and the snapshot leaves out others", *sorted(lacking)[:5])
        return len(rows) + _refused(world, driver)


def _race(world: SourceWorld, driver: SourceDriver, race: int) -> None:
    """Deleted by another hand, from the end, while the driver goes over them from the beginning."""
    paths = many(world, _racing(world, race), _MANY, _RACE_SEC)
    reading = Reading(lambda: rows_of(driver.get_snapshot_iterator()))
    for number in reading.steps(len(paths) // 2, paced=race % 2 == 1):
        world.delete(paths.pop(-1 - number % 2))
    if lacking := set(paths) - {row["path"] for row in reading.finish()}:
        raise Broken("Things vanished, and the snapshot leaves out others", *sorted(lacking)[:5])


def _named_and_gone(world: SourceWorld, driver: SourceDriver) -> None:
    """Deleted where the driver has read the names and not yet looked at the things, of a driver that uses `os`."""
    paths = list(dict.fromkeys(world.create(f"kit-named-{number}") for number in range(_THINGS)))
    doomed, gone = paths[::2], list[str]()

    def delete() -> None:
        if len(gone) < len(doomed):
            gone.append(doomed[len(gone)])
            world.delete(gone[-1])

    try:
        with between_names_and_looks(delete):
            told = {row["path"] for row in rows_of(driver.get_snapshot_iterator())}
    except (DriverError, OSError) as err:
        raise Broken(
            "A thing went after its name was read and before it was looked at, and that ends the snapshot",
            *gone[-1:],
            repr(err),
        ) from err
    if lacking := set(paths) - set(gone) - told:
        raise Broken(
            "Things went after their names were read, and the snapshot leaves out others", *sorted(lacking)[:5]
        )


def _racing(world: SourceWorld, race: int) -> Callable[[int], str]:
    """Keys at the top, in a container, in one that holds another one, and under names that are not ASCII."""
    shape = race % 4 if "nest" in world.operations else 0
    box = f"kit-race-{race}"
    if shape == 2:  # noqa: PLR2004 - one of four
        world.create(f"{box}/inner/thing")
    return lambda number: (f"{box}-{number}", f"{box}/{number}", f"{box}/{number}", f"{box}/ü-{number}")[shape]


def _refused(world: SourceWorld, driver: SourceDriver) -> int:
    """A container that cannot be listed, among others, where the World can do that."""
    if not isinstance(world, WithUnreadable):
        return 0
    thing = world.create("kit-refused/thing" if "nest" in world.operations else "kit-refused")
    container = parent_of(thing)
    with world.unreadable(container):
        rows = rows_of(driver.get_snapshot_iterator(batch_size=1))
    return require_mark("snapshot", rows, container, world)


def require_mark(name: str, rows: list[dict[str, Any]], container: str, world: SourceWorld) -> int:
    """How many rows a pass had that could not list a container, and says so of it alone, in one row but in snapshots.

    Raises:
        Broken: it does not say so, says it of others, or leaves out something else.
    """
    about = [row for row in rows if row["path"] == container]
    if not about:
        raise Broken(
            f"{name}: no row for {container!r}, which could not be listed: the consumer deletes it with all below"
        )
    if about[-1].get("audit_skipped") is not True or (name != "snapshot" and len(about) > 1):
        raise Broken(f"{name}: {container!r} could not be listed, and its row does not say so alone", *about)
    inside = container.rstrip("/") + "/"
    outside = {path for path in world.list() if path != container and not path.startswith(inside)}
    if lacking := outside - {row["path"] for row in rows}:
        raise Broken(f"{name}: {container!r} could not be listed, and others are missing", *sorted(lacking)[:5])
    if others := [r for r in rows if r.get("audit_skipped") and not f"{r['path'].rstrip('/')}/".startswith(inside)]:
        raise Broken(f"{name}: {container!r} could not be listed, and others are marked too", *others)
    return len(rows)


@check("S05")
def stopped_is_not_complete(subject: SourceSubject) -> int:
    """Stopped and closed, early, late and wherever there is time for it; abandoned."""
    with subject.world() as world:
        last = len(populate(world)) - 1
        moments = dict.fromkeys((0, 1, last, *range(2, len(world.list()))))
        for after in in_time(moments, _MOMENTS_SEC, least=_MOMENTS):
            stop = threading.Event()
            with subject.driver(world) as driver:
                snapshot = driver.get_snapshot_iterator(batch_size=1, stop_event=stop)
                rows = rows_of(islice(snapshot, after))
                stop.set()
                _require_incomplete(f"stop_event is set after {after} events", rows, snapshot, world)
            with subject.driver(world) as driver:
                snapshot = driver.get_snapshot_iterator(batch_size=1)
                rows = rows_of(islice(snapshot, after))
                asyncio.run(driver.close())
                _require_incomplete(f"close() is called after {after} events", rows, snapshot, world)
        with subject.driver(world) as driver:
            _require_clean(driver)
            return require_equal(rows_of(driver.get_snapshot_iterator()), world.list())


def _require_incomplete(what: str, rows: list[dict[str, Any]], rest: Iterable[EventBase], world: SourceWorld) -> None:
    try:
        rows += rows_of(rest)
    except DriverError:
        return
    if lacking := world.list().keys() - {row["path"] for row in rows}:
        raise Broken(
            f"Where {what}, the snapshot ends as if complete, without {len(lacking)} things", *sorted(lacking)[:5]
        )


def _require_clean(driver: SourceDriver) -> None:
    threads = threading.active_count()
    abandoned = driver.get_snapshot_iterator(batch_size=1)
    next(abandoned)
    del abandoned
    if not eventually(lambda: threading.active_count() <= threads, DELIVERY_SEC):
        raise Broken("An abandoned snapshot leaves threads", *threading.enumerate())


@check("S06")
def partitions(subject: SourceSubject) -> int:
    """Disjoint, and together all: of nothing, of few, of many, of more than there are, read later, read elsewhere."""
    with subject.world() as world, subject.driver(world) as driver:
        _require_whole([rows_of(driver.get_snapshot_iterator(partition=part)) for part in _parts(driver, 3)], world)
        populate(world)
        for asked in (1, 2, 3, 7, len(world.list()) + 5):
            parts = _parts(driver, asked)
            _require_whole([rows_of(driver.get_snapshot_iterator(partition=part)) for part in parts], world)
        return len(parts) + _read_later(world, driver) + _read_elsewhere(subject, world, driver)


def _parts(driver: SourceDriver, number: int) -> list[Any]:
    """As a host hands them on."""
    found: list[Any] = json.loads(json.dumps(list(driver.get_snapshot_partitions(number))))
    return found


def _read_later(world: SourceWorld, driver: SourceDriver) -> int:
    """Partitions of a world in which things have come since, at both ends and between: all of those are in, or none.

    Partitions may be of the moment in which they were made; what lies beyond the last of them is in no moment's.
    """
    parts = _parts(driver, 3)
    late = {world.create(key) for key in ("!kit-first", "kit-between", "~kit-last")}
    told = {row["path"] for part in parts for row in rows_of(driver.get_snapshot_iterator(partition=part))}
    if late & told and (lacking := late - told):
        raise Broken(
            f"Things came after get_snapshot_partitions, at both ends and between, and {sorted(lacking)} are in no"
            " partition, though others are",
            *parts,
        )
    return len(parts)


def _read_elsewhere(subject: SourceSubject, world: SourceWorld, driver: SourceDriver) -> int:
    """Three partitions, of which this process reads the first and another one, whose hash() differs, the others."""
    here, *elsewhere = _parts(driver, 3)
    told = [rows_of(driver.get_snapshot_iterator(partition=here))]
    try:
        answer = ask_elsewhere(subject, world, [{"partition": part} for part in elsewhere])
    except NotSeenElsewhere:
        return 0
    try:
        _require_whole([*told, *answer], world)
    except Broken as broken:
        raise Broken(f"Read by two processes: {broken.seen}", *broken.evidence) from broken
    return len(elsewhere)


def _require_whole(parts: list[list[dict[str, Any]]], world: SourceWorld) -> None:
    told: Counter[str] = Counter()
    for rows in parts:
        told.update({row["path"] for row in rows} - {"/"})
    if again := [path for path, times in told.items() if times > 1]:
        raise Broken(f"Of {len(parts)} partitions two report the same path", *sorted(again)[:5])
    if odd := told.keys() ^ world.list().keys():
        raise Broken(f"{len(parts)} partitions together are not the world", *sorted(odd)[:5])
    require_equal([row for rows in parts for row in rows], world.list())


def populate(world: SourceWorld) -> list[str]:
    """The paths of some new things, on two levels where the World can nest, modified and renamed where it can.

    Each path comes once; a source of one row has one.
    """
    paths = [world.create(f"kit-{number}") for number in range(_THINGS)]
    if "nest" in world.operations:
        paths += [world.create(f"kit-box-{box}/inner/thing-{number}") for box in range(2) for number in range(2)]
    if "modify" in world.operations:
        world.modify(paths[1])
    if "rename" in world.operations:
        paths[2] = world.rename(paths[2], "kit-renamed")
    there = world.list()
    return [path for path in dict.fromkeys(paths) if path in there]


def require_equal(rows: Iterable[dict[str, Any]], world: dict[str, dict[str, Any]]) -> int:
    """How many rows were compared with the World's listing; `/` is a container of every source and stands aside.

    Raises:
        Broken: a path is missing or invented, or a field differs.
    """
    told = {row["path"]: row for row in rows if row["path"] != "/"}
    if missing := world.keys() - told.keys():
        raise Broken(f"{len(missing)} of {len(world)} things are missing", *sorted(missing)[:5])
    if invented := told.keys() - world.keys():
        raise Broken(
            f"{len(invented)} things are emitted that are not there", *[told[path] for path in sorted(invented)[:5]]
        )
    for path, expected in world.items():
        if odd := odd_fields(told[path], expected):
            raise Broken(f"{path!r} is told as {odd}, the world has {expected}", told[path])
    return len(told)


def _contents(events: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Rows by path; times of reading may differ where the source has no time of change."""
    return {
        row["path"]: {name: value for name, value in row.items() if name not in ("mtime", "modified_time")}
        for row in rows_of(events)
    }
