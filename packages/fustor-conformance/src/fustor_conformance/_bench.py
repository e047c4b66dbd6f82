"""Checks side by side: in worker processes, since a driver, a monitor and a time zone belong to a whole process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import nullcontext

from fustor_conformance._hands import Hand, Hands
from fustor_conformance._plan import Plan
from fustor_conformance._worker import Job
from fustor_conformance.checks.idle import begin_to_watch
from fustor_conformance.judge import Judge
from fustor_conformance.outcome import Verdict
from fustor_conformance.rules import Rule
from fustor_conformance.subject import SourceSubject

__all__ = ["SideBySide", "judged_side_by_side"]


class SideBySide:
    """Checks that go on in other processes from now on, in an order of their own, until `stop`.

    Worlds of two processes that live at one place, or cannot be entered beside each other, end it at once: the checks
    are then run by whoever asks the judge.
    """

    def __init__(self, judge: Judge, rules: Iterable[Rule], job: Job, jobs: int) -> None:
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
