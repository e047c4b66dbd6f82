"""One recording of everything that a source tells, which the monitor hears and the checks of events ask."""

from __future__ import annotations

import inspect
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from fustor_conformance._reading import A_GENERATOR, Stream, last_word
from fustor_conformance._world_probe import PROBE, left_over, require_sound
from fustor_conformance.monitor import Finding, Monitor, observed
from fustor_conformance.outcome import Broken, NotApplicable, NotJudged
from fustor_conformance.subject import SourceSubject, Subject
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, EventType

AUDIT = "get_audit_iterator"
_TURNS = 4
_ASKED_FOR = frozenset(f"E{number:02}" for number in range(1, 18)) | {"C15", "C16", "C18"}
"""Rules of which the recording says nothing to the check that makes it: their own checks do."""
RECORDED = _ASKED_FOR - {"E07", "E09"}
"""Rules whose own checks ask the recording."""
_recordings: WeakKeyDictionary[SourceSubject, Recording] = WeakKeyDictionary()


@dataclass(frozen=True)
class Recording:
    """What the monitor heard, and how the recording broke off, if it did."""

    monitor: Monitor
    error: Exception | None = None


def heard(subject: SourceSubject, rule_id: str, nothing: str | None = None) -> int:
    """How often the recording could have broken a rule.

    Args:
        subject: the driver.
        rule_id: the rule.
        nothing: of a rule about something that not every driver tells, that it was not there.

    Raises:
        Broken: the recording broke the rule.
        NotApplicable: there was `nothing` to look at.
        NotJudged: the recording broke off before there was; why, other checks say.
        Exception: whatever it broke off with, where every driver tells such a thing, or something is to do.
    """
    told = _recording(subject, rule_id)
    seen = told.monitor.observed[rule_id]
    if not seen and told.error is not None:
        raise told.error if nothing is None else NotJudged(f"The recording of all phases broke off: {told.error!r}")
    if not seen and nothing is not None:
        raise NotApplicable(nothing)
    return seen  # why a stream or a phase breaks off, other checks say


def _recording(subject: SourceSubject, rule_id: str) -> Recording:
    require_sound(subject)
    if subject not in _recordings:
        _recordings[subject] = _record(subject)
    told = _recordings[subject]
    require_clean(told.monitor.findings, rule_id)
    if isinstance(told.error, NotImplementedError):
        raise told.error
    return told


def require_clean(findings: Iterable[Finding], rule_id: str) -> None:
    """See to it that none of the findings is of this rule.

    Raises:
        Broken: one is.
    """
    for finding in findings:
        if finding.rule_id == rule_id:
            raise Broken(finding.seen, *finding.evidence)


@contextmanager
def watched_for(subject: Subject, *rule_ids: str) -> Iterator[Monitor]:
    """Let the monitor judge rules by all that the driver does in the block, whose World is entered in it.

    Raises:
        Broken: one of the rules was broken.
    """
    with observed(subject.driver_class, kept=frozenset(rule_ids)) as monitor:
        yield monitor
    for rule_id in rule_ids:
        require_clean(monitor.findings, rule_id)


def _record(subject: SourceSubject) -> Recording:
    broken: list[Exception] = []
    with observed(subject.driver_class, kept=_ASKED_FOR) as monitor:
        with _noted(broken), subject.world() as world, subject.driver(world) as driver:
            _live(subject, world, driver, monitor, broken)
        for error in broken:
            monitor.ended_by(error)
        if (blocked := monitor.blocked) is not None:  # S07 alone asks that things change while the driver reads
            monitor.report(Finding("S07", str(blocked)))
            if inspect.isgeneratorfunction(inspect.unwrap(subject.driver_class.get_message_iterator)):
                monitor.report(Finding("M03", A_GENERATOR))  # its own check will not be made
    return Recording(monitor, next(iter(broken), None))


@contextmanager
def _noted(broken: list[Exception]) -> Iterator[None]:
    """A phase that breaks off is no reason to look at nothing of the others, or of its beginning."""
    try:
        yield
    except Exception as err:  # noqa: BLE001 - raised again by a check that has nothing else to look at
        broken.append(err)


def _live(
    subject: SourceSubject, world: SourceWorld, driver: SourceDriver, monitor: Monitor, broken: list[Exception]
) -> None:
    """All phases: changes, a snapshot, audits in both dialects, a change that is read only after another snapshot."""
    before = world.list().keys()
    probe, *paths = map(world.create, (PROBE, *(f"kit-{number}" for number in range(4))))
    if why := left_over(before, [probe, *paths]):
        raise Broken(why)
    nests = "nest" in world.operations
    inner = [world.create(f"kit-{box}/inner/thing") for box in ("container", "doomed")] if nests else []
    with _noted(broken), subject.stream(driver) as stream:
        churn(world, paths)
        if inner and "delete" in world.operations:
            _await(stream, world.create("kit-doomed/inner/late"))
            world.delete(doomed := posixpath.dirname(posixpath.dirname(inner[1])))
            monitor.report(*_gone_as_things(stream, doomed))
        _await(stream, late := world.create("kit-late"))
        if "modify" in world.operations:
            _by_turns(world, [late, *paths[:1]])
        _await(stream, world.create("kit-last"))
    with _noted(broken):
        list(driver.get_snapshot_iterator(batch_size=3))
    if AUDIT in subject.capabilities:
        with _noted(broken):
            list(driver.get_audit_iterator())
        with _noted(broken):
            list(driver.get_audit_iterator(mtime_cache={}))
    with _noted(broken), subject.stream(driver, paused=True) as stream:
        path = world.create("kit-later")
        for _ in range(2):  # the first may be of the moment in which the stream was opened, held since then
            list(driver.get_snapshot_iterator())
        _await(stream, path)


def _gone_as_things(stream: Stream, container: str) -> Iterator[Finding]:
    """E05, of a container that went with things in it: its delete says that it was one, where it says anything."""

    def deletes(events: Sequence[EventBase]) -> list[dict[str, Any]]:
        gone = (event for event in events if event.event_type is EventType.DELETE)
        return [row for event in gone for row in event.rows if row.get("path") == container]

    stream.wait_for(lambda events: bool(deletes(events)))
    for row in deletes(stream.events):
        if row.get("is_directory") is False:
            yield Finding("E05", f"{container!r} was a container, and its delete has is_directory False", row)


def _by_turns(world: SourceWorld, told: list[str]) -> None:
    """New things and changes of known ones so close together that a driver may put them into one event."""
    for number in range(_TURNS):
        world.create(f"kit-new-{number}")
        world.modify(told[number % len(told)])


def _await(stream: Stream, path: str) -> None:
    """Wait for the path; that a stream which was not armed in time misses it is M03's to say."""
    if stream.is_lazy:
        stream.wait_for(lambda events: last_word(events).get(path) is True)
    else:
        stream.require([path])


def churn(world: SourceWorld, paths: list[str]) -> None:
    """Do to `paths` what the World can do: modify the first, rename the second, delete the third.

    Where there are fewer things, fewer of them are touched; the only thing that a source has is modified at most.
    """
    for operation, path in zip(("modify", "rename", "delete"), dict.fromkeys(paths), strict=False):
        if operation not in world.operations:
            continue
        if operation == "rename":
            world.rename(path, "kit-renamed")
        else:
            getattr(world, operation)(path)
