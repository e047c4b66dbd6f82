"""Family A: when a container may be called unchanged, in the dialect of agent 0.8, and when that is forgotten."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice
from typing import TypeAlias

from fustor_conformance._recording import watched_for
from fustor_conformance._scenes import Reading, Row, in_time, odd_fields, pace, settle
from fustor_conformance.checks.audit import run_guide, run_pairs
from fustor_conformance.monitor.opening import without_opening
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithUnreadable
from fustor_core.drivers import SourceDriver

Cache: TypeAlias = dict[str, float]

_BOXES = 6
_YOUNG = 25
_WITHIN = 50
_AT_ONCE = 8
_STEP_SEC = 0.00004
_YOUNG_SEC = 0.6
_REST = 5
"""How many audits a system has to come to rest, where it counts its changes a little later."""


@dataclass(frozen=True)
class _Steady:
    """A driver whose audits skip what they can: the host's dict, and the rows of the last audit."""

    driver: SourceDriver
    world: SourceWorld
    cache: Cache
    rows: list[Row]

    def audit(self, cache: Cache | None = None) -> list[Row]:
        """The rows of one more audit, with a copy of the host's dict or with another one."""
        return run_pairs(self.driver, dict(self.cache if cache is None else cache))

    def skips(self, container: str) -> bool:
        """Whether the last audit before the scene skipped it; what never is skipped says nothing."""
        return _is_marked(container, self.rows)

    def require_listed(self, why: str, container: str, cache: Cache | None = None) -> int:
        """Listed anew by one more audit."""
        return self.require_in(why, container, self.audit(cache))

    def require_in(self, why: str, container: str, rows: list[Row]) -> int:
        """Listed anew in these rows: without a mark, and with all that is in it."""
        found = [row for row in rows if row["path"] == container]
        children = {path for path in self.world.list() if posixpath.dirname(path) == container}
        lacking = children - {row["path"] for row in rows}
        if self.skips(container) and (_is_marked(container, rows) or not found or lacking):
            missing = f"{len(lacking)} of its children are missing"
            raise Broken(f"{why}, and {container!r} is not listed anew: {missing}", *found)
        return len(rows)


def _steady(driver: SourceDriver, world: SourceWorld) -> _Steady:
    cache: Cache = {}
    settle(world)
    run_pairs(driver, cache)
    return _Steady(driver, world, cache, run_pairs(driver, cache))


@check("A13")
def held_with_the_same_time(subject: SourceSubject) -> int:
    """What the host's dict has lost, or holds with another time, is listed anew."""
    with subject.world() as world, subject.driver(world) as driver:
        for box in ("kit-a", "kit-b"):
            world.create(_in(world, box, "thing"))
        steady = _steady(driver, world)
        seen = len(steady.rows)
        skipped = [path for path in steady.cache if steady.skips(path)]
        for what, told in _other_dicts(steady.cache, skipped).items():
            rows = steady.audit(told)
            for container in skipped:
                if told.get(container) != steady.cache[container]:
                    seen += steady.require_in(f"The host's dict {what}", container, rows)
        return seen


def _other_dicts(cache: Cache, skipped: list[str]) -> dict[str, Cache]:
    """Dicts that lack every second container that was skipped, or hold all with another time."""
    found = {
        f"lacks {half[:3]}": {path: held for path, held in cache.items() if path not in half}
        for half in (skipped[::2], skipped[1::2])
        if half
    }
    found |= {f"holds all with {by:+} s": {path: held + by for path, held in cache.items()} for by in (1, -1)}
    return found | {"holds all with 0": dict.fromkeys(cache, 0.0)}


@check("A14")
def forgotten(subject: SourceSubject) -> int:
    """After a listing that failed, an audit that did not come by, a change in realtime, an exchange."""
    seen = 0
    in_realtime = partial(_changed_in_realtime, subject)
    for scene in (_failed, _not_visited, _moved_away, in_realtime, _exchanged, _abandoned):
        with subject.world() as world, subject.driver(world) as driver:
            seen += scene(world, driver)
    if not seen:
        raise NotApplicable("The World can do none of what makes a driver forget")
    return seen


