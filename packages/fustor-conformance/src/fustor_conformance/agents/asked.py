"""What checks ask of a simulated agent: that something comes in time, and that nothing failed or was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fustor_conformance._reading import while_it_goes_on, with_paths
from fustor_conformance.agents.simulator import Simulator
from fustor_conformance.agents.transcript import Transcript
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import Subject
from fustor_event_model import MessageSource

__all__ = ["calls_of", "paths_of", "require_clean", "wait_for"]

_SHOWN_CALLS = 15


def wait_for(
    subject: Subject, agent: Simulator, what: str, condition: Callable[[Transcript], bool], more_sec: float = 0.0
) -> None:
    """Return when the condition holds of what the agent has done; `more_sec` is for the agent's own pace.

    While the agent goes on delivering it is waited for, ten times as long at most.

    Raises:
        Broken: it does not hold in time.
    """
    seconds = subject.manners.patience(subject.options.patience_sec) + more_sec
    if not while_it_goes_on(lambda: agent.wait_for(condition, seconds), lambda: len(agent.transcript.deliveries)):
        raise Broken(
            f"Under the agent {what} did not come within {seconds:g} s: {_how_far(agent.transcript)}",
            *calls_of(agent.transcript),
        )


def _how_far(told: Transcript) -> str:
    """What the agent failed with, or what it got of the stream."""
    if told.failures:
        return f"it failed with {list(told.failures)[:2]}"
    events = told.events(MessageSource.REALTIME)
    dropped = f", and its bus dropped {len(told.lost)} by their index" if told.lost else ""
    if not events:
        return f"the stream has delivered nothing{dropped}"
    last = events[-1].rows[-1:] or events[-1]
    return f"the stream has delivered {len(events)} events, the last one about {last}{dropped}"


def require_clean(told: Transcript) -> None:
    """See to it that nothing failed, was lost or was left behind.

    Raises:
        Broken: something was.
    """
    faults = {
        "The agent failed": told.failures,
        "The agent's bus dropped events by their index": told.lost,
        "Threads outlived the agent": told.leaked_threads,
    }
    for what, evidence in faults.items():
        if evidence:
            raise Broken(what, *evidence[:5], *calls_of(told))


def paths_of(told: Transcript, phase: MessageSource = MessageSource.REALTIME) -> set[str]:
    """The paths of all rows that a phase has delivered."""
    return {path for _, path in with_paths(told.events(phase))}


def calls_of(told: Transcript) -> Iterable[str]:
    """The first calls, as the agent made them."""
    for call in told.calls[:_SHOWN_CALLS]:
        arguments = ", ".join((*map(repr, call.args), *(f"{name}={value!r}" for name, value in call.kwargs.items())))
        yield f"{call.thread}: {call.method}({arguments})"
