"""Family M: the stream of changes, as a host that stops, closes, pauses and waits sees it."""

from __future__ import annotations

import asyncio
import posixpath
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fustor_conformance._reading import eventually
from fustor_conformance.histories.host import Host
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithBrokenConfig, WithInterruption, WithLongValues
from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import ConfigError, DriverError

_STOP_SEC = 2.0
_CLOSE_SEC = 5.0
_TOLERANCE_SEC = 0.5
_GONE_SEC = 0.3
_SMALL_QUEUE = 10
_BURST = 200
_IDLE_SEC = 0.5
_IDLE_SHARE = 0.25
_ROUNDS = 3
_SETTLE_SEC = 5.0


@check("M01")
def stops_in_time(subject: SourceSubject) -> int:
    """Idle, then told to stop."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        stream.wait_for(bool, seconds=0.2)  # idle for a moment, so that the stop finds it waiting
        stream.stop_event.set()
        if not stream.wait_for_end(_STOP_SEC + _TOLERANCE_SEC):
            raise Broken(f"The stream did not end within {_STOP_SEC:g} s of its stop_event")
    return 1


@check("M02")
def close_ends_it(subject: SourceSubject) -> int:
    """Closed under a reader that waits."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        stream.wait_for(bool, seconds=0.2)  # idle for a moment, so that close finds it waiting
        asyncio.run(driver.close())
        if not stream.wait_for_end(_CLOSE_SEC):
            raise Broken(f"The stream did not end within {_CLOSE_SEC:g} s of close()")
    return 1


@check("M03")
def armed_on_return(subject: SourceSubject) -> int:
    """Change first, ask afterwards."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver, paused=True) as stream:
        paths = [world.create(f"kit-{number}") for number in range(3)]
        stream.require(paths)
        return len(stream.events)


@check("M04")
def survives_interruption(subject: SourceSubject) -> int:
    """The system goes away and comes back."""
    with subject.world() as world, subject.driver(world) as driver, subject.stream(driver) as stream:
        assert isinstance(world, WithInterruption)  # noqa: S101 - the table says that this check needs it
        stream.require([world.create("kit-before")])
        with world.interrupted():
            stream.wait_for(lambda _: False, seconds=_GONE_SEC)
        try:
            stream.require([world.create("kit-after")])
        except NotImplementedError:
            raise
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"A fault that passed ended the stream: {error!r}") from error
        return len(stream.events)


@check("M05")
def fatal_is_driver_error(subject: SourceSubject) -> int:
    """A system that is not there."""
    world = subject.make_world()
    with world:
        assert isinstance(world, WithBrokenConfig)  # noqa: S101 - the table says that this check needs it
        config = subject.parse({"max_retries": 1, "retry_delay_sec": 0.01, **world.broken()})
        calls: dict[str, Callable[[SourceDriver], object]] = {
            "get_snapshot_iterator": lambda driver: list(driver.get_snapshot_iterator()),
            "get_message_iterator": lambda driver: next(driver.get_message_iterator(stop_event=_soon()), None),
        }
        for name, call in calls.items():
            try:
                call(subject.driver_class("kit", config))
            except (DriverError, ConfigError):
                continue
            except NotImplementedError:
                raise
            except Exception as error:
                raise Broken(f"{name} raises {type(error).__name__}, not a DriverError", error) from error
            raise Broken(f"{name} says nothing of a system that does not exist")
    return len(calls)


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
    old = [path for path in world.list() if path == container or path.startswith(f"{container}/")]
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
        paths = [world.create(f"kit-{number}") for number in range(_BURST)]
        there = world.list()
        stream.require([path for path in paths if path in there])
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
                threads, handles = set(threading.enumerate()), _handles()
            with subject.driver(world) as driver:
                _use(subject, driver, world, f"kit-thing-{number}")
        left = set(threading.enumerate()) - threads
        if not eventually(lambda: not any(thread.is_alive() for thread in left), _SETTLE_SEC):
            raise Broken(f"{len(left)} threads are left", *sorted(thread.name for thread in left))
        if not eventually(lambda: _handles() <= handles, _SETTLE_SEC):
            raise Broken(f"{_handles() - handles} more file descriptors are open than before")
    return _ROUNDS


def _use(subject: SourceSubject, driver: SourceDriver, world: SourceWorld, key: str) -> None:
    with subject.stream(driver) as stream:
        if "create" in world.operations:
            stream.require([world.create(key)])
        stream.stop_event.set()
        stream.wait_for_end(subject.options.patience_sec)


def _handles() -> int:
    """Open file descriptors, where the system tells; 0 elsewhere."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.is_dir() else 0


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
