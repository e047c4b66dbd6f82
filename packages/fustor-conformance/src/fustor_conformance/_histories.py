"""Random histories: a Hypothesis state machine draws them, and the first that fails is cut to its shortest form."""

from __future__ import annotations

import posixpath
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import ClassVar, Self, TypeAlias

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from fustor_conformance._consumer import Consumer
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import WithLongValues, WithUnreadable

Step: TypeAlias = tuple[str, int]
"""What to do, and a number that picks what to do it to."""

_KEYS = ("a", "b", "dir/a", "dir/deep/a")
_NEW_KEYS = ("a", "x")
_LONG_KEYS = ("l", "m", "n")
_LENGTH = 25
_DRAWN_AGAIN = 4
"""Hypothesis repeats itself: to run n different histories it draws so many times n."""
_SHRINK_SEC = 60.0
_CHANGES = Counter(create=4, modify=2, delete=2, rename=2)
_LONG_CHANGES = Counter(create_long=2, exchange=2)
"""Where the World has things with long values; they are modified, deleted and renamed as the others are."""
_REFUSED = {"refused_audit": "run_audit", "refused_snapshot": "finish_snapshot"}
"""What a host does while one container cannot be listed; nothing changes meanwhile."""
_HOST = Counter(drain=1, catch_up=1, step_snapshot=2, finish_snapshot=1, step_audit=1, run_audit=2, restart=1)
_WEIGHTED = (*(_CHANGES + _LONG_CHANGES + _HOST).elements(), *_REFUSED)


class History:
    """One history: changes are made by the World, steps are those of a host; `judge` compares at the end."""

    def __init__(self, subject: SourceSubject) -> None:
        self._stack = ExitStack()
        self._world = self._stack.enter_context(subject.world())
        self._consumer = self._stack.enter_context(Consumer(subject, self._world))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def do(self, step: Step) -> None:
        """Do one step; what the World cannot do, or has nothing to do to, is nothing."""
        name, pick = step
        if name in _HOST:
            getattr(self._consumer, name)()
        elif name in _REFUSED:
            self._refused(_REFUSED[name], pick)
        elif name in self._world.operations:
            self._change(name, pick)
        elif name in _LONG_CHANGES and isinstance(self._world, WithLongValues):
            self._change_long(self._world, name, pick)

    def judge(self) -> None:
        """Finish what is under way and compare.

        Raises:
            Broken: the view is not the world.
        """
        self._consumer.finish_snapshot()
        self._consumer.require_equal("After stream and snapshot")
        if self._consumer.audits:
            self._consumer.run_audit()
            self._consumer.require_equal("After a full audit")

    def _change(self, name: str, pick: int) -> None:
        listed = self._world.list()
        if name == "create":
            key = _KEYS[pick % len(_KEYS)]
            self._create(key if "nest" in self._world.operations else key.replace("/", "-"), listed)
            return
        things = sorted(path for path, row in listed.items() if name != "modify" or not row.get("is_directory"))
        if not things:
            return
        path = things[pick % len(things)]
        if name == "modify":
            self._world.modify(path)
            return
        if name == "delete":
            self._world.delete(path)
        elif not _taken(key := _NEW_KEYS[pick % len(_NEW_KEYS)], listed):
            self._world.rename(path, key)

    def _create(self, key: str, listed: dict[str, dict[str, object]]) -> None:
        steps = key.split("/")
        above = ["/".join(steps[: depth + 1]) for depth in range(len(steps) - 1)]
        if not _taken(key, listed) and not any(_taken(container, listed, thing=True) for container in above):
            self._world.create(key)

    def _change_long(self, world: WithLongValues, name: str, pick: int) -> None:
        listed = self._world.list()
        if name == "create_long":
            if not _taken(key := _LONG_KEYS[pick % len(_LONG_KEYS)], listed):
                world.create_long(key)
            return
        paths = sorted(path for path, row in listed.items() if "record" in row and "size" not in row)
        if len(paths) > 1:
            world.exchange(paths[pick % len(paths)], paths[(pick + 1) % len(paths)])

    def _refused(self, name: str, pick: int) -> None:
        if "nest" in self._world.operations:
            self._create("dir/a", self._world.list())
        containers = sorted({posixpath.dirname(path) for path in self._world.list()} - {"/"})
        if containers and isinstance(self._world, WithUnreadable):
            self._consumer.catch_up()  # a World may have to take rights from the whole process, the stream included
            with self._world.unreadable(containers[pick % len(containers)]):
                getattr(self._consumer, name)()


def _taken(key: str, listed: dict[str, dict[str, object]], *, thing: bool = False) -> bool:
    """Whether something (or, with `thing`, something that is no container) has this key already."""
    found = [row for path, row in listed.items() if path.endswith(f"/{key}")]
    return any(not row.get("is_directory") for row in found) if thing else bool(found)


class _Machine(RuleBasedStateMachine):
    """Draws the steps of one history. What was drawn before is not run again: its outcome is remembered."""

    subject: ClassVar[SourceSubject]
    outcomes: ClassVar[dict[tuple[Step, ...], Exception | None]]

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []

    @rule(step=st.tuples(st.sampled_from(_WEIGHTED), st.integers(min_value=0, max_value=11)))
    def step(self, step: Step) -> None:
        self.steps.append(step)

    def teardown(self) -> None:
        drawn = tuple(self.steps)
        if drawn not in self.outcomes and len(self.outcomes) < self.subject.options.histories:
            self.outcomes[drawn] = _failure(self.subject, drawn)
        if (error := self.outcomes.get(drawn)) is not None:
            raise error


def run_histories(subject: SourceSubject) -> int:
    """How many histories ended with a view that equals the world.

    Raises:
        Broken: one did not; the evidence is the shortest that was found.
    """
    options = settings(
        max_examples=_DRAWN_AGAIN * subject.options.histories,
        stateful_step_count=_LENGTH,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    outcomes: dict[tuple[Step, ...], Exception | None] = {}
    machine = seed(subject.options.seed)(type("History", (_Machine,), {"subject": subject, "outcomes": outcomes}))
    try:
        run_state_machine_as_test(machine, settings=options)
    except NotImplementedError:
        raise
    except Exception as error:
        steps, first = next((steps, failed) for steps, failed in outcomes.items() if failed is not None)
        shortest = _shrink(list(steps), lambda kept: _failure(subject, kept) is not None)
        raise _told(_failure(subject, shortest) or first, shortest, subject.options.seed) from error
    return len(outcomes)


def _failure(subject: SourceSubject, steps: Sequence[Step]) -> Exception | None:
    try:
        with History(subject) as history:
            for step in steps:
                history.do(step)
            history.judge()
    except NotImplementedError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a history ends with is what it shows
        return error
    return None


def _shrink(steps: list[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """The shortest failing part that was found in time: ever smaller pieces are left out while it still fails."""
    deadline = time.monotonic() + _SHRINK_SEC
    size = len(steps) // 2
    while size >= 1:
        start = 0
        while start < len(steps) and time.monotonic() < deadline:
            shorter = steps[:start] + steps[start + size :]
            if fails(shorter):
                steps = shorter
            else:
                start += size
        size //= 2
    return steps


def _told(error: Exception, steps: Sequence[Step], drawn_from: int) -> Broken:
    seen = error.seen if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
    evidence = error.evidence if isinstance(error, Broken) else tuple(traceback.format_tb(error.__traceback__)[-4:])
    lines = "".join(f"\n    {name}({pick})" for name, pick in steps)
    return Broken(f"{seen} (seed {drawn_from}), in this history:{lines}", *evidence)
