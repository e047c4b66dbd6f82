"""Families R and P: the driver as a whole, in random histories, under simulated hosts and in the agents of releases."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fustor_conformance._desk import Desk, missing
from fustor_conformance._reading import eventually, last_word, rows_of
from fustor_conformance._recording import AUDIT, churn
from fustor_conformance.agents import environments
from fustor_conformance.agents.agent02 import Agent02
from fustor_conformance.agents.agent08 import Agent08
from fustor_conformance.agents.asked import calls_of, paths_of, require_clean, wait_for
from fustor_conformance.agents.environments import as_sender, bridge
from fustor_conformance.agents.released import Agent, Running, agent_for
from fustor_conformance.agents.scripted import AUDIT_PATHS, REALTIME_PATHS, SNAPSHOT_PATHS, ScriptedSource
from fustor_conformance.agents.simulator import Simulator
from fustor_conformance.agents.transcript import Transcript
from fustor_conformance.apart import one_event
from fustor_conformance.checks.package import distribution_of, entry_value
from fustor_conformance.checks.snapshot import populate
from fustor_conformance.histories.audits import Audits
from fustor_conformance.histories.concurrent import run_concurrent
from fustor_conformance.histories.engine import run_histories
from fustor_conformance.histories.exclusions import run_exclusions
from fustor_conformance.histories.host import Host
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import Kind, Profile, check
from fustor_conformance.subject import PusherSubject, SourceSubject, Subject
from fustor_conformance.view.released import ReleasedView
from fustor_conformance.worlds import SourceWorld
from fustor_core.models.config import SourceConfig
from fustor_event_model import MessageSource

_MORE_SEC = 20.0
"""What an agent's start and its own pace may add to the time that a change may take."""
_BURST = 100
_SWALLOWED_SEC = 3.0
"""After which a first change that has not come is not waited for: a poller may take a second, the agent one more."""
_FOR_SOURCES = {"driver", "uri", "credential", "driver_params"}
_FOR_PUSHERS = {"driver", "endpoint", "credential", "driver_params"}
_SHOWN = 5
_CORES = {Profile.AGENT_0_2.release: ("fastapi",), Profile.AGENT_0_8.release: ()}
"""Each release, with what it imports and does not declare."""
_IN_EVERY_RELEASE = {"driver", "uri", "credential", "driver_params", "disabled"}
"""What every release's configuration takes in the same form; 0.2.16 wants a credential, and whole seconds elsewhere."""


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


@check("R04", Kind.SOURCE)
def source_under_agent(subject: SourceSubject) -> int:
    """Snapshot, realtime with a burst, an audit where both have one, stop."""
    with _agent(subject) as agent, subject.world() as world:
        populate(world)
        there = world.list().keys() - {"/"}
        told = subject.config(world).model_dump(mode="json", exclude_none=True, include=_FOR_SOURCES)
        with agent.running(source=told) as running:
            running.wait("the snapshot's end", lambda: _ended(running, MessageSource.SNAPSHOT), _patience(subject))
            if lost := sorted(there - running.there(MessageSource.SNAPSHOT)):
                raise running.broken(f"lost {len(lost)} things of the snapshot", *lost[:_SHOWN])
            _in_realtime(subject, running, world)
            if AUDIT in subject.capabilities and subject.options.profile is Profile.AGENT_0_8:
                _in_audits(subject, running, world)
            _require_sources(running)
        return len(running.events(*MessageSource))


@check("R04", Kind.PUSHER)
def pusher_under_agent(subject: PusherSubject) -> int:
    """A snapshot, its empty end, the trigger event of agent 0.2, realtime, an audit under agent 0.8, stop."""
    wanted = {
        **dict.fromkeys(SNAPSHOT_PATHS, MessageSource.SNAPSHOT),
        **dict.fromkeys(REALTIME_PATHS, MessageSource.REALTIME),
    }
    if has_senders := subject.options.profile is Profile.AGENT_0_8:
        wanted |= dict.fromkeys(AUDIT_PATHS, MessageSource.AUDIT)
    with _agent(subject) as agent, subject.world() as world:
        desk = Desk(subject, world)
        told = subject.parse(world.config()).model_dump(mode="json", exclude_none=True, include=_FOR_PUSHERS)
        source = {"driver": "kit_scripted", "uri": "kit://scripted"}
        with agent.running(source=source, pusher=as_sender(told) if has_senders else told) as running:
            running.wait(
                "all that the source emitted", lambda: not missing(list(wanted), desk.paths()), _patience(subject)
            )
        stored = {row["path"]: row for row in world.stored()}
        for path, phase in wanted.items():
            if stored.get(path, {}).get("message_source") != phase:
                raise running.broken(f"pushed {path!r} as {phase.value!r}; it is stored otherwise", stored.get(path))
        return len(stored)


