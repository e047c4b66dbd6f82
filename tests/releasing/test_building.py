"""What is built is true, and whoever builds it again gets the same files; the rehearsal of `.ci/run` builds it too."""

import tomllib
import zipfile

import pytest
from repository import ROOT

from release.building import build
from release.metadata import described, require_true
from release.programs import run
from release.projects import projects_of

pytestmark = pytest.mark.full


def test_every_wheel_and_every_sdist_is_true(tree, built):
    require_true(built, tree)
    said = {one.file.name: one.metadata for one in map(described, built)}
    for project in projects_of(tree):
        of_it = [metadata for metadata in said.values() if metadata.name == project.name]
        assert [str(metadata.version) for metadata in of_it] == [project.version] * 2
        readme = (project.folder / "README.md").read_text().strip()
        assert [metadata.description.strip() == readme for metadata in of_it] == [True, True]


def test_the_same_commit_gives_the_same_bytes_wherever_it_lies(tree, built, tmp_path):
    run("git", "clone", "-q", "--no-local", tree, tmp_path / "elsewhere", cwd=tmp_path)
    again = build(tmp_path / "elsewhere", tmp_path / "packages")
    assert [file.name for file in again] == [file.name for file in built]
    assert [
        file.name for file, other in zip(again, built, strict=True) if file.read_bytes() != other.read_bytes()
    ] == []


def test_what_builds_is_pinned(built):
    (pin,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["build-constraint-dependencies"]
    for file in built:
        if file.suffix == ".whl":
            with zipfile.ZipFile(file) as wheel:
                (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/WHEEL"))
                assert f"Generator: {pin.replace('==', ' ')}\n" in wheel.read(name).decode()
