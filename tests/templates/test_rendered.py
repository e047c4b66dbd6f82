"""A rendered package is green before its author writes a line."""

import os
import re
import shutil
import sys
import tarfile
import tomllib
from itertools import product
from pathlib import Path

import pytest
from specs import spec_of
from tiers import longer

from fustor_new.template.contract_source import ContractSource
from fustor_new.template.render import render
from fustor_new.template.wheels import contract_wheels

pytestmark = pytest.mark.wide

MINIMUM = 12
NAMES = {True: "example", False: "stub"}
RUFF = (sys.executable, "-m", "ruff")

AT_EVERY_LANDING = ("pusher", "workspace", True, True)
"""Kind, layout, example, audit. `test_third_party.py` gives the other answers, to copier."""


def passed(report: str) -> int:
    return int(re.search(r"(\d+) passed", report)[1])


@pytest.mark.full  # at every landing it passes in environments of its own
@pytest.mark.parametrize(("kind", "example"), [("source", False), ("pusher", True)])
def test_own_suite_passes_and_means_something(tools, installed, kind, example):
    project, site = installed(kind, NAMES[example], example=example)
    env = {"PYTHONPATH": os.pathsep.join([str(site), *sys.path])}
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", project)
    report = tools.run(*command, project / "tests", cwd=project, env=env)
    assert passed(report) >= MINIMUM
    assert ("to do" in report) is not example


def test_ruff_is_clean_in_the_workspace(tools, rendered, tmp_path):
    shutil.copy(tools.CHECKOUT / "pyproject.toml", tmp_path)
    for kind, example, audit, durable in product(("source", "pusher"), *3 * [(False, True)]):
        if kind == "source" or (audit and durable):
            project = rendered(kind, NAMES[example], example=example, audit=audit, durable=durable)
            shutil.copytree(project, tmp_path / "extensions" / f"{kind}-{example}-{audit}-{durable}")
    tools.run(*RUFF, "check", "--no-cache", ".", cwd=tmp_path)
    tools.run(*RUFF, "format", "--check", "--no-cache", ".", cwd=tmp_path)


def test_ruff_is_clean_alone_whatever_the_name(tools, rendered, tmp_path):
    names = ("x", "abcdefghij-abcdefghij-abcdefghij-abcdefg", "a" * 40)
    projects = [
        rendered(kind, name, layout="standalone", example=example)
        for kind, name, example in product(("source", "pusher"), names, (False, True))
    ]
    tools.run(*RUFF, "check", "--no-cache", *projects, cwd=tmp_path)
    tools.run(*RUFF, "format", "--check", "--no-cache", *projects, cwd=tmp_path)


def test_types_are_strict_and_clean(tools, rendered, tmp_path):
    for kind, example in product(("source", "pusher"), (False, True)):
        shutil.copytree(rendered(kind, NAMES[example], example=example) / "src", tmp_path, dirs_exist_ok=True)
    tools.run(sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / ".cache", ".", cwd=tmp_path)


@pytest.mark.parametrize("kind", ["source", "pusher"])
def test_group_mirrors_the_extra(rendered, kind):
    project = tomllib.loads((rendered(kind) / "pyproject.toml").read_text())
    assert project["dependency-groups"]["test"] == project["project"]["optional-dependencies"]["test"]


@pytest.mark.parametrize("contract", ["workspace", "index", ".", "git+https://example.org/a.git@v1"])
def test_sources_say_where_every_contract_package_comes_from(rendered, contract):
    project = tomllib.loads((rendered("source", contract=contract) / "pyproject.toml").read_text())
    sources = project["tool"].get("uv", {}).get("sources", {})
    expected = {
        "workspace": {"workspace": True},
        "index": None,
        ".": {"path": "../../packages/fustor-core", "editable": True},
    }.get(contract, {"git": "https://example.org/a.git", "rev": "v1", "subdirectory": "packages/fustor-core"})
    assert sources.get("fustor-core") == expected
    assert len(sources) == (0 if contract == "index" else 4)


