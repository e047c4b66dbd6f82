"""Family C: what instances and processes have in common is the system, and nothing in memory."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import Any

from fustor_conformance._paths import containers
from fustor_conformance._reading import last_word, rows_of
from fustor_conformance._recording import AUDIT
from fustor_conformance._stubs import unwritten
from fustor_conformance.apart.other_process import NotSeenElsewhere, Rows, ask_elsewhere
from fustor_conformance.checks.audit import run_pairs
from fustor_conformance.checks.meanwhile import audited
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.histories.exclusions import own_models
from fustor_conformance.monitor import observed
from fustor_conformance.monitor.rows import is_finite
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import Kind, check
from fustor_conformance.subject import Config, SourceSubject, Subject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import ConfigError

_HOUR_SEC = 3600.0
_UNKNOWN = "kit_no_such_parameter"
_NO_CONTAINER = "kit_no_such_container"


@check("C19")
def another_process(subject: SourceSubject) -> int:
    """Built anew from its class and its JSON: snapshot, audit and resumed stream are those of this process."""
    with subject.world() as world, subject.driver(world) as driver:
        populate(world)
        with subject.stream(driver) as stream:
            stream.require([world.create("kit-late")])
            start = max((event.index for event in list(stream.events)), default=-1)
            late = list(dict.fromkeys(world.create(f"kit-later-{number}") for number in range(2)))
            stream.require(late)
        jobs: list[dict[str, Any]] = [{}]
        if AUDIT in subject.capabilities:
            jobs.append({"audit": True})
        if resumes := driver.is_position_available(start):
            jobs.append({"start": start, "paths": late})
        try:
            snapshot, *others = ask_elsewhere(subject, world, jobs)
        except NotSeenElsewhere as err:
            raise NotApplicable("No other process sees this World") from err
        _require_same("The snapshot", snapshot, rows_of(driver.get_snapshot_iterator()))
        if AUDIT in subject.capabilities:
            _require_same("The audit", others[0], rows_of(audited(driver, None)))
        if resumes and (lacking := set(late) - {row["path"] for row in others[-1]}):
            raise Broken(f"Resumed at {start} by another process, the stream leaves out {sorted(lacking)}")
        return len(snapshot) + len(others)


def _require_same(what: str, there: Rows, here: Rows) -> None:
    """The same rows; clocks may have gone on, by less than any time zone differs."""
    found = {row["path"]: row for row in there}
    known = {row["path"]: row for row in json.loads(json.dumps(here))}
    if odd := found.keys() ^ known.keys():
        raise Broken(f"{what} of another process has other paths", *sorted(odd)[:5])
    for path, row in known.items():
        for name, value in row.items():
            other = found[path].get(name)
            is_time = name.endswith("time") and isinstance(value, float | int) and isinstance(other, float | int)
            if abs(value - other) > _HOUR_SEC / 4 if is_time else value != other:
                raise Broken(
                    f"{what} of another process, in another time zone, has {name}={other!r} of {path!r}, not {value!r}"
                )


@check("C20")
def nothing_shared(subject: SourceSubject) -> int:
    """Two systems of one class, read in turns under one id."""
    with ExitStack() as stack:
        worlds = [stack.enter_context(subject.world()) for _ in range(2)]
        known = [world.create(f"kit-known-to-{place}") for place, world in enumerate(worlds)]
        drivers = [stack.enter_context(subject.driver(world)) for world in worlds]
        streams = [stack.enter_context(subject.stream(driver)) for driver in drivers]
        ours = [[world.create(f"kit-{turn}-of-{place}") for turn in range(3)] for place, world in enumerate(worlds)]
        for stream, paths in zip(streams, ours, strict=True):
            stream.require(paths)
        seen = 0
        for driver, world, path in zip(drivers, worlds, known, strict=True):
            told = {row["path"] for row in rows_of(driver.get_snapshot_iterator())} - {"/"}
            if path not in told or told - world.list().keys():
                raise Broken("The snapshot of one of two systems has not what is in it", path, *sorted(told)[:5])
            seen += len(told)
        if AUDIT in subject.capabilities:
            caches: list[dict[str, float]] = [{}, {}]
            for _ in range(2):
                seen += sum(map(_audit, drivers, worlds, caches))
        asyncio.run(drivers[0].close())
        streams[1].require([worlds[1].create("kit-late")])
        own = [{path, *paths} for path, paths in zip(known, ours, strict=True)]
        for stream, theirs in zip(streams, (own[1] - own[0], own[0] - own[1]), strict=True):
            if foreign := sorted(theirs & last_word(stream.events).keys()):
                raise Broken("The stream of one of two systems emits what is in the other alone", *foreign[:3])
        return seen + _statistics(subject, drivers[1])


def _audit(driver: SourceDriver, world: SourceWorld, cache: dict[str, float]) -> int:
    told = {row["path"] for row in run_pairs(driver, cache)}
    containers = {path for path in told if any(other.startswith(f"{path.rstrip('/')}/") for other in told)}
    if foreign := {path for path in told - containers - cache.keys() if path not in world.list()}:
        raise Broken("The audit of one system reports what is in another", *sorted(foreign)[:3])
    return len(told)


def _statistics(subject: SourceSubject, driver: SourceDriver) -> int:
    if "statistics" not in subject.capabilities:
        return 1
    counted = dict(driver.statistics())
    if odd := {k: v for k, v in counted.items() if not isinstance(k, str) or not is_finite(v)}:
        raise Broken("statistics() has something else than finite numbers by name", odd)
    json.dumps(counted, allow_nan=False)
    if not counted:
        raise Broken("`statistics` is declared, and there are none after a snapshot and a stream")
    return len(counted)


@check("C21")
def unknown_parameter(subject: Subject) -> int:
    """One parameter more than the World gives, and for a source one that names a container which is not there."""
    with subject.configured() as config:
        if not config.driver_params and not own_models(subject.driver_class):
            raise NotApplicable("The World gives no driver_params")
        seen = _require_config_error(subject, config, {_UNKNOWN: 1})
    if isinstance(subject, SourceSubject) and subject.world_factory is not None:
        seen += _unknown_containers(subject)
    return seen


def _unknown_containers(subject: SourceSubject) -> int:
    """Each parameter that says what a container of a database is called, with another name."""
    with subject.world() as world:
        path, config = world.create("kit-thing"), subject.config(world)
        if any(row.get("is_directory") for row in world.list().values()):
            return 0
        known = {part for up in containers(path) for part in up.split("/") if part}
        named = {name: value for name, value in config.driver_params.items() if _is_named(value, known)}
        changes = (
            {name: _NO_CONTAINER if isinstance(value, str) else [_NO_CONTAINER]} for name, value in named.items()
        )
        return sum(_require_config_error(subject, config, change) for change in changes)


def _is_named(value: object, known: set[str]) -> bool:
    """Whether this is the name of a container, such as `public.items`, or a list of such names."""
    if isinstance(value, str):
        return bool(value) and set(value.replace("/", ".").strip(".").split(".")) <= known
    return isinstance(value, list) and bool(value) and all(isinstance(n, str) and _is_named(n, known) for n in value)


def _require_config_error(subject: Subject, config: Config, change: dict[str, Any]) -> int:
    """Refused by the constructor, or by the first event that is asked for."""
    error = refusal(subject, config, change, in_use=subject.kind is Kind.SOURCE)
    if error is None:
        raise Broken(f"{change} in driver_params is taken without a word")
    if not isinstance(error, ConfigError):
        raise Broken(f"driver_params with {change} is a {type(error).__name__}, not a ConfigError") from error
    return 1


@check("C22")
def wrong_parameters(subject: Subject) -> int:
    """Those of the World with values of no sensible type, and how one is refused that no driver knows."""
    with subject.configured() as config, observed(subject.driver_class):
        wrong = {_UNKNOWN: 1} | {name: {"kit": [None]} for name in config.driver_params}
        for name, value in wrong.items():
            _require_named(name, refusal(subject, config, {name: value}, in_use=True))
        return len(wrong)


def _require_named(name: str, error: Exception | None) -> None:
    what = "unknown" if name == _UNKNOWN else "wrong"
    if error is None and what == "wrong":  # whether an unknown one is accepted is C21's question
        raise Broken(f"The wrong parameter {name!r} of driver_params is accepted")
    if isinstance(error, ConfigError) and name not in str(error):
        raise Broken(f"The ConfigError does not name the {what} parameter {name!r}", str(error)) from error
    if error is not None and not isinstance(error, ConfigError):
        raise Broken(f"With the {what} parameter {name!r} the driver raises {type(error).__name__}: {error}") from error


def refusal(subject: Subject, config: Config, changes: dict[str, Any], *, in_use: bool) -> Exception | None:
    """What the driver raises when it is made with other `driver_params`, or at the latest when it is used.

    Raises:
        NotImplementedError: something of the driver's is still to be written.
    """
    changed = config.model_copy(update={"driver_params": {**config.driver_params, **changes}})
    try:
        with subject.instance(changed) as instance:
            if in_use and subject.kind is Kind.PUSHER:
                asyncio.run(instance.create_session("kit:task"))
            elif in_use:
                next(iter(instance.get_snapshot_iterator()), None)
    except NotImplementedError as err:
        if unwritten(err, subject.driver_class):
            raise
        return err
    except Exception as err:  # noqa: BLE001 - which one it is, is what is judged
        return err
    return None
