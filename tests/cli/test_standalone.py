"""A project of its own carries what it needs, is a git repository, and says before it is made what cannot work."""

import os
import shutil
import signal
import subprocess
import sys
from itertools import product, starmap
from pathlib import Path

import pytest
import yaml
from repository import ROOT
from terminals import Terminal
from tiers import longer
from trees import contents
from workspaces import FUSTOR_NEW, answer, environment, small

from fustor_new._signals import ENDING
from fustor_new.commands import _looking
from fustor_new.template.wheels import contract_wheels

pytestmark = pytest.mark.wide

PROJECT = "fustor-source-redis"
WHEELS = {f"vendor/wheels/{name}" for name in contract_wheels()}
STOPS = tuple(product((*ENDING, signal.SIGKILL), ("init", "add", "commit")))
NOBODY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
ADA = {
    f"GIT_{role}_{what}": text
    for role in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "Ada"), ("EMAIL", "a@x.org"))
}


@pytest.fixture(autouse=True)
def somebody(monkeypatch):
    """Nobody's own configuration of git counts, and Ada is who commits."""
    for key, value in {**NOBODY, **ADA}.items():
        monkeypatch.setenv(key, value)


def git(project, *arguments):
    done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def create(folder, *arguments, code=0):
    assert answer("source", "redis", "--standalone", "-q", *arguments, cwd=folder) == code
    return folder / PROJECT


def test_a_project_carries_the_wheels_and_points_nowhere_else(tmp_path):
    project = create(tmp_path)
    found = contents(project)
    assert set(found) > WHEELS
    assert {path: data for path, data in found.items() if path in WHEELS} == {
        f"vendor/wheels/{name}": data for name, data in contract_wheels().items()
    }
    assert b".." not in found["pyproject.toml"].replace(b"...", b"")
    assert str(ROOT).encode() not in found["pyproject.toml"] + found["README.md"]


def test_it_is_healthy(tmp_path, capsys):
    assert answer("doctor", "--strict", create(tmp_path), cwd=tmp_path) == 0
    assert "nothing to" in capsys.readouterr().out


def test_its_first_commit_holds_all_of_it(tmp_path):
    project = create(tmp_path)
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "log", "--format=%an <%ae>") == "Ada <a@x.org>"
    assert set(git(project, "ls-files").splitlines()) > WHEELS


