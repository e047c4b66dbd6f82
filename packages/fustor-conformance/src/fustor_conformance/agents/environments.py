"""Environments of their own, for checks that need another Fustor than this process has, and what pushers need there.

Needs uv and an index.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from fustor_conformance.outcome import Broken, NotJudged
from fustor_conformance.subject import PusherSubject, Subject
from fustor_driver.agents import outside
from fustor_driver.agents.environments import wheels_of
from fustor_driver.errors import EnvironmentProblem

__all__ = ["as_sender", "bridge", "build_wheels", "installed", "make", "run", "sender_class"]

_LONGEST_COMPLAINT = 550
_BRIDGE = "fustor-sender-bridge"
_SENDERS, _NAME = "fustor_agent.drivers.senders", "pusher"
_OF_A_SENDER = ("endpoint", "credential")
_ATTEMPTS = {"max_retries": 3, "retry_delay_sec": 0.2}
"""A destination of a check is there; what fails for good is not waited for."""


def installed(subject: Subject) -> Distribution:
    """The subject's distribution.

    Raises:
        NotJudged: it has none, or there is no uv.
    """
    if subject.distribution is None:
        raise NotJudged("The class is not installed as a distribution")
    if shutil.which("uv") is None:
        raise NotJudged("uv is not on PATH, and environments are made with it")
    return subject.distribution


def build_wheels(subject: Subject, wheels: Path, *others: Distribution) -> list[str]:
    """What names the driver's own wheel and those of `others`, now in `wheels` beside that of the event model.

    Raises:
        Broken: it cannot be built.
    """
    dist = installed(subject)
    with _verdict("The wheel is not built"):
        wheels_of((dist, *others, distribution("fustor-event-model")), wheels)
    return [f"{one.metadata['Name']}=={one.version}" for one in (dist, *others)]


def make(
    environment: Path, requirements: Iterable[str], wheels: Path, what: str, constraints: Iterable[str] = ()
) -> Path:
    """The interpreter of a new environment that has `requirements`, taken from `wheels` where they are there.

    `constraints` bind the version of what they name if it is installed at all; those of a project that this process
    works in do not.
    """
    run(["uv", "venv", "-q", "--python", sys.executable, str(environment)], what)
    python = environment / "bin" / "python"
    bounds = environment / "constraints.txt"
    bounds.write_text("\n".join(constraints), encoding="utf-8")
    options = ["--python", str(python), "--find-links", str(wheels), "--constraints", str(bounds)]
    run(["uv", "pip", "install", "-q", *options, *requirements], what, cwd=environment)
    return python


def run(
    command: list[str], what: str, text: str = "", env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """What the command prints.

    Raises:
        Broken: it failed; `what` says what it was for.
    """
    with _verdict(f"{what}: {' '.join(command[:3])} fails"):
        return outside.run(command, what, env or outside.clean(), cwd, text)


@contextmanager
def _verdict(seen: str) -> Iterator[None]:
    """A problem of an environment is a verdict here."""
    try:
        yield
    except EnvironmentProblem as err:
        raise Broken(seen, str(err)[-_LONGEST_COMPLAINT:]) from err


def bridge() -> Distribution:
    """The distribution through which agent 0.8 runs pushers.

    Raises:
        NotJudged: it is not installed.
    """
    try:
        return distribution(_BRIDGE)
    except PackageNotFoundError as err:
        raise NotJudged(f"Agent 0.8 runs pushers through {_BRIDGE}, which is not installed; install it") from err


def sender_class(subject: PusherSubject) -> type[Any]:
    """The bridge's sender, found as the agent finds it, which runs the class under test by any name.

    Raises:
        NotJudged: it is not installed.
    """
    entries = bridge().entry_points.select(group=_SENDERS, name=_NAME)
    loaded = next(iter(entries)).load()
    return type(loaded.__name__, (loaded,), {"pusher_class": staticmethod(lambda _: subject.driver_class)})


def as_sender(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A pusher's entry as that of the sender, which takes its name and its parameters."""
    params = {"pusher": entry["driver"], "params": entry.get("driver_params", {}), **_ATTEMPTS}
    return {"driver": _NAME, **{name: entry[name] for name in _OF_A_SENDER if name in entry}, "driver_params": params}
