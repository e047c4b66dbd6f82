"""Family A: the audit, in the guide's dialect and in that of agent 0.8."""

from __future__ import annotations

import inspect
import posixpath
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from fustor_conformance._reading import rows_of
from fustor_conformance._recording import AUDIT
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithSettling, WithUnreadable
from fustor_core.drivers import SourceDriver
from fustor_event_model import AuditItem, EventBase, LifecycleSignal

Row = dict[str, Any]


@check("A01")
def defined_or_empty(subject: SourceSubject) -> int:
    """The driver's own, and empty where not declared."""
    if inspect.getattr_static(subject.driver_class, AUDIT) is inspect.getattr_static(SourceDriver, AUDIT):
        raise Broken("The driver leaves get_audit_iterator to the base class, which under an agent is another one")
    if AUDIT in subject.capabilities:
        return 1
    with subject.configured() as config:
        driver = subject.driver_class("kit", config)
        dialects: tuple[dict[str, Any], ...] = ({}, {"mtime_cache": {}})
        for keywords in dialects:
            if told := list(driver.get_audit_iterator(**keywords)):
                raise Broken(f"No audit is declared in `capabilities`, yet one is told with {keywords}", *told[:3])
    return 2


@check("A02")
def items_of_dialects(subject: SourceSubject) -> int:
    """Events, or pairs, and no signal among the pairs."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        plain = list(driver.get_audit_iterator())
        if odd := [item for item in plain if not isinstance(item, EventBase)]:
            raise Broken("Without mtime_cache an item is no event", *odd[:3])
        pairs = list(driver.get_audit_iterator(mtime_cache={}))
        for item in pairs:
            _require_pair(item)
        return min(len(plain), len(pairs))


def _require_pair(item: AuditItem) -> None:
    if not isinstance(item, tuple) or [isinstance(part, kind) for part, kind in _parts(item)] != [True, True]:
        raise Broken("With mtime_cache an item is no pair of an event or None and a dict", item)
    event, stamps = item
    if event is not None and (event.signal is not None or not event.rows):
        raise Broken("With mtime_cache an event has a signal, or no rows", event)
    if odd := {key: value for key, value in stamps.items() if not _is_stamp(key, value)}:
        raise Broken("A pair's dict holds something else than container mtimes", odd)


def _parts(item: tuple[Any, ...]) -> Iterable[tuple[Any, Any]]:
    return zip(item, (EventBase | None, dict), strict=False) if len(item) == len(("event", "stamps")) else ()


def _is_stamp(key: object, value: object) -> bool:
    return isinstance(key, str) and key.startswith("/") and isinstance(value, int | float)


@check("A03")
def brackets(subject: SourceSubject) -> int:
    """Start, then the listing, then the end; and no end where it breaks off."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        audit = driver.get_audit_iterator(batch_size=1)
        first = next(audit)
        late = world.create("kit-after-start")
        items = [first, *audit]
        events = [item for item in items if isinstance(item, EventBase)]
        _require_brackets(events)
        if late not in {row["path"] for row in rows_of(events)}:
            raise Broken(f"{late!r} was made after Audit-Start, and the audit does not tell it: it had listed before")
        return len(events) + _broken_off(driver)


def _require_brackets(events: list[EventBase]) -> None:
    signals = [(number, event.signal) for number, event in enumerate(events) if event.signal is not None]
    if signals != [(0, LifecycleSignal.AUDIT_START), (len(events) - 1, LifecycleSignal.AUDIT_END)]:
        raise Broken(f"The signals among {len(events)} events are {[(n, str(s)) for n, s in signals]}")
    if odd := [event for event in (events[0], events[-1]) if event.rows]:
        raise Broken("A signal carries rows", *odd)


def _broken_off(driver: SourceDriver) -> int:
    """An audit that is stopped after its second item."""
    stop = threading.Event()
    audit = driver.get_audit_iterator(batch_size=1, stop_event=stop)
    seen = [next(audit), next(audit)]
    stop.set()
    try:
        seen += list(audit)
    except Exception as error:  # noqa: BLE001 - how it breaks off is the driver's; what it sends is judged
        del error
    if isinstance(seen[-1], EventBase) and seen[-1].signal is LifecycleSignal.AUDIT_END:
        raise Broken("An audit that was stopped sends Audit-End all the same", *seen[-2:])
    return 1


@check("A04")
def parents(subject: SourceSubject) -> int:
    """Path and time of the container, in the same form."""
    seen = 0
    for name, rows in _both_dialects(subject):
        containers = {row["path"]: row for row in rows if row.get("is_directory")}
        for row in rows:
            seen += 1
            _require_parent(name, row, containers)
    return seen


