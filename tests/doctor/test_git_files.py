"""What git tracks and ignores is read as git itself says it, and no program is run for it."""

import os
import random
import shutil
import struct
import subprocess
import time

import pytest
from workspaces import answer

from fustor_new.doctor.git_files import known_to_git, parse_index, tracked_by_git

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle")

NAMES = ["a", "b.py", "ab", "build", "x y", "é", "__pycache__", "c.pyc", "foo", "[x]", "-", "#h", "!n", "a.b.c"]
RULES = [
    "*.pyc", "build/", "/a", "a/b.py", "**/foo", "foo/**", "a/**/ab", "!b.py", "!*.pyc", "*", "!*/", "[ab]*", "[!a]*",
    "?", "# x", "\\#h", "\\!n", "x\\ y", "ab  ", "**", "/**", "*a*b*", "__pycache__", "a/", "!a/", "b.*", "*/ab", "[",
    "[[]x]", "a.b.*", "!foo/b.py", "**/a/**",
]  # fmt: skip


def git(folder, *arguments):
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(command, cwd=folder, env=os.environ | settings, capture_output=True, check=True).stdout


def listed(folder, *options):
    return sorted({os.fsdecode(name) for name in git(folder, "ls-files", "-z", *options).split(b"\0")[:-1]})


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home without settings."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / "home"


