"""A release happens in a clone: what fails leaves nothing, what passes comes back as one commit and one tag."""

import subprocess
from datetime import date

import pytest

from release.clone import cloned, commit, hand_over, require_clean
from release.errors import ReleaseError
from release.steps import Release, make

PYPROJECT = """\
[project]
name = "fustor-tiny"
version = "0.1.0"

[tool.uv]
constraint-dependencies = []

[tool.uv.workspace]
members = ["packages/*"]
"""


def git(folder, *arguments):
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    done = subprocess.run(["git", *author, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit, on a branch of its own."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 0.2.0 (unreleased)\n\n- New.\n")
    (folder / ".gitignore").write_text("dist/\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_the_clone_is_the_work_tree_as_it_stands(repository, tmp_path):
    (repository / "new file").write_text("new")
    (repository / "CHANGELOG.md").unlink()
    (repository / "dist").mkdir()
    (repository / "dist/ignored").touch()
    tree = cloned(repository, tmp_path / "tree")
    assert git(tree, "ls-files", "-z").split("\0")[:-1] == [".gitignore", "new file", "pyproject.toml"]
    assert git(tree, "status", "--porcelain") == ""


def test_the_commit_and_its_tag_come_back(repository, tmp_path):
    tree = cloned(repository, tmp_path / "tree")
    (tree / "CHANGELOG.md").write_text("dated")
    commit(tree, "release: 0.2.0", tag="v0.2.0", message="# not a comment\n- New.")
    hand_over(tree, repository, "v0.2.0")
    assert git(repository, "log", "--format=%s", "trunk").splitlines() == ["release: 0.2.0", "first"]
    assert (repository / "CHANGELOG.md").read_text() == "dated"
    assert git(repository, "rev-parse", "v0.2.0^{}") == git(repository, "rev-parse", "HEAD")
    assert git(repository, "tag", "-l", "--format=%(contents)", "v0.2.0") == "release: 0.2.0\n\n# not a comment\n- New."


def test_a_branch_that_moved_meanwhile_gets_neither(repository, tmp_path):
    tree = cloned(repository, tmp_path / "tree")
    commit(tree, "release: 0.2.0", tag="v0.2.0")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    with pytest.raises(ReleaseError, match="merge"):
        hand_over(tree, repository, "v0.2.0")
    assert git(repository, "log", "--format=%s").splitlines() == ["second", "first"]
    assert git(repository, "tag", "-l") == ""


def test_changes_that_are_not_committed_are_not_released(repository):
    require_clean(repository)
    (repository / "CHANGELOG.md").write_text("mine")
    with pytest.raises(ReleaseError, match="commit or stash"):
        require_clean(repository)


def test_no_release_is_made_of_a_commit_without_a_branch(repository):
    git(repository, "checkout", "-q", "--detach")
    with pytest.raises(ReleaseError, match="branch"):
        require_clean(repository)


def test_a_release_begins_with_what_is_committed(repository):
    (repository / "mine").touch()
    with pytest.raises(ReleaseError, match="commit or stash"):
        make(Release(repository, "0.2.0", date(2026, 11, 27), None, rehearsal=False), print)


@pytest.mark.parametrize("version", ["0.3.0", "0.0.1", "x"])
def test_a_release_that_fails_leaves_nothing(repository, tmp_path, version):
    with pytest.raises(ReleaseError):
        make(Release(repository, version, date(2026, 11, 27), tmp_path / "site", rehearsal=False), print)
    assert git(repository, "log", "--format=%s") == "first"
    assert git(repository, "tag", "-l") == ""
    assert git(repository, "status", "--porcelain") == ""
    assert not (tmp_path / "site").exists()
