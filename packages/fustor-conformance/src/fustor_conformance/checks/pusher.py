"""Family U: pushers, as hosts call them; what is stored is read by the World, never through the driver."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress

from fustor_conformance._desk import TASK, TIME, Desk, Session, at_desk, check_at_desk, missing, told
from fustor_conformance._recording import require_clean, watched_for
from fustor_conformance._scenes import no_error
from fustor_conformance.monitor.calls import answer
from fustor_conformance.outcome import Broken
from fustor_conformance.rules import check
from fustor_conformance.subject import PusherSubject
from fustor_core.exceptions import DriverError
from fustor_event_model import EventBase, LifecycleSignal, MessageSource, UpdateEvent, audit_signal

_REALTIME, _SNAPSHOT, _AUDIT = MessageSource.REALTIME, MessageSource.SNAPSHOT, MessageSource.AUDIT


@check_at_desk("U01")
async def session_mapping(desk: Desk) -> int:
    """The two keys that every host reads."""
    pusher = desk.instance()
    for keywords in ({}, {"source_type": "fs", "session_timeout_seconds": 30, "source_uri": "kit://x"}):
        require_clean(answer("create_session", await pusher.create_session(TASK, **keywords)), "U01")
    return 2


@check_at_desk("U02")
async def sources_pass_through(desk: Desk) -> int:
    """Each event's own value, in mixed batches too."""
    session = await desk.start()
    first = [told(_REALTIME, "/kit-a", index=1), told(_SNAPSHOT, "/kit-b"), told(_REALTIME, "/kit-c", index=2)]
    await session.push(*first, source_type="snapshot")
    await session.end_snapshot()
    audit = [audit_signal(LifecycleSignal.AUDIT_START), told(_AUDIT, "/kit-d"), told(_REALTIME, "/kit-e", index=3)]
    await session.push(*audit, source_type="audit")
    await session.push(told(_REALTIME, "/kit-f", index=4))
    expected = {row["path"]: event.message_source for event in (*first, *audit) for row in event.rows}
    expected["/kit-f"] = _REALTIME
    stored = {row["path"]: row.get("message_source") for row in desk.world.stored()}
    if odd := {path: stored.get(path) for path, source in expected.items() if stored.get(path) != source}:
        raise Broken(f"message_source arrived as {odd}", {path: str(expected[path]) for path in odd})
    return len(expected)


@check_at_desk("U03")
async def empty_end(desk: Desk) -> int:
    """No events, and the end."""
    session = await desk.start()
    await session.push(told(_SNAPSHOT, "/kit-a", index=5), source_type="snapshot")
    reply = await session.push(is_snapshot_end=True, task_id=TASK, source_type="snapshot")
    if session.keeps_index and (committed := await session.committed()) != 5:  # noqa: PLR2004 - the index above
        raise Broken(f"The snapshot ended with an empty list, and the committed index is {committed}, not 5", reply)
    return 1


@check_at_desk("U04")
async def initial_trigger(desk: Desk) -> int:
    """The event that agent 0.2 makes up itself."""
    session = await desk.start()
    await session.end_snapshot(told(_SNAPSHOT, "/kit-a"))
    before = desk.paths()
    if lost := missing(["/kit-a"], before):
        raise Broken(f"push has returned, and {lost} is not stored", before)
    trigger = UpdateEvent(event_schema="initial_trigger", table="initial_trigger", fields=[], rows=[])
    await session.push(trigger, is_snapshot_end=False)
    if (after := desk.paths()) != before:
        raise Broken("The trigger event changed what is stored", before, after)
    await session.push(told(_REALTIME, "/kit-b", index=1))
    if "/kit-b" not in desk.paths():
        raise Broken("After the trigger event nothing is stored any more")
    return 1


@check_at_desk("U05")
async def keywords_in_any_combination(desk: Desk) -> int:
    """Sessions decide, whatever else is said."""
    session = await desk.start()
    await session.push(told(_SNAPSHOT, "/kit-a", index=7), source_type="snapshot", kit_unknown=1)
    await session.push(is_snapshot_end=True, task_id="kit:another", source_type="snapshot")
    await session.push(told(_REALTIME, "/kit-b", index=8))
    await session.push(told(_REALTIME, "/kit-c", index=9), task_id="kit:another", is_snapshot_end=False)
    if session.keeps_index:
        await _require_index(session, 9, "pushes up to 9, each for its session whatever task_id stood beside it,")
        other = await (await desk.start("kit:another")).committed()
        if other != -1:
            raise Broken(f"A task_id beside the session was taken for the session's: the other task has index {other}")
        await _require_index(await desk.start(), 9, "a restart after 9")  # last: it may end the first session
    return 4


