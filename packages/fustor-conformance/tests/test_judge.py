# ruff: noqa: ARG002 - stubs keep the signatures of what they replace

"""The grammar of verdicts."""

import sys
import threading

import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Judge, Kind, Level, Profile, Report, Status, find_rule, rules_for, subject_of_class
from fustor_conformance._runner import Runner
from fustor_conformance.outcome import Verdict


def verdict(rule_id, driver=MemoryDriver, world=MemoryWorld, profile=Profile.GUIDE, **more):
    return Judge(subject_of_class(Kind.SOURCE, driver, world, name="memory"), profile, **more).verdict(
        find_rule(rule_id)
    )


class StubOfSnapshot(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        raise NotImplementedError("Return an iterator")


class NotImplementedFurtherDown(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        return self.helper()

    def helper(self):
        raise NotImplementedError


class StubOfCheck(MemoryDriver):
    @classmethod
    async def get_available_fields(cls, **kwargs):
        raise NotImplementedError("Return the properties")


class StubWorld(MemoryWorld):
    def create(self, key):
        raise NotImplementedError("Create a thing")


class Nothing(MemoryDriver):
    def snapshot_rows(self, stop, partition):
        return iter(())


class Hangs(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        threading.Event().wait(30)
        return super().get_snapshot_iterator(**kwargs)


class Bare(MemoryDriver):
    capabilities = frozenset()

    def get_audit_iterator(self, **kwargs):
        return iter(())


class NoRename(MemoryWorld):
    operations = MemoryWorld.operations - {"rename"}


def test_a_stub_of_the_contract_is_to_do_with_its_own_words():
    found = verdict("C12", StubOfSnapshot)
    assert (found.status, found.detail) == (
        Status.TODO,
        "Write StubOfSnapshot.get_snapshot_iterator: Return an iterator",
    )


def test_an_async_classmethod_is_a_stub_too():
    assert verdict("C08", StubOfCheck).detail == "Write StubOfCheck.get_available_fields: Return the properties"


def test_what_builds_on_something_to_do_is_to_do():
    found = verdict("S02", StubOfSnapshot)
    assert found.status is Status.TODO
    assert found.detail.startswith("After E01-seven-attributes: Write StubOfSnapshot.get_snapshot_iterator")


def test_a_method_of_the_world_can_be_to_do():
    assert verdict("S01", world=StubWorld).detail.endswith("Write StubWorld.create: Create a thing")


def test_not_implemented_anywhere_else_is_a_failure():
    found = verdict("C12", NotImplementedFurtherDown)
    assert found.status is Status.FAILED
    assert "Raised NotImplementedError" in found.detail


def test_what_builds_on_a_failure_is_not_judged():
    found = verdict("S02", Nothing)
    assert (found.status, found.detail) == (Status.NOT_JUDGED, "After S01-equals-world, which failed")


def test_without_a_world_behaviour_is_not_judged_and_shape_is():
    assert verdict("S01", world=None).status is Status.NOT_JUDGED
    assert verdict("C06", world=None).status is Status.PASSED


def test_without_a_distribution_the_package_is_not_judged():
    assert verdict("P01").status is Status.NOT_JUDGED


def test_a_capability_that_is_not_declared_is_skipped_and_says_so():
    found = verdict("A10", Bare)
    assert (found.status, found.detail) == (Status.SKIPPED, "The driver does not declare 'get_audit_iterator'")


def test_what_the_world_cannot_do_is_skipped_and_says_so():
    found = verdict("M06", world=NoRename)
    assert (found.status, found.detail) == (Status.SKIPPED, "The World declares no 'rename'")


class NothingAudited(MemoryDriver):
    def get_audit_iterator(self, **kwargs):
        return iter(())


class StubOfAudit(MemoryDriver):
    def get_audit_iterator(self, **kwargs):
        raise NotImplementedError("Return an iterator")


@pytest.mark.parametrize("rule_id", ["A02", "A03"])
def test_an_audit_of_nothing_says_that_it_may_be_left_out(rule_id):
    found = verdict(rule_id, NothingAudited)
    assert found.status is Status.FAILED
    assert "a driver without audits leaves it out" in found.detail


def test_a_stub_of_what_is_optional_says_that_it_may_be_left_out():
    found = verdict("A02", StubOfAudit)
    assert found.detail == (
        "After E01-seven-attributes: "
        "Write StubOfAudit.get_audit_iterator: Return an iterator; or leave 'get_audit_iterator' out of `capabilities`"
    )


class LockedWorld(MemoryWorld):
    def create(self, key):
        raise OSError("it is locked")


def test_what_the_world_raises_is_said_to_be_the_worlds():
    found = verdict("E01", world=LockedWorld)
    assert found.detail.startswith("The World's create() raised OSError: it is locked\n"), found.detail


def test_observing_nothing_is_a_failure():
    subject = subject_of_class(Kind.SOURCE, MemoryDriver, MemoryWorld, name="memory")
    runner = Runner(subject, find_rule("S03"), lambda _: 0)
    runner.start()
    runner.join()
    assert (runner.result().status, runner.result().detail[:16]) == (Status.FAILED, "Observed nothing")
    assert runner.place() == (), "it has ended, and stands nowhere"


@pytest.fixture
def busy():
    """A check that enters generators and leaves them all the time, and loses the interpreter as often as it can."""
    over, begun = threading.Event(), threading.Event()

    def nested(depth):
        yield from nested(depth - 1) if depth else range(3)

    def check(_):
        while not over.is_set():
            begun.set()
            for depth in range(20):
                sum(nested(depth))
        return 1

    runner = Runner(subject_of_class(Kind.SOURCE, MemoryDriver, MemoryWorld, name="memory"), find_rule("S03"), check)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    runner.start()
    begun.wait()
    yield runner
    sys.setswitchinterval(interval)
    over.set()
    runner.join()


def test_a_stack_is_that_of_one_moment(busy):
    outermost = {busy.place()[-1:] for _ in range(20_000)}
    assert len(outermost) == 1, "what the thread has left meanwhile leads elsewhere, or to what is no frame"


def test_a_driver_that_hangs_costs_one_deadline_and_shows_where():
    found = verdict("C12", Hangs, deadline_sec=0.5)
    assert found.status is Status.FAILED
    assert "Did not return within 0.5 s" in found.detail
    assert "get_snapshot_iterator" in found.detail


def test_another_profiles_rule_is_skipped():
    found = verdict("A10", profile=Profile.AGENT_0_2)
    assert (found.level, found.status) == (None, Status.SKIPPED)


@pytest.mark.parametrize("profile", [Profile.GUIDE, Profile.AGENT_0_2])
def test_what_has_to_be_asked_for_is_skipped_and_says_how(profile):
    found = verdict("P06", profile=profile)
    assert (found.status, found.blocks) == (Status.SKIPPED, False)
    assert "--released" in found.detail


def report(*verdicts):
    return Report(Kind.SOURCE, "memory", "1", Profile.GUIDE, verdicts)


RULE = find_rule("S01")
PASSED = Verdict(RULE, Level.MUST, Status.PASSED, observed=1)
ALL_OTHERS = [
    Verdict(rule, rule.source_level[Profile.GUIDE], Status.PASSED, observed=1)
    for rule in rules_for(Kind.SOURCE, Profile.GUIDE)
    if rule is not RULE
]


@pytest.mark.parametrize("status", [Status.FAILED, Status.TODO, Status.NOT_JUDGED])
def test_one_must_that_did_not_pass_is_not_conformant(status):
    found = report(*ALL_OTHERS, Verdict(RULE, Level.MUST, status))
    said = "not judged" if status is Status.NOT_JUDGED else "not conformant"
    assert (found.conformant, found.outcome) == (False, said)
    counted = f"source memory: {said} (guide, kit {found.kit_version}): 1 {status}, first of all S01-equals-world"
    assert found.summary.startswith(counted)


@pytest.mark.parametrize(
    "other", [Verdict(RULE, Level.SHOULD, Status.FAILED), Verdict(RULE, Level.MUST, Status.SKIPPED), PASSED]
)
def test_advice_and_declared_skips_leave_a_driver_conformant(other):
    assert report(*ALL_OTHERS, other).summary.startswith("source memory: conformant, ")


def test_what_is_counted_is_what_is_listed():
    advice = [
        Verdict(find_rule("R01"), Level.SHOULD, Status.FAILED),
        Verdict(find_rule("L02"), Level.SHOULD, Status.TODO),
    ]
    found = report(*ALL_OTHERS, Verdict(RULE, Level.MUST, Status.TODO), *advice)
    assert "): 1 advice, 2 to do, first of all S01-equals-world" in found.headline


def test_a_part_of_the_checks_is_no_verdict():
    found = report(PASSED)
    assert not found.conformant
    assert found.summary.startswith("source memory: 1 checks chosen, nothing broken (guide, kit ")


def test_nothing_judged_is_not_conformant():
    assert report().summary.endswith("nothing was judged")
    assert not report(Verdict(RULE, Level.MUST, Status.SKIPPED)).conformant
