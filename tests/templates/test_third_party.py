"""What a third party does: `copier copy`, tests, build, install elsewhere."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from repository import ROOT
from tiers import longer, sampled
from workspaces import environment, fustor_new, upstream

from fustor_new.template.wheels import contract_wheels

pytestmark = pytest.mark.wide

COPIER = Path(sys.executable).with_name("copier")


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """This repository's work tree, committed, without its history: what a git address leads to."""
    folder = tmp_path_factory.mktemp("published") / "repository"
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    run("git", "init", "-q", folder, cwd=ROOT)
    run("git", "add", "-A", cwd=folder)
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    run("git", *author, "commit", "-q", "-m", "state under test", cwd=folder)
    return folder


def copy(source, target, *answers):
    given = [part for answer in answers for part in ("-d", answer)]
    run(COPIER, "copy", "--defaults", "--quiet", "--vcs-ref", "HEAD", *given, source, target, cwd=target.parent)
    return yaml.safe_load((target / ".copier-answers.yml").read_text())


@pytest.mark.parametrize(
    ("address", "recorded"), [longer("{}", "{}"), longer("./repository", "{}"), ("git+file://{}", "git+file://{}")]
)
def test_a_project_from_a_clone_carries_wheels_and_knows_its_origin(repository, tmp_path, address, recorded):
    (tmp_path / "repository").symlink_to(repository)
    answers = copy(address.format(repository), tmp_path / "my-driver", "name=redis")
    assert answers["contract_source"] == "vendor"
    assert answers["_src_path"] == recorded.format(repository)
    assert str(repository) not in (tmp_path / "my-driver" / "pyproject.toml").read_text()


ADDRESSES = {
    "https://example.org/a/fustor.git": "git+https://example.org/a/fustor.git",
    "git+https://example.org/a/fustor": "git+https://example.org/a/fustor",
    "gh:a/fustor": "git+https://github.com/a/fustor.git",
    "gl:a/fustor.git": "git+https://gitlab.com/a/fustor.git",
    "git@example.org:a/fustor.git": "git+ssh://git@example.org/a/fustor.git",
}


@pytest.mark.parametrize("address", sampled(ADDRESSES, 5))
def test_the_contract_comes_from_the_address_that_the_template_came_from(repository, tmp_path, address, monkeypatch):
    expanded = ADDRESSES[address].removeprefix("git+").replace("ssh://git@example.org/", "git@example.org:")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # copier keeps what it cloned from an address
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{repository}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", expanded)
    answers = copy(address, tmp_path / "my-driver", "name=redis")
    assert answers["contract_source"] == ADDRESSES[address]
    assert answers["_src_path"] == address


def test_a_template_without_its_repository_has_wheels_all_the_same(tmp_path):
    assert copy(ROOT / "templates", tmp_path / "my-driver", "name=redis")["contract_source"] == "vendor"
    given = ("name=redis", "layout=workspace")
    assert copy(ROOT / "templates", tmp_path / "member", *given)["contract_source"] == "index"


def commit_all(project, *first):
    for command in (*first, ("add", "-A"), ("commit", "-q", "--allow-empty", "-m", "state")):
        run("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *command, cwd=project)


def change_template(repository):
    """Let the template of the repository say one line more."""
    with (repository / "templates/package/fustor.yaml.jinja").open("a") as file:
        file.write("# of a later template\n")
    commit_all(repository)


@pytest.fixture
def own(repository, tmp_path):
    """A clone that a test may commit to."""
    run("git", "clone", "-q", repository, tmp_path / "own", cwd=tmp_path)
    return tmp_path / "own"


@pytest.mark.full
def test_what_copier_made_is_updated_by_copier(own, tmp_path):
    project = tmp_path / "my-driver"
    copy(own, project, "name=redis")
    commit_all(project, ("init", "-q"))
    before = (project / ".copier-answers.yml").read_text()
    change_template(own)
    run(COPIER, "update", "--defaults", "--quiet", cwd=project)
    assert (project / "fustor.yaml").read_text().endswith("# of a later template\n")
    assert (project / ".copier-answers.yml").read_text() != before


@pytest.mark.matrix
def test_what_fustor_new_made_is_updated_by_copier(own, tmp_path):
    made = (
        "uvx",
        "-q",
        "--no-cache",
        "--from",
        f"git+file://{own}",
        "fustor-new",
        "source",
        "redis",
        "--standalone",
        "--no-git",
    )
    run(*made, cwd=tmp_path)
    project = tmp_path / "fustor-source-redis"
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert recorded["_src_path"] == f"git+file://{own}"
    assert recorded["_commit"] == run("git", "rev-parse", "HEAD", cwd=own).strip()
    commit_all(project, ("init", "-q"))
    change_template(own)
    run(COPIER, "update", "--defaults", "--quiet", cwd=project)
    assert (project / "fustor.yaml").read_text().endswith("# of a later template\n")
    assert len(list((project / "vendor/wheels").glob("*.whl"))) == len(contract_wheels())


@pytest.mark.matrix
@pytest.mark.parametrize("kind", sampled(["source", "pusher"]))
def test_a_copied_project_is_green_once_the_command_that_copier_shows_has_run(repository, tmp_path, kind):
    project = tmp_path / "my-driver"
    command = (
        COPIER,
        "copy",
        "--defaults",
        "--vcs-ref",
        "HEAD",
        "-d",
        f"kind={kind}",
        "-d",
        "name=redis",
        *(["-d", "audit=false"] if kind == "source" else []),
        repository,
        project,
    )
    shown = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True).stderr
    (fill,) = (line.split() for line in shown.splitlines() if line.strip().startswith("uvx "))
    run(*fill, cwd=project)
    assert {path.name for path in (project / "vendor/wheels").glob("*.whl")} == set(contract_wheels())
    assert " passed" in run("uv", "run", "--extra", "test", "pytest", "-q", cwd=project)


@pytest.mark.matrix
def test_a_driver_in_upstreams_workspace_is_installed_by_the_real_uv(tmp_path):
    root = upstream(tmp_path / "platform")
    done = fustor_new("source", "redis", "--contract-source", ROOT, cwd=root)
    assert done.returncode == 0, done.stderr
    run("uv", "sync", "--quiet", cwd=root)
    load = "import importlib.metadata as m; print(m.entry_points(group='fustor_agent.drivers.sources')['redis'].load())"
    shown = run(root / ".venv" / "bin" / "python", "-c", load, cwd=root)
    assert "fustor_source_redis.driver.RedisDriver" in shown
