"""Checks side by side: in worker processes, since a driver, a monitor and a time zone belong to a whole process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import nullcontext

from fustor_conformance._hands import Hand, Hands, Job
from fustor_conformance._recording import RECORDED
from fustor_conformance.checks.idle import begin_to_watch
from fustor_conformance.judge import Judge
from fustor_conformance.outcome import Verdict
from fustor_conformance.rules import Kind, Rule, find_rule
from fustor_conformance.subject import SourceSubject

__all__ = ["Plan", "SideBySide", "judged_side_by_side"]

_LONGEST = 1.0
_HERE = frozenset({"M14"})
"""What has been watched from the beginning, by a process of its own that this one has started."""


class Plan:
    """Gives out each check once its prerequisites are done, first those on which the most time depends.

    One recording answers many checks of a source, and each process makes its own: so they all go to the one that took
    the first of them, which makes them before anything else. Callable from any thread.
    """

    def __init__(self, rules: Iterable[Rule], kind: Kind) -> None:
        self._left = {rule.id: rule for rule in _with_prerequisites(rules, kind)}
        self._before = {rule.id: {name for name in rule.requires if name in self._left} for rule in self._left.values()}
        self._rank = {name: self._ranked(name) for name in self._left}
        self._done: set[str] = set()
        self._is_over = False
        self._recorder: object = None
        self._changed = threading.Condition()

    def take(self, worker: object) -> Rule | None:
        """The next check for this worker, as soon as there is one; None when there will be none.

        Args:
            worker: whoever makes the checks that it takes; None for the process that has the plan, which waits for
                what it watches.
        """
        with self._changed:
            while mine := [name for name in self._left if self._is_for(worker, name)]:
                if ready := [name for name in mine if self._before[name] <= self._done]:
                    chosen = max(ready, key=lambda name: (name in RECORDED, self._rank[name]))
                    if chosen in RECORDED:
                        self._recorder = worker
                    return self._left.pop(chosen)
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

    def _is_for(self, worker: object, name: str) -> bool:
        if worker is None or name in _HERE:
            return worker is None and name in _HERE
        return name not in RECORDED or self._recorder in (None, worker)

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

    def __init__(self, judge: Judge, rules: Iterable[Rule], world: str | None, jobs: int) -> None:
        subject = judge.subject
        job = Job(subject.kind, subject.name, world, subject.options, judge.profile, judge.deadline_sec)
        self._judge = judge
        self._plan = Plan(rules, judge.subject.kind)
        self._jobs = jobs
        self._threads: list[threading.Thread] = []
        self._patient = threading.Lock()
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(job,), name="conformance-bench")
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

    def _run(self, job: Job) -> None:
        try:
            if isinstance(self._judge.subject, SourceSubject):
                begin_to_watch(self._judge.subject)
            with Hands(job) as hands:
                if workers := hands.add(self._jobs):
                    self._begin([*workers, None], hands)
                for thread in self._threads:  # and those that are begun meanwhile
                    thread.join()
        except BaseException as err:  # noqa: BLE001 - raised again in the thread that waits
            self._errors.append(err)
        finally:
            self._plan.abandon()

    def _begin(self, workers: Sequence[Hand | None], hands: Hands) -> None:
        for one in workers:
            self._threads.append(threading.Thread(target=self._work, args=(one, hands), name="conformance-hand"))
            self._threads[-1].start()

    def _work(self, hand: Hand | None, hands: Hands) -> None:
        """Let this process judge what is planned for it, or this one itself, which waits for what it watches."""
        try:
            while (rule := self._plan.take(hand)) is not None:
                with nullcontext() if hand is None else self._judge.elsewhere(lambda r: hand.run(self._judge, r)):
                    self._judge.verdict(rule)
                self._plan.done(rule)
                if hand is not None and self._may_begin_more():
                    self._begin(hands.add(self._jobs), hands)
        except BaseException as err:  # noqa: BLE001 - raised again in the thread that waits
            self._errors.append(err)
            self._plan.abandon()

    def _may_begin_more(self) -> bool:
        """Whether the checks do little but wait for the driver, which costs nothing; once, whoever asks."""
        return self._judge.subject.manners.is_waited_for and self._patient.acquire(blocking=False)


def judged_side_by_side(judge: Judge, rules: Iterable[Rule], world: str | None, jobs: int) -> tuple[Verdict, ...]:
    """The verdicts of `rules`, from as many processes as asked for, or from this one; `world` as in `find_subject`."""
    chosen = tuple(rules)
    judge.expect(len(chosen))
    bench = SideBySide(judge, chosen, world, jobs)
    try:
        bench.finish()
    finally:
        bench.stop()
    return judge.verdicts(chosen)
