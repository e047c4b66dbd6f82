"""All findings about an environment, each with a way out.

Versions that do not work together, as users get them from an index, and the command that mends each; then what does not
load, is not found, or imports too much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import Distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fustor_driver.doctor.environment import WHEELS, Environment
from fustor_driver.doctor.imports import Modules
from fustor_driver.installed import declared_names, imports_of, owners, package_files, parsed, requirements
from fustor_driver.kinds import Kind
from fustor_driver.registry import DriverRecord, Registry, due_groups
from fustor_driver.releases import release, released_versions

__all__ = ["AGENT", "CORE", "Finding", "Level", "contradictions", "diagnose", "mending"]

_BRIDGE = "fustor-sender-bridge"
_FAMILY = "fustor-"
AGENT, CORE = "fustor-agent", "fustor-core"
_MODEL, _SOURCE_FS = "fustor-event-model", "fustor-source-fs"
_OURS = f"{WHEELS} is the directory that `uv build --all-packages --wheel --out-dir {WHEELS}` fills, in a clone"
_CONTRACT = (1, 0)
_OPEN_WATCHDOG = "watchdog<7"


class Level(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and what to do."""

    level: Level
    subject: str
    text: str
    remedy: str
    detail: str = ""
    command: str = ""
    """The one command that mends it, where one does; `WHEELS` in it is the directory of this project's wheels."""


def diagnose(environment: Environment, registry: Registry) -> tuple[Finding, ...]:
    """All findings: versions that contradict, then what does not load, is not found, or imports too much."""
    found = list(contradictions(environment))
    blamed = {finding.subject for finding in found}
    found += _unmet(environment, blamed)
    found += _agent(environment, blamed)
    found += _duplicates(registry)
    for record in registry:
        if canonicalize_name(record.distribution) not in blamed:
            found += _of_driver(record, environment, blamed)
    return tuple(found)


def _unmet(environment: Environment, blamed: set[str]) -> Iterator[Finding]:
    """Requirements within the family that no longer hold, since installers ask what they install alone."""
    for name, dist in sorted(environment.distributions.items()):
        family = [req for req in requirements(dist) if canonicalize_name(req.name).startswith(_FAMILY)]
        wanted = [f"{req.name}{req.specifier}" for req in family if canonicalize_name(req.name) not in blamed]
        unmet = list(filter(environment.lacks, wanted))
        if name.startswith(_FAMILY) and name not in blamed and unmet:
            blamed.add(name)
            text = f"{dist.name} {dist.version} requires {', '.join(unmet)}"
            command = environment.install(*unmet, wheels=True)
            yield Finding(Level.ERROR, name, f"{text}, which is not here", "Install it", command=command)


def _agent(environment: Environment, blamed: set[str]) -> Iterator[Finding]:
    if AGENT not in environment.distributions or AGENT in blamed:
        return
    missing = Modules(environment.path).missing_in_package("fustor_agent")
    if missing:
        text = f"Agent {environment.version(AGENT)} does not start: {missing[0]}"
        remedy = "Install what the agent was released with"
        detail = "\n".join(map(str, missing))
        yield Finding(Level.ERROR, AGENT, text, remedy, detail, mending(environment))


def _duplicates(registry: Registry) -> Iterator[Finding]:
    seen: dict[tuple[str, str], DriverRecord] = {}
    for record in registry:
        first = seen.setdefault((record.kind, record.name), record)
        if first is not record:
            yield Finding(
                Level.ERROR,
                f"{record.kind} {record.name}",
                f"Registered by {first.distribution!r} ({first.value}) and {record.distribution!r} ({record.value})",
                "Remove one",
            )


def _of_driver(record: DriverRecord, environment: Environment, blamed: set[str]) -> Iterator[Finding]:
    subject = f"{record.kind} {record.name}"
    if record.error is not None:
        last = record.error.strip().splitlines()[-1]
        yield Finding(Level.ERROR, subject, f"Does not load: {last}", "Mend the package", record.error)
    elif record.driver is None:
        yield from _unloadable(subject, record, environment, blamed)
    missing = [group for group in due_groups(record.kind) if group not in record.groups]
    if missing and not _is_of_an_agent(record):
        yield Finding(
            Level.WARNING,
            subject,
            f"Not registered in {' and '.join(map(repr, missing))}: the hosts that look there do not find it",
            f"Register it there as well, in the pyproject.toml of {record.distribution!r}",
        )
    dist = environment.distributions.get(canonicalize_name(record.distribution))
    if dist is not None and record.driver is not None:
        yield from _undeclared(subject, dist, record.driver.__module__)


def _is_of_an_agent(record: DriverRecord) -> bool:
    """Whether it is released with an agent, for that agent alone."""
    return record.version in released_versions() and record.distribution.startswith("fustor")


def _unloadable(subject: str, record: DriverRecord, environment: Environment, blamed: set[str]) -> Iterator[Finding]:
    """A driver that is read and not loaded, since it is not for this process."""
    if record.kind is Kind.PUSHER and environment.release(CORE) == (0, 8):
        if _BRIDGE not in environment.distributions:
            text = "Agent 0.8 has no pushers: it does not find this one"
            command = environment.install(_BRIDGE, wheels=True)
            yield Finding(Level.WARNING, subject, text, "Install the bridge for pushers", command=command)
        return  # the bridge gives this core what a pusher imports
    found = Modules(environment.path).missing_of(record.value.partition(":")[0])
    missing = [one for one in found if one.package not in blamed]  # whoever mends that mends this
    if missing:
        text, detail = f"Does not load: {missing[0]}", "\n".join(map(str, missing))
        core = environment.version(CORE) or "none"
        remedy = f"Install a {missing[0].package} that has it; the core here is {core}"
        yield Finding(Level.ERROR, subject, text, remedy, detail)


def _undeclared(subject: str, dist: Distribution, module: str) -> Iterator[Finding]:
    """Top-level modules that the package imports and none of its requirements provides."""
    declared = declared_names(dist, with_extras=True)
    trees = map(parsed, package_files(module))
    for name in sorted({found.top for tree in trees for found in imports_of(tree)}):
        providers = owners().get(name, frozenset())
        if providers and not providers & declared:
            yield Finding(
                Level.ERROR,
                subject,
                f"Imports {name!r} and does not require {' or '.join(sorted(providers))!r}",
                f"Add it to the dependencies of {dist.name!r}",
            )


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
