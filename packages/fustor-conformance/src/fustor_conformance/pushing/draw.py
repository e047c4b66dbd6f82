"""Draws histories that the contract leaves no choice about, in any order that it allows, and cuts those that fail."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from random import Random

from fustor_conformance.pushing.expected import Expected, Unfair
from fustor_conformance.pushing.steps import Begin, Phase, Push, Row, Step, Together, Told
from fustor_event_model import EventType, LifecycleSignal, MessageSource

__all__ = ["PLAIN", "Plan", "draw", "is_fair", "shorten"]

_REALTIME, _SNAPSHOT, _AUDIT = MessageSource.REALTIME, MessageSource.SNAPSHOT, MessageSource.AUDIT
_START = Told(_AUDIT, signal=LifecycleSignal.AUDIT_START)
_END = Told(_AUDIT, signal=LifecycleSignal.AUDIT_END)
_TRIGGER = Push((Told(_REALTIME),))

_ROOT = "/kit"
PLAIN = ("a", "b", "c")
_FAMILIES = (
    PLAIN,
    ("a", "a-b", "ab"),  # `-` sorts before `/`, and what begins with a name is not below it
    ("a", "A", "a "),
    ("a_", "a%", "axb"),
    ("\u00e9", "e\u0301", "e"),
    ("a\\", "a'", 'a"'),
    ("a.b", "a*", "[a]"),
    ("n" * 300, "n" * 301, "n"),
)
"""Names that a store takes for one another where it is careless; three of a kind make paths meet often."""


@dataclass(frozen=True)
class Plan:
    """What kind of history is wanted.

    Args:
        weights: how often each kind of step is drawn.
        length: how many steps are drawn.
        partial: whether rows have a record, of which realtime updates may leave columns out.
        known: whether a first snapshot is complete before anything else happens.
        resumes: whether the pusher keeps an index that a session can resume from.
    """

    weights: Counter[str]
    length: int = 14
    partial: bool = False
    known: bool = False
    resumes: bool = True


def draw(seed: str, plan: Plan) -> list[Step]:
    """The history of this seed; always the same one."""
    return _Drawing(Random(seed), plan).steps()  # noqa: S311 - a history is no secret


class _Drawing:
    """Draws step by step; what is unfair is drawn again."""

    def __init__(self, random: Random, plan: Plan) -> None:
        self._random = random
        self._plan = plan
        self._names: Sequence[str] = random.choice(_FAMILIES)
        self._has_index = self._chance(0.7)  # most sources count
        self._index = 0
        self._value = 0
        self._state = Expected(_ROOT)
        self._steps: list[Step] = []

    def steps(self) -> list[Step]:
        self._add(Begin("new"))
        if self._plan.known:
            self._add(Push((self._list(_SNAPSHOT, 6),), "snapshot"))
            self._add(Push((), "snapshot", end=True))
        kinds = sorted(self._plan.weights)
        weights = [self._plan.weights[kind] for kind in kinds]
        for kind in self._random.choices(kinds, weights, k=self._plan.length):
            getattr(self, f"_{kind}")()
        return self._steps

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _add(self, step: Step) -> bool:
        try:
            self._state.take(step)
        except Unfair:
            self._state = Expected.of(self._steps, _ROOT)
            return False
        self._steps.append(step)
        return True

    def _session(self) -> None:
        resumed = self._plan.resumes and self._has_index and self._chance(0.6) and self._state.can_resume
        begun = self._add(Begin(self._random.choice(("same", "new", "new", "left")), resumed=resumed))
        if begun and not resumed and self._chance(0.7):  # the guide host announces a snapshot, others do not
            self._add(Push((), "snapshot"))

    def _realtime(self) -> None:
        self._add(Push(tuple(self._told() for _ in range(self._random.randint(1, 3)))))

    def _told(self) -> Told:
        kind = self._random.choice((EventType.UPDATE, EventType.UPDATE, EventType.INSERT, EventType.DELETE))
        rows = [self._row(_REALTIME, kind) for _ in range(self._random.randint(1, 2))]
        if kind is EventType.DELETE and self._chance(0.5):  # as sources do, deepest first
            rows = self._with_what_is_below(rows[0])
        return Told(_REALTIME, tuple(rows), kind, self._next())

    def _with_what_is_below(self, row: Row) -> list[Row]:
        root = f"{_ROOT}/{row.path}/"
        below = sorted((path for path in self._state.rows if path.startswith(root)), reverse=True)
        return [*(Row(path.removeprefix(f"{_ROOT}/"), at=row.at) for path in below), row]

    def _next(self) -> int:
        if not self._has_index:
            return -1
        self._index += self._random.randint(1, 3)
        return self._index

    def _snapshot(self) -> None:
        self._add(Push((self._list(_SNAPSHOT, self._random.randint(1, 4)),), "snapshot"))

    def _end(self) -> None:
        if not self._state.may_list:
            return
        told = (Told(_SNAPSHOT, (self._row(_SNAPSHOT),), index=self._next()),) if self._chance(0.5) else ()
        if not self._add(Push(told, "snapshot", end=True)):
            self._add(Push((), "snapshot", end=True))

    def _mixed(self) -> None:
        other = _SNAPSHOT if self._state.may_list else _AUDIT
        phase: Phase = self._random.choice(("realtime", "snapshot" if other is _SNAPSHOT else "audit"))
        sources = [self._random.choice((_REALTIME, other)) for _ in range(3)]
        events = tuple(self._told() if source is _REALTIME else self._list(source) for source in sources)
        self._add(Push(events, phase))

    def _list(self, source: MessageSource, rows: int = 1) -> Told:
        return Told(source, tuple(self._row(source) for _ in range(rows)))

    def _start(self) -> None:
        with_rows = self._chance(0.3)  # agents batch as they like
        if self._state.may_audit:
            rows = (self._list(_AUDIT),) if with_rows else ()
            self._add(Push((_START, *rows), "audit"))

    def _audit(self) -> None:
        rows = {row.path: row for row in (self._row(_AUDIT) for _ in range(self._random.randint(1, 4)))}
        self._add(Push((Told(_AUDIT, tuple(rows.values())),), "audit"))

    def _finish(self) -> None:
        if self._state.may_audit:
            rows = (self._list(_AUDIT),) if self._chance(0.2) else ()
            self._add(Push((*rows, _END), "audit"))

    def _again(self) -> None:
        last = self._state.last.get(self._random.choice(("realtime", "snapshot", "audit")))
        if last is not None and _is_of_one_kind(last):
            self._add(Push(last.events, last.phase, end=last.end, again=True))

    def _trigger(self) -> None:
        self._add(_TRIGGER)

    def _together(self) -> None:
        snapshot = Push((self._list(_SNAPSHOT, 3),), "snapshot")
        audit = Push((self._list(_AUDIT, 3),), "audit")
        other = snapshot if self._state.may_list else audit
        self._add(Together(Push((self._told(), self._told())), other))

    def _row(self, source: MessageSource, kind: EventType = EventType.UPDATE) -> Row:
        random = self._random
        depth = random.choices((0, 1, 2, 3), (1 if source is _AUDIT else 0, 8, 10, 5))[0]
        path = "/".join(random.choice(self._names) for _ in range(depth))
        self._value += 1
        container = not path or self._chance(0.4)
        skipped = source is not _REALTIME and container and self._chance(0.3)
        record = None if container or not self._plan.partial or kind is EventType.DELETE else self._record(source, kind)
        return Row(path, self._value, random.randint(0, 20), container, skipped, record)

    def _record(self, source: MessageSource, kind: EventType) -> dict[str, object]:
        whole: dict[str, object] = {
            "n": self._value,
            "t": self._random.choice((None, "", f"t{self._value}")),
            "u": [self._value, None],
        }
        if source is _REALTIME and kind is EventType.UPDATE:
            return {name: value for name, value in whole.items() if self._chance(0.6)}
        return whole


def _is_of_one_kind(push: Push) -> bool:
    """Whether every event has an index, or none: what a log does with the rest is its own choice."""
    return len({event.index >= 0 for event in push.events}) <= 1 and len({event.source for event in push.events}) <= 1


def is_fair(steps: Sequence[Step]) -> bool:
    """Whether a host makes these steps, and the contract leaves no choice about any of them."""
    try:
        Expected.of(steps, _ROOT)
    except Unfair:
        return False
    return True


def shorten(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool], *, limit_sec: float) -> list[Step]:
    """The shortest fair history that was found in time and still fails."""
    deadline = time.monotonic() + limit_sec
    shortest = list(steps)
    while True:
        in_time = takewhile(lambda _: time.monotonic() <= deadline, _shorter(shortest))
        shorter = next((one for one in in_time if is_fair(one) and fails(one)), None)
        if shorter is None:
            return shortest
        shortest = shorter


def _shorter(steps: list[Step]) -> Iterator[list[Step]]:
    size = len(steps) // 2
    while size >= 1:
        for start in range(len(steps) - size, -1, -size):
            yield steps[:start] + steps[start + size :]
        size //= 2
    for place, step in enumerate(steps):
        if isinstance(step, Push):
            for fewer in _fewer(step.events):
                yield [*steps[:place], replace(step, events=fewer), *steps[place + 1 :]]


def _fewer(events: tuple[Told, ...]) -> Iterator[tuple[Told, ...]]:
    for place, event in enumerate(events):
        if len(events) > 1:
            yield events[:place] + events[place + 1 :]
        if len(event.rows) > 1:
            for row in range(len(event.rows)):
                fewer = replace(event, rows=event.rows[:row] + event.rows[row + 1 :])
                yield (*events[:place], fewer, *events[place + 1 :])
