"""Pages in a real browser: what goes wrong on them, where they lead, and what stands beyond the window's edge."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urldefrag

from playwright.sync_api import Locator, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = (1280, 390)
TIMEOUT_MS = 120_000
GIVEN_UP = "net::ERR_ABORTED"
"""What was still loading when the browser went on to the next page."""
OPEN_SHADOWS = """
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (options) { return attach.call(this, {...options, mode: "open"}); };
"""
"""The search hides its results in a part of the page that nobody outside can look into."""
LOOK = """() => ({
    links: [...document.querySelectorAll("a[href]")].map(a => a.href),
    anchors: [...document.querySelectorAll("[id]")].map(element => element.id),
})"""
BEYOND = """() => {
    const edge = document.documentElement.clientWidth + 1;
    const scrolls = element => element !== document.body
        && (["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    const found = [...document.querySelectorAll("body *")]
        .filter(element => element.checkVisibility() && element.getBoundingClientRect().right > edge)
        .filter(element => !scrolls(element.parentElement));
    return found.map(element => element.outerHTML.slice(0, 120));
}"""


@dataclass
class Visit:
    """What there was to see on a page."""

    faults: list[str] = field(default_factory=list)
    """Errors on its console, and requests that failed or went to another host."""
    links: set[str] = field(default_factory=set)
    anchors: set[str] = field(default_factory=set)
    beyond: dict[int, list[str]] = field(default_factory=dict)
    """What does not fit into a window of that width, and cannot be scrolled to in its place."""


@contextmanager
def window() -> Iterator[Page]:
    """A window of a browser without a screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, timeout=TIMEOUT_MS)
        try:
            page = browser.new_page()
            page.set_default_timeout(TIMEOUT_MS)
            yield page
        finally:
            browser.close()


def visits(page: Page, site: str, paths: Iterable[str]) -> dict[str, Visit]:
    """Look at every page of a site, by its address."""
    seen = {site + path: Visit() for path in paths}
    faults: list[str] = []
    page.on(
        "console", lambda message: faults.extend([f"{message.text} {message.location}"] * (message.type == "error"))
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.extend([request.url] * (request.failure != GIVEN_UP)))
    page.on(
        "request", lambda request: faults.extend([request.url] * (not request.url.startswith((site, "data:", "blob:"))))
    )
    for address, visit in seen.items():
        page.goto(address)
        visit.links, visit.anchors = (set(found) for found in page.evaluate(LOOK).values())
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            visit.beyond[width] = page.evaluate(BEYOND)
        visit.faults, faults[:] = faults[:], []
    page.goto("about:blank")
    return seen


def search(page: Page, site: str, words: str) -> Locator:
    """Type into the search of a site; the links that it finds, which may still have to come."""
    page.add_init_script(OPEN_SHADOWS)
    page.goto(site)
    page.get_by_role("button", name="Search").first.click()
    page.keyboard.type(words)
    return page.get_by_role("option")


def dead_links(seen: dict[str, Visit], site: str, files: set[str]) -> set[tuple[str, str]]:
    """Each page with a link of it that leads to no page or file of the site, or to no place on its page."""
    return {
        (address, link)
        for address, visit in seen.items()
        for link in visit.links
        if link.startswith(site) and not leads_somewhere(link, seen, files)
    }


def leads_somewhere(link: str, seen: dict[str, Visit], files: set[str]) -> bool:
    """Whether a page or file is there, and has the place that the link names."""
    address, anchor = urldefrag(link)
    if address in seen:
        return not anchor or unquote(anchor) in seen[address].anchors
    return address in files
