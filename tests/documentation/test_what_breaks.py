"""The page on what breaks in the field names rules that there are, and each of its lines has one."""

import re

import pytest
from repository import ROOT

from fustor_conformance.rules import Kind, all_rules

PAGE = (ROOT / "docs/explanation/what-breaks.md").read_text()
LEVELS = {
    Kind.SOURCE: {rule.id for rule in all_rules() if rule.source_level},
    Kind.PUSHER: {rule.id for rule in all_rules() if rule.pusher_level},
}
JUDGED = {
    "A file tree": LEVELS[Kind.SOURCE],
    "A database": LEVELS[Kind.SOURCE] | LEVELS[Kind.PUSHER],
    "A destination": LEVELS[Kind.PUSHER],
    "A host": LEVELS[Kind.SOURCE],
}


def rows_of(heading):
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (?!what happens|---)(.+) \| .+ \| (.+) \|$", section, re.MULTILINE)


def test_there_is_no_other_section():
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == list(JUDGED)


@pytest.mark.parametrize("heading", JUDGED)
def test_each_line_has_rules_that_judge_such_a_driver(heading):
    rows = rows_of(heading)
    assert len(rows) > 5
    for what, rules in rows:
        assert set(rules.split(", ")) - JUDGED[heading] == set(), what
