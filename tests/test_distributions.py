"""Each distribution builds, and works alone in a fresh environment, on every interpreter there is."""

import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from repository import EXTENSIONS, PACKAGES, REFERENCES, ROOT, name_of

VERSIONS = ["3.11", "3.12", "3.13", "3.14"]
ENVIRONMENT = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
ENVIRONMENT.pop("VIRTUAL_ENV", None)


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def environment(tmp_path):
    """An empty environment; call it with wheels to install and get its Python."""

    def create(*requirements, find_links, version=f"{sys.version_info[0]}.{sys.version_info[1]}"):
        run("uv", "venv", "--quiet", "--python", version, tmp_path / "env", cwd=tmp_path)
        python = tmp_path / "env" / "bin" / "python"
        install = ["uv", "pip", "install", "--quiet", "--python", python, "--find-links", find_links]
        run(*install, "--constraints", constraints(tmp_path), *requirements, cwd=tmp_path)
        return python

    return create


def constraints(folder):
    """The repository's own pins, as a file that uv reads."""
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["constraint-dependencies"]
    file = folder / "constraints.txt"
    file.write_text("\n".join(pins))
    return file


def wheel_of(project, wheels):
    name = name_of(project) if project.parent.name != "extensions" else f"fustor-{project.name}"
    return next(wheels.glob(f"{name.replace('-', '_')}-*.whl"))


@pytest.mark.full  # the rehearsal of `.ci/run` installs each of them from an index
@pytest.mark.parametrize("project", [ROOT, *PACKAGES, *REFERENCES], ids=name_of)
def test_a_distribution_installs_and_imports_alone(project, wheels, environment):
    wheel = wheel_of(project, wheels)
    python = environment(wheel, find_links=wheels)
    module = next(project.glob("src/*/__init__.py")).parent.name
    where = run(python, "-W", "error", "-c", f"import {module}; print({module}.__file__)", cwd=wheels)
    assert Path(where.strip()).is_relative_to(python.parents[1])
    assert f"{module}/py.typed" in zipfile.ZipFile(wheel).namelist()


@pytest.mark.wide
def test_fustor_new_works_with_the_lowest_versions_that_it_declares(wheels, tmp_path):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (tmp_path / "declared.txt").write_text("\n".join(declared))
    run("uv", "venv", "--quiet", "--python", sys.executable, "env", cwd=tmp_path)
    install = ["uv", "pip", "install", "--quiet", "--python", tmp_path / "env" / "bin" / "python"]
    run(*install, "--resolution", "lowest-direct", "--requirements", "declared.txt", cwd=tmp_path)
    run(*install, "--no-deps", wheel_of(ROOT, wheels), cwd=tmp_path)
    command = tmp_path / "env" / "bin" / "fustor-new"
    run(command, "source", "redis", "--standalone", "--no-git", "--output", "made", cwd=tmp_path)
    run(command, "update", "--dry-run", "made/fustor-source-redis", cwd=tmp_path)
    assert (tmp_path / "made" / "fustor-source-redis" / "pyproject.toml").is_file()


@pytest.mark.matrix
@pytest.mark.parametrize("version", VERSIONS)
def test_the_contract_packages_pass_their_tests_on_every_interpreter(version, wheels, environment):
    found = subprocess.run(
        ["uv", "python", "find", version], env=ENVIRONMENT, cwd=wheels, capture_output=True, text=True, check=False
    )
    if found.returncode != 0:
        pytest.skip(f"No Python {version} on this machine")
    packages = [project for project in PACKAGES if project.name in {"fustor-core", "fustor-event-model"}]
    python = environment(
        *(wheel_of(project, wheels) for project in packages), "pytest", find_links=wheels, version=version
    )
    tests = [project / "tests" for project in packages]
    out = run(
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--import-mode=importlib",
        *tests,
        cwd=wheels,
    )
    assert " passed" in out


@pytest.mark.parametrize("extra", [[], ["--extra", "dev"]], ids=["plain", "extra"])
def test_both_forms_of_sync_give_the_environment_that_runs_this_test(extra):
    out = subprocess.run(
        ["uv", "sync", "--dry-run", *extra], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True
    ).stderr
    assert "Would make no changes" in out


def test_every_driver_of_the_workspace_is_installed():
    for project in EXTENSIONS:
        assert distribution(f"fustor-{project.name}").version
