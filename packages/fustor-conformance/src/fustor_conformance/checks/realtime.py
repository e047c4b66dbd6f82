"""Family M: the stream of changes, as a host that stops, closes, pauses and waits sees it."""

from __future__ import annotations

import asyncio
import posixpath
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

from fustor_conformance._paths import at_or_below
from fustor_conformance._reading import A_GENERATOR, Stream, eventually
from fustor_conformance._scenes import many, no_error
from fustor_conformance.checks.leaving import open_files
from fustor_conformance.histories.host import Host
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithBrokenConfig, WithInterruption, WithLongValues
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import DriverError

_STOP_SEC = 2.0
_CLOSE_SEC = 5.0
_TOLERANCE_SEC = 0.5
_A_MOMENT_SEC = 0.2
_AT_ONCE_SEC = 0.1
_TIMES = 3
_GONE_SEC = 0.3
_OUTAGES_SEC = (0.3, 0.0, 0.2)
_SMALL_QUEUE = 10
_BURST = 1200
_BURST_SEC = 2.5
_IDLE_SEC = 0.5
_IDLE_SHARE = 0.25
_ROUNDS = 3
_SETTLE_SEC = 5.0
_SECRET = "kit-s3cret"  # noqa: S105 - it must not turn up in any text
_CALLS: dict[str, Callable[[SourceDriver], object]] = {
    "get_snapshot_iterator": lambda driver: list(driver.get_snapshot_iterator()),
    "get_message_iterator": lambda driver: next(driver.get_message_iterator(stop_event=_soon()), None),
    "get_audit_iterator": lambda driver: list(driver.get_audit_iterator()),
    "get_latest_position": lambda driver: driver.get_latest_position(),
    "get_snapshot_partitions": lambda driver: driver.get_snapshot_partitions(2),
}
_OPTIONAL = {"get_audit_iterator", "get_latest_position", "get_snapshot_partitions"}


@check("M01")
def stops_in_time(subject: SourceSubject) -> int:
    """Idle, before anybody asked for an event, while changes come, and while the system is away."""
    with subject.world() as world:
        seen = sum(_stopped(subject, world, state) for state in ("idle", "asked for nothing yet", "busy"))
        seen += _never_late(subject, world)
        if isinstance(world, WithInterruption):
            with subject.driver(world) as driver, subject.stream(driver) as stream, world.interrupted():
                stream.wait_for(bool, seconds=_GONE_SEC)
                stream.stop_event.set()
                with suppress(DriverError):  # the one that it would have ended with anyway
                    _require_end(stream, "waiting for a system that is away", _STOP_SEC + _TOLERANCE_SEC)
                seen += 1
        return seen


def _stopped(subject: SourceSubject, world: SourceWorld, state: str) -> int:
    is_new = state == "asked for nothing yet"
    with subject.driver(world) as driver, subject.stream(driver, paused=is_new) as stream:
        if not is_new:
            stream.wait_for(bool, seconds=_A_MOMENT_SEC)  # so that the stop finds it waiting
        stream.stop_event.set()
        is_busy = state == "busy" and "create" in world.operations
        if is_busy:
            _keep_creating(world, stream)
        _require_end(stream, state, 0 if is_busy else _STOP_SEC + _TOLERANCE_SEC)
    return 1


def _never_late(subject: SourceSubject, world: SourceWorld) -> int:
    """Idle once more, right after it began to wait: by a little too late may be the machine's, three times is not."""
    took: list[float] = []
    for _ in range(_TIMES):
        with subject.driver(world) as driver, subject.stream(driver) as stream:
            stream.wait_for(bool, seconds=_AT_ONCE_SEC)
            stream.stop_event.set()
            began = time.monotonic()
            _require_end(stream, "idle", _STOP_SEC + _TOLERANCE_SEC)
            took.append(time.monotonic() - began)
        if took[-1] <= _STOP_SEC:
            return len(took)
    raise Broken(
        f"The stream, idle, ended {min(took):.1f} s or more after its stop_event, {_TIMES} times out of {_TIMES},"
        f" not within {_STOP_SEC:g} s: does it sleep without looking at it?"
    )


def _keep_creating(world: SourceWorld, stream: Stream) -> None:
    """Changes until the stream ends, or must have ended."""
    deadline = time.monotonic() + _STOP_SEC + _TOLERANCE_SEC
    for number in count():
        if stream.wait_for_end(0) or time.monotonic() > deadline:
            return
        world.create(f"kit-busy-{number}-{id(stream)}")


