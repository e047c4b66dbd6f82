"""The index of the decisions is what their pages say."""

import runpy

import pytest
from repository import ROOT

GENERATOR = runpy.run_path(str(ROOT / "docs/generate/decisions.py"))
DECISIONS = ROOT / "docs/decisions"
COMMAND = "uv run python docs/generate/decisions.py > docs/decisions/README.md"


def test_the_index_is_of_today():
    assert (DECISIONS / "README.md").read_text() == GENERATOR["index"](DECISIONS), f"Run `{COMMAND}`"


def test_what_supersedes_a_decision_is_there():
    named = GENERATOR["Decision"].read
    statuses = [named(page).status for page in DECISIONS.glob("0*.md")]
    targets = {status.partition("](")[2].rstrip(")") for status in statuses if status != "accepted"}
    assert targets
    assert {name for name in targets if not (DECISIONS / name).is_file()} == set()


def test_two_decisions_have_two_numbers():
    numbers = [page.name[:4] for page in DECISIONS.glob("0*.md")]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("second", ["accepted", "*2026-11-27 · agreed*", "*27.11.2026 · accepted*"])
def test_a_page_without_date_and_status_is_named(tmp_path, second):
    (tmp_path / "0999-x.md").write_text(f"# Title\n\n{second}\n\n**Context.** x\n")
    with pytest.raises(SystemExit, match=r"0999-x\.md does not begin"):
        GENERATOR["index"](tmp_path)
