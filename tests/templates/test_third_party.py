"""What a third party does: `copier copy`, tests, build, install elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from repository import ROOT
from workspaces import environment, fustor_new, upstream

pytestmark = pytest.mark.wide

COPIER = Path(sys.executable).with_name("copier")


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """A clone of this repository's work tree, committed: what a git address leads to."""
    clone = tmp_path_factory.mktemp("published") / "repository"
    run("git", "clone", "-q", "--no-local", ROOT, clone, cwd=ROOT)
    changed = run("git", "ls-files", "-z", "--modified", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, changed):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_bytes((ROOT / name).read_bytes())
    run("git", "add", "-A", cwd=clone)
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    run("git", *author, "commit", "-q", "--allow-empty", "-m", "state under test", cwd=clone)
    return clone


def copy(source, target, *answers):
    given = [part for answer in answers for part in ("-d", answer)]
    run(COPIER, "copy", "--defaults", "--quiet", "--vcs-ref", "HEAD", *given, source, target, cwd=target.parent)
    return yaml.safe_load((target / ".copier-answers.yml").read_text())


@pytest.mark.parametrize("address", ["{}", "git+file://{}"], ids=["path", "git"])
def test_the_contract_comes_from_where_the_template_came_from(repository, tmp_path, address):
    answers = copy(address.format(repository), tmp_path / "my-driver", "name=redis")
    assert answers["contract_source"] == os.path.relpath(repository, tmp_path / "my-driver")
    assert str(repository) not in (tmp_path / "my-driver" / "pyproject.toml").read_text()


def test_a_template_without_its_repository_leaves_the_contract_to_the_index(tmp_path):
    assert copy(ROOT / "templates", tmp_path / "my-driver", "name=redis")["contract_source"] == "index"


@pytest.mark.matrix
@pytest.mark.parametrize("kind", ["source", "pusher"])
def test_a_copied_project_is_green_builds_and_installs_elsewhere(repository, tmp_path, kind):
    project = tmp_path / "my-driver"
    copy(repository, project, f"kind={kind}", "name=redis")
    assert " passed" in run("uv", "run", "--extra", "test", "pytest", "-q", cwd=project)
    wheels = tmp_path / "wheels"
    for built in (project, *sorted((repository / "packages").glob("fustor-*"))):
        run("uv", "build", "--quiet", "--wheel", "--out-dir", wheels, built, cwd=tmp_path)
    run(sys.executable, "-m", "venv", tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    name = f"fustor-{kind}-redis"
    run(python, "-m", "pip", "install", "-q", "--find-links", wheels, name, cwd=tmp_path)
    show = f"from importlib.metadata import distribution as d; print(*d({name!r}).entry_points, sep='\\n')"
    shown = run(python, "-c", show, cwd=tmp_path)
    assert f"group='fustor.drivers.{kind}s'" in shown
    assert f"group='fustor_agent.drivers.{kind}s'" in shown


@pytest.mark.matrix
def test_a_driver_in_upstreams_workspace_is_installed_by_the_real_uv(tmp_path):
    root = upstream(tmp_path / "platform")
    done = fustor_new("source", "redis", "--contract-source", ROOT, cwd=root)
    assert done.returncode == 0, done.stderr
    run("uv", "sync", "--quiet", cwd=root)
    load = "import importlib.metadata as m; print(m.entry_points(group='fustor_agent.drivers.sources')['redis'].load())"
    shown = run(root / ".venv" / "bin" / "python", "-c", load, cwd=root)
    assert "fustor_source_redis.driver.RedisDriver" in shown
