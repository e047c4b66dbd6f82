"""A release dates the section of the changelog that is about it."""

from datetime import date

import pytest
from repository import ROOT

from release.changelog import announced, begun, dated, section
from release.errors import ReleaseError

DAY = date(2026, 11, 27)
TEXT = "# Changelog\n\nFor users.\n\n## 1.1.0 (unreleased)\n\n- New.\n\n## 1.0.0 (unreleased)\n\n- Old.\n"


def test_the_first_section_gets_the_date_and_nothing_else_changes():
    assert dated(TEXT, "1.1.0", DAY) == TEXT.replace("1.1.0 (unreleased)", "1.1.0 (2026-11-27)")


@pytest.mark.parametrize("version", ["1.0.0", "1.2.0"])
def test_a_version_that_it_is_not_about_is_refused(version):
    with pytest.raises(ReleaseError, match="does not begin with"):
        dated(TEXT, version, DAY)


def test_a_version_is_not_released_twice():
    with pytest.raises(ReleaseError):
        dated(dated(TEXT, "1.1.0", DAY), "1.1.0", DAY)


def test_a_section_that_says_nothing_is_refused():
    with pytest.raises(ReleaseError, match="empty"):
        dated(TEXT.replace("- New.\n", ""), "1.1.0", DAY)


def test_a_section_ends_where_the_next_begins():
    assert section(TEXT, "1.1.0") == "- New."
    assert section(TEXT, "1.0.0") == "- Old."
    assert section(TEXT, "0.9.0") == ""


def test_a_rehearsal_after_a_release_has_a_section_too():
    after = dated(TEXT, "1.1.0", DAY)
    assert announced(after) is None
    assert announced(begun(after, "1.1.1")) == "1.1.1"
    assert begun(after, "1.1.1").endswith(after.partition("\n\n## ")[2])


def test_the_changelog_of_this_tree_can_be_released():
    text = (ROOT / "CHANGELOG.md").read_text()
    version = announced(text)
    assert version is None or section(dated(text, version, DAY), version)
