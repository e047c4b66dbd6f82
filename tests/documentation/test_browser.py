"""Every page of the site in a real browser, in a wide window and in one as narrow as a telephone."""

import re

import pytest
from browsing import CHROMIUM, WIDTHS, dead_links, search, visits, window
from websites import served

pytestmark = [
    pytest.mark.wide,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: `apt-get install chromium`"),
]
BROKEN = {
    "console": "<script>console.error('oh no')</script>",
    "script": "<script>nowhere()</script>",
    "picture": "<img src=no.svg>",
    "elsewhere": "<link rel=stylesheet href=http://127.0.0.2:9/no.css>",
    "page": "<a href=/no/>no</a>",
    "anchor": "<a href=#no>no</a>",
    "wide": "<p>x <b style='display: block; width: 1000px'>y</b>",
    "scrolled": "<p style='overflow-x: auto'>x <b style='display: block; width: 1000px'>y</b>",
}


def seen_in(folder, below=""):
    """The pages of a folder whose paths begin in a way, and the links on them that are dead."""
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    pages = [name.removesuffix("index.html") for name in files if name.endswith(".html")]
    with served(folder) as site, window() as page:
        seen = visits(page, site, [name for name in pages if re.match(below, name)])
        dead = dead_links(seen, site, {site + name for name in [*files, *pages]})
    short = {address.removeprefix(site): visit for address, visit in seen.items()}
    return short, {(on.removeprefix(site), to.removeprefix(site)) for on, to in dead}


@pytest.fixture(
    scope="module",
    params=["(?!decisions/0)", pytest.param("decisions/0", marks=pytest.mark.full)],
    ids=["pages", "decisions"],
)
def everything(request, site):
    """What there was to see; the decisions are many and look alike."""
    return seen_in(site, request.param)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    for name, html in BROKEN.items():
        (folder / f"{name}.html").write_text(f"<!doctype html><link rel=icon href=data:,><body>{html}")
    return seen_in(folder)


def test_no_page_has_an_error(everything):
    seen, _ = everything
    assert len(seen) > 25
    assert {address: visit.faults for address, visit in seen.items() if visit.faults} == {}


def test_every_link_leads_somewhere(everything):
    _, dead = everything
    assert dead == set()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(everything, width):
    seen, _ = everything
    assert {address: visit.beyond[width] for address, visit in seen.items() if visit.beyond[width]} == {}


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("console", "oh no"),
        ("script", "nowhere is not defined"),
        ("picture", "404"),
        ("elsewhere", "http://127.0.0.2:9/no.css"),
    ],
)
def test_an_error_is_seen(broken, name, fault):
    seen, _ = broken
    assert fault in "\n".join(seen[f"{name}.html"].faults)


def test_dead_links_are_seen(broken):
    _, dead = broken
    assert dead == {("page.html", "no/"), ("anchor.html", "anchor.html#no")}


def test_what_is_too_wide_is_seen_unless_it_can_be_scrolled(broken):
    seen, _ = broken
    assert {(name, width) for name, visit in seen.items() for width in WIDTHS if visit.beyond[width]} == {
        ("wide.html", 390)
    }


@pytest.mark.parametrize(("typed", "found"), [("unreadable directory", "#a10-unreadable-directory"), ("审计", "/zh/")])
def test_a_search_finds(site, typed, found):
    with served(site) as address, window() as page:
        search(page, address, typed).and_(page.locator(f"[href*='{found}']")).first.wait_for()
