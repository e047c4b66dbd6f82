"""Section 8, sentence by sentence: snapshots and their ends."""

from __future__ import annotations

from fustor_conformance.pushing.steps import Begin, Push
from fustor_conformance.pushing.words import (
    BEGIN,
    END,
    KNOWN,
    Histories,
    box,
    gone,
    listed,
    new,
    now,
    realtime,
    sentences,
    snapshot,
    thing,
)

__all__ = ["ENDS"]

_SECOND = (*KNOWN, BEGIN)
_SKIPPING = (
    BEGIN,
    snapshot(
        box("d"), thing("d/x", 3), box("d/e"), thing("d/e/y", 4), thing("d2"), thing("d-x"), box("o"), thing("o/x")
    ),
    END,
    BEGIN,
)

_ENDS: Histories = {
    "5 The snapshot's end removes what no event of its session reported": (
        *_SECOND,
        snapshot(thing("f", 6, 30), thing("g", 7)),
        END,
    ),
    "5 Nothing goes before the snapshot's end is committed": (
        *_SECOND,
        snapshot(thing("f", 6, 30)),
        realtime(now(thing("g", 7))),
    ),
    "5 A snapshot that did not come to its end removes nothing, and what it reported says nothing to the next one": (
        *_SECOND,
        snapshot(thing("f", 6, 30)),
        realtime(now(thing("g", 7))),
        Begin("left"),
        snapshot(box("d", 30), thing("d/x", 8, 30)),
        END,
    ),
    "5 The rows of the batch that ends the snapshot are reported too": (
        *_SECOND,
        snapshot(thing("f", 6, 30)),
        snapshot(box("d", 30), thing("d/x", 7, 30), end=True),
    ),
    "5 What realtime reported in this session stays at the snapshot's end, new or known before": (
        *_SECOND,
        realtime(now(thing("f", 6, 1)), new(thing("g", 7, 1))),
        snapshot(box("d", 30)),
        END,
    ),
    "5 A snapshot row that is ignored counts as reported": (
        BEGIN,
        snapshot(thing("a", 1), thing("b", 2)),
        END,
        BEGIN,
        snapshot(thing("a", 4, 20)),
        snapshot(thing("a", 5, 10)),
        realtime(now(thing("c", 6, 1))),
        snapshot(thing("c", 7, 20)),
        END,
    ),
    "5 What is below a container marked audit_skipped stays, however deep, and nothing beside it": (
        *_SKIPPING,
        snapshot(box("d", 30, skipped=True)),
        END,
    ),
    "5 The mark of a container counts though its row is ignored": (
        *_SKIPPING,
        realtime(now(box("o", 5))),
        snapshot(box("d", 30)),
        snapshot(box("d", 30, skipped=True), box("o", 4, skipped=True)),
        END,
    ),
    "5 A mark of an earlier snapshot says nothing: what this one does not report goes": (
        *_SKIPPING,
        snapshot(box("d", 30, skipped=True)),
        END,
        BEGIN,
        snapshot(box("d", 40), thing("d2", 2, 40)),
        END,
    ),
    "5 No container goes that is above something kept": (
        *_SECOND,
        snapshot(thing("d/e/y", 6, 30)),
        END,
    ),
    "5 A container that was not reported goes where nothing in it was": (
        *_SECOND,
        snapshot(box("d", 30), thing("d/x", 6, 30)),
        END,
    ),
    "5 A batch may be repeated, its end too: what realtime reported in between stays": (
        *_SECOND,
        snapshot(thing("f", 6, 30), thing("h", 8), end=True),
        realtime(new(thing("g", 7)), gone("f")),
        Push((listed(thing("f", 6, 30), thing("h", 8)),), "snapshot", end=True, again=True),
    ),
    "5 What was deleted and made again during the snapshot stays as it was made": (
        *_SECOND,
        realtime(gone("d/x", "d/e/y", "d/e", "d")),
        snapshot(box("d", 40), thing("d/x", 8, 40), thing("f", 9, 40)),
        realtime(new(box("d", 31)), new(thing("d/x", 6, 31))),
        END,
    ),
    "8.2 Each session's end counts, also of the third one": (
        BEGIN,
        snapshot(thing("a"), thing("b"), thing("c"), end=True),
        Begin("same"),
        snapshot(thing("a"), thing("b"), end=True),
        BEGIN,
        snapshot(thing("a"), end=True),
    ),
}
ENDS = sentences(_ENDS)
