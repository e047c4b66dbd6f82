"""Every page can be reached: it is in the navigation of the site, or a decision, which their index lists."""

import re

import pytest
import yaml
from repository import ROOT

DOCS = ROOT / "docs"
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


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


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_links_of_a_page_stay_on_the_site(page):
    """The site has nothing outside of docs/: such a file is named, not linked. The build looks at anchors as well."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]+`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = [(page.parent / link).resolve() for link in LINK.findall(prose)]
    assert [target for target in targets if not (target.is_file() and target.is_relative_to(DOCS))] == []