def grow(folder, source, depth=0):
    for name in source.sample(NAMES, 6):
        if depth < 3 and source.random() < 0.4:
            (folder / name).mkdir()
            grow(folder / name, source, depth + 1)
        else:
            (folder / name).write_text(name)
    if source.random() < 0.6:
        (folder / ".gitignore").write_text("\n".join(source.choices(RULES, k=4)) + source.choice(["", "\n", "\r\n"]))


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(12, 400))])
def test_what_is_known_is_what_git_knows(tmp_path, seed):
    source, top = random.Random(seed), tmp_path / "top"
    top.mkdir()
    grow(top, source)
    git(top, "init", "-q")
    (top / ".git/info/exclude").write_text(source.choice(["", "c.pyc\n", "/foo\n"]))
    files = [path for path in sorted(top.rglob("*")) if path.is_file() and ".git" not in path.relative_to(top).parts]
    git(top, "add", "-f", "--", *source.sample(files, len(files) // 4))
    folders = [top, *(path for path in sorted(top.rglob("*")) if path.is_dir() and ".git" not in path.parts)]
    for folder in (top, *source.sample(folders, min(3, len(folders)))):
        expected = listed(folder, "--cached", "--others", "--exclude-standard")
        assert known_to_git(folder) == expected, (seed, folder)
        assert tracked_by_git(folder) == listed(folder), (seed, folder)


def repository(tmp_path, *options):
    top = tmp_path / "top"
    top.mkdir()
    git(top, "init", "-q", *options)
    for name in ("a/deep/one.py", "a/deep/two.py", "b", "a" * 200 + "/" + "b" * 200, "ü/x"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(name)
    git(top, "add", ".")
    return top


@pytest.mark.parametrize("version", ["2", "3", "4"])
@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_every_version_of_an_index_is_read(tmp_path, version, kind):
    top = repository(tmp_path, f"--object-format={kind}")
    git(top, "commit", "-qm", "x")
    git(top, "update-index", "--index-version", version)
    if version == "3":
        git(top, "update-index", "--skip-worktree", "b")
    assert tracked_by_git(top) == listed(top)
    assert tracked_by_git(top / "a") == ["deep/one.py", "deep/two.py"]


def test_a_worktree_and_a_submodule_have_their_own_index(tmp_path):
    top = repository(tmp_path)
    git(top, "commit", "-qm", "x")
    git(top, "worktree", "add", "-q", "../beside")
    (top.parent / "beside/new.py").touch()
    (top / ".git/info/exclude").write_text("new.py\n")
    git(top, "submodule", "add", "-q", str(top), "sub")
    assert tracked_by_git(top.parent / "beside") == listed(top.parent / "beside")
    assert "new.py" not in known_to_git(top.parent / "beside")
    assert tracked_by_git(top / "sub") == listed(top / "sub")


@pytest.mark.parametrize("setting", ["gitconfig", "excludes", "default"])
def test_the_users_own_rules_count(tmp_path, home, setting):
    top = repository(tmp_path)
    (top / ".DS_Store").touch()
    rules = home / ("rules" if setting != "default" else ".config/git/ignore")
    rules.parent.mkdir(parents=True)
    rules.write_text(".DS_Store\n")
    if setting == "gitconfig":
        (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/rules\n")
    elif setting == "excludes":
        (home / ".config/git").mkdir(parents=True)
        (home / ".config/git/config").write_text(f'[core]\nexcludesfile = "{rules}"\n')
    assert ".DS_Store" not in known_to_git(top)


def test_an_index_of_nonsense_tracks_nothing(tmp_path):
    top = repository(tmp_path)
    whole, source = (top / ".git/index").read_bytes(), random.Random(1)
    for _ in range(3000):
        data = bytearray(whole[: source.randrange(len(whole) + 1)] if source.random() < 0.3 else whole)
        for _ in range(source.randrange(4)):
            if data:
                data[source.randrange(len(data))] = source.randrange(256)
        assert parse_index(bytes(data)) is None or isinstance(parse_index(bytes(data)), list)
    assert parse_index(b"DIRC" + struct.pack(">II", 2, 0xFFFFFFFF)) is None
    for kind in ("pipe", "gone", "endless"):
        index = top / ".git/index"
        index.unlink(missing_ok=True)
        {"pipe": os.mkfifo, "gone": lambda _: None, "endless": lambda path: path.symlink_to("/dev/zero")}[kind](index)
        assert tracked_by_git(top) == []


@pytest.mark.parametrize("rule", ["*a" * 500 + "b", "**/" * 300 + "x", "[" * 1000, "[!a-" * 200, " " * 200_000 + "x"])
def test_a_rule_that_is_made_to_take_for_ever_does_not(tmp_path, rule):
    top = repository(tmp_path)
    (top / ("a" * 250)).touch()
    (top / ".gitignore").write_text(f"{rule}\n" * 2)
    began = time.monotonic()
    known_to_git(top)
    assert time.monotonic() - began < 5


def hostile_package(folder, marker):
    """Make a directory that git takes for a repository whose settings name a program."""
    git(folder, "init", "-q", "--bare", ".")
    core = {"repositoryformatversion": "0", "worktree": f"../{folder.name}", "fsmonitor": f'"touch {marker}; false"'}
    (folder / "config").write_text("[core]\n" + "".join(f"\t{key} = {value}\n" for key, value in core.items()))
    (folder / "file").touch()
    where = (f"--git-dir={folder}", f"--work-tree={folder}", "-c", "core.fsmonitor=printf 'token\\0' #")
    git(folder, *where, "add", "-f", "file")
    git(folder, *where, "update-index", "--fsmonitor")  # the index says so too


def test_the_hostile_package_makes_git_run_its_program(tmp_path):
    (tmp_path / "package").mkdir()
    hostile_package(tmp_path / "package", tmp_path / "ran")
    git(tmp_path / "package", "ls-files")
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("place", ["bare repository", "git file", "repository"])
def test_no_program_that_a_checkout_names_is_run(workspace, tmp_path, place):
    marker, driver = tmp_path / "ran", workspace / "extensions/source-redis"
    git(workspace, "init", "-q")
    if place == "bare repository":
        hostile_package(driver, marker)
    elif place == "git file":
        (driver / "evil").mkdir()
        hostile_package(driver / "evil", marker)
        (driver / ".git").write_text("gitdir: evil\n")
    else:
        git(workspace, "config", "core.fsmonitor", f"touch {marker}; false")
        git(workspace, "config", "core.hooksPath", str(driver))
    (workspace / "extensions/half").mkdir()
    (workspace / "extensions/half/notes").touch()
    for command in (["doctor", "--fix"], ["list"], ["doctor", "extensions/source-redis"]):
        answer(*command, cwd=workspace)
    assert not marker.exists()


def test_no_program_is_looked_for_in_the_checkout(workspace, tmp_path, monkeypatch):
    for name in ("git", "uv", "sh"):
        (workspace / name).write_text(f"#!/bin/sh\n: > {tmp_path}/ran\n")
        (workspace / name).chmod(0o755)
    git(workspace, "init", "-q")
    monkeypatch.setenv("PATH", f":.:{os.environ['PATH']}")
    for command in (["doctor"], ["list"], ["source", "x", "--contract-source", "index", "--sync"]):
        answer(*command, cwd=workspace)
    assert not (tmp_path / "ran").exists()
