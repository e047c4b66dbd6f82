"""The documented commands have the pins of the package."""

import shlex

import pytest
from beside.readme import documented
from packaging.requirements import Requirement

from fustor_driver.releases import release, released_versions


@pytest.mark.parametrize("version", released_versions())
def test_a_documented_command_has_the_pins_of_the_release_but_for_our_own_distributions(version):
    given = shlex.split(documented(version))[shlex.split(documented(version)).index("dist") + 1 :]
    ours = [text for text in given if "==" not in text and text.startswith("fustor-")]
    assert sorted(given) == sorted([*release(version).requirements(*(Requirement(text).name for text in ours)), *ours])
