"""A process that runs checks for another one, which says which and when; each has Worlds and a driver of its own."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from fustor_conformance._manners import Manners
from fustor_conformance.judge import Judge, Ran
from fustor_conformance.monitor.zone import set_zone
from fustor_conformance.rules import Kind, Profile, find_rule
from fustor_conformance.subject import Options, Subject, find_subject

__all__ = ["Done", "Job", "Order", "serve"]


@dataclass(frozen=True)
class Job:
    """What a worker needs to find the subject by itself."""

    kind: Kind
    name: str
    world: str | None
    options: Options
    profile: Profile
    deadline_sec: float
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    """Of the process that asks; a worker is a copy of one that may have begun with another."""


@dataclass(frozen=True)
class Order:
    """One check to run, and what other workers know of the driver's manners."""

    rule_id: str
    manners: Manners


@dataclass(frozen=True)
class Done:
    """What it came to, and what is known of the driver's manners now."""

    ran: Ran
    manners: Manners


def serve(job: Job, connection: Connection) -> None:
    """Say where a World of this process lives, then run what is ordered until the other side is gone or says None."""
    os.environ.clear()
    os.environ.update(job.environment)
    set_zone(job.environment.get("TZ"))
    os.dup2(sys.__stderr__.fileno() if sys.__stderr__ else 2, 1)  # what a driver prints is no part of the report
    subject = find_subject(job.kind, job.name, world=job.world, options=job.options)
    judge = Judge(subject, job.profile, deadline_sec=job.deadline_sec)
    try:
        _show_address(subject, connection)
        while (order := connection.recv()) is not None:
            connection.send(_obey(judge, order))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return  # the other side is gone, or the user wants both to end


def _show_address(subject: Subject, connection: Connection) -> None:
    """Stand in a World until the other side has compared where those of all workers live."""
    try:
        with subject.make_world() as world:
            connection.send(_address(world.config()))
            connection.recv()
    except EOFError:
        raise
    except Exception:  # noqa: BLE001 - a World that cannot be entered beside another one keeps the checks in one process
        connection.send(None)
        connection.recv()


def _address(config: dict[str, Any]) -> str:
    return json.dumps(config, sort_keys=True, default=repr)


def _obey(judge: Judge, order: Order) -> Done:
    manners = judge.subject.manners
    manners.learn(order.manners)
    return Done(judge.alone(find_rule(order.rule_id)), manners)
