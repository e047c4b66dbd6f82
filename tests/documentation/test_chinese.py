"""Pages that teach are there in Chinese, and have there what they have in English."""

import re
import shutil

import pytest
from repository import ROOT
from two_languages import CODE, differences, english_of, prose_of

TAUGHT = {"docs/tutorial", "docs/how-to", "docs/explanation"}
BESIDES = {"README.md", "docs/index.md", "docs/contract.md", "docs/glossary.md"}
NOT_YET: set[str] = set()
"""Pages whose Chinese one is missing, or older than they are. Whoever translates one takes it off."""
ORIGINAL = {"docs/explanation/driver-guide.md"}
"""Pages that were in Chinese first, and are not translated."""

CHINESE = {
    english_of(page).relative_to(ROOT).as_posix(): page
    for page in (ROOT / "README.zh.md", *sorted((ROOT / "docs/zh").rglob("*.md")))
}
ENGLISH = sorted(
    BESIDES | {page.relative_to(ROOT).as_posix() for room in TAUGHT for page in (ROOT / room).glob("*.md")}
)
HAN = re.compile(r"[\u4e00-\u9fff]")
TYPOGRAPHY = re.compile(r"[\u4e00-\u9fff](?:`|[,;:?!](?=[\s\u4e00-\u9fff]|$))|`[\u4e00-\u9fff]", re.MULTILINE)

TRANSLATED = [page for english, page in CHINESE.items() if english not in ORIGINAL]


def names(pages):
    return [page.relative_to(ROOT).as_posix() for page in pages]


def lacks(english, chinese):
    """What keeps a page from being in both languages; nothing where it is."""
    return [f"{english} has no page in Chinese"] if chinese is None else differences(ROOT / english, chinese)


@pytest.mark.parametrize("english", ENGLISH)
def test_a_page_is_in_both_languages(english):
    """Where this fails after a page was translated, take it off NOT_YET."""
    found = lacks(english, CHINESE.get(english))
    assert bool(found) == (english in NOT_YET), "\n".join(found) or f"{english} is translated; take it off NOT_YET"


def test_a_page_in_chinese_belongs_to_one_in_english():
    assert sorted(set(CHINESE) - set(ENGLISH) - ORIGINAL) == []


def test_what_is_not_translated_yet_is_there():
    assert sorted(set(ENGLISH) & NOT_YET) == sorted(NOT_YET)


@pytest.mark.parametrize("page", TRANSLATED, ids=names(TRANSLATED))
def test_it_is_in_chinese(page):
    """Every heading, and every paragraph of more than a few words."""
    headings = re.findall(r"^#+ .*", prose_of(page), re.MULTILINE)
    assert [heading for heading in headings if not HAN.search(heading)] == []
    paragraphs = [text for text in re.split(r"\n\s*\n", CODE.sub("", prose_of(page))) if len(text) > 60]
    assert paragraphs
    assert [text for text in paragraphs if len(HAN.findall(text)) < len(text) / 10] == []


@pytest.mark.parametrize("page", TRANSLATED, ids=names(TRANSLATED))
def test_it_is_set_as_chinese_is(page):
    """A paragraph is a line, since the end of one shows as a blank; code is set off by blanks, marks are full width."""
    prose = CODE.sub("`x`", prose_of(page))
    assert re.findall(r"^[^\n|#\-\d ][^\n]*\n[^\n|#\-\d ][^\n]*", prose, re.MULTILINE) == []
    assert [prose[max(0, found.start() - 10) : found.end() + 10] for found in TYPOGRAPHY.finditer(prose)] == []


@pytest.mark.parametrize("page", TRANSLATED, ids=names(TRANSLATED))
def test_it_leads_to_pages_in_chinese(page):
    """But for links that say that what they lead to is in English."""
    links = re.findall(r"\[([^\[\]]*)\]\(([^)\s#]+)[^)\s]*\)", CODE.sub("", prose_of(page)))
    targets = [(page.parent / link).resolve() for text, link in links if not re.search("English|英文", text)]
    assert names(target for target in targets if target in {ROOT / name for name in CHINESE}) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("\n## ", "\n### ", "levels"),
        ("fustor-driver check pusher", "fustor-driver try pusher", "blocks"),
        ("# 30 days", "", "blocks"),
        ("`fs-to-fs.yaml`", "`fs-to-log.yaml`", "blocks"),
        ("(run-under-an-agent.md)", "(../doctor.md)", "links"),
        ("(run-under-an-agent.md)", "(run-under-an-agent.md#configure-it)", "links"),
        ("\n- ", "\n", "points"),
        ("\n1. ", "\n", "steps"),
        ("another.", "another (as amended).", "amendments"),
        ("--once` takes", "--only-once` takes", "code"),
        ("| 503 while", "| 500 while", "tables"),
        ("`fustor_lag_seconds`, ", "", "tables"),
        ("| a pusher that is too slow, or away |\n", "|\n", "tables"),
        ("| is it well |", "| is it well | or not |", "tables"),
    ],
)
def test_what_differs_is_seen(tmp_path, old, new, where):
    """In one page, of which there is a changed copy."""
    for name in ("docs/how-to", "docs/zh/how-to"):
        (tmp_path / name).mkdir(parents=True)
        shutil.copy(ROOT / name / "operate.md", tmp_path / name)
    page, twin = tmp_path / "docs/how-to/operate.md", tmp_path / "docs/zh/how-to/operate.md"
    assert differences(page, twin) == []
    page.write_text(page.read_text().replace(old, new, 1))
    assert where in differences(page, twin)[0]


def test_a_comment_may_be_translated(tmp_path):
    for name, comment in (("README.md", "thirty days"), ("README.zh.md", "三十天")):
        (tmp_path / name).write_text(f"# x\n\n```yaml\nage: 2592000 # {comment}\n```\n")
    assert differences(tmp_path / "README.md", tmp_path / "README.zh.md") == []


def test_a_page_without_one_in_chinese_is_named():
    assert lacks("docs/contract.md", None) == ["docs/contract.md has no page in Chinese"]
