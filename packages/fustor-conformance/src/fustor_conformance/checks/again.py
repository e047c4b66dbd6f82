"""Family U: what an engine pushes again, whose own state is the one that counts for it."""

from __future__ import annotations

from fustor_conformance._desk import Desk, Session, check_at_desk, missing, told
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_event_model import EventBase, MessageSource

_LAST = 7
_FIRST_BATCHES = ((1, 2), (3, 4), (5, 6))
_LATER_BATCHES = (((2, 3, 4, 5), (6, 7)), ((1,), (2, 3), (4, 5, 6, 7)))
"""Of each later session: what was pushed before, cut elsewhere, and one that is new the first time."""


@check_at_desk("U36")
async def other_batches(desk: Desk) -> int:
    """Two more sessions, each of which begins at an older position."""
    session = await desk.start()
    if not session.keeps_index and not desk.world.keyed:
        raise NotApplicable("The driver keeps no index: every start takes a snapshot")
    await session.end_snapshot()
    await _push(session, _FIRST_BATCHES)
    for batches in _LATER_BATCHES:
        session = await desk.start()
        if session.keeps_index:
            await session.committed()  # as whoever resumes does
        await _push(session, batches)
        _require(desk, str(batches))
    return len(_FIRST_BATCHES) + sum(map(len, _LATER_BATCHES))


async def _push(session: Session, batches: tuple[tuple[int, ...], ...]) -> None:
    for batch in batches:
        await session.push(*map(_event, batch), source_type="realtime")


def _event(index: int) -> EventBase:
    return told(MessageSource.REALTIME, f"/kit-{index}", index=index)


def _require(desk: Desk, batches: str) -> None:
    expected, found = [f"/kit-{index}" for index in range(1, _LAST + 1)], desk.paths()
    if lost := missing(expected, found):
        raise Broken(f"A later session pushed the indexes {batches}, and {lost} are not stored", found)
    if extra := missing(found, expected):
        raise Broken(f"A later session pushed the indexes {batches}, and {extra} are there too often", found)
