"""Family E: every event of every phase, looked at by itself."""

from __future__ import annotations

import time
from typing import Any

from fustor_conformance._reading import rows_of
from fustor_conformance._recording import AUDIT, heard, require_clean, watched_for
from fustor_conformance._resuming import told_once
from fustor_conformance._scenes import ODD_KEYS
from fustor_conformance.histories.trees import DirectoryHands, hands_if_tree
from fustor_conformance.monitor.events import safe_in_json
from fustor_conformance.monitor.finding import Told
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import check, check_by
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import HostileKeys, SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, EventType

_BATCH_SIZES = (1, 2, 7)
_CLOCKS_SEC = 60.0
_ROUNDING_SEC = 1e-3
_SORTED_ODDLY = ("kit-b", "Kit-a", "kit-B", "KIT-c", "kit-A", "kit_d", "kit d", "\u00c4kit", "kit-10", "kit-9")
"""Names of which no two orders are alike: by letters, by bytes, without regard to case, by numbers."""


@check("E07")
def json_safe(subject: SourceSubject) -> int:
    """Names that hurt."""
    with subject.world() as world, subject.driver(world) as driver:
        keys = ("plain", *ODD_KEYS, *(world.hostile_keys if isinstance(world, HostileKeys) else ()))
        with subject.stream(driver) as stream:
            paths = [world.create(key) for key in keys]
            stream.require(paths)
        snapshot = list(driver.get_snapshot_iterator())
        told = [Told(event, event.message_source, f"event {n}") for n, event in enumerate([*snapshot, *stream.events])]
        require_clean([finding for one in told for finding in safe_in_json(one)], "E07")
    if lacking := set(paths) - {row["path"] for row in rows_of(snapshot)}:
        raise Broken("The snapshot leaves out some names", *sorted(lacking))
    if 1 < len(set(paths)) < len(keys):
        raise Broken("Two names became one path", *sorted(paths))
    return len(paths)


@check("E09")
def batch_size(subject: SourceSubject) -> int:
    """The limit holds, and nothing falls off its edge."""
    seen = 0
    with watched_for(subject, "E09"), subject.world() as world, subject.driver(world) as driver:
        for key in _SORTED_ODDLY:
            world.create(key)
        everything = sorted(row["path"] for row in rows_of(driver.get_snapshot_iterator()))
        for size in _BATCH_SIZES:
            events = list(driver.get_snapshot_iterator(batch_size=size))
            seen += len(events)
            if sorted(row["path"] for row in rows_of(events)) != everything:
                raise Broken(f"With batch_size={size} the snapshot emits other rows than without", *events[-2:])
            if AUDIT in subject.capabilities:
                seen += sum(isinstance(item, EventBase) for item in driver.get_audit_iterator(batch_size=size))
    return seen


@check("E10")
def fresh_objects(subject: SourceSubject) -> int:
    """Nothing is yielded twice, whatever the host does to it."""
    seen = heard(subject, "E10")
    with watched_for(subject, "E10") as monitor, subject.world() as world, subject.driver(world) as driver:
        for number in range(5):
            world.create(f"kit-{number}")
        odd = [row for _ in range(2) for row in _spoiled(driver) if "path" not in row]
    if odd:
        raise Broken("The host replaced rows and fields, and the next snapshot has what the host put there", *odd)
    return seen + monitor.observed["E10"]


def _spoiled(driver: SourceDriver) -> list[dict[str, Any]]:
    """The rows of a snapshot, each event changed at once as a mapping host changes it."""
    rows = []
    for event in driver.get_snapshot_iterator(batch_size=2):
        rows += event.rows
        event.rows = [{"mapped": True}]
        event.fields = ["mapped"]
    return rows


@check("E12")
def times_of_the_day(subject: SourceSubject) -> int:
    """Times beside the kit's own clock; of a file that is old, the time when it was deleted."""
    seen = heard(subject, "E12")
    with subject.world() as world:
        hands = hands_if_tree(world, subject.config(world).uri) if "delete" in world.operations else None
        seen += 0 if hands is None else _deleted_now(subject, world, hands)
    return seen + _read_again(subject)


def _read_again(subject: SourceSubject) -> int:
    """Changes of a database, delivered and then read again by another instance: they were committed once."""
    with subject.world() as world:
        try:
            told = told_once(subject, world)
        except (NotApplicable, Broken):  # that one does not come is for other rules to say
            return 0
        with subject.driver(world) as driver:
            if not driver.is_position_available(told[0].index):
                return 0
            with subject.stream(driver, told[0].index) as stream:
                stream.wait_for(lambda events: any(event.index >= told[-1].index for event in events))
                again = _times_of(stream.events)
    for change, mtime in _times_of(told).items():
        if abs(again.get(change, mtime) - mtime) > _ROUNDING_SEC:
            raise Broken(
                f"A change of {change[0]!r} had mtime {mtime!r} when it was delivered, and has {again[change]!r} when"
                " it is read again: that is the time of the reading, not of the commit"
            )
    return len(told)


def _times_of(events: list[EventBase]) -> dict[tuple[str, str], float]:
    """The mtime of each change of a database's row that is told once."""
    times: dict[tuple[str, str], list[float]] = {}
    for event in events:
        for row in event.rows if event.event_schema != "fs" else ():
            told = (row["path"], f"{event.event_type} {row.get('size')!r} {row.get('record')!r}")
            times.setdefault(told, []).append(row["mtime"])
    return {told: seen[0] for told, seen in times.items() if len(seen) == 1}


def _deleted_now(subject: SourceSubject, world: SourceWorld, hands: DirectoryHands) -> int:
    """A file with a time long past goes."""
    path = world.create("kit-old")
    hands.touch(path)
    with subject.driver(world) as driver, subject.stream(driver) as stream:
        began = time.time()
        world.delete(path)
        stream.require((), deleted=[path])
        deletes = [event for event in stream.events if event.event_type is EventType.DELETE]
    row = next(row for event in deletes for row in event.rows if row["path"] == path)
    if row["mtime"] < began - _CLOCKS_SEC:
        raise Broken(f"{path!r} was deleted now, and its delete has the file's own time {row['mtime']!r}", row)
    return 1


@check("E13")
def whatever_the_zone(subject: SourceSubject) -> int:
    """The same, where local time is an odd number of hours ahead."""
    if not hasattr(time, "tzset"):
        raise NotApplicable("This system has no time zone of a process")
    return heard(subject, "E13")


def _ask_the_recording(rule_id: str, looked_at: str, nothing: str | None = None) -> None:
    """Let the recording judge a rule, of which it says everything; `nothing` as in `heard`."""
    check_by(rule_id, looked_at, lambda subject: heard(subject, rule_id, nothing))


_ask_the_recording("E01", "An EventBase, with the types that hosts rely on.")
_ask_the_recording("E02", "Each phase's own message_source.")
_ask_the_recording("E03", "The text that a consumer on the other side of a wire reads.")
_ask_the_recording("E04", "Keys and fields, row by row.")
_ask_the_recording("E05", "What each phase and each schema must carry.")
_ask_the_recording("E06", "Values that can be compared.")
_ask_the_recording("E08", "What the consumer routes by.")
_ask_the_recording("E11", "Parent and name, in every phase.")
_ask_the_recording("E14", "A container with two levels below it is deleted.", "The driver emits no deletes")
_ask_the_recording("E15", "A change before a snapshot, read after it.", "The driver emits no rows of a database")
_ask_the_recording("E16", "What was listed, and what has changed.")
_ask_the_recording("E17", "Types, keys and the columns of records.", "The driver emits no layouts")
