"""The site is built from docs/ without a warning, has every page, and asks no other host for anything."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from repository import ROOT
from tiers import longer
from two_languages import english_of
from websites import build

pytestmark = pytest.mark.wide

LOADED = re.compile(r"""<(?:script|img|source|iframe)[^>]*\ssrc=["']?([^"'\s>]+)|<link[^>]*\shref=["']?([^"'\s>]+)""")
NAMED = re.compile(r"""\s(?:src|href)=["']?([^"'\s>#?]+)""")
CONFIGURED = ("mkdocs.yml", "docs")


def address(page):
    """Where the site has a page of docs/."""
    relative = page.relative_to(ROOT / "docs")
    return relative.parent if page.stem in {"index", "README"} else relative.with_suffix("")


def test_every_page_is_on_it(site):
    pages = [address(page) for page in (ROOT / "docs").rglob("*.md")]
    assert len(pages) > 100
    assert [page for page in pages if not (site / page / "index.html").is_file()] == []


def test_it_holds_pages_pictures_and_files_to_take_away_alone(site):
    others = {site / "assets", site / "how-to/files"}
    kinds = {path.suffix for path in site.rglob("*") if path.is_file() and not others.intersection(path.parents)}
    assert kinds <= {".html", ".json", ".svg", ".txt", ".xml"}


def test_no_page_loads_anything_from_another_host(site):
    foreign = {
        (page.relative_to(site), found)
        for page in site.rglob("*.html")
        for pair in LOADED.findall(page.read_text())
        if (found := "".join(pair)).startswith(("http:", "https:", "//"))
    }
    assert foreign == set()


def test_every_file_that_a_page_names_is_there(site):
    """The build looks after links from page to page, and not after pictures."""
    missing = {
        (page.relative_to(site), name)
        for page in site.rglob("*.html")
        if page.name == "index.html"
        for name in NAMED.findall(page.read_text())
        if not name.startswith(("http:", "https:", "mailto:", "data:", "/")) and not (page.parent / name).exists()
    }
    assert missing == set()


def test_no_table_shows_the_backslash_of_a_bar(site):
    shown = re.compile(r"<td[^>]*>(?:(?!</td>).)*<code>[^<]*\\\|", re.DOTALL)
    assert [page for page in site.rglob("*.html") if shown.search(page.read_text())] == []


def other_language(site, page):
    """The language of a page on the site, and where it leads in the other one; None where it leads nowhere."""
    html = (site / address(page) / "index.html").read_text()
    found = re.search(r'<a href="?([^" ]+)"? hreflang="?(?:en|zh)', html)
    language = re.search(r'<html lang="?(\w+)', html)[1]
    return language, found and (site / address(page) / found[1]).resolve().relative_to(site.resolve())


def test_a_page_leads_to_itself_in_the_other_language(site):
    docs = ROOT / "docs"
    chinese = {page: english_of(page) for page in (docs / "zh").rglob("*.md")}
    both = {page: twin for page, twin in chinese.items() if twin.exists()}
    both |= {twin: page for page, twin in both.items()}
    assert len(both) > 30
    assert {page: other_language(site, page) for page in docs.rglob("*.md")} == {
        page: ("zh" if page in chinese else "en", address(both[page]) if page in both else None)
        for page in docs.rglob("*.md")
    }


def test_no_page_uses_what_the_theme_would_fetch(site):
    """The theme gets the programs for these from other hosts when a page has one."""
    fetched = re.compile(r'class="(?:mermaid|glightbox|pyodide)[" ]|data-md-component="source"')
    assert [page for page in site.rglob("*.html") if fetched.search(page.read_text())] == []


def test_what_is_searched_has_every_page(site):
    found = {entry["location"].partition("#")[0] for entry in json.loads((site / "search.json").read_text())["items"]}
    missing = [page for page in (ROOT / "docs").rglob("*.md") if f"{address(page)}/".replace("./", "") not in found]
    assert missing == []


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the search outside of a browser")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("unreadable directory", "checks/#a10-unreadable-directory"),
        ("kill -9", "tutorial/source-sqlite/#kill-it"),
        ("审计", "zh/explanation/arbitration/#为什么要有审计"),
        ("复制槽", "zh/glossary/"),
    ],
)
def test_a_search_finds(site, typed, found):
    (worker,) = (site / "assets/javascripts/workers").glob("search.*.js")
    command = ["node", Path(__file__).with_name("search.js"), worker, site / "search.json", typed]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found in json.loads(done.stdout)


@pytest.mark.parametrize("link", [longer("nowhere.md"), "contract.md#nowhere"])
def test_a_link_to_nothing_stops_the_build(checkout, tmp_path, link):
    for name in CONFIGURED:
        (shutil.copytree if (checkout / name).is_dir() else shutil.copy)(checkout / name, tmp_path / name)
    with (tmp_path / "docs/testing.md").open("a") as file:
        file.write(f"\n[a link]({link})\n")
    assert "does not exist" in build(tmp_path, code=1)
