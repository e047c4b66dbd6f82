"""`run --agent`: the same source and pusher under a released agent, in an environment of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from subprocess import TimeoutExpired

from fustor_driver.agents import Delivered, Roles, environment_for, running
from fustor_driver.agents.process import Agent
from fustor_driver.commands._jobs import RunOptions
from fustor_driver.commands._pairs import RECORDER
from fustor_driver.configuration import Pair
from fustor_driver.errors import CheckFailed, EnvironmentProblem, UsageProblem
from fustor_driver.kinds import Kind
from fustor_driver.registry import Registry
from fustor_driver.releases import release, released_versions
from fustor_driver.reporting import SHOWN, print_json, say
from fustor_driver.supervision import Interrupted, caught_signals

__all__ = ["refuse_with_agent", "run_under_agent"]

_BRIDGE = "fustor-sender-bridge"
_LOOK_SEC = 0.5
_NO_PUSHERS = ("0.8.",)
_ORDER = ("snapshot", "realtime", "audit")


def refuse_with_agent(version: str, given: Mapping[str, object]) -> None:
    """Refuse what an agent cannot be asked for.

    Raises:
        UsageProblem: the release is not known, or an option is the guide host's alone.
    """
    if version not in released_versions():
        raise UsageProblem(f"--agent takes one of {', '.join(released_versions())}, not {version!r}")
    unknown = [name for name, value in given.items() if value]
    if unknown:
        raise UsageProblem(
            f"Leave out {' and '.join(unknown)} beside --agent: only fustor-driver's own host can do that"
        )


def run_under_agent(pair: Pair, version: str, how: RunOptions, *, json: bool) -> None:
    """Run the pair until a signal comes or the time is up, and show what arrives.

    Raises:
        EnvironmentProblem: the agent's environment cannot be built.
        CheckFailed: the agent ended by itself, or nothing arrived.
        Interrupted: by SIGINT or SIGTERM.
    """
    audits = pair.audit_interval_sec if how.audit_interval is None else how.audit_interval
    roles = Roles(pair, pair.pusher.driver != RECORDER, audits)
    drivers = _distributions(version, roles)
    say(f"The environment of agent {version} with {', '.join(drivers)} is looked up, or built")
    with (
        environment_for(release(version), drivers) as python,
        tempfile.TemporaryDirectory(prefix="fustor-agent-", ignore_cleanup_errors=True) as home,  # its owner's alone
        caught_signals() as received,
    ):
        with running(version, python, roles, Path(home)) as agent:
            receiver = repr(pair.pusher_id) if roles.has_pusher else "a receiver that counts"
            say(f"Agent {version} runs: {pair.source_id!r} to {receiver}; Ctrl-C stops it")
            _follow(agent, received, how.duration)
            code = agent.process.poll()
        agent.look()
        say(f"Agent {version} has stopped; it delivered {_summary(agent.phases)}")
        if json:
            print_json(_as_document(version, agent.phases))
        if code is not None or not (received or agent.phases):
            say(agent.tail(), quiet=0)
            what = "Nothing arrived" if code is None else f"Agent {version} ended by itself, with code {code}"
            raise CheckFailed(f"{what}; the end of its log stands above")
    if received:
        raise Interrupted(received[0])


def _as_document(version: str, phases: Mapping[str, Delivered]) -> dict[str, object]:
    """The run as JSON."""
    counts = ("events", "rows", "ends")
    delivered = {phase: {name: getattr(seen, name) for name in counts} for phase, seen in phases.items()}
    return {"agent": version, "delivered": delivered}


def _distributions(version: str, roles: Roles) -> list[str]:
    """The packages of the drivers, and of the bridge where the agent has no pushers."""
    registry = Registry.read()
    names = [registry.find(Kind.SOURCE, roles.pair.source.driver).distribution]
    if not roles.has_pusher:
        return names
    names.append(registry.find(Kind.PUSHER, roles.pair.pusher.driver).distribution)
    if version.startswith(_NO_PUSHERS):
        try:
            names.append(distribution(_BRIDGE).name)
        except PackageNotFoundError as err:
            raise EnvironmentProblem(
                f"Agent {version} has no pushers, and {_BRIDGE}, which runs them there, is not installed; "
                "install it, or leave the pusher out: then what arrives is counted"
            ) from err
    return list(dict.fromkeys(names))


def _follow(agent: Agent, received: list[int], duration_sec: float | None) -> None:
    """Show what arrives, and what the agent logs that is grave, until a signal comes or the time is up."""
    until = time.monotonic() + duration_sec if duration_sec is not None else float("inf")
    while not received and time.monotonic() < until and agent.process.poll() is None:
        for line in agent.said(all_of_it=bool(SHOWN.verbose)):
            say(f"agent: {line}")
        for phase in sorted(agent.look(), key=_rank):
            say(_line(phase, agent.phases[phase]))
        with suppress(TimeoutExpired):  # it still runs, as it should
            agent.process.wait(max(min(_LOOK_SEC, until - time.monotonic()), 0))


def _line(phase: str, seen: Delivered) -> str:
    end = f", complete {seen.ends} times" if seen.ends > 1 else ", complete" if seen.ends else ""
    last = f", last {seen.last!r}" if seen.last else ""
    return f"{phase:<9} {seen.rows:,} rows{end}{last}"


def _summary(phases: Mapping[str, Delivered]) -> str:
    return "; ".join(" ".join(_line(phase, phases[phase]).split()) for phase in sorted(phases, key=_rank)) or "nothing"


def _rank(phase: str) -> tuple[int, str]:
    """Where a phase stands among those that are named."""
    return (_ORDER.index(phase) if phase in _ORDER else len(_ORDER), phase)
