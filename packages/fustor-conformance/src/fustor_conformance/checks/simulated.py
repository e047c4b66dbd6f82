"""Under a simulated agent 0.8 (R08, R09, U14): its bus full, its audit long under way, and a pusher as its sender."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from fustor_conformance._reading import last_word
from fustor_conformance.agents.agent08 import Agent08
from fustor_conformance.agents.asked import calls_of, paths_of, require_clean, wait_for
from fustor_conformance.agents.environments import as_sender, sender_class
from fustor_conformance.agents.pipe08 import Pauses
from fustor_conformance.agents.receiver import CountingSender, Receiver
from fustor_conformance.agents.scripted import AUDIT_PATHS, REALTIME_PATHS, SNAPSHOT_PATHS, ScriptedSource
from fustor_conformance.agents.transcript import Transcript
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import check
from fustor_conformance.subject import PusherSubject, SourceSubject
from fustor_conformance.view.released import ReleasedView
from fustor_conformance.worlds import PusherWorld, SourceWorld
from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase, MessageSource

_HOLDS, _THREAD_HOLDS = 3, 20
"""Events in the bus of this agent, and in its thread; those of a user hold 1000 and 100, which a burst fills."""
_ONE_BY_ONE = 4
"""Each is an event of its own, since it is waited for: more than the bus holds, whatever a source puts together, and
less than bus and thread hold, though a source makes six events of each."""
_BURST = 170
"""What a source has to hold by itself meanwhile, but for twenty."""
_PACE_SEC = 10.0
"""What the agent may take to send again after its receiver was away, to begin an audit, and to end it."""
_UNDER_WAY_SEC = 60.0
"""How long a batch is under way at most, where what it waits for does not come."""
_SENDER_SEC = 30.0
"""What the agent and the bridge may take of themselves; without a fault it is two seconds."""
_BATCH_SIZE = 100
_AUDITS = 5
"""Audits that are asked for until one comes through: the bridge has the agent drop one that began too early."""
_QUICK = Pauses(control_sec=0.1, backoff_sec=0.1)
_GONE = SNAPSHOT_PATHS[0]
_AGAIN = tuple(f"/kit-again-{number}" for number in range(5))


@check("R08")
def beyond_the_bus(subject: SourceSubject) -> int:
    """Changes one by one until the bus is full, a burst, and then the receiver comes back."""
    receiver = Receiver()
    with subject.world() as world:
        world.create("kit-there")
        config = subject.config(world, max_queue_size=_HOLDS)
        with Agent08(subject.driver_class, config, receiver=receiver, thread_queue=_THREAD_HOLDS) as agent:
            wait_for(subject, agent, "the snapshot's end", lambda told: told.snapshots_ended > 0)
            receiver.away.set()
            made = [_streamed(subject, agent, world.create(f"kit-away-{number}")) for number in range(_ONE_BY_ONE)]
            made += [world.create(f"kit-burst-{number}") for number in range(_BURST)]
            receiver.away.clear()
            wanted = set(made)
            what = "all that happened meanwhile"
            _wait_while_the_bus_lives(subject, agent, what, lambda told: wanted <= paths_of(told), _PACE_SEC)
        return len(made)


def _streamed(subject: SourceSubject, agent: Agent08, path: str) -> str:
    """The path, once the stream has told of it."""
    what = f"{path!r} in the stream"
    _wait_while_the_bus_lives(subject, agent, what, lambda told: path in last_word(told.streamed))
    return path


def _wait_while_the_bus_lives(
    subject: SourceSubject, agent: Agent08, what: str, condition: Callable[[Transcript], bool], more_sec: float = 0.0
) -> None:
    """Return as `wait_for` does.

    Raises:
        Broken: the condition does not hold in time, or the bus is broken, so that no realtime event will come again.
    """
    wait_for(subject, agent, what, lambda told: _broken(told) or condition(told), more_sec)
    if _broken(told := agent.transcript):
        raise Broken("The agent gave up the stream for good", *told.failures[:5], *calls_of(told))


def _broken(told: Transcript) -> bool:
    return any(failure.startswith("bus") for failure in told.failures)


@check("R09")
def audit_spares_what_is_new(subject: SourceSubject) -> int:
    """Things are made in every container while the first batch of an audit is under way."""
    fusion = _Fusion()
    with subject.world() as world:
        populate(world)
        with Agent08(subject.driver_class, subject.config(world), sender_class=fusion.sender()) as agent:
            try:
                made = _audit_meanwhile(subject, agent, fusion, world)
            finally:
                fusion.may_go_on.set()
        if gone := sorted(made - fusion.view.paths()):
            what = "were made while an audit was under way, and it took them out of the view"
            raise Broken(f"{len(gone)} of {len(made)} things {what}", *gone, *calls_of(agent.transcript))
        return len(made)


def _audit_meanwhile(subject: SourceSubject, agent: Agent08, fusion: _Fusion, world: SourceWorld) -> set[str]:
    """The paths that were made, and told in realtime, before the first batch of an audit that has ended arrived."""
    wait_for(subject, agent, "the snapshot's end", lambda told: told.snapshots_ended > 0)
    if any(event.event_schema != "fs" for event in agent.transcript.events()):
        raise NotApplicable("The released view has no rows of this schema")
    agent.audit()
    wait_for(subject, agent, "an audit", lambda told: _is_under_way(told) or told.audits_ended > 0, _PACE_SEC)
    inside = ("kit-box-0/kit-new", "kit-box-0/inner/kit-new") if "nest" in world.operations else ()
    made = {world.create(key) for key in ("kit-new", *inside)}  # beside everything else, and in containers
    wait_for(subject, agent, "what was made meanwhile", lambda told: made <= paths_of(told))
    fusion.may_go_on.set()
    wait_for(subject, agent, "the audit's end", lambda told: told.audits_ended > 0, _PACE_SEC)
    return made


def _is_under_way(told: Transcript) -> bool:
    sends = (call.kwargs for call in told.calls if call.method == "sender.send_events")
    return any(sent["source_type"] == "audit" and sent["events"] for sent in sends)


class _Fusion:
    """The view, and a way to it on which the first batch of an audit is held until it `may_go_on`."""

    def __init__(self) -> None:
        self.view = ReleasedView()
        self._is_held = True
        self.may_go_on = threading.Event()

    def sender(self) -> Callable[..., Any]:
        """A class of senders that lead here."""
        fusion = self

        class Sender(CountingSender):
            async def create_session(self, task_id: str, **kwargs: Any) -> tuple[str, dict[str, Any]]:
                fusion.view.begin_session(task_id)
                return await super().create_session(task_id, **kwargs)

            async def send_events(self, events: list[EventBase], *args: Any, **kwargs: Any) -> dict[str, Any]:
                await fusion.take(events, kwargs.get("source_type", ""), is_end=bool(kwargs.get("is_end")))
                return await super().send_events(events, *args, **kwargs)

        return Sender

    async def take(self, events: list[EventBase], source_type: str, *, is_end: bool) -> None:
        """Show a batch, as Fusion does in the order of their arrival."""
        is_audit = source_type == "audit"
        if is_audit and events and self._is_held:
            self._is_held = False
            await asyncio.to_thread(self.may_go_on.wait, _UNDER_WAY_SEC)
        for event in events:
            self.view.apply(event)
        if is_audit and is_end:
            self.view.audit_end()


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
            _require_stored(world, agent, before | dict.fromkeys(REALTIME_PATHS, MessageSource.REALTIME))
            if not any("/" in _audited(subject, agent) for _ in range(_AUDITS)):
                raise Broken("No audit was taken", *agent.transcript.failures, *calls_of(agent.transcript))
        require_clean(agent.transcript)
        _require_audited(world, agent)
        with _agent(subject, world, _Second) as agent:
            _until_realtime(subject, agent, _AGAIN)
        require_clean(agent.transcript)
        return _require_stored(world, agent, dict.fromkeys(_AGAIN, MessageSource.REALTIME))


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
    wait_for(subject, agent, "the snapshot's end", lambda told: told.snapshots_ended > 0, _SENDER_SEC)
    wait_for(subject, agent, "realtime", lambda told: set(paths) <= paths_of(told, MessageSource.REALTIME), _SENDER_SEC)


def _audited(subject: PusherSubject, agent: Agent08) -> set[str]:
    """What audits have told, once another one has been pushed to its end."""
    before = agent.transcript.audits_ended
    agent.audit()
    wait_for(subject, agent, "an audit's end", lambda told: told.audits_ended > before, _SENDER_SEC)
    return paths_of(agent.transcript, MessageSource.AUDIT)


def _require_stored(world: PusherWorld, agent: Agent08, wanted: dict[str, MessageSource]) -> int:
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
    _require_stored(world, agent, dict.fromkeys(AUDIT_PATHS, MessageSource.AUDIT))
    if world.keyed and (ghosts := [row for row in world.stored() if row["path"] == _GONE]):
        raise Broken("The audit listed the root without it, and it is still there", *ghosts)
