"""Family R: the driver as a whole, under hosts and through random histories."""

from __future__ import annotations

from fustor_conformance._desk import Desk, missing
from fustor_conformance._reading import last_word, rows_of
from fustor_conformance._recording import AUDIT, churn
from fustor_conformance.agents.agent02 import Agent02
from fustor_conformance.agents.agent08 import Agent08
from fustor_conformance.agents.looking import calls_of, paths_of, require_clean, wait_for
from fustor_conformance.agents.scripted import REALTIME_PATHS, SNAPSHOT_PATHS, ScriptedSource
from fustor_conformance.agents.simulator import Simulator
from fustor_conformance.agents.transcript import Transcript
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.histories.audits import Audits
from fustor_conformance.histories.concurrent import run_concurrent
from fustor_conformance.histories.engine import run_histories
from fustor_conformance.histories.exclusions import run_exclusions
from fustor_conformance.histories.host import Host
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.rules import Kind
from fustor_conformance.subject import PusherSubject, SourceSubject
from fustor_conformance.view.released import ReleasedView
from fustor_conformance.worlds import SourceWorld
from fustor_core.models.config import SourceConfig
from fustor_event_model import MessageSource


@check("R01", Kind.SOURCE)
def under_agent_0_2(subject: SourceSubject) -> int:
    """Two instances, a tracker that raises, a bus that filters."""
    with subject.world() as world:
        populate(world)
        with Agent02(subject.driver_class, subject.config(world)) as agent:
            _live_through(subject, agent, world)
        require_clean(agent.transcript)
        return len(agent.transcript.events())


@check("R01", Kind.PUSHER)
def pusher_under_agent_0_2(subject: PusherSubject) -> int:
    """A snapshot, its empty end, the trigger event, realtime."""
    with subject.world() as world:
        source = SourceConfig(driver="scripted", uri="kit://scripted", disabled=False)
        with Agent02(ScriptedSource, source, subject.driver_class, subject.parse(world.config())) as agent:
            wanted = set(REALTIME_PATHS)
            wait_for(subject, agent, "the snapshot's end", lambda told: told.snapshots_ended > 0)
            wait_for(subject, agent, "realtime", lambda told: wanted <= paths_of(told))
        require_clean(agent.transcript)
        stored = Desk(subject, world).paths()
        if lost := missing([*SNAPSHOT_PATHS, *REALTIME_PATHS], stored):
            raise Broken(f"The agent pushed {lost}, and they are not there", *calls_of(agent.transcript))
        return len(stored)


@check("R02")
def under_agent_0_8(subject: SourceSubject) -> int:
    """One instance, no keywords, audits with a cache, closed before it is stopped."""
    with subject.world() as world:
        populate(world)
        with Agent08(subject.driver_class, subject.config(world)) as agent:
            _live_through(subject, agent, world)
            if AUDIT in subject.capabilities:
                _audit(subject, agent, world)
        require_clean(agent.transcript)
        _require_released_view(agent.transcript, world)
        return len(agent.transcript.events())


def _require_released_view(told: Transcript, world: SourceWorld) -> None:
    """The released view takes every event of a file tree without an error, and shows the world at the end."""
    events = told.events()
    if any(event.event_schema != "fs" for event in events):
        return  # it has no view of anything else
    view = ReleasedView()
    view.begin_session("kit")
    for delivery in told.deliveries:
        for event in delivery.events:
            if not view.apply(event):
                raise Broken("The released view counts an event as an error", event)
        if delivery.is_end and delivery.phase is MessageSource.AUDIT:
            view.audit_end()
    if differences := view.difference(world.list()):
        raise Broken("The released view differs from the world", *map(str, differences[:5]))


def _audit(subject: SourceSubject, agent: Agent08, world: SourceWorld) -> None:
    agent.audit()
    wait_for(subject, agent, "an audit's end", lambda told: told.audits_ended > 0)
    paths = [row["path"] for row in rows_of(agent.transcript.events(MessageSource.AUDIT))]
    if lost := missing(sorted(world.list()), paths):
        raise Broken("The audit does not emit everything", *lost[:5], *calls_of(agent.transcript))


def _live_through(subject: SourceSubject, agent: Simulator, world: SourceWorld) -> None:
    """Wait for a snapshot, change the world, and wait until the agent has delivered what is there now."""
    there = world.list().keys()
    wait_for(subject, agent, "the snapshot's end", lambda told: told.snapshots_ended > 0)
    snapshot = {row["path"] for row in rows_of(agent.transcript.events(MessageSource.SNAPSHOT))}
    if lost := there - snapshot:
        raise Broken("The agent's snapshot lacks things", *sorted(lost)[:5], *calls_of(agent.transcript))
    churn(world, sorted(path for path, row in world.list().items() if not row.get("is_directory"))[:3])
    last = world.create("kit-last")
    wait_for(subject, agent, f"{last!r}", lambda told: last in _there(told))
    wait_for(subject, agent, "what is there now", lambda told: not _there(told) ^ world.list().keys())


def _there(told: Transcript) -> set[str]:
    """What is there by all that the driver told, the event included that agent 0.2 itself swallows (decision 0203)."""
    realtime = (*told.swallowed_by_host, *told.events(MessageSource.REALTIME))
    events = (*told.events(MessageSource.SNAPSHOT), *realtime)
    return {path for path, there in last_word(events).items() if there and path != "/"}


@check("R03")
def view_converges(subject: SourceSubject) -> int:
    """Stream, snapshot, changes, restart, audit."""
    seen = 0
    with subject.world() as world:
        paths = populate(world)
        with Host(subject, world) as host:
            host.step_snapshot()
            churn(world, paths[3:6])
            host.finish_snapshot()
            seen += host.require_equal("After stream and snapshot")
            Audits(host).run()
            seen += host.require_equal("After a full audit")
            world.create("kit-while-away")
            if "delete" in world.operations:
                world.delete(paths[0])
            host.restart()
            host.finish_snapshot()
            seen += host.require_equal("After a restart")
    return seen


@check("R05")
def random_histories(subject: SourceSubject) -> int:
    """Those written by hand, then twenty random ones, unless more are asked for."""
    return run_histories(subject)


@check("R06")
def concurrent_writer(subject: SourceSubject) -> int:
    """Snapshot, audits and stream at once, while things change as fast as they can."""
    return run_concurrent(subject)


@check("R07")
def excluded_is_absent(subject: SourceSubject) -> int:
    """Left out from the beginning, by a new name, and no longer."""
    return run_exclusions(subject)