@check_at_desk("U06")
async def reply_shape(desk: Desk) -> int:
    """Success and whether a snapshot is wanted."""
    session = await desk.start()
    replies = [
        await session.push(told(_SNAPSHOT, "/kit-a"), source_type="snapshot"),
        await session.end_snapshot(),
        await session.push(told(_REALTIME, "/kit-b", index=1)),
        await session.push(told(_REALTIME, index=2)),
    ]
    for reply in replies:
        require_clean(answer("push", reply), "U06")
    return len(replies)


@check_at_desk("U07")
async def obsolete_session(desk: Desk) -> int:
    """A session that nobody opened."""
    session = Session(desk.instance(), "kit-no-such-session")
    try:
        with no_error(lambda err: f"An unknown session is a {type(err).__name__}: {err}", but=DriverError):
            reply = await session.pusher.push([told(_REALTIME, "/kit-a", index=1)], session_id=session.session_id)
    except DriverError as err:
        if "obsolete" not in str(err).lower() and "419" not in str(err):
            raise Broken("The refusal of an unknown session says neither obsolete nor 419", str(err)) from err
        return 1
    wanted = isinstance(reply, Mapping) and reply.get("snapshot_needed") is True
    if not wanted and "/kit-a" not in desk.paths():
        raise Broken("A batch for an unknown session was answered and not stored", reply)
    return 1


@check_at_desk("U08")
async def heartbeats(desk: Desk) -> int:
    """Every host's keywords."""
    session = await desk.start()
    own: dict[str, object] = {"session_id": session.session_id}
    asked: tuple[dict[str, object], ...] = (
        own,
        {"can_realtime": True},
        {**own, "can_realtime": False, "agent_id": "kit", "task_id": TASK},
        {},
    )
    for keywords in asked:
        if not isinstance(reply := await session.pusher.heartbeat(**keywords), Mapping):
            raise Broken(f"heartbeat with {sorted(keywords)} gives {reply!r}, not a mapping")
    return len(asked)


@check_at_desk("U09")
async def committed_index(desk: Desk) -> int:
    """-1, then the snapshot's, then realtime's; found again by another instance."""
    session = await desk.start()
    await _require_index(session, -1, "a new task")
    await session.push(told(_SNAPSHOT, "/kit-a", index=3), source_type="snapshot")
    await _require_index(session, -1, "a snapshot without its end")
    session = await desk.start()
    await _require_index(session, -1, "a restart in the middle of a snapshot")
    await session.push(told(_SNAPSHOT, "/kit-a", index=4), source_type="snapshot")
    await session.end_snapshot()
    await _require_index(session, 4, "a snapshot up to 4")
    await session.push(told(_REALTIME, "/kit-b", index=10), told(_REALTIME, "/kit-c", index=11))
    await _require_index(session, 11, "realtime up to 11")
    await session.push(told(_REALTIME, index=12))
    await _require_index(session, 12, "an event without rows at 12")
    await _require_index(await desk.start(), 12, "a restart after 12")
    await _require_index(await desk.start("kit:another"), -1, "another task")
    return 8


async def _require_index(session: Session, expected: int, after: str) -> None:
    found = await session.committed()
    if isinstance(found, bool) or not isinstance(found, int) or found != expected:
        raise Broken(f"After {after} the committed index is {found!r}, not {expected}")


@check("U10")
def repeated_batches(subject: PusherSubject) -> int:
    """One copy of what is repeated, every copy of what is new."""
    return at_desk(subject, _keyed_repeats if subject.make_world().keyed else _logged_repeats)


async def _keyed_repeats(desk: Desk) -> int:
    session = await desk.start()
    await session.end_snapshot()
    for batch in (["/kit-a", "/kit-b"], ["/kit-b"], ["/kit-a", "/kit-b"], ["/kit-c", "/kit-a"]):
        for source in (_REALTIME, _REALTIME):
            await session.push(told(source, *batch))
    desk.require_paths(["/kit-a", "/kit-b", "/kit-c"], "every row was pushed several times")
    await session.push(told(_REALTIME, "/kit-b", deleted=True))
    await session.push(told(_REALTIME, "/kit-b", deleted=True))
    desk.require_paths(["/kit-a", "/kit-c"], "a delete was pushed twice")
    return 8


