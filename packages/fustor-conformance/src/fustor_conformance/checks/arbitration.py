"""Family U, against the model and beside it: what a store keeps after histories of all phases, sessions and tasks."""

from __future__ import annotations

from collections import Counter

from fustor_conformance._desk import TIME, Desk, Session, at_desk, check_at_desk, keeps_index, missing, told
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.pushing.away import away
from fustor_conformance.pushing.campaign import Campaign
from fustor_conformance.pushing.crowd import at_once, hurried, in_order, superseded, two_at_once, two_tasks
from fustor_conformance.pushing.draw import Plan
from fustor_conformance.pushing.sentences_audit import AUDITS
from fustor_conformance.pushing.sentences_index import INDEXES, LOGS
from fustor_conformance.pushing.sentences_partial import ORDERED, PARTIALS
from fustor_conformance.pushing.sentences_realtime import ARBITRATION, AT_ROOT, ENDS, MANY
from fustor_conformance.pushing.traces import own_fields_kept, told_apart
from fustor_conformance.pushing.values import VALUES, one_by_one
from fustor_conformance.rules import check
from fustor_conformance.subject import PusherSubject
from fustor_event_model import LifecycleSignal, MessageSource, audit_signal

_REALTIME, _SNAPSHOT, _AUDIT = MessageSource.REALTIME, MessageSource.SNAPSHOT, MessageSource.AUDIT
_MANY = 300
_HISTORIES = Counter(realtime=7, snapshot=6, mixed=2, again=1, end=2, session=2, start=1, audit=2, finish=1)
_LENGTH = 20
_LAST = 7
_FIRST_BATCHES = ((1, 2), (3, 4), (5, 6))
_LATER_BATCHES = (((2, 3, 4, 5), (6, 7)), ((1,), (2, 3), (4, 5, 6, 7)))
"""Of each later session: what was pushed before, cut elsewhere, and one that is new the first time."""
_SNAPSHOTS = Counter(realtime=6, snapshot=6, mixed=2, again=2, trigger=1, end=1)
_SESSIONS = Counter(realtime=4, snapshot=6, end=4, session=3, again=2, mixed=1, together=1)
_AUDITS = Counter(realtime=4, start=3, audit=6, finish=4, again=2, mixed=1, end=2, session=1, together=1)
_ALL = _SNAPSHOTS + _SESSIONS + _AUDITS
_ROUNDS, _USUAL, _FEW = 8, 20, 4
_SECONDS = 1.5
"""How long the drawn histories of a check may take, roughly, where no more are asked for than usual."""


@check("U17")
def partial_records(subject: PusherSubject) -> int:
    """Columns that realtime leaves out, in every order with the snapshot's row: written, then in random histories."""
    with Campaign(subject, "U17") as campaign:
        if not subject.make_world().keyed:
            return campaign.sentences(ORDERED)
        plan = Plan(_HISTORIES, length=_LENGTH, partial=True, resumes=keeps_index(subject.driver_class))
        seen = campaign.sentences((*ORDERED, *reversed(PARTIALS))) + campaign.drawn(plan, 0.5, _SECONDS)
    return seen + at_desk(subject, _audited_before_the_snapshot)


async def _audited_before_the_snapshot(desk: Desk) -> int:
    """An audit's row is whole: the snapshot's, which may be older, has nothing to supply to it."""
    session, path, record = await desk.start(), "/kit-audited", {"n": 3, "t": "audited"}
    await session.push(told(_REALTIME, path, mtime=TIME + 5, record={"n": 2}))
    await session.push(audit_signal(LifecycleSignal.AUDIT_START), source_type="audit")
    await session.push(told(_AUDIT, path, mtime=TIME + 6, record=record), source_type="audit")
    await session.push(audit_signal(LifecycleSignal.AUDIT_END), source_type="audit")
    await session.push(told(_SNAPSHOT, path, record={"n": 1, "t": "listed", "u": None}), source_type="snapshot")
    await session.end_snapshot()
    stored = {row["path"]: row.get("record") for row in desk.world.stored()}
    if stored.get(path) != record:
        seen = "does not have the record that an audit has reported whole before its snapshot's row"
        raise Broken(f"{path!r} {seen}", stored.get(path), record)
    return 1


