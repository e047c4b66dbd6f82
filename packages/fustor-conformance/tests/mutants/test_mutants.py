"""Every check is killed by the mutant that breaks its rule, and no other mutant's rule falls with it unsaid."""

from pathlib import Path

import kit_mutants
import pytest
from kill_matrix import HEAD, all_judged
from kit_memory import MemoryWorld
from kit_pusher import FileWorld, KeyedDriver, KeyedFileWorld, LogDriver
from kit_source import MemoryDriver
from kit_sqlite import SqliteDriver, SqliteWorld
from tiers import longer

from fustor_conformance import Judge, Kind, Profile, Status, rules_for, subject_of_class
from fustor_conformance.checks import find_check
from fustor_conformance.outcome import NotApplicable, NotJudged
from fustor_conformance.subject import Options
from fustor_core.drivers import SourceDriver


def judged(kind, driver, world, profile):
    """The verdicts of every rule, none of them bad; what a profile shares with the guide's is judged in that one."""
    judge = Judge(subject_of_class(kind, driver, world, name="reference"), profile)
    guides = set() if profile is Profile.GUIDE else {rule.id for rule in rules_for(kind) if rule.family not in "RA"}
    verdicts = judge.verdicts([rule for rule in rules_for(kind, profile) if rule.id not in guides])
    bad = [v.explained() for v in verdicts if v.status is Status.FAILED]
    assert not bad, "\n\n".join(bad)
    return verdicts


@pytest.mark.mutants
@pytest.mark.parametrize("profile", [Profile.GUIDE, longer(Profile.AGENT_0_2), longer(Profile.AGENT_0_8)])
def test_the_reference_source_breaks_nothing(profile):
    verdicts = judged(Kind.SOURCE, MemoryDriver, MemoryWorld, profile)
    package = {"P", "L"} if profile is Profile.GUIDE else set()
    assert {v.rule.family for v in verdicts if v.blocks} == package, "all but the package, which is not installed"


def kills(mutant):
    kind = Kind.SOURCE if issubclass(mutant.driver, SourceDriver) else Kind.PUSHER
    check = find_check(mutant.rule_id, kind)
    assert check, f"{mutant.rule_id} has no check"
    try:
        return (
            check(
                subject_of_class(
                    kind,
                    mutant.driver,
                    mutant.world,
                    name="mutant",
                    options=Options(patience_sec=0.4, histories=5, idle_sec=3),
                )
            )
            == 0
        )
    except (NotApplicable, NotJudged, NotImplementedError):
        return False
    except Exception:  # noqa: BLE001 - whatever else a check raises is a verdict of "failed"
        return True


@pytest.mark.mutants
@pytest.mark.parametrize("mutant", kit_mutants.MUTANTS, ids=str)
def test_the_check_kills_its_mutant(mutant):
    assert kills(mutant)


@pytest.fixture(scope="module")
def matrix():
    """The cells of docs/kill-matrix.md, a list for each mutant."""
    text = Path(__file__).parents[4].joinpath("docs", "kill-matrix.md").read_text(encoding="utf-8")
    assert text.startswith(f"{HEAD}\n")
    return [line.strip("|").split("|") for line in text.splitlines() if " | `" in line]


def test_the_kill_matrix_is_that_of_today(matrix):
    rows = [[cell.strip() for cell in row[:3]] for row in matrix]
    assert rows == [[mutant.rule_id, f"`{mutant.name}`", "yes"] for mutant in kit_mutants.MUTANTS]


def test_what_the_matrix_says_falls_with_a_mutant_is_named_by_it(matrix):
    unsaid = {
        str(mutant): set(row[3].replace(",", " ").split()) - mutant.also
        for mutant, row in zip(kit_mutants.MUTANTS, matrix, strict=True)
    }
    assert not {name: rules for name, rules in unsaid.items() if rules}


def test_every_rule_with_a_check_has_a_mutant():
    rules = {
        rule.id
        for kind in Kind
        for rule in rules_for(kind)
        if find_check(rule.id, kind) and rule.family not in "PL" and not rule.opt_in
    }
    assert rules == {mutant.rule_id for mutant in kit_mutants.MUTANTS}


@pytest.fixture(scope="module")
def fallen():
    """What each mutant falls to, of its own family, C and E."""
    return dict(zip(kit_mutants.MUTANTS, all_judged(), strict=True))


@pytest.mark.full
@pytest.mark.parametrize("mutant", kit_mutants.MUTANTS, ids=str)
def test_no_unrelated_must_falls_with_it(mutant, fallen):
    assert fallen[mutant].killed
    assert set(fallen[mutant].others) <= mutant.also


@pytest.mark.mutants
@pytest.mark.parametrize(
    ("profile", "driver", "world"),
    [
        (Profile.GUIDE, LogDriver, FileWorld),
        (Profile.GUIDE, KeyedDriver, KeyedFileWorld),
        (Profile.AGENT_0_2, KeyedDriver, KeyedFileWorld),
        (Profile.AGENT_0_8, LogDriver, FileWorld),
        longer(Profile.AGENT_0_2, LogDriver, FileWorld),
        longer(Profile.AGENT_0_8, KeyedDriver, KeyedFileWorld),
        *(longer(profile, SqliteDriver, SqliteWorld) for profile in Profile),
    ],
)
def test_the_reference_pushers_break_nothing(profile, driver, world):
    assert judged(Kind.PUSHER, driver, world, profile)
