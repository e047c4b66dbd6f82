"""Unusual drivers that keep the contract: whatever the kit demands beyond it, one of them fails by it."""

import time

import pytest
from correct_pushers import Bounded, RefusesSuperseded
from correct_pushers import Slow as SlowPusher
from correct_sources import (
    BatchingPoller,
    CreateOnlyWorld,
    FlatWorld,
    OnALoop,
    OncePerSecond,
    OneRow,
    OneRowWorld,
    QuickPoller,
    Slow,
    SteadyWorld,
    WithoutIndexes,
)
from journal_source import JournalDriver, JournalWorld
from kit_memory import MemoryWorld
from kit_pusher import FileWorld, KeyedFileWorld

from fustor_conformance import Judge, Kind, Status, subject_of_class

pytestmark = pytest.mark.wide

LONG = {
    "200 ms a call",
    "once a second",
    "a journal in SQLite",
    "a poller that batches steady changes",
    "a poller that batches what is only created",
    "an event loop",
    "refuses superseded sessions",
}
"""Most of them take a minute and more; the others run whenever something lands."""
SOURCES = {
    "a poller that batches": (BatchingPoller, MemoryWorld, 120),
    "a poller that batches steady changes": (QuickPoller, SteadyWorld, 120),
    "a poller that batches what is only created": (BatchingPoller, CreateOnlyWorld, 120),
    "one row": (OneRow, OneRowWorld, 60),
    "no index": (WithoutIndexes, FlatWorld, 120),
    "an event loop": (OnALoop, MemoryWorld, 120),
    "a journal in SQLite": (JournalDriver, JournalWorld, 120),
}
SLOW_SOURCES = {
    "once a second": (OncePerSecond, MemoryWorld, 500),
    "200 ms a call": (Slow, MemoryWorld, 500),
}
PUSHERS = {
    "refuses superseded sessions": (RefusesSuperseded, KeyedFileWorld, 120),
    "a queue of three rows": (Bounded, FileWorld, 120),
    "200 ms a call": (SlowPusher, KeyedFileWorld, 400),
}


def cases_of(drivers):
    return [pytest.param(case, marks=pytest.mark.full if case in LONG else ()) for case in drivers]


def judged(kind, driver, world, seconds):
    """Every verdict of the guide's profile; in time, and none of them bad."""
    began = time.monotonic()
    verdicts = Judge(subject_of_class(kind, driver, world, name="correct")).verdicts()
    took = time.monotonic() - began
    bad = [v.explained() for v in verdicts if v.status is Status.FAILED]
    assert not bad, "\n\n".join(bad)
    assert {v.rule.family for v in verdicts if v.blocks} == {"P", "L"}, "all but the package, which is not installed"
    assert took < seconds, sorted(((round(v.seconds, 1), v.rule.id) for v in verdicts), reverse=True)[:10]


@pytest.mark.parametrize("case", cases_of(SOURCES))
def test_an_unusual_source_is_conformant(case):
    judged(Kind.SOURCE, *SOURCES[case])


@pytest.mark.mutants
@pytest.mark.parametrize("case", cases_of(SLOW_SOURCES))
def test_a_slow_source_is_conformant(case):
    judged(Kind.SOURCE, *SLOW_SOURCES[case])


@pytest.mark.parametrize("case", cases_of(PUSHERS))
def test_an_unusual_pusher_is_conformant(case):
    judged(Kind.PUSHER, *PUSHERS[case])
