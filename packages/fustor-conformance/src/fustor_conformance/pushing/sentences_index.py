"""Section 5, sentence by sentence: the committed index."""

from __future__ import annotations

from fustor_conformance.pushing.steps import Begin, Push
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    END,
    Histories,
    audit,
    found,
    gone,
    listed,
    new,
    now,
    realtime,
    sentences,
    session,
    snapshot,
    thing,
)

__all__ = ["INDEXES", "LOGS"]

_COMPLETE = (BEGIN, snapshot(thing("a"), thing("b"), index=3), END, realtime(now(thing("c"), index=10)))

_INDEXES: Histories = {
    "5 The committed index is -1 until a complete snapshot is durable, whatever realtime reported before": session(
        realtime(now(thing("a"), index=5)),
        snapshot(thing("b")),
        realtime(now(thing("c"), index=6)),
    ),
    "5 It is the snapshot's while there is no realtime index": (
        BEGIN,
        snapshot(thing("a")),
        snapshot(thing("b"), index=3, end=True),
        Begin("new", resumed=True),
    ),
    "5 It is the highest durable realtime index, of events without rows and of deletes too": (
        *_COMPLETE,
        realtime(new(thing("d"), index=11), gone("a", index=12)),
        realtime(now(index=15)),
        Push((now(),)),
        Begin("new", resumed=True),
        realtime(now(thing("d"), index=16)),
    ),
    "5 A snapshot's index does not replace a realtime index of its session": session(
        snapshot(thing("a"), index=3),
        realtime(now(thing("b"), index=9)),
        snapshot(thing("c"), index=4),
    ),
    "5 A snapshot's index that is higher does not replace a realtime index of its session either": (
        BEGIN,
        snapshot(thing("a"), index=9),
        realtime(now(thing("b"), index=5)),
        END,
        realtime(now(thing("c"), index=6)),
    ),
    "5 A realtime event counts whatever phase its batch was pushed in": (
        *session(Push((listed(thing("a")), now(thing("b"), index=7)), "snapshot")),
        audit(AUDIT_START, found(thing("a")), now(thing("b", 2), index=8)),
        audit(AUDIT_END),
    ),
    "5 A batch that is repeated changes no index": (
        *_COMPLETE,
        realtime(now(thing("c", 2), index=11), now(thing("d"), index=12)),
        realtime(now(thing("c", 2), index=11), now(thing("d"), index=12), again=True),
        Begin("new", resumed=True),
    ),
    "5 It is the highest: a repeated batch whose index is lower, in a phase of its own, does not lower it": (
        *_COMPLETE,
        audit(AUDIT_START, found(thing("a")), now(thing("b", 2), index=11)),
        realtime(now(thing("c", 3), index=12)),
        audit(found(thing("d")), now(thing("e", 2), index=13)),
        realtime(now(thing("f", 3), index=14)),
        audit(found(thing("d")), now(thing("e", 2), index=13), again=True),
    ),
    "5 An event without an index, such as the agent's trigger, does not lower it": (
        *_COMPLETE,
        realtime(now(thing("d"), index=11), now()),
        realtime(now()),
        Begin("new", resumed=True),
    ),
    "5 Only realtime events and those of a snapshot have a position: an index in an audit is none": (
        *_COMPLETE,
        audit(AUDIT_START, found(thing("a", 2), index=99), AUDIT_END),
        realtime(now(thing("d"), index=11)),
    ),
    "5 0 is an index, and a large one is exact": (
        BEGIN,
        realtime(now(thing("a"), index=0)),
        snapshot(thing("b")),
        END,
        realtime(now(thing("c"), index=2**53 + 1)),
        realtime(now(thing("d"), index=2**53 + 3)),
        Begin("new", resumed=True),
    ),
    "5 A second snapshot makes the task incomplete: -1 until its own end is durable": (
        *_COMPLETE,
        Begin("new"),
        snapshot(thing("a", 2), index=11),
        realtime(now(thing("c", 2), index=20)),
        Begin("left"),
        snapshot(thing("a", 3), index=21),
        END,
        realtime(now(thing("c", 3), index=30)),
        Begin("new", resumed=True),
    ),
    "5 A new session on the same instance, and on one that was closed, finds the index": (
        *_COMPLETE,
        Begin("same", resumed=True),
        realtime(now(thing("d"), index=11)),
        Begin("new", resumed=True),
        Begin("left", resumed=True),
    ),
}
INDEXES = sentences(_INDEXES)

_LOGS: Histories = {
    "8.2 A session that takes a snapshot starts from nothing: a source that began anew counts from 1 again": (
        *_COMPLETE,
        BEGIN,
        Push((), "snapshot"),
        snapshot(thing("a", 2)),
        END,
        realtime(now(thing("c", 3), index=1), now(thing("d", 4), index=2)),
        realtime(now(thing("c", 5), index=3)),
    ),
    "5 What is at or below the committed index of its phase is dropped, and what is above it is not": (
        *_COMPLETE,
        realtime(now(thing("c", 2), index=11), now(thing("d", 3), index=12)),
        realtime(now(thing("c", 2), index=11), now(thing("d", 3), index=12), again=True),
        Begin("new", resumed=True),
        realtime(now(thing("d", 3), index=12), now(thing("e", 4), index=13)),
    ),
    "5 A log drops what is at or below the index of its own phase: that of realtime says nothing of other phases": (
        BEGIN,
        realtime(now(thing("a"), index=9)),
        snapshot(thing("b"), index=4),
        END,
        audit(AUDIT_START, found(thing("c"), index=5), AUDIT_END),
    ),
}
LOGS = sentences(_LOGS)
"""What binds a log, which drops by index; a keyed store may take again what it has."""
