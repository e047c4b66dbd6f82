"""Every direct dependency has one exact version, and it is the one that is installed."""

import importlib.metadata
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository import BRIDGES, PACKAGES, REFERENCES, ROOT, name_of

CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]


def names_and_versions(requirements):
    return {canonicalize_name(Requirement(text).name): str(Requirement(text).specifier) for text in requirements}


PINS = names_and_versions(CONFIGURATION["constraint-dependencies"])
BUILD_PINS = names_and_versions(CONFIGURATION["build-constraint-dependencies"])
PROJECTS = [ROOT, *PACKAGES, *BRIDGES, *REFERENCES]


def direct_dependencies(project):
    data = tomllib.loads((project / "pyproject.toml").read_text())
    extras = data["project"].get("optional-dependencies", {}).values()
    groups = data.get("dependency-groups", {}).values()
    texts = [
        text
        for part in (data["project"].get("dependencies", []), *extras, *groups)
        for text in part
        if isinstance(text, str)
    ]
    own = {path.name for path in BRIDGES}
    return {name for name in names_and_versions(texts) if not name.startswith("fustor-") and name not in own}


@pytest.mark.parametrize("project", PROJECTS, ids=name_of)
def test_every_direct_dependency_is_pinned(project):
    assert direct_dependencies(project) - PINS.keys() == set()


@pytest.mark.parametrize("project", PROJECTS, ids=name_of)
def test_every_build_dependency_is_pinned(project):
    data = tomllib.loads((project / "pyproject.toml").read_text())
    assert names_and_versions(data["build-system"]["requires"]).keys() <= BUILD_PINS.keys()


@pytest.mark.parametrize("name", sorted(PINS))
def test_a_pin_is_exact_and_installed(name):
    try:
        installed = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not needed on this interpreter or platform")
    assert PINS[name] == f"=={installed}"


def test_the_contract_packages_are_those_of_this_tree():
    for name in ("fustor_event_model", "fustor_core"):
        assert Path(importlib.import_module(name).__file__).is_relative_to(ROOT / "packages")
