"""Family A: the audit, in the guide's dialect and in that of agent 0.8."""

from __future__ import annotations

import inspect
import posixpath
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, TypeAlias

from fustor_conformance._reading import rows_of
from fustor_conformance._recording import AUDIT, watched_for
from fustor_conformance._scenes import Row, settle
from fustor_conformance.checks.snapshot import populate, require_mark
from fustor_conformance.histories.trees import hands_if_tree
from fustor_conformance.monitor.opening import without_opening
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import Profile, check, check_by
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithUnreadable
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, LifecycleSignal

_NO_AUDIT = (
    f"The audit yields nothing at all, and `capabilities` declares {AUDIT!r}; a driver without audits leaves it out"
    " there"
)
Stamps: TypeAlias = dict[str, float]


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
                raise Broken(f"No audit is declared in `capabilities`, yet one comes with {keywords}", *told[:3])
    return 2


@check("A02")
def items_of_dialects(subject: SourceSubject) -> int:
    """Events, or pairs, and no signal among the pairs."""
    with watched_for(subject, "A02"), subject.world() as world, subject.driver(world) as driver:
        populate(world)
        if not (plain := list(driver.get_audit_iterator())):
            raise Broken(_NO_AUDIT)
        return min(len(plain), len(list(driver.get_audit_iterator(mtime_cache={}))))


@check("A03")
def brackets(subject: SourceSubject) -> int:
    """Start, then the listing, then the end; and no end where it breaks off."""
    with watched_for(subject, "A03"), subject.world() as world, subject.driver(world) as driver:
        populate(world)
        audit = driver.get_audit_iterator(batch_size=1)
        first = next(audit, None)
        if first is None:
            raise Broken(_NO_AUDIT)
        late = {world.create(key) for key in ("!kit-after-start", "kit-after-start", "~kit-after-start")}
        events = [item for item in (first, *audit) if isinstance(item, EventBase)]
        if lacking := sorted(late - {row["path"] for row in rows_of(events)}):
            raise Broken(f"{lacking} were made after Audit-Start, and they are not in the audit: it had listed before")
        return len(events) + _broken_off(driver)


def _broken_off(driver: SourceDriver) -> int:
    """An audit that is stopped after its second item."""
    stop = threading.Event()
    audit = driver.get_audit_iterator(batch_size=1, stop_event=stop)
    seen = [next(audit), next(audit)]
    stop.set()
    with suppress(Exception):  # how it breaks off is the driver's; what it sends is judged
        seen += list(audit)
    if isinstance(seen[-1], EventBase) and seen[-1].signal is LifecycleSignal.AUDIT_END:
        raise Broken("An audit that was stopped sends Audit-End all the same", *seen[-2:])
    return 1


def _both_dialects(subject: SourceSubject, rule_id: str) -> int:
    """How many rows two audits have, of which the monitor sees whether they break the rule."""
    with watched_for(subject, rule_id), subject.world() as world, subject.driver(world) as driver:
        populate(world)
        return len(run_guide(driver)) + len(run_pairs(driver, {}))


check_by("A04", "Path and time of the container, in the same form.", lambda subject: _both_dialects(subject, "A04"))
check_by("A05", "Exactly one row for each, after everything in it.", lambda subject: _both_dialects(subject, "A05"))


@check("A06")
def silence_is_marked(subject: SourceSubject) -> int:
    """No mark, then every child is a row."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        cache: dict[str, float] = {}
        first = run_pairs(driver, cache)
        settle(world)
        told = [run_pairs(driver, cache), run_pairs(driver, cache)]
        for rows in told:
            _require_rows(rows, {row["path"] for row in first if row.get("is_directory")})
        return sum(_require_marks(rows, world) for rows in told)


def _require_rows(rows: list[Row], containers: set[str]) -> None:
    """The root, and each container in one that was listed, has a row; those in one that was not are A07's."""
    told = {row["path"]: row for row in rows}
    for path in sorted(containers):
        above = told.get(posixpath.dirname(path))
        if path not in told and (path == "/" or (above is not None and not above.get("audit_skipped"))):
            raise Broken(
                f"Nothing has changed, and the next audit has no row for {path!r}: what is not listed again has a row "
                "with audit_skipped: true",
                *rows[-3:],
            )


