"""Versions that do not work together, as users get them from an index, and the command that mends each."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fustor_driver.doctor.environment import Environment
from fustor_driver.doctor.finding import WHEELS, Finding, Level
from fustor_driver.releases import release, released_versions

__all__ = ["AGENT", "CORE", "contradictions", "mending"]

AGENT, CORE = "fustor-agent", "fustor-core"
_MODEL, _SOURCE_FS = "fustor-event-model", "fustor-source-fs"
_OURS = f"{WHEELS} is the directory that `uv build --all-packages --wheel --out-dir {WHEELS}` fills, in a clone"
_CONTRACT = (1, 0)
_OPEN_WATCHDOG = "watchdog<7"


def contradictions(environment: Environment) -> Iterator[Finding]:
    """What of the Fustor family stands beside what it does not work with, the gravest first."""
    for rule in (_agent_and_core, _agent_and_parts, _core_alone, _event_model, _upstreams_source):
        yield from rule(environment)


def mending(environment: Environment) -> str:
    """The command that gives the agent that is here all that it was released with, and keeps this project's drivers."""
    needed = _needed(environment) or [f"{CORE}=={environment.version(AGENT)}"]
    return environment.install(*filter(environment.lacks, needed))


def _needed(environment: Environment) -> list[str]:
    """What the agent that is here was released with, but for this project's drivers; nothing of an unknown release."""
    version = environment.version(AGENT)
    if version not in released_versions():
        return []
    ours = {name for name in environment.distributions if environment.release(name) >= _CONTRACT} - {CORE}
    known = release(version)
    return [*known.requirements(*ours), *(() if _SOURCE_FS in ours else known.limits)]


def _agent_and_core(environment: Environment) -> Iterator[Finding]:
    agent, core = environment.version(AGENT), environment.version(CORE)
    if not agent or environment.release(AGENT) == environment.release(CORE):
        return
    if environment.release(CORE) >= _CONTRACT:
        text = f"The contract's core {core} stands where agent {agent} needs its own: the agent does not start"
        remedy = "Give the agent its core back; fustor-driver runs in one of its own: uv tool install fustor-driver"
    else:
        text = f"Agent {agent} beside core {core}: the agent does not start" if core else f"Agent {agent} has no core"
        remedy = f"Install what agent {agent} was released with"
    yield Finding(Level.ERROR, AGENT, text, remedy, command=mending(environment))


def _agent_and_parts(environment: Environment) -> Iterator[Finding]:
    """What an agent imports and does not require: it is found missing when the agent starts, or later."""
    names = (canonicalize_name(Requirement(pin).name) for pin in _needed(environment))
    missing = [name for name in names if name not in environment.distributions]
    if missing and environment.release(AGENT) == environment.release(CORE):
        text = f"Agent {environment.version(AGENT)} needs {', '.join(missing)} and does not require it"
        yield Finding(Level.ERROR, AGENT, text, "Install what it was released with", command=mending(environment))


def _core_alone(environment: Environment) -> Iterator[Finding]:
    if environment.release(CORE) == (0, 2) and environment.lacks("fastapi"):
        text = f"Core {environment.version(CORE)} imports fastapi and does not require it"
        yield Finding(Level.ERROR, CORE, text, "Install fastapi", command=environment.install("fastapi"))


def _event_model(environment: Environment) -> Iterator[Finding]:
    model, core = environment.version(_MODEL), environment.version(CORE)
    if not model or environment.release(_MODEL) >= _CONTRACT or environment.release(AGENT) == (0, 2):
        return
    if environment.release(CORE) <= (0, 2):  # they belong together
        return
    text = f"Event model {model} beside core {core}: its events have no `message_source`"
    command = environment.install(f"{_MODEL}>=1", wheels=True)
    yield Finding(Level.ERROR, _MODEL, text, f"Install version 1; {_OURS}", command=command)


def _upstreams_source(environment: Environment) -> Iterator[Finding]:
    version = environment.version(_SOURCE_FS)
    if not version or environment.release(_SOURCE_FS) >= _CONTRACT:
        return
    command = environment.install(f"{_SOURCE_FS}>=1", wheels=True)
    remedy = f"Install version 1, the source of this project; {_OURS}"
    beside = {CORE: environment.release(CORE) >= _CONTRACT, "watchdog": environment.lacks(_OPEN_WATCHDOG)}
    refused = next((name for name, refuses in beside.items() if refuses), "")
    if refused:
        text = f"The released source {version} does not load beside {refused} {environment.version(refused)}".rstrip()
        yield Finding(Level.ERROR, _SOURCE_FS, text, remedy, command=command)
    else:
        text = f"The released source {version} stands in place of this project's, and loses changes that come in bursts"
        yield Finding(Level.WARNING, _SOURCE_FS, text, remedy, command=command)
