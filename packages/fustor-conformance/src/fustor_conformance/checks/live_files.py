"""R09: the released view behind a simulated agent 0.8, whose first batch of an audit is long under way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Self

from fustor_conformance.agents.agent08 import Agent08
from fustor_conformance.agents.looking import calls_of, paths_of, wait_for
from fustor_conformance.agents.receiver import CountingSender
from fustor_conformance.agents.transcript import Transcript
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject
from fustor_conformance.view.released import ReleasedView
from fustor_conformance.worlds import SourceWorld
from fustor_event_model import EventBase

_PACE_SEC = 10.0
"""What the agent may take to begin an audit, and to end it."""
_UNDER_WAY_SEC = 60.0
"""How long a batch is under way at most, where what it waits for does not come."""


@check("R09")
def audit_spares_what_is_new(subject: SourceSubject) -> int:
    """Things are made in every container while the first batch of an audit is under way."""
    fusion = _Fusion()
    with subject.world() as world:
        populate(world)
        with Agent08(subject.driver_class, subject.config(world), sender_class=fusion.sender()) as agent, fusion:
            made = _live_through(subject, agent, fusion, world)
        if gone := sorted(made - fusion.view.paths()):
            what = "were made while an audit was under way, and it took them out of the view"
            raise Broken(f"{len(gone)} of {len(made)} things {what}", *gone, *calls_of(agent.transcript))
        return len(made)


def _live_through(subject: SourceSubject, agent: Agent08, fusion: _Fusion, world: SourceWorld) -> set[str]:
    """The paths that were made, and told in realtime, before the first batch of an audit that has ended arrived."""
    wait_for(subject, agent, "the snapshot's end", lambda told: told.snapshots_ended > 0)
    if any(event.event_schema != "fs" for event in agent.transcript.events()):
        raise NotApplicable("The released view has no rows of this schema")
    agent.audit()
    wait_for(subject, agent, "an audit", lambda told: _is_under_way(told) or told.audits_ended > 0, _PACE_SEC)
    made = set(_made_meanwhile(world))
    wait_for(subject, agent, "what was made meanwhile", lambda told: made <= paths_of(told))
    fusion.go_on()
    wait_for(subject, agent, "the audit's end", lambda told: told.audits_ended > 0, _PACE_SEC)
    return made


def _is_under_way(told: Transcript) -> bool:
    sends = (call.kwargs for call in told.calls if call.method == "sender.send_events")
    return any(sent["source_type"] == "audit" and sent["events"] for sent in sends)


def _made_meanwhile(world: SourceWorld) -> list[str]:
    """The paths of new things: beside everything else, and in containers where the World has some."""
    inside = ("kit-box-0/kit-new", "kit-box-0/inner/kit-new") if "nest" in world.operations else ()
    return [world.create(key) for key in ("kit-new", *inside)]


class _Fusion:
    """The view, and a way to it on which the first batch of an audit is held until `go_on`."""

    def __init__(self) -> None:
        self.view = ReleasedView()
        self._is_held = True
        self._may_go_on = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()

    def go_on(self) -> None:
        """Let it arrive."""
        self._may_go_on.set()

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
            await asyncio.to_thread(self._may_go_on.wait, _UNDER_WAY_SEC)
        for event in events:
            self.view.apply(event)
        if is_audit and is_end:
            self.view.audit_end()
