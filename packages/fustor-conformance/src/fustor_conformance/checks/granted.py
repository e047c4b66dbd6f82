"""Family C: positions that a source grants, so that a host takes no snapshot."""

from __future__ import annotations

import asyncio

from fustor_conformance._reading import with_paths
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver

_LIFELESS_POSITIONS = (-1, -(2**63))
_FAR_POSITIONS = (2**62, 2**80)
_SMALL_POSITIONS = (1, 12345)


@check("C07")
def position_truths(subject: SourceSubject) -> int:
    """False where something could be missing, and never an exception."""
    with subject.configured() as config:
        instance = subject.driver_class("kit", config)
        try:
            is_from_zero = instance.is_position_available(0) is True and subject.world_factory is not None
            positions = (
                *_LIFELESS_POSITIONS,
                *_FAR_POSITIONS,
                *(_SMALL_POSITIONS if instance.is_transient else ()),
                *(() if is_from_zero else (0,)),
            )
            for position in positions:
                if (answer := instance.is_position_available(position)) is not False:
                    raise Broken(f"is_position_available({position}) gives {answer!r}, not False")
            if not isinstance(answer := instance.is_position_available(1), bool):
                raise Broken(f"is_position_available(1) gives {answer!r}, not a bool")
            granted = [position for position in _SMALL_POSITIONS if instance.is_position_available(position) is True]
        finally:
            asyncio.run(instance.close())
    seen = len(positions) + len(_SMALL_POSITIONS)
    if instance.is_transient and subject.world_factory is not None:
        seen += _require_none_granted(subject)
    if granted and subject.world_factory is not None:
        seen += _require_indexes(subject, granted[0])
    return seen + (_require_all_from_zero(subject) if is_from_zero else 0)


def _require_indexes(subject: SourceSubject, granted: int) -> int:
    """A source that grants a position has some: an index that is -1 can be resumed from nowhere."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        if "create" not in world.operations:
            return 0
        stream.require([world.create("kit-one")])
        told = [event for event in stream.events if event.rows]
        if all(event.index == -1 for event in told):
            raise Broken(
                f"is_position_available({granted}) gives True, so that a host takes no snapshot, and every index is -1:"
                " there is no position to resume from",
                *told[:2],
            )
        return len(told)


def _require_none_granted(subject: SourceSubject) -> int:
    """Not even what was delivered a moment ago, nor the end of the log."""
    with subject.world() as world, subject.driver(world) as driver:
        positions = _delivered(subject, world, driver)
        for position in positions:
            if driver.is_position_available(position):
                raise Broken(
                    f"is_transient is True, as of a source that keeps nothing, and is_position_available({position}),"
                    " which was delivered, gives True"
                )
    return len(positions)


def _delivered(subject: SourceSubject, world: SourceWorld, driver: SourceDriver) -> set[int]:
    """The indexes of a change or two."""
    if "create" not in world.operations:
        return set()
    try:
        with subject.stream(driver) as stream:
            path = world.create("kit-transient")
            stream.wait_for(lambda events: any(path == told for _, told in with_paths(events)))
            return {event.index for event in stream.events}
    except NotImplementedError:
        raise
    except Exception as err:  # noqa: BLE001 - why a stream fails, other rules say
        del err
        return set()


def _require_all_from_zero(subject: SourceSubject) -> int:
    """0 is what agents ask where nothing is committed: whoever grants it needs no snapshot, and tells everything."""
    with subject.world() as world:
        if "create" in world.operations:
            for number in range(3):
                world.create(f"kit-{number}")
        with subject.driver(world) as driver:
            if driver.is_position_available(0) is not True:
                return 0
            with subject.stream(driver, 0) as stream:
                there = {path for path, row in world.list().items() if not row.get("is_directory")}
                if not stream.wait_for(lambda events: there <= {path for _, path in with_paths(events)}):
                    raise Broken(
                        "is_position_available(0) gives True, so that a host takes no snapshot, and the stream from 0"
                        " does not tell all that is there",
                        *sorted(there)[:3],
                    )
                return len(there)