def _require_end(stream: Stream, state: str, seconds: float) -> None:
    if not stream.wait_for_end(seconds):
        raise Broken(f"The stream, {state}, did not end within {_STOP_SEC:g} s of its stop_event")


@check("M02")
def close_ends_it(subject: SourceSubject) -> int:
    """Closed under a reader that waits, and before anybody has asked for an event."""
    with subject.world() as world:
        for state, is_new in {"idle": False, "asked for nothing yet": True}.items():
            with subject.driver(world) as driver, subject.stream(driver, paused=is_new) as stream:
                if not is_new:
                    stream.wait_for(bool, seconds=_A_MOMENT_SEC)  # so that close finds it waiting
                asyncio.run(driver.close())
                if not stream.wait_for_end(_CLOSE_SEC):
                    raise Broken(f"The stream, {state}, did not end within {_CLOSE_SEC:g} s of close()")
    return 2


@check("M03")
def armed_on_return(subject: SourceSubject) -> int:
    """Change first, ask afterwards: new things, new containers, and what was there before."""
    with subject.world() as world, subject.driver(world) as driver:
        old = [world.create(f"kit-known-{number}") for number in range(2)]
        with subject.stream(driver, paused=True) as stream:
            if stream.is_lazy:
                raise Broken(A_GENERATOR)
            paths = [world.create(f"kit-{number}") for number in range(3)]
            if "nest" in world.operations:
                paths.append(world.create("kit-box/inner/thing"))
            if "modify" in world.operations:
                world.modify(old[0])
                paths.append(old[0])
            gone = old[1:] if "delete" in world.operations else []
            for path in gone:
                world.delete(path)
            stream.require(paths, deleted=gone)
            return len(stream.events)


@check("M04")
def survives_interruption(subject: SourceSubject) -> int:
    """The system goes away and comes back, several times, and something changes right before and right after."""
    with (
        subject.world() as world,
        subject.driver(world) as driver,
        subject.stream(driver, after_faults=True) as stream,
    ):
        assert isinstance(world, WithInterruption)  # noqa: S101 - the table says that this check needs it
        paths = [world.create("kit-first")]
        stream.require(paths)
        for number, seconds in enumerate(_OUTAGES_SEC):
            paths.append(world.create(f"kit-before-{number}"))
            with world.interrupted():
                stream.wait_for(lambda _: False, seconds=seconds)
            paths.append(world.create(f"kit-after-{number}"))
            if "modify" in world.operations:
                world.modify(paths[0])
            with no_error(lambda err: f"A fault that passed ended the stream: {err!r}"):
                stream.require(paths)
        return len(stream.events)


@check("M05")
def fatal_is_driver_error(subject: SourceSubject) -> int:
    """A system that is not there."""
    world = subject.make_world()
    with world:
        assert isinstance(world, WithBrokenConfig)  # noqa: S101 - the table says that this check needs it
        keywords = {"max_retries": 1, "retry_delay_sec": 0.01, **world.broken()}
        config = subject.parse({"credential": {"user": "kit", "passwd": _SECRET}, **keywords})
        for name, call in _CALLS.items():
            if name in subject.capabilities or name not in _OPTIONAL:
                _require_driver_error(name, call, subject.driver_class("kit", config))
        _require_calm(subject.driver_class("kit", config))
    return len(_CALLS)


def _require_driver_error(name: str, call: Callable[[SourceDriver], object], driver: SourceDriver) -> None:
    """An optional one may also say nothing: an audit can mark the root as not listed."""
    try:
        with no_error(lambda err: f"{name} raises {type(err).__name__}, not a DriverError: {err}", but=DriverError):
            call(driver)
    except DriverError as err:
        if _SECRET in str(err):
            raise Broken(f"{name} raises an error that shows the password", err) from err
        return
    if name not in _OPTIONAL:
        raise Broken(f"{name} says nothing of a system that does not exist")


def _require_calm(driver: SourceDriver) -> None:
    """What never raises, whatever is there."""
    with no_error(lambda _: "is_position_available, acknowledge or close raises where the system does not exist"):
        answer = driver.is_position_available(1)
        driver.acknowledge(1)
        asyncio.run(driver.close())
    if answer is not False:
        raise Broken(f"is_position_available(1) gives {answer!r} where the system does not exist, not False")


def _soon() -> threading.Event:
    stop = threading.Event()
    timer = threading.Timer(_STOP_SEC, stop.set)
    timer.daemon = True
    timer.start()
    return stop


