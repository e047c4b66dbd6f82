"""Checks side by side: in worker processes, since a driver, a monitor and a time zone belong to a whole process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess

from fustor_conformance._runner import Outcome
from fustor_conformance._worker import Done, Job, Order, serve
from fustor_conformance.checks.idle import begin_to_watch
from fustor_conformance.judge import Judge, Ran
from fustor_conformance.outcome import Status, Verdict
from fustor_conformance.rules import Kind, Rule, find_rule
from fustor_conformance.subject import SourceSubject

__all__ = ["SideBySide", "judged_side_by_side"]

_START_SEC = 60.0
_GRACE_SEC = 30.0
"""Beyond a check's own deadline: an interpreter that does not answer by then is ended from outside."""
_STOP_SEC = 5.0
_LONGEST = 1.0
_HERE = frozenset({"M14"})
"""What has been watched from the beginning, by a process of its own that this one has started."""


class _Hand:
    """One worker process, replaced by another one when a check has left it unfit."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self._connection, there = context.Pipe()
        self._process: SpawnProcess = context.Process(target=serve, args=(self._job, there))
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

    def run(self, judge: Judge, rule: Rule) -> Ran:
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
        if done.ran.is_stuck:
            self._replace()
        return done.ran

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

    def _anew(self, why: str) -> Ran:
        self._replace()
        return Ran(Outcome(Status.FAILED, why))

    def _replace(self) -> None:
        self.stop()
        self._start()
        self.address()
        self.go()


class _Plan:
    """Which check comes next: one whose prerequisites are done, first those on which the most time depends."""

    def __init__(self, rules: Iterable[Rule], kind: Kind) -> None:
        self._left = {rule.id: rule for rule in _with_prerequisites(rules, kind)}
        self._before = {rule.id: {name for name in rule.requires if name in self._left} for rule in self._left.values()}
        self._rank = {name: self._ranked(name) for name in self._left}
        self._done: set[str] = set()
        self._is_over = False
        self._changed = threading.Condition()

    def take(self) -> Rule | None:
        """The next check, as soon as there is one; None when all are taken."""
        with self._changed:
            while self._left:
                ready = [name for name in self._left if self._before[name] <= self._done]
                if ready:
                    return self._left.pop(max(ready, key=self._rank.__getitem__))
                self._changed.wait()
            return None

    def done(self, rule: Rule) -> None:
        """This one has its verdict."""
        with self._changed:
            self._done.add(rule.id)
            self._changed.notify_all()

    def wait(self, rule: Rule) -> None:
        """Until this one has its verdict, or nobody works any more."""
        with self._changed:
            self._changed.wait_for(lambda: rule.id in self._done or self._is_over)

    def abandon(self) -> None:
        """Nothing is taken any more."""
        with self._changed:
            self._is_over = True
            self._left.clear()
            self._changed.notify_all()

    def _ranked(self, name: str) -> float:
        own = find_rule(name).deadline_sec or _LONGEST
        after = (self._ranked(other) for other, before in self._before.items() if name in before)
        return own + max(after, default=0.0)


def _with_prerequisites(rules: Iterable[Rule], kind: Kind) -> list[Rule]:
    found: dict[str, Rule] = {}
    todo = list(rules)
    while todo:
        rule = todo.pop(0)
        if rule.id not in found:
            found[rule.id] = rule
            todo += [other for other in map(find_rule, rule.requires) if other.levels(kind)]
    return list(found.values())


class SideBySide:
    """Checks that go on in other processes from now on, in an order of their own, until `stop`.

    Worlds of two processes that live at one place, or cannot be entered beside each other, end it at once: the checks
    are then run by whoever asks the judge.
    """

    def __init__(self, judge: Judge, rules: Iterable[Rule], job: Job, jobs: int) -> None:
        self._judge = judge
        self._plan = _Plan(rules, judge.subject.kind)
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(job, jobs), name="conformance-bench")
        self._thread.start()

    def wait(self, rule: Rule) -> None:
        """Until the judge has a verdict for the rule, or will have to find it by itself."""
        self._plan.wait(rule)

    def finish(self) -> None:
        """Until everything is judged. Raises what a process of the kit's raised."""
        self._thread.join()
        if self._errors:
            raise self._errors[0]

    def stop(self) -> None:
        """Begin no check any more, and end the processes."""
        self._plan.abandon()
        self._thread.join()

    def _run(self, job: Job, jobs: int) -> None:
        try:
            with _hands(job, jobs) as hands:
                if hands and isinstance(self._judge.subject, SourceSubject):
                    begin_to_watch(self._judge.subject)
                threads = [threading.Thread(target=self._work, args=(hand,), name="conformance-hand") for hand in hands]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
        except BaseException as err:  # noqa: BLE001 - raised again in the thread that waits
            self._errors.append(err)
        finally:
            self._plan.abandon()

    def _work(self, hand: _Hand) -> None:
        try:
            while (rule := self._plan.take()) is not None:
                with nullcontext() if rule.id in _HERE else self._judge.elsewhere(lambda r: hand.run(self._judge, r)):
                    self._judge.verdict(rule)
                self._plan.done(rule)
        except BaseException as err:  # noqa: BLE001 - raised again in the thread that waits
            self._errors.append(err)
            self._plan.abandon()


def judged_side_by_side(judge: Judge, rules: Iterable[Rule], job: Job, jobs: int) -> tuple[Verdict, ...]:
    """The verdicts of `rules`, from as many processes as asked for, or from this one."""
    chosen = tuple(rules)
    judge.expect(len(chosen))
    bench = SideBySide(judge, chosen, job, jobs)
    try:
        bench.finish()
    finally:
        bench.stop()
    return judge.verdicts(chosen)


@contextmanager
def _hands(job: Job, jobs: int) -> Iterator[list[_Hand]]:
    hands = [_Hand(job) for _ in range(jobs)]
    try:
        addresses = [hand.address() for hand in hands]
        fit = None not in addresses and len(set(addresses)) == len(addresses)
        if fit:
            for hand in hands:
                hand.go()
        yield hands if fit else []
    finally:
        for hand in hands:
            hand.leave()
        for hand in hands:
            hand.stop()