def _require_marks(rows: list[Row], world: SourceWorld) -> int:
    told = {row["path"] for row in rows}
    seen = 0
    for container in (row for row in rows if row.get("is_directory") and not row.get("audit_skipped")):
        seen += 1
        children = {path for path in world.list() if posixpath.dirname(path) == container["path"]}
        if lacking := children - told:
            raise Broken(
                f"{container['path']!r} is reported as listed, and {len(lacking)} of its children are missing",
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
        run_pairs(driver, cache)
        settle(world)
        run_pairs(driver, cache)
        late = world.create("kit-top/middle/late")
        rows = run_pairs(driver, cache)
        told = {row["path"]: row for row in rows}
        if late not in told:
            raise Broken(f"{late!r} was made below unchanged containers, and it is not in the audit", *rows[-4:])
        middle = posixpath.dirname(thing)
        if lacking := {middle, posixpath.dirname(middle), "/"} - told.keys():
            raise Broken("Containers above a change give no row", *sorted(lacking))
        return len(rows)


@check("A08")
def dict_is_the_hosts(subject: SourceSubject) -> int:
    """Read, never written."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        box = world.create("kit-refused/thing" if "nest" in world.operations else "kit-refused")
        cache: dict[str, float] = {}
        seen = 0
        for _ in range(3):
            items, stamps = _watched(driver, cache)
            seen += items
            cache.update(stamps)
            settle(world)
        if not cache and subject.options.profile is Profile.AGENT_0_8:
            raise Broken("No pair carries a container's mtime, so no container can ever be known as unchanged")
        cache |= {"/kit-gone": 1.0, posixpath.dirname(box): 1.0}
        if isinstance(world, WithUnreadable):
            with world.unreadable(posixpath.dirname(box)):
                seen += _watched(driver, cache)[0]
        if "delete" in world.operations and "nest" in world.operations:
            world.delete(posixpath.dirname(box))
        return seen + _watched(driver, cache)[0] + _watched(driver, cache, stop_after=1)[0]


class _Watched(dict[str, float]):
    """A host's dict that notes whoever writes, be it for a moment; it keeps what it has."""

    def __init__(self, held: Stamps) -> None:
        super().__init__(held)
        self.writes: list[str] = []

    def _note(self, *what: object, **more: object) -> Any:
        self.writes.append(str(what or more or "all"))
        return self

    __setitem__ = __delitem__ = __ior__ = update = pop = popitem = clear = setdefault = _note


def _watched(driver: SourceDriver, cache: dict[str, float], *, stop_after: int | None = None) -> tuple[int, Stamps]:
    """How many items one audit had, all or the first, and what their pairs say of containers' times."""
    held = _Watched(cache)
    stamps: Stamps = {}
    seen = 0
    for _, told in islice(items_of(driver, held, batch_size=2), stop_after):
        seen += 1
        stamps.update(told)
    if held.writes or held != cache:
        raise Broken("The audit changes the host's dict itself", *held.writes[:3])
    return seen, stamps


@check("A09")
def empty_cache_lists_all(subject: SourceSubject) -> int:
    """A new session's audit is a full one."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        _make_empty_container(subject, world)
        cache: dict[str, float] = {}
        for _ in range(2):
            run_pairs(driver, cache)
            settle(world)
        rows = {"guide": run_guide(driver), "mtime_cache={}": run_pairs(driver, {})}
        for name, told in rows.items():
            if skipped := [row for row in told if row.get("audit_skipped")]:
                raise Broken(f"{name}: containers are skipped though the cache is empty", *skipped[:3])
            if lacking := world.list().keys() - {row["path"] for row in told}:
                raise Broken(f"{name}: not everything is emitted though the cache is empty", *sorted(lacking)[:5])
        return sum(map(len, rows.values()))


def _make_empty_container(subject: SourceSubject, world: SourceWorld) -> None:
    """One with nothing in it, which was listed all the same, where World or kit can make it."""
    if "nest" in world.operations:
        hands = (world, hands_if_tree(world, subject.config(world).uri))
        make = next(filter(None, (getattr(who, "make_container", None) for who in hands)), None)
        if make is not None:
            make("kit-empty")


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
                "guide": run_guide(driver),
                "mtime_cache": run_pairs(driver, {}),
                "snapshot": rows_of(driver.get_snapshot_iterator()),
            }
        return sum(require_mark(name, rows, container, world) for name, rows in told.items())


def run_guide(driver: SourceDriver) -> list[Row]:
    """The rows of one audit in the guide's dialect."""
    return [row for event, _ in items_of(driver) if event is not None for row in event.rows]


def run_pairs(driver: SourceDriver, cache: dict[str, float]) -> list[Row]:
    """One audit as agent 0.8 runs it: what the pairs tell is merged into the host's dict at once."""
    rows: list[Row] = []
    for event, stamps in items_of(driver, cache):
        rows += event.rows if event is not None else []
        cache.update(stamps)
    return rows


def items_of(
    driver: SourceDriver, cache: Stamps | None = None, **keywords: Any
) -> Iterator[tuple[EventBase | None, Stamps]]:
    """The items of one audit as pairs, with times of containers in the dialect of agent 0.8, where there is a cache."""
    if cache is not None:
        for item in without_opening(driver.get_audit_iterator(mtime_cache=cache, **keywords)):
            if not isinstance(item, tuple):
                raise Broken("With mtime_cache an item is not a pair of an event or None and a dict", item)
            yield item
        return
    for item in driver.get_audit_iterator(**keywords):
        if not isinstance(item, EventBase):
            raise Broken("Without mtime_cache an item is not an event", item)
        yield item, {}