async def _logged_repeats(desk: Desk) -> int:
    session = await desk.start()
    numbered = [told(_REALTIME, f"/kit-{index}", index=index) for index in (1, 2, 3)]
    for batch in (numbered[:2], numbered[:2], numbered[1:]):
        await session.push(*batch)
    desk.require_paths(["/kit-1", "/kit-2", "/kit-3"], "indexes 1 and 2 were pushed again, with 3")
    plain = [[told(_AUDIT, "/kit-x")], [told(_AUDIT, "/kit-y")]]
    for batch in (plain[0], plain[0], plain[1], plain[1]):
        await session.push(*batch, source_type="audit")
    expected = ["/kit-1", "/kit-2", "/kit-3", "/kit-x", "/kit-y"]
    desk.require_paths(expected, "two batches without indexes were each pushed twice")
    bracketed = [audit_signal(LifecycleSignal.AUDIT_START), told(_AUDIT, "/kit-z")]
    for _ in range(2):
        await session.push(*bracketed, source_type="audit")
    expected += ["/kit-z"] * 2
    desk.require_paths(expected, "a batch with a signal was pushed twice, which is never dropped")
    last = told(_AUDIT, "/kit-w")
    await _repeated_elsewhere(desk, session, last)
    await (await desk.start()).push(last, source_type="audit")
    desk.require_paths([*expected, *["/kit-w"] * 2], "another session pushed what may well be new")
    return 11


async def _repeated_elsewhere(desk: Desk, session: Session, batch: EventBase) -> None:
    """A batch without indexes, and again through a new instance, which may also refuse the session."""
    await session.push(batch, source_type="audit")
    before = desk.paths()
    await session.pusher.close()
    with suppress(DriverError, Broken):  # to this instance the session may be unknown, if it says so
        await Session(desk.instance(), session.session_id).push(batch, source_type="audit")
    desk.require_paths(before, "the last batch of a session was pushed again through a new instance")


@check("U11")
def events_untouched(subject: PusherSubject) -> int:
    """Before and after."""
    with watched_for(subject, "U11"):
        return at_desk(subject, _several_batches)


async def _several_batches(desk: Desk) -> int:
    session = await desk.start()
    batches = {
        "snapshot": [told(_SNAPSHOT, "/kit-a", record={"deep": [1]}), told(_SNAPSHOT, "/kit-b")],
        "realtime": [told(_REALTIME, "/kit-c", index=1), told(_REALTIME, "/kit-c", index=2, deleted=True)],
        "realtime, a part of a known record": [told(_REALTIME, "/kit-a", index=3, record={"more": 1})],
    }
    for name, events in batches.items():
        await session.pusher.push(events, session_id=session.session_id, source_type=name.partition(",")[0])
    return sum(map(len, batches.values()))


@check_at_desk("U12")
async def closed_twice(desk: Desk) -> int:
    """And another instance goes on."""
    session = await desk.start()
    await session.end_snapshot(told(_SNAPSHOT, "/kit-a", index=1))
    await session.push(told(_REALTIME, "/kit-b", index=2))
    await session.pusher.close()
    await session.pusher.close()
    later = await desk.start()
    if later.keeps_index:
        await _require_index(later, 2, "realtime up to 2, and close,")
    await later.push(told(_REALTIME, "/kit-c", index=3))
    return 2


@check("U13")
def needed_fields(subject: PusherSubject) -> int:
    """All, or a schema."""
    for keywords in ({}, {"endpoint": "kit://nowhere"}):
        answer = asyncio.run(subject.driver_class.get_needed_fields(**keywords))
        if not isinstance(answer, dict) or (answer and not isinstance(answer.get("properties"), dict)):
            raise Broken(f"get_needed_fields({keywords}) gives neither {{}} nor a schema with properties", answer)
        json.dumps(answer)
    return 2


@check_at_desk("U15")
async def snapshot_replaces(desk: Desk) -> int:
    """What the second snapshot does not report goes, and nothing else."""
    session = await desk.start()
    await session.push(told(_SNAPSHOT, "/keep", "/gone", "/dark/inside", "/dark/deep/inside", "/old/thing"))
    await session.push(told(_SNAPSHOT, "/dark", "/dark/deep", "/old", is_directory=True))
    await session.end_snapshot()
    session = await desk.start()
    await session.push(told(_REALTIME, "/live", index=1, mtime=TIME + 1))
    await session.push(told(_SNAPSHOT, "/keep", "/new", mtime=TIME + 1), source_type="snapshot")
    if lost := missing(["/gone", "/dark/inside"], desk.paths()):
        raise Broken(f"Before the end of the snapshot {lost} went already", desk.paths())
    dark = told(_SNAPSHOT, "/dark", is_directory=True, audit_skipped=True, mtime=TIME + 1)
    await session.end_snapshot(dark)
    expected = ["/keep", "/new", "/live", "/dark", "/dark/inside", "/dark/deep", "/dark/deep/inside"]
    found = desk.paths()
    if lost := missing(expected, found):
        raise Broken(f"The end of the snapshot removed {lost}", found)
    if ghosts := missing(found, [*expected, "/"]):
        raise Broken(f"The snapshot did not emit {ghosts}, and they stay", found)
    return len(expected)
