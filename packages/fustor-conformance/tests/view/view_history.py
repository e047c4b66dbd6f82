# ruff: noqa: ARG002 - every action takes the dice, and they are for tests
"""Random histories: a world, its ideal source, a host with crashes, and a view under test."""

from collections import deque
from dataclasses import dataclass, field
from random import Random

from view_source import AUDIT_START, Steps, audit, realtime, snapshot
from view_world import World, is_within

from fustor_conformance.view import View
from fustor_conformance.view._difference import Comparison
from fustor_event_model import EventBase, MessageSource

KINDS = ("act", "tell", "read", "push", "audit", "crash", "lose", "again", "check")
WEIGHTS = ((30, 25, 20, 12, 10, 2, 5, 4, 6), (30, 25, 20, 6, 0, 2, 5, 4, 6))  # without audits, snapshots must do


@dataclass(frozen=True)
class Circumstances:
    """What may go wrong in a history."""

    is_database: bool
    keeps_log: bool  # realtime rows tell the past and can be read again; otherwise they tell the present, once
    loses: bool
    snapshot_failures: float
    audit_failures: float

    @property
    def is_strict(self):
        """Nothing is lost and every snapshot is complete: the view equals the world whenever realtime is drained."""
        return not self.loses and not self.snapshot_failures


@dataclass(frozen=True)
class History:
    seed: int
    circumstances: Circumstances
    actions: tuple[tuple[str, int], ...]


def make_history(seed: int, length: int = 120) -> History:
    random = Random(seed)
    circumstances = Circumstances(
        is_database=random.random() < 0.2,
        keeps_log=random.random() < 0.5,
        loses=random.random() < 0.4,
        snapshot_failures=random.choice((0.0, 0.0, 0.2)),
        audit_failures=random.choice((0.0, 0.0, 0.2)),
    )
    kinds = random.choices(KINDS, random.choice(WEIGHTS), k=length)
    return History(seed, circumstances, tuple((kind, random.randrange(2**32)) for kind in kinds))


