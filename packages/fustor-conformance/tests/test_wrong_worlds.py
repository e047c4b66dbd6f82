"""A World that does not do as it says is said to be the cause, at once, and the driver is not blamed for it."""

import pytest
from kit_memory import MemoryWorld
from kit_source import MemoryDriver

from fustor_conformance import Judge, Kind, Status, find_rule, subject_of_class
from fustor_conformance._paths import containers


class GivesTheKey(MemoryWorld):
    def create(self, key):
        super().create(key)
        return key


class NotThereYet(MemoryWorld):
    def create(self, key):
        return f"/{key}"


class ListsPaths(MemoryWorld):
    def list(self):
        return list(super().list())


class EntersNothing(MemoryWorld):
    def __enter__(self):
        super().__enter__()


class SaysNoOperations(MemoryWorld):
    @property
    def operations(self):
        raise AttributeError("operations")


class GivesAModel(MemoryWorld):
    def config(self):
        return tuple(super().config().items())


class OneForAll(MemoryWorld):
    """Two Worlds are one system."""

    first = None

    def __enter__(self):
        super().__enter__()
        type(self).first = self.system = type(self).first or self.system
        return self


WRONG = {
    "a key in place of a path": (
        GivesTheKey,
        "The World's create('kit-probe') gives 'kit-probe', and its list() has [",
    ),
    "nothing done": (NotThereYet, "The World's create('kit-probe') gives '/kit-probe', and its list() has []"),
    "paths alone": (ListsPaths, "The World's list() gives a list, not a dict that has a row's fields for each path"),
    "enters nothing": (EntersNothing, "The World's __enter__ gives None; let it return self"),
    "no operations": (SaysNoOperations, "The World has no `operations`; name there what it can do"),
    "no dict": (GivesAModel, "The World's config() gives a tuple, not a dict of a configuration's keywords"),
    "never fresh": (OneForAll, "A World that has just been entered has '/kit-probe' in it already"),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_world_is_named_by_the_check_that_all_others_build_on(case):
    world, said = WRONG[case]
    judge = Judge(subject_of_class(Kind.SOURCE, MemoryDriver, world, name="memory"))
    found = {rule_id: judge.verdict(find_rule(rule_id)) for rule_id in ("C02", "E01", "M03", "S01", "R05")}
    failed = next(verdict for verdict in found.values() if verdict.status is Status.FAILED)
    assert (failed.rule.id, failed.detail.startswith(said)) == ("C02" if case == "no dict" else "E01", True), (
        failed.detail
    )
    assert {found[rule_id].status for rule_id in ("M03", "S01", "R05")} == {Status.NOT_JUDGED}


def test_a_path_that_is_not_absolute_has_no_containers_without_end():
    assert list(containers("kit-thing")) == [""]


class MakesAFolder(MemoryWorld):
    """A thing is a folder with something in it, as a mailbox is, and the system has things of its own."""

    def __enter__(self):
        super().__enter__()
        self.create("toolkit-1")
        return self

    def create(self, key):
        return super().create(f"{key}/data")


def test_what_a_world_has_and_makes_beside_a_thing_is_its_own_affair():
    judge = Judge(subject_of_class(Kind.SOURCE, MemoryDriver, MakesAFolder, name="memory"))
    found = judge.alone(find_rule("E01"))
    assert found.status is Status.PASSED, found.detail
