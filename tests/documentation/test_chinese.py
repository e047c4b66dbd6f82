"""A page in Chinese has what the English one has: headings, blocks, pictures, points, and the same things in tables."""

import re

import pytest
from executed_page import blocks_of
from repository import ROOT

PAIRS = {
    "README.md": "README.zh.md",
    "docs/tutorial/source-sqlite.md": "docs/zh/tutorial/source-sqlite.md",
    "docs/how-to/contribute-a-driver.md": "docs/zh/how-to/contribute-a-driver.md",
    "docs/explanation/arbitration.md": "docs/zh/explanation/arbitration.md",
    "docs/glossary.md": "docs/zh/glossary.md",
}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
SAME_IN_BOTH = re.compile(r"\d+|`[^`]+`|\*\*[^*]+\*\*")


def shape(text):
    """What has to be equal in both languages."""
    blocks = [(block.kind, block.file, block.text) for block in blocks_of(text)]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    cells = re.findall(r"^\| (.*?) \|", prose, re.MULTILINE)
    return {
        "headings": [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)],
        "blocks": blocks,
        "pictures": re.findall(r"!\[[^\]]+\]\((?:\.\./)*([^)]+)\)", prose),
        "points": len(re.findall(r"^- ", prose, re.MULTILINE)),
        "rows": [SAME_IN_BOTH.findall(cell) for cell in cells],
    }


@pytest.mark.parametrize(("english", "chinese"), PAIRS.items(), ids=PAIRS)
def test_both_languages_say_the_same(english, chinese):
    assert shape((ROOT / chinese).read_text()) == shape((ROOT / english).read_text())


@pytest.mark.parametrize("page", [*PAIRS.values(), "docs/zh/index.md"])
def test_it_is_in_chinese(page):
    """Every heading and every paragraph of more than a few words."""
    text = (ROOT / page).read_text()
    prose = re.sub(r"^```.*?^```$|`[^`\n]+`", "", text, flags=re.MULTILINE | re.DOTALL)
    paragraphs = [text for text in re.split(r"\n\s*\n", prose) if len(text) > 60]
    assert paragraphs
    assert [text for text in paragraphs if len(CHINESE.findall(text)) < len(text) / 10] == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("## ", "### ", "headings"),
        ("uv run", "uv  run", "blocks"),
        ("pictures/run-80.svg", "pictures/run-60.svg", "pictures"),
        ("\n- ", "\n", "points"),
        ("| 10 |", "| 12 |", "rows"),
    ],
)
def test_what_differs_is_seen(old, new, where):
    text = (ROOT / "README.md").read_text()
    assert shape(text.replace(old, new, 1))[where] != shape(text)[where]
