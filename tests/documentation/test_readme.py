"""The README is short, and its figures are those that were measured."""

import re

import pytest
from repository import ROOT

README = (ROOT / "README.md").read_text()
MEASURED = (ROOT / "docs/performance.md").read_text()
LONGEST = 75
"""Lines: a page and a half."""


def figures():
    """What was measured, the figure, and the command that repeats it."""
    section = README.partition("## What was measured")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| `(.+?)` \|$", section, re.MULTILINE)
    return [pytest.param(figure, command, id=what) for what, figure, command in rows]


def test_it_is_a_page_and_a_half():
    assert len(README.splitlines()) <= LONGEST


def test_it_has_figures():
    assert len(figures()) >= 4


@pytest.mark.parametrize(("figure", "command"), figures())
def test_a_figure_was_measured_by_the_command(figure, command):
    """Each part of it is in a table of the section that begins with the command."""
    (section,) = [text for text in re.split(r"^##+ ", MEASURED, flags=re.MULTILINE) if f"`{command}`" in text]
    cells = [cell for line in section.splitlines() if line.startswith("| ") for cell in line.strip("| ").split(" | ")]
    shown = [part for cell in cells for part in cell.split(", ")]
    # a unit may stand at the head of its column there
    assert [part for part in figure.split(", ") if not {part, part.removesuffix(" rows/s")} & set(shown)] == []
    assert (ROOT / re.search(r"benchmarks/\S+", command)[0]).exists()


def test_no_picture_is_missing():
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert shown
    assert [path for path in shown if not (ROOT / path).is_file()] == []


def test_no_link_is_dead():
    targets = re.findall(r"(?<!!)\[[^\]]+\]\((?!https?:)([^)#]+)", README)
    assert [path for path in targets if not (ROOT / path).exists()] == []
