import re
import tomllib
from pathlib import Path

import pytest

from fustor_conformance import Kind, Level, Profile, all_rules, checks, find_rule, rules_for
from fustor_conformance.checks import find_check
from fustor_conformance.explain import explain
from fustor_conformance.rules import FAMILIES, UnknownRuleError, check
from fustor_core.drivers import PusherDriver, SourceDriver

RULES = all_rules()


def test_ids_are_in_order_and_used_once():
    keys = [(list(FAMILIES).index(rule.family), rule.id) for rule in RULES]
    assert keys == sorted(set(keys))
    assert len({rule.slug for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("table", sorted(Path(checks.__path__[0]).glob("*.toml")), ids=lambda table: table.stem)
def test_a_rule_stands_beside_its_check(table):
    ids = [rule["id"] for rule in tomllib.loads(table.read_text())["rule"]]
    found = [find_check(rule_id, kind) for rule_id in ids for kind in Kind if find_rule(rule_id).levels(kind)]
    assert {function.__module__ for function in found if function} == {f"{checks.__name__}.{table.stem}"}
    assert ids == sorted(ids, key=lambda rule_id: (list(FAMILIES).index(rule_id[0]), rule_id))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_whole(rule):
    known = {other.id for other in RULES}
    assert set(rule.requires) <= known - {rule.id}
    assert set(rule.methods) <= set(dir(SourceDriver)) | set(dir(PusherDriver))
    assert len(rule.rule) <= 220
    for text in (rule.rule, rule.why, rule.fix, rule.source):
        assert text.strip() == text
        assert "\n" not in text


@pytest.mark.parametrize("kind", Kind)
def test_every_must_has_a_check(kind):
    asked_for = [rule for rule in rules_for(kind) if Level.MUST in rule.levels(kind).values() and not rule.opt_in]
    assert [rule.name for rule in asked_for if find_check(rule.id, kind) is None] == []


def test_prerequisites_never_turn_in_a_circle():
    def depth(rule, seen=()):
        assert rule.id not in seen, seen
        return 1 + max((depth(find_rule(name), (*seen, rule.id)) for name in rule.requires), default=0)

    assert max(map(depth, RULES)) < 10


@pytest.mark.parametrize("name", ["A10", "a10", "unreadable-directory", "A10-unreadable-directory"])
def test_a_rule_is_found_by_any_of_its_names(name):
    assert find_rule(name).id == "A10"


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(UnknownRuleError, match="'Z9'; `fustor-driver explain` lists them all"):
        find_rule("Z9")


def test_agent_0_8_asks_a_pusher_for_no_index_to_resume_from():
    asked = {rule.id: rule.pusher_level[Profile.AGENT_0_8] for rule in rules_for(Kind.PUSHER, Profile.AGENT_0_8)}
    assert {asked[index] for index in ("U09", "U25")} == {Level.SHOULD}
    assert asked["U14"] is Level.MUST
    assert "R01" not in asked


def test_a_second_function_for_a_rule_is_refused():
    find_check("C06", Kind.SOURCE)
    with pytest.raises(ValueError, match="Two functions are 'C06' for a source"):
        check("C06")(lambda _: 1)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_explain_tells_all_that_the_table_knows(rule):
    text = " ".join(explain(rule).split())
    for part in (rule.name, rule.rule, rule.why, rule.fix):
        assert " ".join(part.split()) in text
    assert max(map(len, explain(rule).splitlines())) <= 100


def test_explain_a10_says_what_a_failed_listing_means():
    text = " ".join(explain(find_rule("A10")).split())
    for said in (
        "exactly one row, with audit_skipped: true, in audits and in snapshots",
        'A plain row for it says "listed": all its children are deleted',
        'No row at all says "gone", since its parent was listed',
        "a failed listing deletes nothing, and one unreadable directory does not stop deletions elsewhere",
        "stamps read before the listing",
        "after all that could be read of its contents and child containers",
        "Forget what the driver's own cache holds of it",
        "send it again with the mark",
        "stamps moved while it was listed",
        "the configuration says not to descend",
        "released view 0.8.17",
    ):
        assert said in text, said
    assert re.search(r"level source MUST \(guide\), MUST \(agent-0.8\)", text)