@check("M06")
def rename_is_two(subject: SourceSubject) -> int:
    """The old path goes, the new one comes, and so for all below."""
    with subject.world() as world, subject.driver(world) as driver:
        path = world.create("kit-old")
        inner = world.create("kit-container/inner/thing") if "nest" in world.operations else None
        with subject.stream(driver) as stream:
            gone, come = [path], [world.rename(path, "kit-new")]
            if inner is not None:
                moved = _rename_top(world, inner)
                gone, come = gone + moved[0], come + moved[1]
            stream.require(come, deleted=gone)
            return len(stream.events)


def _rename_top(world: SourceWorld, inner: str) -> tuple[list[str], list[str]]:
    """Old and new paths of a container, two levels above `inner`, that was renamed."""
    container = posixpath.dirname(posixpath.dirname(inner))
    old = at_or_below(world.list(), container)
    new = world.rename(container, "kit-moved")
    return old, [new + path[len(container) :] for path in old]


@check("M07")
def burst(subject: SourceSubject) -> int:
    """More than the queue holds, before anybody reads."""
    with (
        subject.world() as world,
        subject.driver(world, max_queue_size=_SMALL_QUEUE) as driver,
        subject.stream(driver, paused=True) as stream,
    ):
        paths = many(world, lambda number: f"kit-{number}", _BURST, _BURST_SEC, least=2 * _SMALL_QUEUE)
        stream.require(paths)
        return len(stream.events)


@check("M08")
def idle_cpu(subject: SourceSubject) -> int:
    """Half a second of nothing, less what the threads need that a driver with bad manners has left behind."""
    bad = subject.manners.ignores_stop or subject.manners.hangs
    others = _used(lambda: threading.Event().wait(_IDLE_SEC)) if bad else 0.0
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        stream.wait_for(bool, seconds=0.2)
        share = (_used(lambda: stream.wait_for(lambda _: False, seconds=_IDLE_SEC)) - others) / _IDLE_SEC
        if share > _IDLE_SHARE:
            raise Broken(f"Idle, the stream needs {share:.0%} of a core")
    return 1


def _used(wait: Callable[[], object]) -> float:
    """The seconds of a core that this process uses up while `wait` waits."""
    began = time.process_time()
    wait()
    return time.process_time() - began


@check("M09")
def leaves_nothing(subject: SourceSubject) -> int:
    """Threads and handles after some rounds."""
    with subject.world() as world:
        for number in range(_ROUNDS):
            if number == 1:
                threads, handles = set(threading.enumerate()), open_files()
            with subject.driver(world) as driver:
                _use(subject, driver, world, f"kit-thing-{number}")
        left = set(threading.enumerate()) - threads
        if not eventually(lambda: not any(thread.is_alive() for thread in left), _SETTLE_SEC):
            raise Broken(f"{len(left)} threads are left", *sorted(thread.name for thread in left))
        if not eventually(lambda: open_files() <= handles, _SETTLE_SEC):
            raise Broken(f"{open_files() - handles} more file descriptors are open than before")
    return _ROUNDS


def _use(subject: SourceSubject, driver: SourceDriver, world: SourceWorld, key: str) -> None:
    with subject.stream(driver) as stream:
        if "create" in world.operations:
            stream.require([world.create(key)])
        stream.stop_event.set()
        stream.wait_for_end(subject.options.patience_sec)


@check("M10")
def long_values_stay(subject: SourceSubject) -> int:
    """Changed beside their long values: during the snapshot, with their keys, with keys exchanged."""
    with subject.world() as world:
        assert isinstance(world, WithLongValues)  # noqa: S101 - the table says that this check needs it
        paths = [world.create_long(f"kit-long-{number}") for number in range(5)]
        with Host(subject, world) as consumer:
            return sum(_long_values(world, world, consumer, paths))


def _long_values(world: SourceWorld, holder: WithLongValues, consumer: Host, paths: list[str]) -> Iterator[int]:
    world.modify(paths[0])
    consumer.catch_up()
    consumer.step_snapshot()
    world.modify(paths[1])
    consumer.finish_snapshot()
    yield consumer.require_equal("After changes during the snapshot, beside long values,")
    if "rename" in world.operations:
        paths[2] = world.rename(paths[2], "kit-long-moved")
        yield consumer.require_equal("After a thing with a long value got another key")
    holder.exchange(paths[3], paths[4])
    yield consumer.require_equal("After two things with long values exchanged their keys")
    if "delete" in world.operations:
        world.delete(paths[0])
        paths[0] = holder.create_long("kit-long-0")
    for path in paths:
        world.modify(path)
    yield consumer.require_equal("After later changes beside long values")
