"""Family C, what is selected: the answer by which a host knows that it resumes with the rows that it had."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeAlias

from fustor_conformance._reading import last_word, rows_of
from fustor_conformance._recording import churn
from fustor_conformance.apart.other_process import NotSeenElsewhere, ask_elsewhere
from fustor_conformance.histories.exclusions import SUFFIX, excluding
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.exceptions import DriverError
from fustor_core.models.config import SourceConfig
from fustor_driver.hosts.calls import connection_of

_Selected: TypeAlias = dict[str, frozenset[str]]

_ANSWER_SEC = 10.0
"""What the guide host waits before it takes the selection as not known."""
_THINGS = 4


@check("C25")
def selection_as_chosen(subject: SourceSubject) -> int:
    """Asked before and after rows come and go, elsewhere, and under configurations that select something else."""
    with subject.world() as world:
        config = subject.config(world)
        first = _named(subject, config)
        if first is None:
            raise NotApplicable("The driver names no selection: address, driver_params and fields stand for it")
        seen = sum(_require_same(when, first, _named(subject, config)) for when in _history(subject, world))
        seen += _same_elsewhere(subject, world, first)
        return seen + _others(subject, world, first)


def _named(subject: SourceSubject, config: SourceConfig) -> Any:
    """What is selected, as JSON gives it back; None where the driver does not say.

    Raises:
        Broken: it is no JSON, or comes too late.
    """
    began = time.monotonic()
    answer: Any = asyncio.run(subject.driver_class.get_available_fields(**connection_of(config)))
    took = time.monotonic() - began
    if took > _ANSWER_SEC * subject.manners.slowness:
        raise Broken(f"get_available_fields takes {took:.1f} s; a host waits {_ANSWER_SEC:g} s for the selection")
    try:
        return json.loads(json.dumps(answer.get("selection"), allow_nan=False))
    except (TypeError, ValueError) as err:
        raise Broken(f"The selection is not JSON: {err}", answer["selection"]) from err


def _history(subject: SourceSubject, world: SourceWorld) -> Iterator[str]:
    """Moments at which the same is selected as before."""
    yield "Asked again"
    if "create" not in world.operations:
        return
    paths = [world.create(f"kit-{number}") for number in range(_THINGS)]
    churn(world, paths[:3])
    yield "After rows came, changed and went"
    with subject.driver(world) as driver, subject.stream(driver) as stream:
        path = world.create("kit-late")
        stream.wait_for(lambda events: last_word(events).get(path) is True)
        list(driver.get_snapshot_iterator())
        yield "After a stream and a snapshot were read"


def _require_same(when: str, first: Any, now: Any) -> int:
    if now != first:
        raise Broken(
            f"{when} the driver names another selection, though the same rows and columns are selected: each start"
            " would take a snapshot",
            first,
            now,
        )
    return 1


def _same_elsewhere(subject: SourceSubject, world: SourceWorld, first: Any) -> int:
    try:
        ((there,),) = ask_elsewhere(subject, world, [{"fields": True}])
    except NotSeenElsewhere:
        return 0
    return _require_same("Asked in another process, with another seed of hash()", first, there.get("selection"))


def _others(subject: SourceSubject, world: SourceWorld, first: Any) -> int:
    """Configurations under which a snapshot has other paths or columns."""
    if "create" in world.operations:
        world.create(f"kit-left-out{SUFFIX}")
    known = _selected(subject, subject.config(world))
    seen = 0
    for config in _configurations(subject, world):
        try:
            told = _selected(subject, config)
        except DriverError:
            continue  # it selects nothing, and says so
        if told != known and _named(subject, config) == first:
            raise Broken(
                "Other rows or columns are selected, and the selection is the same: a host resumes, and what the log"
                " does not repeat is missing",
                f"driver_params {config.driver_params!r}",
                *sorted(known.keys() ^ told.keys())[:3],
            )
        seen += told != known
    return seen


def _configurations(subject: SourceSubject, world: SourceWorld) -> Iterator[SourceConfig]:
    """One that leaves things out by their names, and those in which a list of names is shorter."""
    keywords = world.config()
    with suppress(NotApplicable):
        yield subject.parse(excluding(subject, world))
    params = keywords.get("driver_params") or {}
    for name, value in params.items():
        if isinstance(value, list | tuple) and len(value) > 1:
            for place in (0, len(value) - 1):
                shorter = [one for number, one in enumerate(value) if number != place]
                yield subject.parse({**keywords, "driver_params": {**params, name: shorter}})


def _selected(subject: SourceSubject, config: SourceConfig) -> _Selected:
    """Each path of a snapshot with its columns."""
    with subject.instance(config) as driver:
        rows = rows_of(driver.get_snapshot_iterator())
    return {row["path"]: frozenset(row.get("record") or ()) for row in rows}
