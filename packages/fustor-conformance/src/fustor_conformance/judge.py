"""From a subject to verdicts: runs each check once, in bounded time, after what it builds on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fustor_conformance._runner import Outcome, Runner, stop_everything
from fustor_conformance.checks import find_check
from fustor_conformance.monitor import Finding, observed
from fustor_conformance.monitor.zone import give_zone_back
from fustor_conformance.outcome import BROKEN_FIRST, Status, Verdict, printable
from fustor_conformance.rules import Kind, Level, Profile, Rule, find_rule, rules_for
from fustor_conformance.subject import Subject

__all__ = ["CHECK_DEADLINE_SEC", "Judge", "Progress"]

CHECK_DEADLINE_SEC = 60.0
"""How long one check may take before the driver is said to hang."""
_STALL_SEC = 30.0
"""How long a check of a source may stand at one place."""
_KNOWN_TO_HANG_SEC = 15.0
"""What is left of both once a check has hung."""
_LOOK_SEC = 0.25
_RELEASE_SEC = 2.0
_STAND_ASIDE = (Status.PASSED, Status.SKIPPED)


@dataclass(frozen=True)
class Progress:
    """A check that begins now, and how many of how many have ended."""

    rule: Rule
    done: int
    of: int


class Judge:
    """Gives a verdict for every rule; one judge runs a check at most once, in whatever order it is asked.

    Args:
        subject: what is judged.
        profile: the host that is judged for.
        deadline_sec: how long one check may take.
        progress: called before each check that runs.
    """

    def __init__(
        self,
        subject: Subject,
        profile: Profile = Profile.GUIDE,
        *,
        deadline_sec: float = CHECK_DEADLINE_SEC,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.subject = replace(subject, options=replace(subject.options, profile=profile))
        self.profile = profile
        self.deadline_sec = deadline_sec
        self._progress = progress
        self._place = threading.local()
        self._of = 0
        self._verdicts: dict[str, Verdict] = {}
        self._findings: dict[str, tuple[Finding, Rule]] = {}
        """The first finding of each rule, with the rule whose check was running."""
        self._seen_during: dict[str, list[str]] = {}

    def expect(self, verdicts: int) -> None:
        """Measure the progress by so many verdicts."""
        self._of = verdicts

    def verdict(self, rule: Rule) -> Verdict:
        """This rule's verdict in the judge's profile."""
        if rule.id not in self._verdicts:
            outcome = self._outcome(rule)
            self._verdicts[rule.id] = Verdict(
                rule,
                self._level(rule),
                outcome.status,
                printable(outcome.detail),
                outcome.observed,
                outcome.seconds,
                tuple(sorted(outcome.without)),
            )
        found = self._verdicts[rule.id]
        if found.level is None:
            return replace(found, status=Status.SKIPPED, detail=f"Profile {self.profile.value!r} does not ask for it")
        return self._with_finding(found)

    def verdicts(self, rules: Iterable[Rule] | None = None) -> tuple[Verdict, ...]:
        """The verdicts of `rules`, or of every rule that the profile asks for.

        What the monitor saw while they ran is in the verdict of the rule that it breaks, chosen or not.
        """
        chosen = list(rules_for(self.subject.kind, self.profile) if rules is None else rules)
        self.expect(len(chosen))
        for rule in chosen:
            self.verdict(rule)
        chosen += [rule for rule in self._found_rules(self._findings) if rule not in chosen]
        return tuple(self.verdict(rule) for rule in chosen)

    def seen_during(self, rule: Rule) -> tuple[Verdict, ...]:
        """The failed verdicts of other rules that the monitor saw broken while the check of this one ran."""
        found = self._found_rules(self._seen_during.get(rule.id, ()))
        blank = (Verdict(other, self._level(other), Status.NOT_JUDGED) for other in found)
        return tuple(self._with_finding(self._verdicts.get(one.rule.id) or one) for one in blank)

    def _found_rules(self, rule_ids: Iterable[str]) -> list[Rule]:
        """The rules of findings that count in this profile."""
        return [rule for rule in map(find_rule, rule_ids) if self._level(rule) is not None]

    def _level(self, rule: Rule) -> Level | None:
        return rule.levels(self.subject.kind).get(self.profile)

    def _with_finding(self, verdict: Verdict) -> Verdict:
        """A rule that the monitor saw broken is broken, whatever its own check says."""
        if verdict.rule.id not in self._findings or verdict.status is Status.FAILED:
            return verdict
        finding, during = self._findings[verdict.rule.id]
        return replace(verdict, status=Status.FAILED, detail=printable(f"{finding}\n  seen while {during.name} ran"))

    def _outcome(self, rule: Rule) -> Outcome:
        if find_check(rule.id, self.subject.kind) is None:
            return Outcome(Status.NOT_JUDGED, "This version of the kit has no check for it")
        if not self._is_asked_for(rule):
            return Outcome(Status.SKIPPED, f"Needs environments of its own; ask for it with {rule.opt_in}")
        if rule.capability and rule.capability not in self.subject.capabilities:
            return Outcome(Status.SKIPPED, f"The driver does not declare {rule.capability!r}")
        return self._after_prerequisites(rule) or self._run(rule)

    def _is_asked_for(self, rule: Rule) -> bool:
        return not rule.opt_in or rule.opt_in in self.subject.options.opt_in

    def _after_prerequisites(self, rule: Rule) -> Outcome | None:
        """What this rule's verdict follows from, if a rule that comes first did not pass: the first one of them."""
        for required in map(find_rule, rule.requires):
            if not required.levels(self.subject.kind) or not self._is_asked_for(required):
                continue
            self.verdict(required)
            found = self._verdicts[required.id]
            if found.status in _STAND_ASIDE:
                continue
            is_first = not found.detail.startswith("After ")
            why = "which failed" if found.status is Status.FAILED else found.detail
            joint = ", " if found.status is Status.FAILED else ": "
            detail = f"After {required.name}{joint}{why}" if is_first else found.detail
            return Outcome(Status.TODO if found.status is Status.TODO else Status.NOT_JUDGED, detail)
        return None

    def _run(self, rule: Rule) -> Outcome:
        if self._progress is not None:
            self._progress(Progress(rule, len(self._verdicts), max(self._of, len(self._verdicts) + 1)))
        return self._after_findings(rule, getattr(self._place, "run", self.alone)(rule))

    @contextmanager
    def elsewhere(self, run: Callable[[Rule], Outcome]) -> Iterator[None]:
        """Let checks that this thread asks for be run by `run` instead of in this process."""
        self._place.run = run
        try:
            yield
        finally:
            del self._place.run

    def longest_sec(self, rule: Rule) -> float:
        """The time after which the check of this rule is given up, slow drivers included."""
        return self._limits(rule)[0]

    def alone(self, rule: Rule) -> Outcome:
        """Run the check of this rule, whatever comes before it.

        Raises:
            LookupError: it has none.
        """
        function = find_check(rule.id, self.subject.kind)
        if function is None:
            raise LookupError(f"There is no check of {rule.id!r} for a {self.subject.kind}")
        if (why := self.subject.manners.blocked) and _needs_world(rule):
            return Outcome(Status.NOT_JUDGED, why)
        began = time.monotonic()
        with observed(self.subject.driver_class) as monitor:
            runner = Runner(self.subject, rule, function)
            outcome = self._bounded(runner, rule)
            if runner.error is not None:
                monitor.ended_by(runner.error)
            self.subject.manners.blocked = self.subject.manners.blocked or str(monitor.blocked or "")
            if (failure := monitor.failure_of_world(runner.error)) is not None:
                outcome = replace(outcome, detail=f"{failure}\n{outcome.detail}")
            if runner.is_alive():
                monitor.leave_the_process_alone()
        if runner.is_alive():
            give_zone_back()
        seconds, is_stuck = time.monotonic() - began, runner.is_alive()
        return replace(outcome, findings=monitor.findings, seconds=seconds, is_stuck=is_stuck)

    def _bounded(self, runner: Runner, rule: Rule) -> Outcome:
        runner.start()
        why = self._wait(runner, rule)
        if why is None:
            return runner.result()
        where = runner.where_it_stands()
        self.subject.manners.hangs += 1
        stop_everything(self.subject.driver_class)
        runner.join(_RELEASE_SEC)
        return Outcome(Status.FAILED, f"{why}; it stands in\n{where}")

    def _after_findings(self, rule: Rule, outcome: Outcome) -> Outcome:
        """Keep what the monitor saw; a check that failed names first what was broken before."""
        for finding in outcome.findings:
            self._findings.setdefault(finding.rule_id, (finding, rule))
        others = self._found_rules(dict.fromkeys(finding.rule_id for finding in outcome.findings))
        self._seen_during[rule.id] = [other.id for other in others if other is not rule]
        first = next((other for other in others if other is not rule and self._level(other) is Level.MUST), None)
        if outcome.status is not Status.FAILED or first is None:
            return outcome
        cause = next(finding for finding in outcome.findings if finding.rule_id == first.id)
        return replace(outcome, detail=f"{first.name}{BROKEN_FIRST}{cause.seen}\n{outcome.detail}")

    def _wait(self, runner: Runner, rule: Rule) -> str | None:
        """None once the check has ended, or why it is not waited for any longer."""
        began = moved = time.monotonic()
        deadline_sec, stall_sec = self._limits(rule)
        place = runner.place()
        while True:
            runner.join(min(_LOOK_SEC, deadline_sec))
            now = time.monotonic()
            if not runner.is_alive():
                return None
            if (here := runner.place()) != place:
                place, moved = here, now
            if now - began >= deadline_sec:
                return f"Did not return within {deadline_sec:g} s"
            if stall_sec is not None and now - moved >= stall_sec:
                return f"One step did not return within {stall_sec:g} s"

    def _limits(self, rule: Rule) -> tuple[float, float | None]:
        """How long the check may take, and how long it may stand at one place if that can be seen."""
        slowness = self.subject.manners.slowness
        most = rule.deadline_sec or self.deadline_sec * slowness
        if rule.opt_in:
            return most, None
        known = self.subject.manners.hangs > 0
        patient = self.subject.options.patience_sec + _RELEASE_SEC
        stall = max((_KNOWN_TO_HANG_SEC if known else _STALL_SEC) * slowness, patient)
        if known and rule.deadline_sec is None:
            most = min(most, stall)
        return most, stall if self.subject.kind is Kind.SOURCE else None


def _needs_world(rule: Rule) -> bool:
    """Whether the check asks something of the World, or builds on one that does."""
    return bool(rule.needs) or any(map(_needs_world, map(find_rule, rule.requires)))
