"""Family C: the shape of the class, which hosts rely on before the first event."""

from __future__ import annotations

import asyncio
import difflib
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fustor_conformance._contract import form, public
from fustor_conformance._reading import rows_of, with_paths
from fustor_conformance.agents.simulator import FieldsTracker
from fustor_conformance.checks.idle import begin_to_watch
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import Kind, check, rules_for
from fustor_conformance.subject import Config, PusherSubject, SourceSubject, Subject
from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.bases import BASES

_AT_ONCE_SEC = 1.0
_ALIKE = 0.8
"""From this likeness on a name is taken for a misspelt one; others may be the author's own, or of a later contract."""


@check("C01")
def complete_class(subject: Subject) -> int:
    """Inherits the base, nothing abstract left, every method in its form."""
    base, cls = BASES[subject.kind], subject.driver_class
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise Broken(f"{cls!r} is not a subclass of {base.__module__}.{base.__qualname__}")
    if left := sorted(getattr(cls, "__abstractmethods__", ())):
        raise Broken(f"{cls.__name__} leaves {', '.join(left)} abstract")
    seen = 0
    for name, published in public(base):
        seen += 1
        if (own := form(inspect.getattr_static(cls, name))) != (asked := form(published)):
            raise Broken(f"{cls.__name__}.{name} is {own}, the contract's is {asked}")
    _require_known_capabilities(subject)
    return seen


def _require_known_capabilities(subject: Subject) -> None:
    """No text in place of a set of names, and none that is misspelt: what it stands for would never be judged."""
    declared: Any = getattr(subject.driver_class, "capabilities", frozenset())
    if isinstance(declared, str):
        raise Broken(f"`capabilities` is the text {declared!r}, not a set of names; write frozenset({{{declared!r}}})")
    known = {rule.capability for rule in rules_for(subject.kind) if rule.capability}
    for name in sorted(frozenset(declared) - known):
        if meant := difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE):
            raise Broken(f"`capabilities` names {name!r}, which the contract does not know; did you mean {meant[0]!r}?")


@check("C02")
def constructor(subject: Subject) -> int:
    """`id` and `config`, both ways."""
    parameters = list(inspect.signature(subject.driver_class).parameters.values())
    names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    others = [
        p.name for p in parameters[2:] if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    if names[:2] != ["id", "config"] or others:
        raise Broken(f"The constructor takes {[str(p) for p in parameters]}, not exactly id and config")
    with subject.configured() as config:
        asyncio.run(subject.driver_class("kit-a", config).close())
        asyncio.run(subject.driver_class(id="kit-b", config=config).close())
    return 2


@check("C03", Kind.SOURCE)
def two_sources(subject: SourceSubject) -> int:
    """Two instances read at once, as agent 0.2 has it; meanwhile an idle stream begins to rest elsewhere."""
    begin_to_watch(subject)
    with subject.world() as world:
        thing, config = world.create("kit-thing"), subject.config(world)
        before = threading.active_count()
        with _two_of(subject, config) as (first, second):
            if threading.active_count() > before:
                raise Broken("The constructor starts a thread", *threading.enumerate())
            with subject.stream(first) as one, subject.stream(second) as two:
                told = [{row["path"] for row in rows_of(each.get_snapshot_iterator())} for each in (first, second)]
                if not all(thing in paths for paths in told):
                    raise Broken(f"Of two instances that live at once, not both report {thing!r}", *told)
                if "create" in world.operations:
                    late = [world.create(f"kit-late-{number}") for number in range(5)]
                    for stream in (one, two):
                        stream.require(late)
    return 2


@contextmanager
def _two_of(subject: Subject, config: Config) -> Iterator[tuple[Any, Any]]:
    with subject.instance(config, "kit-a") as first, subject.instance(config, "kit-b") as second:
        yield first, second


@check("C03", Kind.PUSHER)
def two_pushers(subject: PusherSubject) -> int:
    """Two instances open sessions side by side."""
    with subject.configured() as config, _two_of(subject, config) as (first, second):
        asyncio.run(_two_sessions(first, second))
    return 2


async def _two_sessions(first: PusherDriver, second: PusherDriver) -> None:
    await first.create_session(task_id="kit:one")
    await second.create_session(task_id="kit:two")


@check("C04")
def no_second_initialisation(subject: Subject) -> int:
    """What the first instance holds is untouched by the second."""
    with subject.configured() as config, subject.instance(config, "kit-a") as first:
        before = dict(vars(first))
        with subject.instance(config, "kit-b") as second:
            changed = sorted(name for name, value in vars(first).items() if before.get(name, first) is not value)
            if changed:
                raise Broken(f"Constructing a second instance replaced {', '.join(changed)} of the first one")
            if subject.kind is Kind.SOURCE and first is not second:
                _require_own_stop_event(first, second)
    return 2


def _require_own_stop_event(first: Any, second: Any) -> None:
    stop = getattr(first, "_stop_driver_event", None)
    if stop is not None and stop is getattr(second, "_stop_driver_event", None):
        raise Broken("Two instances share one _stop_driver_event: stopping one stops the other")


@check("C05")
def stop_driver_event(subject: SourceSubject) -> int:
    """An event of threading, not set."""
    with subject.configured() as config:
        with subject.instance(config) as instance:
            stop = getattr(instance, "_stop_driver_event", None)
        if not isinstance(stop, threading.Event):
            raise Broken(f"_stop_driver_event is {stop!r}")
        if subject.driver_class("kit", config)._stop_driver_event.is_set():  # noqa: SLF001 - agents read it
            raise Broken("_stop_driver_event of a new instance is set")
    return 1


@check("C06")
def transient_property(subject: SourceSubject) -> int:
    """A property, and a bool."""
    declared = inspect.getattr_static(subject.driver_class, "is_transient")
    if not isinstance(declared, property):
        raise Broken(f"is_transient is {type(declared).__name__}, not a property")
    with subject.configured() as config, subject.instance(config) as instance:
        value = instance.is_transient
    if not isinstance(value, bool):
        raise Broken(f"is_transient gives {value!r}, not a bool")
    return 1


@check("C11")
def unknown_keywords(subject: Subject) -> int:
    """A `**kwargs` wherever the contract has one, and no complaint about what comes in it."""
    seen = 0
    for name, published in public(BASES[subject.kind]):
        if isinstance(published, property) or not _swallows(published):
            continue
        seen += 1
        if not _swallows(inspect.getattr_static(subject.driver_class, name)):
            raise Broken(f"{name} refuses keywords that it does not know: it has no **kwargs")
    if isinstance(subject, SourceSubject):
        with subject.configured() as config, subject.instance(config) as instance:
            list(instance.get_snapshot_iterator(kit_unknown=object()))
    return seen


def _swallows(attribute: object) -> bool:
    function = attribute.__func__ if isinstance(attribute, classmethod | staticmethod) else attribute
    if not callable(function):
        return False
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())