def _failed(world: SourceWorld, driver: SourceDriver) -> int:
    if not isinstance(world, WithUnreadable):
        return 0
    container = posixpath.dirname(world.create(_in(world, "kit-a", "thing")))
    steady = _steady(driver, world)
    with world.unreadable(container):
        steady.audit({})
    return steady.require_listed("The audit before could not list it", container)


def _not_visited(world: SourceWorld, driver: SourceDriver) -> int:
    if not isinstance(world, WithUnreadable) or "nest" not in world.operations:
        return 0
    above, middle = _two_levels(world)
    steady = _steady(driver, world)
    with world.unreadable(above):
        between = steady.audit()
    if middle in {row["path"] for row in between}:
        return 1
    return steady.require_listed("The audit before could not enter what it lies in", middle)


def _moved_away(world: SourceWorld, driver: SourceDriver) -> int:
    if not {"nest", "rename"} <= world.operations:
        return 0
    above, middle = _two_levels(world)
    steady = _steady(driver, world)
    away = world.rename(above, "kit-away")
    between = steady.audit()
    world.rename(away, posixpath.basename(above))
    if middle in {row["path"] for row in between}:
        return 1
    return steady.require_listed("The audit before did not find it there", middle)


def _two_levels(world: SourceWorld) -> tuple[str, str]:
    middle = posixpath.dirname(world.create("kit-up/middle/thing"))
    return posixpath.dirname(middle), middle


def _changed_in_realtime(subject: SourceSubject, world: SourceWorld, driver: SourceDriver) -> int:
    """Listed anew at once, or by the audit after the next one: by then a change between two audits has been seen."""
    if "modify" not in world.operations:
        return 0
    thing = world.create(_in(world, "kit-a", "thing"))
    container = posixpath.dirname(thing)
    with subject.stream(driver) as stream:
        steady = _steady(driver, world)
        seen = len(stream.events)
        world.modify(thing)
        stream.wait_for(lambda events: any(row["path"] == thing for event in events[seen:] for row in event.rows))
        settle(world)
        audits = [run_pairs(driver, steady.cache) for _ in range(2)]
    if steady.skips(container) and all(_is_marked(container, rows) for rows in audits):
        raise Broken(f"Realtime reported a change in {container!r}, and neither of two audits after it lists it anew")
    return len(audits)


def _exchanged(world: SourceWorld, driver: SourceDriver) -> int:
    """Another container has the path, and the time: one that it has by chance, or one that the host's dict holds."""
    if not {"nest", "rename"} <= world.operations:
        return 0
    boxes = [posixpath.dirname(world.create(f"kit-{number}/of-{number}")) for number in range(_BOXES)]
    steady = _steady(driver, world)
    known = [path for path in boxes if path in steady.cache]
    first, second = next(
        (pair for pair in combinations(known, 2) if steady.cache[pair[0]] == steady.cache[pair[1]]), known[:2]
    )
    world.rename(first, "kit-aside")
    world.rename(second, posixpath.basename(first))
    held = {**steady.cache, first: steady.cache[second]}
    return steady.require_listed("Another container has its path now", first, held)


def _abandoned(world: SourceWorld, driver: SourceDriver) -> int:
    """What an audit would have reported next, when its host went away, is not known to the next audit."""
    for number in range(_BOXES):
        world.create(_in(world, f"kit-{number // 2}", f"thing-{number}"))
    settle(world)
    cache: Cache = {}
    seen = 0
    for taken in (1, 3, _BOXES):
        audit = without_opening(driver.get_audit_iterator(mtime_cache=cache, batch_size=1))
        told: set[str] = set()
        for item in islice(audit, taken):
            event, stamps = item if isinstance(item, tuple) else (item, {})
            told |= {row["path"] for row in event.rows} if event is not None else set()
            cache.update(stamps)
        del audit
        seen += _require_reported(told, run_pairs(driver, dict(cache)), world)
        cache.clear()
    return seen


def _require_reported(told: set[str], rows: list[Row], world: SourceWorld) -> int:
    now = {row["path"] for row in rows}
    for path in world.list():
        container = posixpath.dirname(path)
        if path not in now and not (_is_marked(container, rows) and path in told):
            raise Broken(
                f"An audit was abandoned after {len(told)} rows, and the next one, with what the host had taken, calls"
                f" {container!r} unchanged though {path!r} was in no event that was taken"
            )
    return len(rows)


