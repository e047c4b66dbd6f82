"""What a reference driver counts of itself, its README explains."""

import re

import pytest
import yaml
from repository import REFERENCES, name_of

from fustor_driver.configuration import parse
from fustor_driver.kinds import Kind
from fustor_driver.registry import Registry


def counted(project):
    """The names of a driver's statistics, as it is configured in the sample beside it."""
    kind, _, name = project.name.partition("-")
    _, config = parse(yaml.safe_load((project / "fustor.yaml").read_text()), {}).one(Kind(kind))
    driver = Registry.installed().find(Kind(kind), name).load()("statistics", config)
    return set(driver.statistics())


@pytest.mark.parametrize("project", REFERENCES, ids=name_of)
def test_a_readme_explains_every_statistic(project):
    named = set(re.findall(r"`(\w+)`", (project / "README.md").read_text()))
    assert counted(project) - named == set()


def test_drivers_count_something():
    assert [project.name for project in REFERENCES if not counted(project)] == ["pusher-example", "source-example"]
