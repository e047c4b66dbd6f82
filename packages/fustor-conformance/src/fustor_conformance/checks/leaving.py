"""Family C: what a driver leaves behind, in the process, in what it was given, and of its own."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fustor_conformance._desk import TASK, told
from fustor_conformance._reading import eventually
from fustor_conformance._recording import AUDIT, heard, require_clean
from fustor_conformance._scenes import whatever_it_raises
from fustor_conformance.apart.other_process import left_behind
from fustor_conformance.durability.crashes import Destination, first_snapshot
from fustor_conformance.durability.elsewhere import CLOSING, COMMITTING, LOOKING, opening, pushing
from fustor_conformance.monitor import observed
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import Kind, check, check_by
from fustor_conformance.subject import PusherSubject, SourceSubject
from fustor_conformance.worlds import PusherWorld, SourceWorld
from fustor_event_model import MessageSource

_ROUNDS = 4
_FIRST_COUNTED = 2
"""What all instances share may be made in the rounds before."""
_SETTLE_SEC = 5.0


@check("C15", Kind.SOURCE)
def source_leaves_the_process(subject: SourceSubject) -> int:
    """All phases, in the main thread of a process too, and the process is as it was."""
    seen = heard(subject, "C15")
    with subject.world() as world:
        if "create" in world.operations:
            world.create("kit-thing")
        _require_as_found(left_behind(subject, world))
    return seen + 1


@check("C15", Kind.PUSHER)
def pusher_leaves_the_process(subject: PusherSubject) -> int:
    """A session from its start to its end, in the main thread of a process too, and the process is as it was."""
    seen = _pushed(subject, "C15")
    with subject.world() as world, suppress(NotApplicable):  # no process can be forked here
        steps = [LOOKING, opening(), pushing(*first_snapshot(), is_snapshot_end=True), COMMITTING, CLOSING]
        ended = Destination(subject, world).run(*steps, LOOKING)
        _require_as_found(ended.said[-1].reply if len(ended.said) > len(steps) else [])
    return seen + 1


def _require_as_found(left: list[str]) -> None:
    if left:
        raise Broken(f"In the main thread of a process, after the driver was at work, {left[0]}", *left[1:])


def _heard(subject: SourceSubject | PusherSubject, rule_id: str) -> int:
    """How often the monitor could have heard the rule broken, in all phases or in a session."""
    return heard(subject, rule_id) if isinstance(subject, SourceSubject) else _pushed(subject, rule_id)


check_by("C16", "Nothing but DriverErrors.", lambda subject: _heard(subject, "C16"))
check_by("C18", "Field by field, the driver's own parameters included.", lambda subject: _heard(subject, "C18"))


def _pushed(subject: PusherSubject, rule_id: str) -> int:
    """How often a session could have broken the rule."""
    error = None
    with observed(subject.driver_class, kept=frozenset({rule_id})) as monitor, subject.world() as world:
        try:
            asyncio.run(_one_session(subject, world))
        except Exception as raised:  # noqa: BLE001 - why a session breaks off is said by other checks
            error = raised
    require_clean(monitor.findings, rule_id)
    if error is not None and (isinstance(error, NotImplementedError) or not monitor.observed[rule_id]):
        raise error
    return monitor.observed[rule_id]


async def _one_session(subject: PusherSubject, world: PusherWorld, held: list[object] | None = None) -> None:
    pusher = subject.driver(world)
    if held is not None:
        held.append(pusher)
    try:
        session = (await pusher.create_session(TASK))["session_id"]
        await pusher.get_latest_committed_index(session_id=session)
        rows = [told(MessageSource.SNAPSHOT, f"/kit-{number}") for number in range(3)]
        await pusher.push(rows, session_id=session, source_type="snapshot")
        await pusher.push([], session_id=session, source_type="snapshot", is_snapshot_end=True)
        await pusher.push([told(MessageSource.REALTIME, "/kit-a", index=1)], session_id=session)
        await pusher.heartbeat(session_id=session)
    finally:
        await pusher.close()


@check("C17", Kind.PUSHER)
def pusher_leaves_nothing(subject: PusherSubject) -> int:
    """Session after session, each with an instance of its own."""
    with subject.world() as world:

        def use(held: list[object]) -> None:
            with whatever_it_raises():  # what it leaves is looked at
                asyncio.run(_one_session(subject, world, held))

        return _require_no_growth(use)


@check("C17", Kind.SOURCE)
def source_leaves_nothing(subject: SourceSubject) -> int:
    """Snapshots and audits, whole and abandoned, each with an instance of its own."""
    with subject.world() as world:
        for number in range(3):
            world.create(f"kit-{number}")
        return _require_no_growth(lambda held: _read_all(subject, world, held))


def _read_all(subject: SourceSubject, world: SourceWorld, held: list[object]) -> None:
    with subject.driver(world) as driver:
        held.append(driver)
        list(driver.get_snapshot_iterator())
        next(iter(driver.get_snapshot_iterator(batch_size=1)), None)
        if AUDIT in subject.capabilities:
            list(driver.get_audit_iterator())
            abandoned = iter(driver.get_audit_iterator(batch_size=1))
            next(abandoned, None)
            next(abandoned, None)
        driver.is_position_available(1)
        if "get_latest_position" in subject.capabilities:
            driver.get_latest_position()


def _require_no_growth(use: Callable[[list[object]], None]) -> int:
    """Of instances that are closed and still held: what goes when nobody holds them was not released by close."""
    held: list[object] = []
    with _own_temporary_directory() as place:
        counts: dict[str, Callable[[], int]] = {**_COUNTS, "temporary files": lambda: len(list(place.iterdir()))}
        for number in range(_ROUNDS):
            if number == _FIRST_COUNTED:
                before = {name: count() for name, count in counts.items()}
            use(held)
        _require_as_many(counts, before)
    return len(held)


@contextmanager
def _own_temporary_directory() -> Iterator[Path]:
    """While the block runs, what Python code makes among temporary files is in a directory of its own."""
    usual = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="fustor-kit-") as name:
        tempfile.tempdir = name
        try:
            yield Path(name)
        finally:
            tempfile.tempdir = usual


def _require_as_many(counts: dict[str, Callable[[], int]], before: dict[str, int]) -> None:
    for name, count in counts.items():
        if not eventually(lambda count=count, most=before[name]: count() <= most, _SETTLE_SEC):  # type: ignore[misc]
            rounds = _ROUNDS - _FIRST_COUNTED
            raise Broken(f"After {rounds} closed instances there are {count() - before[name]} more {name} than before")


def open_files() -> int:
    """Open file descriptors, where the system tells; 0 elsewhere."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.is_dir() else 0


def _children() -> int:
    """Child processes, those that nobody has waited for included, where the system tells; 0 elsewhere."""
    count = 0
    for thread in Path("/proc/self/task").glob("*"):
        with suppress(OSError):  # a thread that has just ended, or a system that does not tell
            count += len((thread / "children").read_text(encoding="ascii").split())
    return count


_COUNTS: dict[str, Callable[[], int]] = {
    "threads": threading.active_count,
    "open file descriptors": open_files,
    "child processes": _children,
}