@check("A15")
def too_young_to_be_known(subject: SourceSubject) -> int:
    """Changes in quick succession, each followed by an audit: a clock's tick is longer than the time between two."""
    with subject.world() as world, subject.driver(world) as driver:
        cache: Cache = {}
        paths = [world.create(_in(world, "kit-a", f"first-{number}")) for number in range(3)]
        is_table = not any("modified_time" in row for row in run_pairs(driver, cache))
        seen = 0
        for number in in_time(range(_YOUNG), _YOUNG_SEC):
            gone = _come_and_go(world, paths, number, modify=is_table)
            seen += _require_reported_at_once(run_pairs(driver, cache), world, paths[-1], gone)
        seen += _within_a_tick(world, driver, cache)
    return seen + (0 if is_table else _listed_again(subject))


def _listed_again(subject: SourceSubject) -> int:
    """Two audits right after a change, of which the monitor looks at the second one."""
    with watched_for(subject, "A15"), subject.world() as world, subject.driver(world) as driver:
        cache: Cache = {}
        run_pairs(driver, cache)
        for number in range(_AT_ONCE):
            world.create(_in(world, "kit-young", f"thing-{number}"))
            for _ in range(2):
                run_pairs(driver, cache)
    return _AT_ONCE


def _come_and_go(world: SourceWorld, paths: list[str], number: int, *, modify: bool) -> str | None:
    """Change the last of `paths`, or let one more come, and another one go with it, which is the answer.

    A row that is changed changes its table; a file that is changed does not change its directory.
    """
    if modify and "modify" in world.operations and number % 3 == 0:
        world.modify(paths[-1])
        return None
    paths.append(world.create(_in(world, "kit-a", f"thing-{number}")))
    if number % 3 == 1 and "delete" in world.operations and len(set(paths)) > 1:
        world.delete(gone := paths.pop(0))
        return gone
    return None


def _require_reported_at_once(rows: list[Row], world: SourceWorld, path: str, gone: str | None) -> int:
    told = {row["path"]: row for row in rows}
    container = posixpath.dirname(path)
    about = [row for row in rows if row["path"] == container]
    if path not in told or odd_fields(told[path], world.list()[path]):
        raise Broken(f"{path!r} changed before the audit began, and the audit calls its container unchanged", *about)
    if gone is not None and (gone in told or _is_marked(posixpath.dirname(gone), rows)):
        raise Broken(f"{gone!r} went before the audit began, and the audit does not list its container anew", *about)
    return len(rows)


def _within_a_tick(world: SourceWorld, driver: SourceDriver, cache: Cache) -> int:
    """A change just before an audit, another one right after its listing, and then rest: the next audit has both."""
    for number in in_time(range(_WITHIN), _YOUNG_SEC):
        world.create(_in(world, "kit-a", f"before-{number}"))
        reading = Reading(lambda: run_pairs(driver, cache))
        pace(_STEP_SEC * number)
        path = world.create(_in(world, "kit-a", f"after-{number}"))
        if path not in {row["path"] for row in (*reading.finish(), *run_pairs(driver, cache))}:
            raise Broken(
                f"{path!r} was made while an audit was read and is in neither this one nor the next: the container has"
                " the same time as when it was listed, and is called unchanged"
            )
    return number


@check("A20")
def times_stay(subject: SourceSubject) -> int:
    """One audit after the other, until two of them agree."""
    with subject.world() as world, subject.driver(world) as driver:
        for number in range(3):
            world.create(_in(world, "kit-a", f"thing-{number}"))
        before: Cache = {}
        for _ in range(_REST):
            settle(world)
            now = {row["path"]: row["mtime"] for row in run_guide(driver) if row.get("is_directory")}
            if now == before:
                return len(now)
            odd = {path: (before.get(path), mtime) for path, mtime in now.items() if before.get(path) != mtime}
            before = now
    raise Broken(f"Nothing changes, and each of {_REST} audits has other times of containers", odd)


def _in(world: SourceWorld, box: str, name: str) -> str:
    return f"{box}/{name}" if "nest" in world.operations else f"{box}-{name}"


def _is_marked(container: str, rows: list[Row]) -> bool:
    return any(row["path"] == container and row.get("audit_skipped") for row in rows)
