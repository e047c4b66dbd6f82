"""R08: a simulated agent 0.8 whose receiver is away until its bus has been full for long."""

from __future__ import annotations

from fustor_conformance._reading import last_word
from fustor_conformance.agents.agent08 import Agent08
from fustor_conformance.agents.looking import calls_of, paths_of, wait_for
from fustor_conformance.agents.receiver import Receiver
from fustor_conformance.agents.transcript import Transcript
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.subject import SourceSubject

_HOLDS = 3
"""Events in the bus of this agent, and in its thread; those of a user hold 1000 and 100, which a burst fills."""
_ONE_BY_ONE = 8
"""Each is an event of its own, since it is waited for: more than the bus holds, whatever a source puts together."""
_BURST = 150
"""What a source has to hold by itself meanwhile, but for a handful."""
_PACE_SEC = 10.0
"""What the agent may take to send again after its receiver was away."""


@check("R08")
def beyond_the_bus(subject: SourceSubject) -> int:
    """Changes one by one until the bus is full, a burst, and then the receiver comes back."""
    receiver = Receiver()
    with subject.world() as world:
        world.create("kit-there")
        config = subject.config(world, max_queue_size=_HOLDS)
        with Agent08(subject.driver_class, config, receiver=receiver, thread_queue=_HOLDS) as agent:
            wait_for(subject, agent, "the snapshot's end", lambda told: told.snapshots_ended > 0)
            receiver.away.set()
            made = [_streamed(subject, agent, world.create(f"kit-away-{number}")) for number in range(_ONE_BY_ONE)]
            made += [world.create(f"kit-burst-{number}") for number in range(_BURST)]
            receiver.away.clear()
            wanted = set(made)
            wait_for(subject, agent, "all that happened meanwhile", lambda told: wanted <= paths_of(told), _PACE_SEC)
        _require_bus(agent.transcript)
        return len(made)


def _streamed(subject: SourceSubject, agent: Agent08, path: str) -> str:
    """The path, once the stream has told of it, or the bus is broken."""
    wait_for(subject, agent, f"{path!r} in the stream", lambda told: _broken(told) or path in last_word(told.streamed))
    _require_bus(agent.transcript)
    return path


def _broken(told: Transcript) -> bool:
    return any(failure.startswith("bus") for failure in told.failures)


def _require_bus(told: Transcript) -> None:
    """See to it that the bus lives.

    Raises:
        Broken: it does not, so that no realtime event will come again.
    """
    if _broken(told):
        raise Broken("The agent gave up the stream for good", *told.failures[:5], *calls_of(told))