@dataclass
class Run:
    """One history, played on one view; raises AssertionError where the view goes wrong."""

    view: View
    circumstances: Circumstances
    world: World = field(init=False)
    queue: deque = field(default_factory=deque)  # changes (or events told before) that realtime has yet to tell
    told: list[EventBase] = field(default_factory=list)  # what a log could be asked for again
    steps: Steps | None = None
    source: MessageSource = MessageSource.SNAPSHOT
    read: deque = field(default_factory=deque)
    last: dict = field(default_factory=dict)  # phase -> its last batch, which a host may repeat
    is_complete: bool = False
    sessions: int = 0
    untold: set[str] = field(default_factory=set)
    ever_lost: set[str] = field(default_factory=set)
    lost_before: set[str] = field(default_factory=set)  # of untold: what the pass under way will find
    told_since: set[str] = field(default_factory=set)
    standing: set[str] = field(default_factory=set)  # told by realtime since the pass began, and not gone since
    pass_began: int = 0

    def __post_init__(self):
        self.world = World(is_database=self.circumstances.is_database)

    def play(self, history: History):
        random = Random(history.seed)
        for _ in range(random.randrange(20)):
            self.world.act(random)
        self._begin_from_nothing(random)
        for kind, seed in history.actions:
            getattr(self, f"_{kind}")(Random(seed))
        self._finish(Random(history.seed))

    def _act(self, random):
        self.queue.extend(self.world.act(random))

    def _tell(self, random):
        batch = []
        for _ in range(min(len(self.queue), random.randrange(1, 5))):
            change = self.queue.popleft()
            present = not self.circumstances.keeps_log
            batch += [change] if isinstance(change, EventBase) else realtime(self.world, change, present=present)
        if batch:
            self.told += batch
            self._apply("realtime", batch)

    def _lose(self, random):
        if self.circumstances.loses and self.queue and not isinstance(self.queue[-1], EventBase):
            self._miss(self.queue.pop().path)

    def _read(self, random):
        for _ in range(random.randrange(1, 4)):
            if self.steps is None:
                return
            event = next(self.steps, self)
            if event is self:
                self.steps = None
                self.read.append("end")
            elif event is not None:
                self.read.append(event)

    def _push(self, random):
        batch = [self.read.popleft() for _ in range(min(len(self.read), random.randrange(1, 3)))]
        if batch:
            self._apply("compensation", batch)
            if batch[-1] == "end":
                self._pass_is_over()

    def _audit(self, random):
        if self.steps is None and not self.read and self.is_complete:
            self._apply("compensation", [AUDIT_START])
            if random.random() < 0.2:
                self._tell(random)
                self._apply("compensation", [AUDIT_START])
            self._begin_pass(MessageSource.AUDIT, audit(self.world, random, self.circumstances.audit_failures))

    def _crash(self, random):
        self.read.clear()
        self.last.clear()
        if not (self.is_complete and self.circumstances.keeps_log and random.random() < 0.8):
            self._begin_from_nothing(random)
            return
        again = random.randrange(6)
        self.queue.extendleft(reversed(self.told[len(self.told) - again :] if again else []))
        self.told.clear()
        self.steps = None
        self.untold |= self.ever_lost  # what is told again may be older than what was lost after it
        self.lost_before.clear()
        self.sessions += 1
        self.view.begin_session(f"s{self.sessions}", self.sessions)

    def _again(self, random):
        if self.last:
            phase = random.choice(sorted(self.last))
            if self.last[phase] != [AUDIT_START]:  # nothing is read before its push has returned
                self._apply(phase, self.last[phase])
                self.untold |= self.ever_lost  # as after a crash

    def _check(self, random):
        if self.is_complete:
            while self.queue:
                self._tell(random)
            expected = self.world.expected(containers=not self.world.is_database)
            problems = self.view.difference(expected, untold=self.untold, containers=not self.world.is_database)
            if self.circumstances.is_strict:
                problems = strict_difference(self.view, self.world, containers=not self.world.is_database)
            assert problems == [], "\n".join(map(str, problems))

    def _begin_from_nothing(self, random):
        for change in self.queue:
            if not isinstance(change, EventBase):
                self._miss(change.path)
        self.queue.clear()
        self.told.clear()
        self.is_complete = False
        self.sessions += 1
        self.view.begin_session(f"s{self.sessions}", -1)
        self._begin_pass(MessageSource.SNAPSHOT, snapshot(self.world, random, self.circumstances.snapshot_failures))

    def _begin_pass(self, source, steps):
        self.source = source
        self.steps = steps
        self.lost_before = set(self.untold)
        self.told_since.clear()
        self.standing.clear()
        self.pass_began = self.world.clock

    def _miss(self, path):
        self.untold.add(path)
        self.ever_lost.add(path)
        self.lost_before.discard(path)

    def _pass_is_over(self):
        is_audit = self.source is MessageSource.AUDIT
        late = {change.path for change in self.queue if not isinstance(change, EventBase)}
        late.update(row["path"] for event in self.queue if isinstance(event, EventBase) for row in event.rows)
        for path in self.lost_before:
            is_touched = any(is_within(path, told) or is_within(told, path) for told in self.told_since | late)
            if not (is_touched or self.view._coverage.is_unknown(path)):
                self.untold.discard(path)
        self.lost_before.clear()
        self.is_complete = self.is_complete or not is_audit

    def _apply(self, phase, batch):
        self.last[phase] = batch
        for event in batch:
            if phase == "realtime":
                self._note(event)
                self.view.apply(event)
            elif event == "end" or event.signal:
                self._apply_end(event)
            else:
                self.view.apply(event)

    def _note(self, event):
        for row in event.rows:
            path = row["path"]
            self.told_since.add(path)
            if not row.get("is_directory"):
                self.standing = {other for other in self.standing if not is_within(other, path)}
            if event.event_type != "delete":
                self.standing.add(path)

    def _apply_end(self, event):
        """The end of a pass removes nothing that stood there all the time, nor what realtime reported meanwhile."""
        before = self.view.paths()
        if event != "end":
            self.view.apply(event)
        elif self.source is MessageSource.SNAPSHOT:
            self.view.snapshot_end()
        kept = self.world.expected(containers=not (event == "end" and self.world.is_database))
        for path in before - self.view.paths():
            is_old = path in kept and self.world.born.get(path, 0) <= self.pass_began
            assert not is_old, f"{path!r} was removed although it was there all the time"
            assert path not in self.standing, f"{path!r} was removed although realtime told of it"

    def _finish(self, random):
        self._drain(random)
        assert self.is_complete
        self._check(random)
        self.view.apply(AUDIT_START)
        self._begin_pass(MessageSource.AUDIT, audit(self.world, random, 0.0))
        self._drain(random)
        problems = strict_difference(self.view, self.world)
        assert problems == [], "\n".join(map(str, problems))
        assert self.view.difference(self.world.expected()) == []

    def _drain(self, random):
        while self.queue or self.steps is not None or self.read:
            self._tell(random)
            self._read(random)
            self._push(random)


def strict_difference(view, world, *, containers=True):
    """Differences without the excuses that rest on what the view was told: suspects and failed listings."""
    comparison = Comparison(view.rows(), lambda _: False, lambda _: False, containers=containers)
    return list(comparison.differences(world.expected(containers=containers), ()))


def failure_of(history: History, make_view=View) -> str | None:
    """Play a history; return what went wrong, or None."""
    try:
        Run(make_view(), history.circumstances).play(history)
    except AssertionError as err:
        return str(err)
    return None


def shrink(history: History, make_view=View) -> History:
    """Leave out actions, many at a time and then one by one, as long as the history still fails."""
    size = len(history.actions) // 2
    while size:
        start = 0
        while start < len(history.actions):
            fewer = history.actions[:start] + history.actions[start + size :]
            shorter = History(history.seed, history.circumstances, fewer)
            if failure_of(shorter, make_view) is not None:
                history = shorter
            else:
                start += size
        size //= 2
    return history