def _require_parent(name: str, row: Row, containers: dict[str, Row]) -> None:
    path, parent = row["path"], row.get("parent_path")
    expected = "" if path == "/" else posixpath.dirname(path)
    if parent != expected:
        raise Broken(f"{name}: {path!r} has parent_path {parent!r}, not {expected!r}", row)
    container = containers.get(path if path == "/" else expected)
    if container is None:
        raise Broken(f"{name}: the container of {path!r} has no row in this audit", row)
    if row.get("parent_mtime") != container["mtime"]:
        raise Broken(f"{name}: {path!r} has parent_mtime {row.get('parent_mtime')!r}", row, container)


@check("A05")
def containers_last(subject: SourceSubject) -> int:
    """Exactly one row for each, after everything in it."""
    seen = 0
    for name, rows in _both_dialects(subject):
        places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(row["path"], []).append(place)
        for container in {posixpath.dirname(path) for path in places} | {"/"}:
            seen += 1
            _require_last(name, rows, places, container)
    return seen


def _require_last(name: str, rows: list[Row], places: dict[str, list[int]], container: str) -> None:
    found = places.get(container, [])
    if len(found) != 1:
        raise Broken(f"{name}: the container {container!r} has {len(found)} rows, not one", *[rows[n] for n in found])
    row = rows[found[0]]
    if row.get("is_directory") is not True:
        raise Broken(f"{name}: the row of the container {container!r} does not say is_directory", row)
    inside = container.rstrip("/") + "/"
    if late := [path for path, at in places.items() if path.startswith(inside) and path != "/" and max(at) > found[0]]:
        raise Broken(f"{name}: the row of {container!r} comes before those of {late[:3]}, which are in it", row)


@check("A06")
def silence_is_marked(subject: SourceSubject) -> int:
    """No mark, then every child is a row."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        cache: dict[str, float] = {}
        _run_pairs(driver, cache)
        _settle(world)
        told = [_run_pairs(driver, cache), _run_pairs(driver, cache)]
        return sum(_require_marks(rows, world) for rows in told)


def _require_marks(rows: list[Row], world: SourceWorld) -> int:
    told = {row["path"] for row in rows}
    seen = 0
    for container in (row for row in rows if row.get("is_directory") and not row.get("audit_skipped")):
        seen += 1
        children = {path for path in world.list() if posixpath.dirname(path) == container["path"]}
        if lacking := children - told:
            raise Broken(
                f"{container['path']!r} is reported as listed, and {len(lacking)} of its children are not told",
                *sorted(lacking)[:3],
                container,
            )
    return seen or len(rows)


@check("A07")
def silence_descends(subject: SourceSubject) -> int:
    """A change two levels below what did not change."""
    with subject.world() as world, subject.driver(world) as driver:
        thing = world.create("kit-top/middle/thing")
        cache: dict[str, float] = {}
        _run_pairs(driver, cache)
        _settle(world)
        _run_pairs(driver, cache)
        late = world.create("kit-top/middle/late")
        rows = _run_pairs(driver, cache)
        told = {row["path"]: row for row in rows}
        if late not in told:
            raise Broken(f"{late!r} was made below unchanged containers, and the audit does not tell it", *rows[-4:])
        middle = posixpath.dirname(thing)
        if lacking := {middle, posixpath.dirname(middle), "/"} - told.keys():
            raise Broken("Containers above a change give no row", *sorted(lacking))
        return len(rows)


@check("A08")
def dict_is_the_hosts(subject: SourceSubject) -> int:
    """Read, never written."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        cache: dict[str, float] = {}
        seen = 0
        for _ in range(3):
            before = dict(cache)
            merged: dict[str, float] = {}
            for item in driver.get_audit_iterator(mtime_cache=cache):
                seen += 1
                merged.update(_pair(item)[1])
            if cache != before:
                raise Broken("The audit changed the host's dict itself", {k: cache[k] for k in cache.keys() - before})
            cache.update(merged)
            _settle(world)
        if not cache:
            raise Broken("No pair carries a container's mtime, so no container can ever be known as unchanged")
        return seen