@contextmanager
def _agent(subject: Subject) -> Iterator[Agent]:
    if subject.options.profile is Profile.GUIDE:
        raise NotApplicable("The profile 'guide' has no released agent; ask for agent-0.2 or agent-0.8")
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch, "wheels")
        needs_bridge = subject.kind is Kind.PUSHER and subject.options.profile is Profile.AGENT_0_8
        own = environments.build_wheels(subject, wheels, *([bridge()] if needs_bridge else ()))
        yield agent_for(subject, own, wheels, Path(scratch))


def _in_realtime(subject: SourceSubject, running: Running, world: SourceWorld) -> None:
    """Change the world, and demand that realtime events alone tell of it."""
    swallowed = _swallowed_first(subject, running, world)
    files = sorted(path for path, row in world.list().items() if not row.get("is_directory"))
    churn(world, files[:3])
    changed = {world.create(f"kit-burst-{number}") for number in range(_BURST)}
    if "modify" in world.operations:
        changed.add(files[0])
    seconds = _patience(subject)
    running.wait("all of a burst", lambda: changed <= running.there(MessageSource.REALTIME), seconds)
    both = (MessageSource.SNAPSHOT, MessageSource.REALTIME)
    running.wait("what is there now", lambda: running.there(*both) | swallowed == world.list().keys() - {"/"}, seconds)


def _swallowed_first(subject: SourceSubject, running: Running, world: SourceWorld) -> set[str]:
    """The path of a first change that agent 0.2 itself has swallowed, as it does without an index (decision 0203)."""
    if subject.options.profile is not Profile.AGENT_0_2:
        return set()
    first = world.create("kit-first")
    came = eventually(lambda: first in running.there(MessageSource.REALTIME), _SWALLOWED_SEC)
    return set() if came else {first}


def _in_audits(subject: SourceSubject, running: Running, world: SourceWorld) -> None:
    """An unchanged container's contents were told by the audit before, so that all audits together tell all."""
    now = world.list().keys() - {"/"}
    seconds = _patience(subject)
    running.wait("all in its audits", lambda: now <= running.there(MessageSource.AUDIT), seconds)
    running.wait("an audit's end", lambda: _ended(running, MessageSource.AUDIT), seconds)


def _patience(subject: Subject) -> float:
    return subject.options.patience_sec + _MORE_SEC


def _ended(running: Running, phase: MessageSource) -> bool:
    return any(batch.is_end and batch.source_type == phase for batch in running.batches())


def _require_sources(running: Running) -> None:
    """Every event says the phase in which the agent carried it."""
    for batch in running.batches():
        for event in batch.events:
            if event.rows and event.message_source != batch.source_type:
                raise running.broken(
                    f"carried an event as {batch.source_type!r} that says {event.message_source.value!r}", event
                )


@check("P06")
def beside_released_cores(subject: SourceSubject) -> int:
    """Imports, and yields an event."""
    environments.installed(subject)
    with tempfile.TemporaryDirectory() as scratch, subject.world() as world:
        wheels = Path(scratch, "wheels")
        (wheel,) = environments.build_wheels(subject, wheels)
        world.create("kit-thing")
        told = subject.config(world).model_dump(mode="json", exclude_none=True, include=_IN_EVERY_RELEASE)
        config = {"credential": {"user": "kit"}, **told}
        for core in _CORES:
            _require_event(subject, Path(scratch, core), wheels, wheel, core, config)
    return len(_CORES)


def _require_event(  # noqa: PLR0917 - one environment, all told
    subject: SourceSubject, environment: Path, wheels: Path, wheel: str, core: str, config: dict[str, object]
) -> None:
    what = f"Beside fustor-core {core}"
    python = environments.make(environment, [f"fustor-core=={core}", *_CORES[core], wheel], wheels, what)
    job = json.dumps({"value": entry_value(subject, distribution_of(subject)), "config": config, "core": core})
    event = json.loads(environments.run([str(python), "-B", one_event.__file__], what, job))
    if not event["rows"]:
        raise Broken(f"{what} the first event of the snapshot has no rows", event)
