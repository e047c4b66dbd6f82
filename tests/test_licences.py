"""No distribution brings a library under the GPL along, but for what the page on licences names."""

import importlib.metadata
import re
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository import PACKAGES, REFERENCES, ROOT

DISTRIBUTIONS = ["fustor-new", *(path.name for path in PACKAGES), *(f"fustor-{path.name}" for path in REFERENCES)]
COPYLEFT = re.compile(r"\b(GPL|AGPL|LGPL|MPL|EUPL|EPL|CDDL|SSPL)|General Public|Mozilla Public", re.IGNORECASE)
GPL = re.compile(r"(?<!L)GPL|(?<!Lesser )General Public", re.IGNORECASE)
PAGE = (ROOT / "docs/licences.md").read_text(encoding="utf-8")


@cache
def installed_with(name):
    """Return the names of everything that the distribution needs at run time, on this interpreter."""
    found = set()
    for text in importlib.metadata.requires(name) or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found |= {canonicalize_name(requirement.name)} | installed_with(requirement.name)
    return frozenset(found)


def licence_of(name):
    metadata = importlib.metadata.metadata(name)
    classifiers = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License")]
    first_line = (metadata.get("License") or "").strip().partition("\n")[0]
    return " ".join([metadata.get("License-Expression") or "", first_line, *classifiers])


def under(pattern, name):
    return {library for library in installed_with(name) if pattern.search(licence_of(library))}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_library_says_its_licence(name):
    assert [library for library in installed_with(name) if not licence_of(library).strip()] == []


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_only_what_copier_brings_is_under_the_gpl(name):
    assert under(GPL, name) == ({"jinja2-ansible-filters"} if name == "fustor-new" else set())
    assert "jinja2-ansible-filters" not in {
        canonicalize_name(Requirement(text).name) for text in importlib.metadata.requires(name) or []
    }


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_page_names_each_library_that_asks_for_more_than_a_notice(name):
    own = {library for library in under(COPYLEFT, name) if library not in DISTRIBUTIONS}
    through_ours = {library for ours in installed_with(name) & set(DISTRIBUTIONS) for library in installed_with(ours)}
    named = set(re.findall(rf"^\| `{name}` \| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert named == own - through_ours