def test_wheels_are_committed_by_who_ignores_wheels_everywhere(tmp_path, monkeypatch):
    (tmp_path / "config").write_text(f"[core]\nexcludesFile = {tmp_path}/ignored\n")
    (tmp_path / "ignored").write_text("*.whl\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert set(git(create(tmp_path), "ls-files").splitlines()) > WHEELS


def test_no_git_makes_no_repository(tmp_path):
    assert not (create(tmp_path, "--no-git") / ".git").exists()


def test_a_project_inside_a_repository_is_not_made_one_of_its_own(tmp_path, capsys):
    git(tmp_path, "init", "-q")
    assert answer("source", "redis", "--standalone", cwd=tmp_path) == 0
    assert not (tmp_path / PROJECT / ".git").exists()
    assert "lies in a git repository already" in capsys.readouterr().err


def test_without_an_identity_nothing_is_committed_and_nothing_fails(tmp_path, monkeypatch, capsys):
    for key in ADA:
        monkeypatch.delenv(key)
    monkeypatch.setenv("EMAIL", "")
    assert answer("source", "redis", "--standalone", cwd=tmp_path) == 0
    assert "set user.name and user.email" in capsys.readouterr().err
    assert git(tmp_path / PROJECT, "diff", "--cached", "--name-only")
    for key, value in ADA.items():
        monkeypatch.setenv(key, value)
    assert answer("source", "redis", "--standalone", cwd=tmp_path) == 0
    assert capsys.readouterr().err == f"Nothing is committed in '{PROJECT}' yet; run `git commit` there\n"
    assert git(tmp_path / PROJECT, "rev-list", "--all") == "", "what its author has made there since is theirs"


@pytest.fixture
def git_that(tmp_path):
    """A function that puts a git first on PATH which does something behind a step, and does each step all the same."""

    def place(step, then):
        tool = tmp_path / "tools" / "git"
        tool.parent.mkdir()
        script = f'{shutil.which("git")} "$@" || exit; case " $* " in *" {step} "*) {then};; esac'
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        return {**environment(), "PATH": f"{tool.parent}:{os.environ['PATH']}"}

    return place


@pytest.mark.parametrize(("number", "step"), [*STOPS[::2], *starmap(longer, STOPS[1::2])])
def test_a_stop_leaves_no_half_repository_and_the_next_run_makes_a_whole_one(tmp_path, capsys, git_that, number, step):
    is_killed = number == signal.SIGKILL
    told = f"kill -{number.value} $PPID; {'exit' if is_killed else 'exec sleep 60'}"
    command = [FUSTOR_NEW, "source", "redis", "--standalone", "-q"]
    done = subprocess.run(command, cwd=tmp_path, env=git_that(step, told), check=False)
    project = tmp_path / PROJECT
    assert done.returncode == (-number if is_killed else 128 + number)
    assert not (project / ".git").exists()
    assert is_killed or not list(project.glob(".fustor-new-*"))
    assert answer("source", "redis", "--standalone", cwd=tmp_path) == 0
    assert capsys.readouterr().err == f"'{PROJECT}' is a git repository with a first commit now\n"
    assert git(project, "status", "--porcelain", "--ignored") == ""
    assert set(git(project, "ls-files").splitlines()) > WHEELS
    assert not list(project.glob(".fustor-new-*"))
    assert answer("source", "redis", "--standalone", cwd=tmp_path) == 0
    assert capsys.readouterr().err == ""
    assert git(project, "rev-list", "--count", "HEAD") == "1"


def test_a_repository_that_cannot_be_made_is_not_left_half(tmp_path, git_that):
    command = [FUSTOR_NEW, "source", "redis", "--standalone"]
    failing = git_that("add", "echo 'no room' >&2; exit 1")
    done = subprocess.run(command, cwd=tmp_path, env=failing, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, f"'{PROJECT}' could not be made a git repository: no room\n")
    assert [path.name for path in (tmp_path / PROJECT).glob(".*git*")] == [".github", ".gitignore"]


def test_nobody_else_is_at_work_in_the_project_while_git_is(tmp_path, git_that):
    others = f"{sys.executable} -c 'import fcntl, os; fcntl.flock(os.open(\".\", 0), fcntl.LOCK_EX | fcntl.LOCK_NB)'"
    watched = git_that("commit", f"{others} 2> {tmp_path}/refused; true")
    subprocess.run([FUSTOR_NEW, "source", "redis", "--standalone", "-q"], cwd=tmp_path, env=watched, check=True)
    assert "BlockingIOError" in (tmp_path / "refused").read_text()
    assert git(tmp_path / PROJECT, "rev-list", "--count", "HEAD") == "1"


def test_without_git_a_line_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert answer("source", "redis", "--standalone", cwd=tmp_path) == 0
    assert "git is not on PATH" in capsys.readouterr().err
    assert (tmp_path / PROJECT / "pyproject.toml").is_file()


def test_a_dry_run_and_a_second_run_commit_nothing(tmp_path, capsysbinary):
    create(tmp_path, "--dry-run")
    assert not (tmp_path / PROJECT).exists()
    patch = capsysbinary.readouterr().out
    assert patch.count(b"diff --git ") == 20
    project = create(tmp_path)
    first = git(project, "rev-parse", "HEAD")
    create(tmp_path)
    assert git(project, "rev-parse", "HEAD") == first


def test_an_update_renews_the_wheels_and_names_what_the_lock_needs(tmp_path, capsys):
    project = create(tmp_path, "--no-git")
    before = contents(project)
    assert answer("update", project, cwd=tmp_path) == 0
    assert "already" in capsys.readouterr().out
    assert contents(project) == before
    first, second, *_ = sorted(WHEELS)
    (project / first).write_bytes(b"of yesterday")
    (project / second).unlink()
    (project / "vendor/wheels/fustor_core-0.9-py3-none-any.whl").write_bytes(b"of an earlier version")
    (project / "vendor/wheels/another-1-py3-none-any.whl").write_bytes(b"mine")
    (project / "uv.lock").touch()
    assert answer("update", project, cwd=tmp_path) == 0
    said = capsys.readouterr().out
    assert "uv lock --upgrade-package fustor-conformance" in said
    assert contents(project) == before | {"vendor/wheels/another-1-py3-none-any.whl": b"mine", "uv.lock": b""}


def test_an_update_moves_a_project_to_another_contract_source_and_back(tmp_path, capsys):
    project = create(tmp_path, "--no-git", "--contract-source", os.path.relpath(ROOT, tmp_path))
    before = contents(project)
    (project / "README.md").write_text("Mine.\n" + (project / "README.md").read_text())
    assert answer("doctor", "--strict", project, cwd=tmp_path) == 8
    assert "update --contract-source vendor" in capsys.readouterr().out
    assert answer("update", "--contract-source", "vendor", project, cwd=tmp_path) == 0
    assert "the contract comes from elsewhere" in capsys.readouterr().out
    assert contents(project).keys() - before.keys() == WHEELS | {"vendor/wheels/README.md"}
    assert answer("doctor", "--strict", project, cwd=tmp_path) == 0
    assert answer("update", project, cwd=tmp_path) == 0
    assert answer("update", "--contract-source", os.path.relpath(ROOT, tmp_path), project, cwd=tmp_path) == 0
    readme = b"Mine.\n" + before["README.md"]
    assert contents(project) == before | {"README.md": readme}


def test_an_update_does_not_move_a_project_to_where_nothing_is(tmp_path, uv_that):
    project = create(tmp_path, "--no-git")
    before = contents(project)
    uv_that(1, REFUSED)
    assert answer("update", "--contract-source", "index", project, cwd=tmp_path) == 7
    assert contents(project) == before


def test_a_project_without_its_wheels_gets_them(tmp_path):
    project = create(tmp_path, "--no-git")
    before = contents(project)
    shutil.rmtree(project / "vendor")
    assert answer("update", project, cwd=tmp_path) == 0
    assert set(before) - set(contents(project)) == {"vendor/wheels/README.md"}  # an author may delete it


def test_what_it_carries_is_not_the_authors_when_it_is_removed(tmp_path):
    project = create(tmp_path, "--no-git")
    assert answer("remove", PROJECT, cwd=tmp_path) == 0
    assert not project.exists()


def test_a_directory_of_wheels_is_carried_too(tmp_path, capsys):
    (tmp_path / "w").mkdir()
    for name, data in contract_wheels().items():
        (tmp_path / "w" / name).write_bytes(data)
    assert (
        answer("source", "redis", "--standalone", "-q", "--contract-source", "w", "--output", "a/b", cwd=tmp_path) == 0
    )
    project = tmp_path / "a/b" / PROJECT
    assert set(contents(project)) > WHEELS
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["contract_source"] == "vendor"
    (tmp_path / "w" / min(contract_wheels())).unlink()
    assert answer("source", "kafka", "--standalone", "--contract-source", "w", cwd=tmp_path) == 2
    assert "holds no fustor_conformance-" in capsys.readouterr().err


def test_members_of_a_workspace_share_a_directory_of_wheels(tmp_path):
    root = small(tmp_path / "workspace")
    (root / "wheels").mkdir()
    for name, data in contract_wheels().items():
        (root / "wheels" / name).write_bytes(data)
    assert answer("source", "redis", "kafka", "-q", "--contract-source", "wheels", cwd=root) == 0
    for name in ("redis", "kafka"):
        text = (root / f"extensions/source-{name}/pyproject.toml").read_text()
        assert '{ path = "../../wheels/fustor_core-' in text


def test_only_a_project_of_its_own_carries_wheels(tmp_path, capsys):
    root = small(tmp_path / "workspace")
    assert answer("source", "redis", "--contract-source", "vendor", cwd=root) == 2
    assert "--standalone" in capsys.readouterr().err


@pytest.fixture
def uv_that(tmp_path, monkeypatch):
    """A function that puts a program into the place of uv, which ends so: an index is no part of these tests."""

    def place(code, said):
        tool = tmp_path / "bin" / "uv"
        tool.parent.mkdir()
        tool.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked\necho '{said}' >&2\nexit {code}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")

    return place


REFUSED = (
    "No solution found when resolving dependencies: Because only fustor-core<=0.8.17 is available, we can conclude"
)


@pytest.mark.parametrize(
    ("code", "said", "exit_code", "words"),
    [
        (0, "", 0, ""),
        (1, REFUSED, 7, "(only fustor-core<=0.8.17 is available)"),
        (2, "Failed to fetch", 0, "could not be asked"),
    ],
)
def test_an_index_is_asked_before_anything_is_written(tmp_path, capsys, uv_that, code, said, exit_code, words):  # noqa: PLR0917 - one a column
    uv_that(code, said)
    assert answer("source", "redis", "--standalone", "--contract-source", "index", cwd=tmp_path) == exit_code
    assert words in capsys.readouterr().err
    assert (tmp_path / PROJECT).exists() is (exit_code == 0)
    assert "fustor-event-model>=1" in (tmp_path / "asked").read_text()


def test_an_index_without_the_contract_is_refused_for_a_package_that_is_adopted(tmp_path, capsys, uv_that):
    project = create(tmp_path)
    (project / ".copier-answers.yml").unlink()
    uv_that(1, REFUSED)
    assert answer("adopt", project, "--apply", "--contract-source", "index", cwd=tmp_path) == 7
    assert "(only fustor-core<=0.8.17 is available)" in capsys.readouterr().err
    assert not (project / ".copier-answers.yml").exists()


def test_what_a_project_around_it_carries_does_not_count_as_an_index(tmp_path, uv_that):
    uv_that(0, "")
    (tmp_path / "bin/uv").write_text(f"#!/bin/sh\npwd > {tmp_path}/asked\n")
    project = create(tmp_path)
    assert answer("source", "kafka", "--standalone", "--contract-source", "index", "-q", cwd=project) == 0
    assert not Path((tmp_path / "asked").read_text().strip()).is_relative_to(tmp_path)
    root = small(tmp_path / "workspace")
    assert answer("source", "kafka", "--contract-source", "index", "-q", cwd=root) == 0
    assert (tmp_path / "asked").read_text().strip() == str(root)


def test_a_terminal_is_spared_what_only_git_can_read(tmp_path):
    command = (FUSTOR_NEW, "source", "redis", "--standalone", "--dry-run", "-y")
    elsewhere = dict.fromkeys(("stdin", "stderr"), subprocess.DEVNULL)
    with Terminal(*command, cwd=tmp_path, environ=environment(), elsewhere=elsewhere) as terminal:
        assert terminal.finish() == 0
    assert terminal.raw.count(b"(left out on a terminal)") == 2 * len(WHEELS)  # before and after
    assert len(terminal.raw) < 60_000


def test_an_index_that_nobody_can_ask_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert answer("source", "redis", "--standalone", "--contract-source", "index", cwd=tmp_path) == 0
    assert "'uv' is not on PATH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "exit_code", "words"),
    [
        ("git+file://{}/origin", 0, ""),
        ("git+file://{}/origin@v1", 0, ""),
        ("git+file://{}/origin@0123456789abcdef", 0, ""),
        ("git+file://{}/origin@v2", 7, "no branch or tag 'v2'"),
        ("git+file://{}/nowhere", 0, "cannot be reached from here"),
    ],
)
def test_a_git_address_is_looked_at_before_anything_is_written(tmp_path, capsys, address, exit_code, words):
    (tmp_path / "origin").mkdir()
    for command in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "one"), ("tag", "v1")):
        git(tmp_path / "origin", *command)
    source = address.format(tmp_path)
    assert answer("source", "redis", "--standalone", "--contract-source", source, cwd=tmp_path) == exit_code
    done = capsys.readouterr()
    assert words in done.err if words else done.err == ""
    assert (tmp_path / PROJECT).exists() is (exit_code == 0)
    assert ("Next:\n    # once file://" in done.out) is ("cannot be reached" in words)


def test_a_project_that_points_to_a_checkout_is_said_to_work_here_alone(tmp_path, capsys):
    create(tmp_path, "--no-git", "--contract-source", ROOT)
    said = capsys.readouterr().err
    assert "works on this machine only; `fustor-new update --contract-source vendor`" in said
    assert len(said.splitlines()) == 1


def test_who_does_not_answer_is_not_waited_for(tmp_path, capsys, uv_that, monkeypatch):
    monkeypatch.setattr(_looking, "_TIMEOUT_SEC", 0.2)
    uv_that("0; sleep 30", "")
    (Path(tmp_path) / "bin/uv").write_text("#!/bin/sh\nexec sleep 30\n")
    assert answer("source", "redis", "--standalone", "--contract-source", "index", cwd=tmp_path) == 0
    assert "did not answer in 0.2 s" in capsys.readouterr().err
