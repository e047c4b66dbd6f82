"""Commands in a checkout whose links and members lead out of it: nothing outside is written or removed."""

import os
import shutil

import pytest
from trees import contents
from updates import package
from workspaces import DRIVER_BY_HAND, answer

pytestmark = pytest.mark.wide


@pytest.fixture
def outside(tmp_path):
    """Another project, with a driver that is not in the template's shape any more."""
    folder = tmp_path / "other/source-redis"
    package(folder)
    project = folder / "pyproject.toml"
    project.write_text(project.read_text().partition('[project.entry-points."fustor_agent.drivers.sources"]')[0])
    (folder / "tests/test_conformance.py").unlink()
    return folder


def is_linked(workspace, outside):
    (workspace / "extensions").mkdir()
    (workspace / "extensions/source-redis").symlink_to(outside)


def is_beside(workspace, outside):
    (workspace / "extensions").symlink_to(outside.parent)


def is_a_member(workspace, _outside):
    (workspace / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["../other/*"]\n')


@pytest.mark.parametrize("place", [is_linked, is_beside, is_a_member])
@pytest.mark.parametrize("command", [["doctor", "--fix"], ["update", "--all"], ["remove", "source-redis", "--force"]])
def test_a_driver_outside_of_the_workspace_stays_as_it_is(workspace, outside, place, command):
    place(workspace, outside)
    before = contents(outside.parent)
    code = answer(*command, cwd=workspace)
    assert code in {2, 4, 8}
    assert contents(outside.parent) == before


LINKS = ["tests/test_conformance.py", "tests", "src/fustor_source_redis/py.typed", "src", "extra/../tests"]


@pytest.mark.parametrize("name", LINKS)
def test_fix_writes_through_no_link_in_a_package(workspace, tmp_path, name):
    driver = package(workspace / "extensions/source-redis")
    target = tmp_path / "target"
    path = driver / os.path.normpath(name)
    if path.is_dir():
        shutil.move(path, target)
        next(target.rglob("test_conformance.py" if "tests" in name else "py.typed")).unlink()
    else:
        path.unlink()
    path.symlink_to(target)
    before, was_there = contents(target), target.exists()
    answer("doctor", "--fix", cwd=workspace)
    assert (contents(target), target.exists()) == (before, was_there)
    assert path.is_symlink()


def test_fix_still_mends_what_is_the_workspaces_own(workspace, capsys):
    driver = package(workspace / "extensions/source-redis")
    (driver / "tests/test_conformance.py").unlink()
    answer("doctor", "--fix", cwd=workspace)
    assert "Created extensions/source-redis/tests/test_conformance.py" in capsys.readouterr().out
    assert (driver / "tests/test_conformance.py").is_file()


def root_file_is_linked(workspace, outside):
    shutil.move(workspace / "pyproject.toml", outside)
    (workspace / "pyproject.toml").symlink_to(outside / "pyproject.toml")


@pytest.mark.parametrize("command", [["register", "extensions/source-mine"], ["doctor", "--fix"]])
def test_a_root_file_that_is_a_link_out_is_not_written(workspace, tmp_path, command):
    mine, other = workspace / "extensions/source-mine", tmp_path / "elsewhere"
    mine.mkdir(parents=True)
    (mine / "pyproject.toml").write_text(DRIVER_BY_HAND)
    other.mkdir()
    (workspace / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = []\n")
    root_file_is_linked(workspace, other)
    before = contents(other)
    assert answer(*command, cwd=workspace) in {5, 8}
    assert contents(other) == before


def test_a_package_that_is_named_by_its_link_is_the_one_it_leads_to(workspace, outside):
    """Whoever writes the path means the place."""
    is_linked(workspace, outside)
    answer("doctor", "--fix", "extensions/source-redis", cwd=workspace)
    assert (outside / "tests/test_conformance.py").exists()
