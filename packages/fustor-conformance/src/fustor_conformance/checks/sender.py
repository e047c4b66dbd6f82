"""U14: a pusher as a sender of agent 0.8, simulated, through the bridge that users install for it."""

from __future__ import annotations

from functools import partial
from typing import Any

from fustor_conformance.agents.agent08 import Agent08
from fustor_conformance.agents.bridge import as_sender, sender_class
from fustor_conformance.agents.looking import calls_of, paths_of, require_clean, wait_for
from fustor_conformance.agents.pipe08 import Pauses
from fustor_conformance.agents.scripted import AUDIT_PATHS, REALTIME_PATHS, SNAPSHOT_PATHS, ScriptedSource
from fustor_conformance.agents.transcript import Transcript
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.subject import PusherSubject
from fustor_conformance.worlds import PusherWorld
from fustor_core.models.config import SourceConfig
from fustor_event_model import MessageSource

_PACE_SEC = 30.0
"""What the agent and the bridge may take of themselves; without a fault it is two seconds."""
_BATCH_SIZE = 100
_AUDITS = 5
"""Audits that are asked for until one comes through: the bridge has the agent drop one that began too early."""
_QUICK = Pauses(control_sec=0.1, backoff_sec=0.1)
_GONE = SNAPSHOT_PATHS[0]
_AGAIN = tuple(f"/kit-again-{number}" for number in range(5))


class _First(ScriptedSource):
    """Its audit lists the root, finds something, and does not find one thing of the snapshot."""

    audit_paths = (*SNAPSHOT_PATHS[1:], *REALTIME_PATHS, *AUDIT_PATHS)
    lists_root = True


class _Second(ScriptedSource):
    """What is there at the next start; what changes then has the numbers that the changes before it had."""

    snapshot_paths = (*SNAPSHOT_PATHS[1:], *REALTIME_PATHS, *AUDIT_PATHS)
    realtime_paths = _AGAIN


@check("U14")
def under_agent_0_8(subject: PusherSubject) -> int:
    """A snapshot, realtime, an audit; then a new start, whose numbers begin anew."""
    with subject.world() as world:
        with _agent(subject, world, _First) as agent:
            _until_realtime(subject, agent, REALTIME_PATHS)
            before = dict.fromkeys(SNAPSHOT_PATHS, MessageSource.SNAPSHOT)
            _require(world, agent, before | dict.fromkeys(REALTIME_PATHS, MessageSource.REALTIME))
            _until_audited(subject, agent)
        require_clean(agent.transcript)
        _require_audited(world, agent)
        with _agent(subject, world, _Second) as agent:
            _until_realtime(subject, agent, _AGAIN)
        require_clean(agent.transcript)
        return _require(world, agent, dict.fromkeys(_AGAIN, MessageSource.REALTIME))


def _agent(subject: PusherSubject, world: PusherWorld, source: type[ScriptedSource]) -> Agent08:
    """A simulated agent with that source, whose sender is the bridge with the pusher."""
    told = as_sender(subject.parse(world.config()).model_dump(mode="json", exclude_none=True))
    sender = {
        "endpoint": told["endpoint"],
        "credential": told.get("credential", {}),
        "config": {**told["driver_params"], "batch_size": _BATCH_SIZE},
    }
    config = SourceConfig(driver="scripted", uri="kit://scripted", disabled=False)
    return Agent08(source, config, pauses=_QUICK, sender_class=sender_class(subject), sender_config=sender)


def _until_realtime(subject: PusherSubject, agent: Agent08, paths: tuple[str, ...]) -> None:
    """Until the snapshot and these changes have been pushed."""
    wait_for(subject, agent, "the snapshot's end", lambda told: told.snapshots_ended > 0, _PACE_SEC)
    wait_for(subject, agent, "realtime", lambda told: set(paths) <= paths_of(told, MessageSource.REALTIME), _PACE_SEC)


def _until_audited(subject: PusherSubject, agent: Agent08) -> None:
    """Until an audit has been pushed to its end."""
    for _ in range(_AUDITS):
        ends = agent.transcript.audits_ended + 1
        agent.audit()
        wait_for(subject, agent, "an audit's end", partial(_has_ended, ends), _PACE_SEC)
        if "/" in paths_of(agent.transcript, MessageSource.AUDIT):
            return
    raise Broken("No audit was taken", *agent.transcript.failures, *calls_of(agent.transcript))


def _has_ended(ends: int, told: Transcript) -> bool:
    return told.audits_ended >= ends


def _require(world: PusherWorld, agent: Agent08, wanted: dict[str, MessageSource]) -> int:
    """How many rows are stored as the phase that they were pushed in.

    Raises:
        Broken: one is not, or is not there at all.
    """
    stored: dict[str, Any] = {row["path"]: row for row in world.stored()}
    for path, phase in wanted.items():
        if path not in stored:
            raise Broken(f"{path!r} was pushed as {phase.value!r}, and is not there", *calls_of(agent.transcript))
        if stored[path].get("message_source") != phase:
            raise Broken(f"{path!r} was pushed as {phase.value!r}, and is stored otherwise", stored[path])
    return len(wanted)


def _require_audited(world: PusherWorld, agent: Agent08) -> None:
    """What only the audit has found is there; what it has missed is gone from a store that keeps one row a path."""
    _require(world, agent, dict.fromkeys(AUDIT_PATHS, MessageSource.AUDIT))
    if world.keyed and (ghosts := [row for row in world.stored() if row["path"] == _GONE]):
        raise Broken("The audit listed the root without it, and it is still there", *ghosts)
