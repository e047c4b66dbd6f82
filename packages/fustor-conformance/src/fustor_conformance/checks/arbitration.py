"""Family U, against the model: what a store holds after histories of all phases, sessions and tasks."""

from __future__ import annotations

from collections import Counter

from fustor_conformance._desk import keeps_index
from fustor_conformance.outcome import NotApplicable
from fustor_conformance.pushing.away import away
from fustor_conformance.pushing.campaign import Campaign
from fustor_conformance.pushing.crowd import at_once, hurried, in_order, superseded, two_at_once, two_tasks
from fustor_conformance.pushing.draw import Plan
from fustor_conformance.pushing.sentences_audit import AUDITS
from fustor_conformance.pushing.sentences_index import INDEXES, LOGS
from fustor_conformance.pushing.sentences_realtime import ARBITRATION, AT_ROOT, ENDS, MANY
from fustor_conformance.pushing.traces import own_fields_kept, told_apart
from fustor_conformance.pushing.values import VALUES, one_by_one
from fustor_conformance.registry import check
from fustor_conformance.subject import PusherSubject

_SNAPSHOTS = Counter(realtime=6, snapshot=6, mixed=2, again=2, trigger=1, end=1)
_SESSIONS = Counter(realtime=4, snapshot=6, end=4, session=3, again=2, mixed=1, together=1)
_AUDITS = Counter(realtime=4, start=3, audit=6, finish=4, again=2, mixed=1, end=2, session=1, together=1)
_ALL = _SNAPSHOTS + _SESSIONS + _AUDITS
_ROUNDS, _USUAL, _FEW = 8, 20, 4
_SECONDS = 1.5
"""How long the drawn histories of a check may take, roughly, where no more are asked for than usual."""


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