@check_at_desk("U19")
async def guarded_deletions(desk: Desk) -> int:
    """A snapshot that would empty the store."""
    session = await desk.start()
    await session.push(told(_SNAPSHOT, *(f"/kit-{number}" for number in range(_MANY)), index=1), source_type="snapshot")
    await session.end_snapshot()
    session = await desk.start()
    reply = await session.end_snapshot(told(_SNAPSHOT, "/kit-0", index=2, mtime=TIME + 1))
    refused, left = reply.get("refused_deletions", 0), len(desk.paths())
    if (left, refused) not in ((1, 0), (_MANY, _MANY - 1)):
        raise Broken(f"Of {_MANY} rows {left} are left, and refused_deletions is {refused!r}", reply)
    if session.keeps_index and (committed := await session.committed()) != 2:  # noqa: PLR2004 - the index above
        raise Broken(f"With the deletions refused, the committed index is {committed}, not 2", reply)
    if refused:
        session = await desk.start()
        reply = await session.end_snapshot(told(_SNAPSHOT, "/kit-0", index=3, mtime=TIME + 2))
        if (len(desk.paths()), reply.get("refused_deletions", 0)) != (left, refused):
            raise Broken(f"What was refused once is not refused by the next snapshot: {len(desk.paths())} rows", reply)
    session = await desk.start()
    await session.push(told(_SNAPSHOT, "/kit-0", index=4, mtime=TIME + 3), source_type="snapshot", allow_deletions=True)
    reply = await session.push(is_snapshot_end=True, source_type="snapshot", allow_deletions=True)
    if desk.paths() != ["/kit-0"] or reply.get("refused_deletions", 0):
        raise Broken("allow_deletions=True does not allow the deletions", reply, len(desk.paths()))
    return _MANY


@check_at_desk("U20")
async def audit_corrects(desk: Desk) -> int:
    """What an audit found, what realtime told meanwhile, and what could not be listed."""
    session = await desk.start()
    await session.push(told(_SNAPSHOT, "/kit", "/dark", is_directory=True), source_type="snapshot")
    files = ("/kit/same", "/kit/other", "/kit/lost", "/kit/gone", "/kit/came", "/dark/in")
    await session.end_snapshot(told(_SNAPSHOT, *files))
    await session.push(told(_AUDIT, "/kit/stray"), told(_AUDIT, "/kit", is_directory=True), source_type="audit")
    await session.push(audit_signal(LifecycleSignal.AUDIT_END), source_type="audit")
    if (found := sorted(desk.paths())) != (before := sorted((*files, "/kit", "/dark"))):
        raise Broken("Audit rows and an Audit-End without an Audit-Start changed what is stored", found, before)
    await session.push(told(_REALTIME, "/kit/other", index=1, size=7))
    await session.push(audit_signal(LifecycleSignal.AUDIT_START), source_type="audit")
    await session.push(told(_REALTIME, "/kit/gone", index=2, deleted=True), told(_REALTIME, "/kit/new", index=3))
    await session.push(told(_REALTIME, "/kit/came", index=4, size=7))
    await session.push(told(_AUDIT, "/kit/same", "/kit/other", "/kit/gone", "/kit/came", mtime=TIME - 1, size=5))
    await session.push(told(_AUDIT, "/kit", is_directory=True), told(_AUDIT, "/", is_directory=True))
    await session.push(told(_AUDIT, "/dark", is_directory=True, audit_skipped=True), source_type="audit")
    await session.push(audit_signal(LifecycleSignal.AUDIT_END), source_type="audit")
    return _require_corrected(desk)


def _require_corrected(desk: Desk) -> int:
    sizes = {row["path"]: row["size"] for row in desk.world.stored() if row["path"] != "/"}
    expected = ("/kit", "/dark", "/dark/in", "/kit/same", "/kit/other", "/kit/came", "/kit/new")
    if lost := missing(expected, list(sizes)):
        raise Broken(f"After the audit {lost} are gone", sorted(sizes))
    if ghosts := missing(list(sizes), expected):
        raise Broken(f"After the audit {ghosts} are there still, or again", sorted(sizes))
    for path, size in {"/kit/same": 5, "/kit/other": 5, "/kit/came": 7}.items():
        if sizes[path] != size:
            raise Broken(f"After the audit {path!r} has size {sizes[path]!r}, not {size!r}")
    return len(expected)


