"""Worker processes, each with Worlds, a driver and a monitor of its own, which run checks for another one."""

from __future__ import annotations

import atexit
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Self

from fustor_conformance._manners import Manners
from fustor_conformance._runner import Outcome
from fustor_conformance.judge import Judge
from fustor_conformance.monitor.zone import set_zone
from fustor_conformance.outcome import Status
from fustor_conformance.rules import Kind, Profile, Rule, find_rule
from fustor_conformance.subject import Options, Subject, find_subject

__all__ = ["Done", "Hand", "Hands", "Job", "Order", "serve"]

_START_SEC = 60.0
_GRACE_SEC = 30.0
"""Beyond a check's own deadline: an interpreter that does not answer by then is ended from outside."""
_STOP_SEC = 5.0


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

    outcome: Outcome
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
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 - a worker runs them in no other way, and a World's server ends by them


def _show_address(subject: Subject, connection: Connection) -> None:
    """Stand in a World until the other side has compared where those of all workers live."""
    try:
        with subject.make_world() as world:
            connection.send(json.dumps(world.config(), sort_keys=True, default=repr))
            connection.recv()
    except EOFError:
        raise
    except Exception:  # noqa: BLE001 - a World that cannot be entered beside another one keeps the checks in one process
        connection.send(None)
        connection.recv()


def _obey(judge: Judge, order: Order) -> Done:
    manners = judge.subject.manners
    manners.learn(order.manners)
    return Done(judge.alone(find_rule(order.rule_id)), manners)


def _context() -> ForkServerContext | SpawnContext:
    """How processes begin: as copies of one that has imported the kit and the program, where the system has that."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", serve.__module__])
    return context


class Hand:
    """One worker process, replaced by another one when a check has left it unfit."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._start()

    def _start(self) -> None:
        context = _context()
        self._connection, there = context.Pipe()
        self._process = context.Process(target=serve, args=(self._job, there))
        self._process.start()
        there.close()

    def address(self) -> str | None:
        """Where a World of this process lives, which stands until `go`; None where there is no telling."""
        try:
            found: str | None = self._connection.recv() if self._connection.poll(_START_SEC) else None
        except EOFError:
            return None
        return found

    def go(self) -> None:
        """Leave that World."""
        self._connection.send(True)

    def run(self, judge: Judge, rule: Rule) -> Outcome:
        """What the check of this rule came to in this process."""
        manners = judge.subject.manners
        try:
            self._connection.send(Order(rule.id, manners))
            most = judge.longest_sec(rule) + _GRACE_SEC
            done: Done | None = self._connection.recv() if self._connection.poll(most) else None
        except (EOFError, OSError):
            return self._anew(f"The process ended with {self._ended()} while this check ran")
        if done is None:
            return self._anew(f"Neither the check nor its interpreter answered within {most:g} s")
        manners.learn(done.manners)
        if done.outcome.is_stuck:
            self._replace()
        return done.outcome

    def leave(self) -> None:
        """Ask the process to end."""
        with suppress(OSError):
            self._connection.send(None)

    def stop(self) -> None:
        """End the process: asked first, then told."""
        self.leave()
        self._connection.close()
        self._process.join(_STOP_SEC)
        for end in (self._process.terminate, self._process.kill):
            if self._process.is_alive():
                end()
                self._process.join(_STOP_SEC)

    def _ended(self) -> int | None:
        self._process.join(_STOP_SEC)
        return self._process.exitcode

    def _anew(self, why: str) -> Outcome:
        self._replace()
        return Outcome(Status.FAILED, why)

    def _replace(self) -> None:
        self.stop()
        self._start()
        self.address()
        self.go()


class Hands:
    """Those that are at work; leaving the block ends them."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._all: list[Hand] = []
        self._addresses: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        _end(self._all)

    def add(self, number: int) -> list[Hand]:
        """So many more; none where two of all Worlds live at one place, or one cannot be entered beside the others."""
        hands: list[Hand] = []
        try:
            hands += (Hand(self._job) for _ in range(number))
            found = [address for hand in hands if (address := hand.address()) is not None]
            if len(self._addresses.union(found)) < len(self._addresses) + number:
                return []
            self._addresses.update(found)
            for hand in hands:
                hand.go()
            self._all += hands
        except OSError:  # such as a TMPDIR that is too long for a socket: the checks stay in one process
            return []
        else:
            return hands
        finally:
            _end([hand for hand in hands if hand not in self._all])


def _end(hands: list[Hand]) -> None:
    for hand in hands:
        hand.leave()
    for hand in hands:
        hand.stop()
