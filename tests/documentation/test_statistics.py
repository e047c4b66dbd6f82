"""What a reference driver counts of itself, its README explains, and its code says with kind and unit."""

import inspect
import re
import runpy

import pytest
import yaml
from repository import REFERENCES, ROOT, name_of

from fustor_driver.configuration import parse
from fustor_driver.kinds import Kind
from fustor_driver.registry import Registry

statistics_of = runpy.run_path(str(ROOT / "docs/generate/reference.py"))["statistics_of"]


def driver_of(project):
    kind, _, name = project.name.partition("-")
    return Registry.read().find(Kind(kind), name).load()


def counted(project):
    """The names of a driver's statistics, as it is configured in the sample beside it."""
    kind = Kind(project.name.partition("-")[0])
    _, config = parse(yaml.safe_load((project / "fustor.yaml").read_text()), {}).one(kind)
    return set(driver_of(project)("statistics", config).statistics())


def said_in_the_code(project):
    """The names that the reference lists; a line of the docstring that is not understood is a mistake."""
    driver = driver_of(project)
    found = [name for name, *_ in statistics_of(driver)]
    text = inspect.cleandoc(vars(driver)["statistics"].__doc__) if found else ""
    assert len(found) == len(re.findall(r"^\w+ ?\(", text, re.MULTILINE))
    return found


@pytest.mark.parametrize("project", REFERENCES, ids=name_of)
def test_a_readme_explains_every_statistic(project):
    named = set(re.findall(r"`(\w+)`", (project / "README.md").read_text()))
    assert counted(project) - named == set()


LATER = {"source-postgres": {"slot_bytes", "estimated_rows"}}
"""What a driver counts as soon as its server was asked."""


@pytest.mark.parametrize("project", REFERENCES, ids=name_of)
def test_the_reference_has_every_statistic_once_and_no_other(project):
    assert sorted(said_in_the_code(project)) == sorted(counted(project) | LATER.get(project.name, set()))


def test_drivers_count_something():
    assert [project.name for project in REFERENCES if not counted(project)] == ["pusher-example", "source-example"]
