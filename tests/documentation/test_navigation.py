"""Every page can be reached: it is in the navigation of the site, or a decision, which their index lists."""

import yaml
from repository import ROOT

DOCS = ROOT / "docs"


def pages_in(navigation):
    """The files that a navigation names, at any depth."""
    for entry in navigation:
        if isinstance(entry, str):
            yield entry
        else:
            (below,) = entry.values()
            yield from [below] if isinstance(below, str) else pages_in(below)


def test_every_page_is_in_the_navigation():
    named = list(pages_in(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    decisions = {name for name in pages if name.startswith("decisions/0")}
    assert sorted(named) == sorted(pages - decisions)