@check_at_desk("U36")
async def other_batches(desk: Desk) -> int:
    """Two more sessions, each of which begins at an older position."""
    session = await desk.start()
    if not session.keeps_index and not desk.world.keyed:
        raise NotApplicable("The driver keeps no index: every start takes a snapshot")
    await session.end_snapshot()
    await _push_all(session, _FIRST_BATCHES)
    everything = [f"/kit-{index}" for index in range(1, _LAST + 1)]
    for batches in _LATER_BATCHES:
        session = await desk.start()
        if session.keeps_index:
            await session.committed()  # as whoever resumes does
        await _push_all(session, batches)
        desk.require_paths(everything, f"a later session pushed the indexes {batches}")
    return len(_FIRST_BATCHES) + sum(map(len, _LATER_BATCHES))


async def _push_all(session: Session, batches: tuple[tuple[int, ...], ...]) -> None:
    for batch in batches:
        numbered = (told(_REALTIME, f"/kit-{index}", index=index) for index in batch)
        await session.push(*numbered, source_type="realtime")


@check("U21")
def arbitration(subject: PusherSubject) -> int:
    """Realtime and snapshots in a keyed store; in a log, everything of every phase."""
    if not subject.make_world().keyed:
        return _log(subject)
    with Campaign(subject, "U21") as campaign:
        seen = campaign.sentences(ARBITRATION) + campaign.drawn(_plan(subject, _SNAPSHOTS), 0.5, _SECONDS)
        seen += campaign.sentences(MANY)
    with Campaign(subject, "U21", at_root=True) as campaign:
        return seen + campaign.sentences(AT_ROOT)


def _log(subject: PusherSubject) -> int:
    with Campaign(subject, "U21") as campaign:
        seen = told_apart(subject) + campaign.sentences((*ARBITRATION, *ENDS, *LOGS))
        seen += campaign.drawn(_plan(subject, _ALL, partial=True), 1.0, 2 * _SECONDS)
        return seen + campaign.sentences(MANY)


@check("U22")
def snapshot_ends(subject: PusherSubject) -> int:
    """What goes and what stays."""
    with Campaign(subject, "U22") as campaign:
        seen = campaign.sentences(ENDS) + campaign.drawn(_plan(subject, _SESSIONS), 0.5, _SECONDS)
    return seen + superseded(subject)


@check("U23")
def audits(subject: PusherSubject) -> int:
    """What is corrected, what goes, and when nothing counts."""
    with Campaign(subject, "U23") as campaign:
        return campaign.sentences(AUDITS) + campaign.drawn(_plan(subject, _AUDITS, known=True), 0.6, _SECONDS)


@check("U24")
def values(subject: PusherSubject) -> int:
    """Records, rows and paths, in every phase."""
    with Campaign(subject, "U24") as campaign:
        seen = campaign.kept(VALUES, one_by_one)
    return seen + own_fields_kept(subject)


@check("U25")
def indexes(subject: PusherSubject) -> int:
    """After every step, and by another instance."""
    if not keeps_index(subject.driver_class):
        raise NotApplicable("The driver keeps no index: every start takes a snapshot")
    with Campaign(subject, "U25", index=True) as campaign:
        seen = campaign.sentences(INDEXES) + campaign.drawn(_plan(subject, _SESSIONS), 0.3, _SECONDS)
    return seen + two_tasks(subject)


@check("U26")
def at_once_and_away(subject: PusherSubject) -> int:
    """Two pushes of one task at the same time; a destination that goes and comes back."""
    rounds = max(2, round(_ROUNDS * subject.options.histories / _USUAL))
    with Campaign(subject, "U26") as campaign, hurried():
        seen = campaign.sentences([at_once(rounds), in_order(_FEW)]) + two_at_once(subject, 2 * rounds)
    return seen + away(subject, replaced=subject.options.histories > _USUAL)


def _plan(subject: PusherSubject, weights: Counter[str], *, partial: bool = False, known: bool = False) -> Plan:
    return Plan(weights, partial=partial, known=known, resumes=keeps_index(subject.driver_class))