@check("C12")
def lazy_iterators(subject: SourceSubject) -> int:
    """Both calls return an iterator at once, on the loop, and have read nothing yet."""
    calls: list[Callable[[SourceDriver], object]] = [lambda driver: driver.get_snapshot_iterator()]
    if "get_audit_iterator" in subject.capabilities:
        calls += [lambda driver: driver.get_audit_iterator(), lambda driver: driver.get_audit_iterator(mtime_cache={})]
    with subject.configured() as config:
        for call in calls:
            asyncio.run(_call_on_loop(subject, config, call))
    return len(calls) + (sum(_read_later(subject, call) for call in calls) if subject.world_factory else 0)


def _read_later(subject: SourceSubject, call: Callable[[SourceDriver], Any]) -> int:
    """What comes after the call and before the first event is asked for, where the call begins no thread that reads."""
    with subject.world() as world, subject.driver(world) as driver:
        if "create" not in world.operations:
            return 0
        early = world.create("kit-early")
        threads = threading.active_count()
        iterator = call(driver)
        begins_a_thread = threading.active_count() > threads
        late = world.create("kit-late")
        events = [item[0] if isinstance(item, tuple) else item for item in iterator]
    paths = {row["path"] for event in events if event is not None for row in event.rows}
    if begins_a_thread or early not in paths:  # where rows are missing anyway, other checks say so
        return 0
    if late not in paths:
        raise Broken(f"{late!r} came after the call and before an event was asked for, and is left out: the call reads")
    return 1


async def _call_on_loop(subject: SourceSubject, config: Config, call: Callable[[SourceDriver], object]) -> None:
    driver = subject.driver_class("kit", config)
    try:
        began = time.monotonic()
        returned = call(driver)
        took = time.monotonic() - began
        if not isinstance(returned, Iterator):
            raise Broken(f"The call gives {type(returned).__name__}, not an iterator", returned)
        if took > _AT_ONCE_SEC:
            raise Broken(f"The call blocks the event loop for {took:.1f} s")
    finally:
        await driver.close()


@check("C13", Kind.SOURCE)
def close_source(subject: SourceSubject) -> int:
    """Closed twice, beside another instance, and opened again."""
    with subject.world() as world:
        thing, config = world.create("kit-thing"), subject.config(world)
        with _beside_a_closed_one(subject, config) as instances:
            for name, instance in zip(("another", "a new"), instances, strict=True):
                if thing not in {row["path"] for row in rows_of(instance.get_snapshot_iterator())}:
                    raise Broken(f"One instance was closed, and {name} instance no longer emits {thing!r}")
    return 2


@contextmanager
def _beside_a_closed_one(subject: Subject, config: Config) -> Iterator[tuple[Any, Any]]:
    """An instance that was there when another one was closed twice, and one in the place of that."""
    first = subject.driver_class("kit-a", config)
    with subject.instance(config, "kit-b") as other:
        asyncio.run(first.close())
        asyncio.run(first.close())
        with subject.instance(config, "kit-a") as again:
            yield other, again


@check("C13", Kind.PUSHER)
def close_pusher(subject: PusherSubject) -> int:
    """Closed twice, beside another instance, and opened again."""
    with subject.configured() as config, _beside_a_closed_one(subject, config) as (other, again):
        asyncio.run(_two_sessions(other, again))
    return 2


@check("C14")
def hostile_tracker(subject: SourceSubject) -> int:
    """Whatever the tracker does, rows carry the contract's fields."""
    seen = 0
    for what, tracker in _trackers().items():
        with subject.world() as world, subject.driver(world) as driver:
            first = world.create("kit-first")
            events = list(driver.get_snapshot_iterator(required_fields_tracker=tracker))
            with subject.stream(driver, required_fields_tracker=tracker) as stream:
                stream.require([world.create("kit-second")])
                events += stream.events
        if first not in {path for _, path in with_paths(events)}:
            raise Broken(f"With {what} the snapshot leaves out {first!r}")
        for row in rows_of(events):
            seen += 1
            if lacking := {"path", "mtime", "size"} - row.keys():
                raise Broken(f"With {what} a row lacks {sorted(lacking)}", row)
    return seen


def _trackers() -> dict[str, FieldsTracker | None]:
    """Those of the agents, which raise unless a fields_mapping is configured."""
    raising, whole, odd = FieldsTracker(), FieldsTracker(), FieldsTracker()
    raising.update_fields(None)
    odd.update_fields({"kit.no.such_field"})
    return {
        "no tracker": None,
        "a tracker that raises AttributeError": raising,
        "a tracker for all": whole,
        "a tracker for a field that there is not": odd,
    }
