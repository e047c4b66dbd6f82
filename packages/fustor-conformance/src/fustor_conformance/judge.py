"""From a subject to verdicts: runs each check once, in bounded time, after what it builds on."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace

from fustor_conformance import worlds
from fustor_conformance._stubs import unwritten
from fustor_conformance.monitor import Finding, Monitor, observed
from fustor_conformance.outcome import Broken, NotApplicable, NotJudged, Status, Verdict, printable
from fustor_conformance.registry import Check, find_check
from fustor_conformance.rules import Kind, Level, Profile, Rule, find_rule, rules_for
from fustor_conformance.subject import Subject

__all__ = ["CHECK_DEADLINE_SEC", "Judge"]

CHECK_DEADLINE_SEC = 60.0
"""How long one check may take before the driver is said to hang."""

_WORLD_PROTOCOLS: dict[str, type] = {
    "unreadable": worlds.WithUnreadable,
    "interrupted": worlds.WithInterruption,
    "broken": worlds.WithBrokenConfig,
    "settle": worlds.WithSettling,
    "create_long": worlds.WithLongValues,
}
_NEEDS_OF_PUSHERS = ("stored", "keyed")
_STAND_ASIDE = (Status.PASSED, Status.SKIPPED)


@dataclass(frozen=True)
class _Outcome:
    status: Status
    detail: str = ""
    observed: int = 0


class Judge:
    """Gives a verdict for every rule; one judge runs a check at most once, in whatever order it is asked."""

    def __init__(
        self, subject: Subject, profile: Profile = Profile.GUIDE, *, deadline_sec: float = CHECK_DEADLINE_SEC
    ) -> None:
        self.subject = replace(subject, options=replace(subject.options, profile=profile))
        self.profile = profile
        self.deadline_sec = deadline_sec
        self._verdicts: dict[str, Verdict] = {}
        self._findings: dict[str, tuple[Finding, Rule]] = {}
        """The first finding of each rule, with the rule whose check was running."""
        self._seen_during: dict[str, list[str]] = {}

    def verdict(self, rule: Rule) -> Verdict:
        """This rule's verdict in the judge's profile."""
        if rule.id not in self._verdicts:
            began = time.monotonic()
            outcome = self._outcome(rule)
            level = rule.levels(self.subject.kind).get(self.profile)
            self._verdicts[rule.id] = Verdict(
                rule, level, outcome.status, printable(outcome.detail), outcome.observed, time.monotonic() - began
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
        for rule in chosen:
            self.verdict(rule)
        chosen += [rule for rule in self._found_rules(self._findings) if rule not in chosen]
        return tuple(self.verdict(rule) for rule in chosen)

    def seen_during(self, rule: Rule) -> tuple[Verdict, ...]:
        """The failed verdicts of other rules that the monitor saw broken while the check of this one ran."""
        return tuple(
            self._with_finding(self._blank(other)) for other in self._found_rules(self._seen_during.get(rule.id, ()))
        )

    def _found_rules(self, rule_ids: Iterable[str]) -> list[Rule]:
        """The rules of findings that count in this profile."""
        found = map(find_rule, rule_ids)
        return [rule for rule in found if rule.levels(self.subject.kind).get(self.profile) is not None]

    def _blank(self, rule: Rule) -> Verdict:
        level = rule.levels(self.subject.kind).get(self.profile)
        return self._verdicts.get(rule.id) or Verdict(rule, level, Status.NOT_JUDGED)

    def _with_finding(self, verdict: Verdict) -> Verdict:
        """A rule that the monitor saw broken is broken, whatever its own check says."""
        if verdict.rule.id not in self._findings or verdict.status is Status.FAILED:
            return verdict
        finding, during = self._findings[verdict.rule.id]
        return replace(verdict, status=Status.FAILED, detail=printable(f"{finding}\n  seen while {during.name} ran"))

    def _outcome(self, rule: Rule) -> _Outcome:
        function = find_check(rule.id, self.subject.kind)
        if function is None:
            return _Outcome(Status.NOT_JUDGED, "This version of the kit has no check for it")
        if rule.opt_in and rule.opt_in not in self.subject.options.opt_in:
            return _Outcome(Status.NOT_JUDGED, f"Needs environments of its own; ask for it with {rule.opt_in}")
        if rule.capability and rule.capability not in self.subject.capabilities:
            return _Outcome(Status.SKIPPED, f"The driver does not declare {rule.capability!r}")
        return self._after_prerequisites(rule) or self._run(rule, function)

    def _after_prerequisites(self, rule: Rule) -> _Outcome | None:
        for required in map(find_rule, rule.requires):
            if not required.levels(self.subject.kind):
                continue
            self.verdict(required)
            found = self._verdicts[required.id]
            if found.status is Status.TODO:
                first = "" if found.detail.startswith("After ") else f"After {required.name}: "
                return _Outcome(Status.TODO, f"{first}{found.detail}")
            if found.status not in _STAND_ASIDE:
                return _Outcome(Status.NOT_JUDGED, f"{required.name} comes first and is {found.status.value!r}")
        return None

    def _run(self, rule: Rule, function: Check) -> _Outcome:
        deadline_sec = rule.deadline_sec or self.deadline_sec
        with observed(self.subject.driver_class) as monitor:
            runner = _Runner(self.subject, rule, function)
            runner.start()
            runner.join(deadline_sec)
        outcome = runner.outcome or _Outcome(Status.FAILED, runner.where_it_hangs(deadline_sec))
        return self._after_findings(rule, monitor, outcome)

    def _after_findings(self, rule: Rule, monitor: Monitor, outcome: _Outcome) -> _Outcome:
        """Keep what the monitor saw; a check that failed names first what was broken before."""
        for finding in monitor.findings:
            self._findings.setdefault(finding.rule_id, (finding, rule))
        others = self._found_rules(dict.fromkeys(finding.rule_id for finding in monitor.findings))
        self._seen_during[rule.id] = [other.id for other in others if other is not rule]
        levels = ((other, other.levels(self.subject.kind)[self.profile]) for other in others if other is not rule)
        first = next((other for other, level in levels if level is Level.MUST), None)
        if outcome.status is not Status.FAILED or first is None:
            return outcome
        cause = next(finding for finding in monitor.findings if finding.rule_id == first.id)
        return replace(outcome, detail=f"{first.name} was broken first: {cause.seen}\n{outcome.detail}")


class _Runner(threading.Thread):
    """Runs one check in a thread, so that a driver which never returns costs one deadline and not the run."""

    def __init__(self, subject: Subject, rule: Rule, function: Check) -> None:
        super().__init__(name=f"conformance-{rule.id}", daemon=True)
        self.outcome: _Outcome | None = None
        self._subject = subject
        self._rule = rule
        self._function = function

    def run(self) -> None:
        try:
            self._require_world()
            observed = self._function(self._subject)
        except Broken as broken:
            self.outcome = _Outcome(Status.FAILED, f"{broken} [thread {broken.thread}]")
        except NotApplicable as reason:
            self.outcome = _Outcome(Status.SKIPPED, str(reason))
        except NotJudged as reason:
            self.outcome = _Outcome(Status.NOT_JUDGED, str(reason))
        except NotImplementedError as error:
            self.outcome = self._not_implemented(error)
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is the verdict, and is told in full
            self.outcome = _raised(error)
        else:
            nothing = _Outcome(Status.FAILED, "Observed nothing: the driver told nothing that this check could look at")
            self.outcome = _Outcome(Status.PASSED, observed=observed) if observed else nothing

    def where_it_hangs(self, deadline_sec: float) -> str:
        """The thread's stack, for a check that did not return."""
        frame = sys._current_frames().get(self.ident or 0)  # noqa: SLF001 - the documented way to see another thread
        stack = "".join(traceback.format_stack(frame)[-6:]) if frame else ""
        return f"Did not return within {deadline_sec:g} s; it stands in\n{stack}"

    def _not_implemented(self, error: NotImplementedError) -> _Outcome:
        owners = [self._subject.driver_class]
        if isinstance(self._subject.world_factory, type):
            owners.append(self._subject.world_factory)
        stub = unwritten(error, *owners)
        if stub is None:
            return _raised(error)
        return _Outcome(Status.TODO, f"Write {stub}" + (f": {error}" if str(error) else ""))

    def _require_world(self) -> None:
        if not self._rule.needs:
            return
        world = self._subject.make_world()
        for need in self._rule.needs:
            if self._subject.kind is Kind.PUSHER and need not in _NEEDS_OF_PUSHERS:
                continue
            if not _can(world, need):
                raise NotApplicable(f"The World declares no {need!r}")


def _can(world: object, need: str) -> bool:
    if need in _WORLD_PROTOCOLS:
        return isinstance(world, _WORLD_PROTOCOLS[need])
    if need == "stored":
        return True
    if need == "keyed":
        return bool(getattr(world, "keyed", False))
    return need in getattr(world, "operations", ())


def _raised(error: Exception) -> _Outcome:
    trace = "".join(traceback.format_exception(error)[-8:])
    return _Outcome(Status.FAILED, f"Raised {type(error).__name__}: {error}\n{trace}")