@check("A09")
def empty_cache_lists_all(subject: SourceSubject) -> int:
    """A new session's audit is a full one."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        cache: dict[str, float] = {}
        for _ in range(2):
            _run_pairs(driver, cache)
            _settle(world)
        rows = {"guide": _run_guide(driver), "mtime_cache={}": _run_pairs(driver, {})}
        for name, told in rows.items():
            if skipped := [row for row in told if row.get("audit_skipped")]:
                raise Broken(f"{name}: containers are skipped though the cache is empty", *skipped[:3])
            if lacking := world.list().keys() - {row["path"] for row in told}:
                raise Broken(f"{name}: not everything is told though the cache is empty", *sorted(lacking)[:5])
        return sum(map(len, rows.values()))


@check("A10")
def unreadable_container(subject: SourceSubject) -> int:
    """Marked, once, and nothing else suffers."""
    with subject.world() as world, subject.driver(world) as driver:
        assert isinstance(world, WithUnreadable)  # noqa: S101 - the table says that this check needs it
        populate(world)
        thing = world.create("kit-refused/thing" if "nest" in world.operations else "kit-refused")
        container = posixpath.dirname(thing)
        with world.unreadable(container):
            told = {
                "guide": _run_guide(driver),
                "mtime_cache": _run_pairs(driver, {}),
                "snapshot": rows_of(driver.get_snapshot_iterator()),
            }
        return sum(_require_mark(name, rows, container, world) for name, rows in told.items())


def _require_mark(name: str, rows: list[Row], container: str, world: SourceWorld) -> int:
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
        raise Broken(f"{name}: {container!r} could not be listed, and others are not told", *sorted(lacking)[:5])
    if others := [r for r in rows if r.get("audit_skipped") and not f"{r['path'].rstrip('/')}/".startswith(inside)]:
        raise Broken(f"{name}: {container!r} could not be listed, and others are marked too", *others)
    return len(rows)


@check("A11")
def blind_spots(subject: SourceSubject) -> int:
    """Added, changed and deleted while nobody watched."""
    with subject.world() as world, subject.driver(world) as driver:
        paths = populate(world)
        _run_guide(driver)
        world.create("kit-added")
        if "modify" in world.operations:
            world.modify(paths[min(3, len(paths) - 1)])
        if "delete" in world.operations and len(paths) > 4:  # noqa: PLR2004 - one of the things, of which others stay
            world.delete(paths[4])
        expected = world.list()
        for name, rows in {"guide": _run_guide(driver), "mtime_cache={}": _run_pairs(driver, {})}.items():
            _require_told(name, rows, expected)
        return len(expected)


def _require_told(name: str, rows: list[Row], expected: dict[str, Row]) -> None:
    told = {row["path"]: row for row in rows}
    if lacking := expected.keys() - told.keys():
        raise Broken(f"{name}: what was added is not told", *sorted(lacking)[:3])
    containers = {path for path, row in told.items() if row.get("is_directory")}
    if ghosts := told.keys() - expected.keys() - containers:
        raise Broken(f"{name}: what was deleted is still told", *sorted(ghosts)[:3])
    for path, fields in expected.items():
        if odd := {key: told[path].get(key) for key, value in fields.items() if told[path].get(key) != value}:
            raise Broken(f"{name}: {path!r} is told as {odd}, the world has {fields}", told[path])


@check("A12")
def stamps_first(subject: SourceSubject) -> int:
    """A child that comes while its container is being told."""
    with subject.world() as world, subject.driver(world) as driver:
        box = "kit-moving/" if "nest" in world.operations else ""
        paths = [world.create(f"{box}kit-{number}") for number in range(4)]
        container = posixpath.dirname(paths[0])
        rows: list[Row] = []
        late = None
        for item in driver.get_audit_iterator(batch_size=1):
            rows += _rows(item)
            if late is None and rows and posixpath.dirname(rows[-1]["path"]) == container:
                late = world.create(f"{box}kit-late")
        if late is None:
            raise Broken(f"The audit tells no child of {container!r}", *rows[:5])
        after = next(row for row in _run_guide(driver) if row["path"] == container)
        row = next(row for row in rows if row["path"] == container)
        told = late in {row["path"] for row in rows}
        if row["mtime"] == after["mtime"] and not row.get("audit_skipped") and not told:
            raise Broken(f"{late!r} came while {container!r} was listed; its row has the later mtime and no mark", row)
        return len(rows)


def _both_dialects(subject: SourceSubject) -> Iterator[tuple[str, list[Row]]]:
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        yield "guide", _run_guide(driver)
        yield "mtime_cache", _run_pairs(driver, {})


def _run_guide(driver: SourceDriver) -> list[Row]:
    return [row for item in driver.get_audit_iterator() for row in _rows(item)]


def _run_pairs(driver: SourceDriver, cache: dict[str, float]) -> list[Row]:
    """One audit as agent 0.8 runs it: what the pairs tell is merged into the host's dict at once."""
    rows: list[Row] = []
    for item in driver.get_audit_iterator(mtime_cache=cache):
        event, stamps = _pair(item)
        rows += event.rows if event is not None else []
        cache.update(stamps)
    return rows


def _pair(item: AuditItem) -> tuple[EventBase | None, dict[str, float]]:
    if not isinstance(item, tuple):
        raise Broken("With mtime_cache an item is no pair of an event or None and a dict", item)
    return item


def _rows(item: AuditItem) -> list[Row]:
    if not isinstance(item, EventBase):
        raise Broken("Without mtime_cache an item is no event", item)
    return list(item.rows)


def _settle(world: SourceWorld) -> None:
    if isinstance(world, WithSettling):
        world.settle()
