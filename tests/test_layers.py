"""Imports point down, and only down."""

import ast
import re
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter

import pytest
from imports import graph, imports, rooms
from repository import BRIDGE, BRIDGES, EXTENSIONS, LAYERS, PACKAGES, REFERENCES, ROOT, TEST_SUPPORT, name_of


def imported(files):
    """Top-level names of the modules that `files` import or look for, each with the place of one import."""
    names = {}
    for file in files:
        for node in imports(file):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module or ""]
            if isinstance(node, ast.Call):
                modules = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            names |= {module.partition(".")[0]: f"{file.relative_to(ROOT)}:{node.lineno}" for module in modules}
    return names


def shipped(project):
    """The modules of a project that its users import; a World's is for tests and demonstrations."""
    return (file for file in project.glob("src/**/*.py") if file.name != "testing.py")


def package_of(project):
    return next(path.parent for path in sorted(project.glob("src/*/__init__.py"))).name


def allowed(project):
    own = package_of(project)
    if project == ROOT or own == TEST_SUPPORT:
        return {own}
    if project.parent.name == "extensions" or own == BRIDGE:
        return {own, *LAYERS[:2]}
    if project in BRIDGES:
        return {own, *LAYERS[:3]}
    return set(LAYERS[: LAYERS.index(own) + 1])


@pytest.mark.parametrize("project", [ROOT, *PACKAGES, *BRIDGES, *EXTENSIONS], ids=name_of)
def test_first_party_imports_point_down(project):
    found = imported(shipped(project))
    first_party = {name: place for name, place in found.items() if name.startswith("fustor_")}
    upward = {name: place for name, place in first_party.items() if name not in allowed(project)}
    assert not upward


@pytest.mark.parametrize("project", EXTENSIONS, ids=name_of)
def test_the_tests_of_a_driver_import_no_other_driver(project):
    found = imported(project.glob("tests/**/*.py"))
    first_party = {name: place for name, place in found.items() if name.startswith("fustor_")}
    others = {
        name: place for name, place in first_party.items() if name not in {package_of(project), TEST_SUPPORT, *LAYERS}
    }
    assert not others


@pytest.mark.parametrize("project", [ROOT, *PACKAGES, *BRIDGES, *EXTENSIONS], ids=name_of)
def test_rooms_stand_on_floors(project):
    source = next(project.glob("src/*/__init__.py")).parents[1]
    assert list(TopologicalSorter(rooms(graph(source))).static_order()), "a circle is a CycleError that shows it"


@pytest.mark.parametrize("project", [ROOT, *PACKAGES, *BRIDGES, *EXTENSIONS], ids=name_of)
def test_modules_of_a_folder_stand_on_floors(project):
    source = next(project.glob("src/*/__init__.py")).parents[1]
    assert list(TopologicalSorter(graph(source)).static_order()), "a circle is a CycleError that shows it"


@pytest.mark.parametrize("project", [ROOT, *PACKAGES, *BRIDGES, *EXTENSIONS], ids=name_of)
def test_what_is_private_to_a_folder_is_imported_in_it_alone(project):
    modules = graph(next(project.glob("src/*/__init__.py")).parents[1])
    folders = {name.rpartition(".")[0] for name in modules}
    inside = {name: ".".join(name.split(".")[:2]) for name in modules if name.count(".") > 1 or name in folders}
    private = {name for name in inside if name.count(".") > 1 and name.rpartition(".")[2].startswith("_")}
    reached = {
        (name, other)
        for name, imports in modules.items()
        for other in imports & private
        if inside.get(name) != inside[other]
    }
    assert not reached


def test_the_release_stands_on_floors_and_on_nothing_that_is_released():
    """It is no distribution; what it imports of others comes with the environment for development."""
    assert list(TopologicalSorter(graph(ROOT, "release")).static_order())
    assert imported((ROOT / "release").glob("*.py")).keys() - sys.stdlib_module_names == {
        "release",
        "packaging",
        "typer",
    }


def requirement_name(text):
    return re.split(r"[\s<>=!~;\[]", text, maxsplit=1)[0].lower().replace("_", "-")


MODULE_OF = {"pyyaml": "yaml", "psycopg2-binary": "psycopg2", "python-json-logger": "pythonjsonlogger"}


@pytest.mark.parametrize("project", [ROOT, *PACKAGES, *BRIDGES, *REFERENCES], ids=name_of)
def test_a_distribution_declares_what_it_imports_and_nothing_else(project):
    requirements = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    assert imported_from(project, shipped(project)) == modules_of(requirements)


@pytest.mark.parametrize("project", EXTENSIONS, ids=name_of)
def test_a_world_imports_what_its_driver_or_the_extra_for_tests_declares(project):
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    for_tests = declared["optional-dependencies"]["test"]
    first_party = {package_of(project), *LAYERS[:2], TEST_SUPPORT}
    used = imported_from(project, project.glob("src/*/testing.py"))
    assert used <= modules_of(declared["dependencies"] + for_tests)
    assert {name for name in used if name.startswith("fustor_")} <= first_party


def imported_from(project, files):
    return imported(files).keys() - sys.stdlib_module_names - {package_of(project)}


def modules_of(requirements):
    return {MODULE_OF.get(name, name.replace("-", "_")) for name in map(requirement_name, requirements)}


def test_the_checks_see_an_import(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    module = ROOT / "packages" / "fustor-core" / "src" / "fustor_core" / "drivers.py"
    assert {"fustor_event_model", "fustor_core", "abc"} <= imported([module]).keys()


def test_a_circle_of_rooms_is_seen(tmp_path):
    for name, text in {"__init__": "", "a/__init__": "from ..b import x", "b": "import p.a.c", "a/c": "y = 1"}.items():
        file = tmp_path / "p" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert rooms(graph(tmp_path)) == {"p": set(), "p.a": {"p.b"}, "p.b": {"p.a"}}
    with pytest.raises(CycleError):
        TopologicalSorter(rooms(graph(tmp_path))).prepare()
