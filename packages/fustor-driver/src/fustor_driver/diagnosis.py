"""What is installed, and what contradicts: findings with a way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import Distribution, distributions

from packaging.utils import canonicalize_name

from fustor_driver.installed import declared_names, imports_of, owners, package_files, parsed
from fustor_driver.registry import DriverClass, DriverRecord, Registry, due_groups

__all__ = ["Finding", "Level", "diagnose", "installed_versions"]


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


def installed_versions() -> dict[str, str]:
    """Every installed distribution of the Fustor family, by name."""
    found = {dist.name: dist.version for dist in distributions() if canonicalize_name(dist.name).startswith("fustor")}
    return dict(sorted(found.items()))


def diagnose(registry: Registry) -> tuple[Finding, ...]:
    """All findings: versions that contradict, then drivers that do not load, are not found, or import too much."""
    every: dict[str, Distribution] = {canonicalize_name(dist.name): dist for dist in distributions()}
    versions = {name: dist.version for name, dist in every.items()}
    per_driver = (finding for record in registry for finding in _of_driver(record, every))
    return (*_contradictions(versions), *_duplicates(registry), *per_driver)


def _contradictions(versions: Mapping[str, str]) -> Iterator[Finding]:
    core, model = _family(versions, "fustor-core"), _family(versions, "fustor-event-model")
    agent = _family(versions, "fustor-agent")
    if core == "0.8" and model == "0.2":
        yield Finding(
            Level.ERROR,
            "fustor-core",
            "Core 0.8 beside event model 0.2: two unrelated EventBase classes, and no PusherDriver",
            "Install fustor-core and fustor-event-model of one family",
        )
    if core == "0.2" and "fastapi" not in versions:
        yield Finding(Level.ERROR, "fustor-core", "Core 0.2 needs fastapi and does not say so", "Install fastapi")
    if agent and core and core not in (agent, "1.0"):
        yield Finding(
            Level.ERROR,
            "fustor-agent",
            f"Agent {agent} beside core {core}: its imports fail",
            f"Pin every fustor package to the agent's version {versions['fustor-agent']}",
        )
    if agent and core == "1.0":
        yield Finding(
            Level.WARNING,
            "fustor-agent",
            "The contract's core stands where the agent expects its own",
            "Run the agent in an environment of its own",
        )
    if versions.get("watchdog", "0").split(".")[0] >= "7" and _family(versions, "fustor-source-fs").startswith("0."):
        yield Finding(
            Level.ERROR,
            "fustor-source-fs",
            "The released source does not import with watchdog 7",
            "Install watchdog below 7, or fustor-source-fs 1",
        )


def _family(versions: Mapping[str, str], name: str) -> str:
    return ".".join(versions.get(name, "").split(".")[:2])


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


def _of_driver(record: DriverRecord, every: Mapping[str, Distribution]) -> Iterator[Finding]:
    subject = f"{record.kind} {record.name}"
    if record.error is not None:
        last = record.error.strip().splitlines()[-1]
        yield Finding(Level.ERROR, subject, f"Does not load: {last}", "Mend the package", record.error)
    missing = [group for group in due_groups(record.kind) if group not in record.groups]
    if missing:
        yield Finding(
            Level.WARNING,
            subject,
            f"Not registered in {' and '.join(map(repr, missing))}: the hosts that look there do not find it",
            f"Register it there as well, in the pyproject.toml of {record.distribution!r}",
        )
    dist = every.get(canonicalize_name(record.distribution))
    if dist is not None and record.driver is not None:
        yield from _undeclared(subject, dist, record.driver)


def _undeclared(subject: str, dist: Distribution, driver: DriverClass) -> Iterator[Finding]:
    """Top-level modules that the package imports and none of its requirements provides."""
    declared = declared_names(dist, with_extras=True)
    trees = map(parsed, package_files(driver.__module__))
    for module in sorted({found.top for tree in trees for found in imports_of(tree)}):
        providers = owners().get(module, frozenset())
        if providers and not providers & declared:
            yield Finding(
                Level.ERROR,
                subject,
                f"Imports {module!r} and does not require {' or '.join(sorted(providers))!r}",
                f"Add it to the dependencies of {dist.name!r}",
            )