@pytest.mark.parametrize(
    ("contract", "layout", "folder"),
    [
        ("vendor", "standalone", "vendor/wheels"),
        ("wheels:../w", "workspace", "../w"),
        ("wheels:/w", "standalone", "/w"),
    ],
)
def test_sources_name_the_wheels_that_this_fustor_new_has(tmp_path, contract, layout, folder):
    kind, _, location = contract.partition(":")
    source = ContractSource(kind=kind, location=location)
    render(spec_of("pusher", "my-db", layout=layout, contract=source), tmp_path)
    uv = tomllib.loads((tmp_path / "pyproject.toml").read_text())["tool"]["uv"]
    named = {f"{folder}/{name}" for name in contract_wheels()}
    assert {entry["path"] for entry in uv["sources"].values()} == named
    assert uv.get("find-links") == (["vendor/wheels"] if contract == "vendor" else None)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("kind", "layout", "example", "audit"),
    [
        chosen if chosen == AT_EVERY_LANDING else longer(*chosen)
        for chosen in product(("source", "pusher"), ("workspace", "standalone"), (False, True), (True, False))
        if chosen[0] == "source" or chosen[3]
    ],
)
def test_every_combination_is_green_in_an_environment_of_its_own(tools, tmp_path, kind, layout, example, audit):  # noqa: PLR0917 - one a dimension
    project = member(tools, tmp_path, kind, layout=layout, example=example, audit=audit)
    report = tools.run("uv", "run", "-q", "--extra", "test", "pytest", "-q", cwd=project)
    assert passed(report) >= MINIMUM
    tools.run("uv", "run", "-q", "--with", "mypy", "mypy", "--strict", "src", "tests", cwd=project)
    tools.run("uv", "build", "-q", "--out-dir", tmp_path / "dist", cwd=project)
    assert sorted(path.suffix for path in (tmp_path / "dist").iterdir() if path.name != ".gitignore") == [".gz", ".whl"]
    (archive,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        assert not [name for name in packed.getnames() if name.endswith("/uv.lock")]


def member(tools, directory: Path, kind: str, *, layout: str, contract: str = "", **options) -> Path:
    """A package beside nothing, or in a workspace that lacks the contract packages."""
    project = directory / "extensions" / f"{kind}-my-db"
    if layout == "workspace":
        (directory / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["extensions/*"]\n')
    source = ContractSource.parse(contract or str(tools.CHECKOUT), project=project)
    render(spec_of(kind, "my-db", layout=layout, contract=source, **options), project)
    return project


@pytest.mark.matrix
@pytest.mark.parametrize("layout", [longer("workspace"), "standalone"])
def test_contract_may_come_from_git(tools, tmp_path, layout):
    tools.run("git", "clone", "-q", tools.CHECKOUT, tmp_path / "origin", cwd=tmp_path)
    project = member(tools, tmp_path, "pusher", layout=layout, contract=f"git+file://{tmp_path}/origin")
    assert passed(tools.run("uv", "run", "-q", "--extra", "test", "pytest", "-q", cwd=project)) >= MINIMUM


@pytest.mark.full  # at every landing one is from its own directory of wheels, in test_outside.py
def test_wheels_can_be_installed_elsewhere(tools, tmp_path):
    wheels, project = tmp_path / "wheels", member(tools, tmp_path, "source", layout="standalone", example=True)
    for place in (project, *(tools.CHECKOUT / "packages" / name for name in ("fustor-core", "fustor-event-model"))):
        tools.run("uv", "build", "-q", "--wheel", "--out-dir", wheels, cwd=place)
    tools.run("uv", "venv", "-q", "--seed", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    tools.run(python, "-m", "pip", "install", "-q", "--find-links", wheels, "fustor-source-my-db", cwd=tmp_path)
    script = (
        "from importlib.metadata import entry_points as e; print(e(group='fustor.drivers.sources')['my_db'].load())"
    )
    assert "MyDbDriver" in tools.run(python, "-c", script, cwd=tmp_path)
