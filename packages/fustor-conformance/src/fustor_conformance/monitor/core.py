"""The monitor: hears all that a driver does, and keeps what breaks a rule."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from fustor_conformance.monitor.calls import answer, at_once, contents, granted, raised, unchanged_batch
from fustor_conformance.monitor.clock import Clock, Times
from fustor_conformance.monitor.ear import Ear, Instance, listen
from fustor_conformance.monitor.finding import Finding
from fustor_conformance.monitor.process import ProcessState, changed_process, glance
from fustor_conformance.monitor.streams import Freshness
from fustor_conformance.outcome import NotApplicable, NotJudged

__all__ = ["Monitor", "WorldFailure"]

_LONG_SEC = 1.0
"""What no change of a World takes by itself."""
_FEW = 3


@dataclass(frozen=True)
class WorldFailure:
    """What a method of the World's raised, and after how long."""

    what: str
    error: Exception
    seconds: float

    def __str__(self) -> str:
        said = f"The World's {self.what}() raised {type(self.error).__name__}: {self.error}"
        held = f", after {self.seconds:.0f} s: does the driver hold a lock while it yields?"
        return said + (held if self.seconds >= _LONG_SEC else "")


class Monitor:
    """What was observed of one driver class while one check, or one run, was at work. Callable from any thread.

    Args:
        clock: what times are compared with.
        on_finding: called with each finding when it is seen, up to three of one rule.
        owns_process: whether nobody but the driver has a reason to change what the process shares.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        on_finding: Callable[[Finding], None] | None = None,
        *,
        owns_process: bool = True,
    ) -> None:
        self.is_over = False
        self.fresh = Freshness()
        self.times = Times(clock or Clock())
        self.observed: Counter[str] = Counter()
        self._on_finding = on_finding
        self._findings: list[Finding] = []
        self._lock = threading.RLock()
        self._ears: list[Ear] = []
        self._configs: list[tuple[Any, dict[str, Any]]] = []
        self._process = ProcessState() if owns_process else None
        self._glance = glance() if owns_process else {}
        self._changes = 0
        self.knows_world = False
        """Whether `world_changes` is called around every change of the system."""
        self._made: Counter[str] = Counter()
        self._world_failures: list[WorldFailure] = []
        self._ended_by: list[Exception] = []

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What breaks a rule, in the order in which it was seen; a few of each rule."""
        with self._lock:
            return tuple(self._findings)

    def report(self, *findings: Finding) -> None:
        """Keep these findings, unless there are enough of their rules."""
        with self._lock:
            for finding in findings:
                known = sum(other.rule_id == finding.rule_id for other in self._findings)
                if known < _FEW and not self.is_over:
                    self._findings.append(finding)
                    if self._on_finding is not None:
                        self._on_finding(finding)

    def count(self, counts: Mapping[str, int]) -> None:
        """Note how often rules could have been broken."""
        with self._lock:
            self.observed.update(counts)

    def leave_the_process_alone(self) -> None:
        """Say nothing of what the process shares: a check was given up, and something may still be at work."""
        self._process = None

    def end(self) -> None:
        """Say what only shows at the end, and hear no more."""
        with self._lock:
            for ear in self._ears:
                ear.finish()
            for config, before in self._configs:
                self.report(*_changed_config(before, _values(config)))
            if self._process is not None:
                changes = self._process.changes(ProcessState())
                self.count({"C15": 1})
                self.report(*changed_process(changes))
                self._process.restore(changes)
            self.is_over = True

    # What is known of the World.

    @contextmanager
    def world_at_work(self) -> Iterator[None]:
        """What changes in the process while the block runs is the World's."""
        before = ProcessState()
        try:
            yield
        finally:
            after = ProcessState()
            if self._process is not None:
                self._process.adopt(after, before.changes(after))
                self._glance = glance()

    def world_changes(self) -> None:
        """Something in the system is about to change, or has changed."""
        with self._lock:
            self._changes += 1

    def world_did(self, what: str, args: tuple[object, ...], result: object) -> None:
        """The World has made a thing, changed one, or done something else to what it was given, or to anything."""
        if what == "modify":
            return
        named = tuple(f"{arg}/" for arg in (*args, result) if isinstance(arg, str))
        with self._lock:
            if what == "create" and isinstance(result, str):
                self._made[result] += 1
                return
            self._made.update(path for path in list(self._made) if not named or f"{path}/".startswith(named))

    def world_failed(self, what: str, error: Exception, seconds: float) -> None:
        """A method of the World's has raised."""
        self._world_failures.append(WorldFailure(what, error, seconds))

    def hear_of_world(self, other: Monitor) -> None:
        """Take over what another monitor has heard the World raise."""
        self._world_failures += other._world_failures
        self._ended_by += other._ended_by

    def ended_by(self, error: Exception) -> None:
        """Something could not be played to its end, because of this; an answer that it cannot be played is none."""
        if not isinstance(error, NotApplicable | NotJudged):
            self._ended_by.append(error)

    @property
    def blocked(self) -> WorldFailure | None:
        """What ended something because the World had tried for long to change its system, and then raised.

        What was expected to fail, such as a name that the system may refuse, has ended nothing.
        """
        ends = (failure for failure in map(self.failure_of_world, self._ended_by) if failure is not None)
        return next((failure for failure in ends if failure.seconds >= _LONG_SEC), None)

    def failure_of_world(self, error: Exception | None) -> WorldFailure | None:
        """What the World raised, if this is it."""
        return next((found for found in self._world_failures if found.error is error), None)

    def is_made_once(self, path: str) -> bool:
        """Whether the World has made what is at this path, once, and since then has changed it at most."""
        with self._lock:
            return self._made[path] == 1

    def quiet_since_now(self) -> Callable[[], bool]:
        """A question: has nothing changed in the system from now on? False where nobody knows."""
        with self._lock:
            began, is_even = self._changes, self._changes % 2 == 0
        return lambda: self.knows_world and is_even and self._changes == began

    # What a driver does, as `watch` tells it.

    def about_to_construct(self, config: object) -> None:
        """A configuration is about to be handed to a constructor."""
        with self._lock:
            if all(known is not config for known, _ in self._configs):
                self._configs.append((config, _values(config)))

    def constructed(self) -> Instance:
        """A new instance."""
        self.count({"C18": 1})
        return Instance()

    def called(self, instance: Instance, method: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> object:
        """A call is about to be made; what is returned comes back with its end."""
        if method == "close":
            instance.is_closed = True
        if method == "push":
            events = args[0] if args else keywords.get("events", [])
            return events, contents(events)
        return args[0] if args else keywords.get("position")

    def returned(self, instance: Instance, method: str, before: object, result: object, took_sec: float) -> None:
        """A call returned."""
        self.count({"C16": 1})
        self.look_at_process(method)
        rows = self._after_push(before) if method == "push" else 0
        self.report(*at_once(method, took_sec), *answer(method, result, rows))
        if method == "is_position_available":
            self.report(*granted(before, result, is_transient=instance.is_transient))

    def failed(self, method: str, before: object, error: BaseException) -> None:
        """A call raised."""
        self.count({"C16": 1})
        self.look_at_process(method)
        if method == "push":
            self._after_push(before)
        self.report(*raised(method, error))

    def look_at_process(self, what: str) -> None:
        """C15, as far as it can be seen after each call: what is another since the last look."""
        if self._process is None or (now := glance()) == self._glance:
            return
        with self._lock:
            before, self._glance = self._glance, now
            odd = {
                name: f"{name} changed from {before[name]!r} to {now[name]!r}"
                for name in now
                if now[name] != before.get(name)
            }
            self.report(*changed_process(odd, f"After {what}"))

    def _after_push(self, before: object) -> int:
        assert isinstance(before, tuple)  # noqa: S101 - what `called` gave
        events, told = before
        self.report(*unchanged_batch(told, contents(events)))
        return sum(len(event.rows) for event in events if hasattr(event, "rows"))

    def opened(self, instance: Instance, method: str, keywords: dict[str, Any]) -> Ear:
        """An iterator was returned."""
        ear = listen(self, instance, method, keywords)
        with self._lock:
            self._ears.append(ear)
        return ear


def _values(config: object) -> dict[str, Any]:
    """A configuration by field, as it is now."""
    return deepcopy(dict(vars(config))) if hasattr(config, "__dict__") else {}


def _changed_config(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    """C18, without values, since they may be secrets."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if names:
        yield Finding("C18", f"The driver changed {', '.join(names)} of the configuration that it was given")
