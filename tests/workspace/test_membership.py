"""Membership agrees with the installed uv."""

import json
import os
import shutil
import subprocess
import time

import pytest

from fustor_new.errors import WorkspaceError
from fustor_new.workspace.root import Standing, Workspace

UV = shutil.which("uv")
needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed")

DIRECTORIES = [
    "a", "a/b", "a/b/c", "a/bb", "a/.h", "a/c", "b", "b/c", "b/c/d", ".h", ".h/b", "extensions", "ab",
    "extensions/source-a", "extensions/source-ab", "extensions/pusher-a", "extensions/source-a/b", "q[1]", "q[1]/b",
    "q1",
]  # fmt: skip
COMPONENTS = [
    "a", "b", "c", "bb", "extensions", "source-a", "*", "**", "?", "*b", "b*", "[ab]", "[!a]", "[a-c]", "[!a-b]*",
    "source-*", "*-a", ".h", ".[!.]*", "q[1]", "q[[]1]", "q?1?", "[b-]", "[]]", "[!]]", "[z-a]", "??", "a*", "*[*",
    "***", "a**",
]  # fmt: skip
FIXED = [
    (["a/*"], ["a"]),
    (["a/b", "a/b/c"], ["a/*"]),
    (["./a/b", "a//c", "b/c/"], ["./b/./c/"]),
    (["a/**"], ["a/**"]),
    (["**"], ["**/b"]),
    (["a/b/../c"], []),
    (["a/b/c"], ["a/?/c", ""]),
    (["*/*"], ["A/B", "../x", "."]),
    (["q[1]", "q[[]1]"], []),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("members") / "r[o]ot*"  # patterns are never read out of the root's own path
    for number, directory in enumerate(DIRECTORIES):
        (root / directory).mkdir(parents=True, exist_ok=True)
        (root / directory / "pyproject.toml").write_text(f'[project]\nname = "p{number}"\nversion = "1"\n')
    return root


def pattern(rng):
    parts = rng.choices(COMPONENTS[:-2], k=rng.choice([1, 1, 2, 2, 2, 3]))
    if rng.random() < 0.03:
        parts.append(rng.choice(COMPONENTS[-2:]))
    text = "/".join(parts)
    return rng.choice(
        [text] * 6 + [f"./{text}", f"{text}/", text.replace("/", "//"), text.replace("/", "/./"), f"a/../{text}"]
    )


def root_text(members, exclude):
    return (
        '[project]\nname = "root"\nversion = "1"\n[tool.uv.workspace]\n'
        f"members = {json.dumps(members)}\nexclude = {json.dumps(exclude)}\n"
    )


def verdict_of_uv(root):
    """Return the directories that uv takes as members, or None when it refuses the root."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(root.parent), "UV_OFFLINE": "1", "UV_NO_CONFIG": "1"}
    command = [UV, "workspace", "list", "--paths"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    return {os.path.relpath(line, root) for line in done.stdout.splitlines() if line} - {"."}


def verdict_of_ours(root, text):
    try:
        workspace = Workspace.parse(root, text.encode())
    except WorkspaceError:
        return None
    return {directory for directory in DIRECTORIES if workspace.membership(directory).is_member}


def agree(root, members, exclude):
    text = root_text(members, exclude)
    (root / "pyproject.toml").write_text(text)
    ours = verdict_of_ours(root, text)
    assert ours == verdict_of_uv(root), (members, exclude)
    if ours is not None:
        found = {package.folder.relative_to(root).as_posix() for package in Workspace.load(root).packages}
        assert found == ours, (members, exclude)
    return len(DIRECTORIES)


@needs_uv
@pytest.mark.parametrize(("members", "exclude"), FIXED)
def test_verdict_is_that_of_uv_on_known_hard_cases(tree, members, exclude):
    agree(tree, members, exclude)


@needs_uv
def test_verdict_is_that_of_uv_on_a_sample(tree, rng):
    for _ in range(20):
        agree(tree, [pattern(rng) for _ in range(rng.randrange(4))], [pattern(rng) for _ in range(rng.randrange(3))])


@needs_uv
@pytest.mark.full
def test_verdict_is_that_of_uv_on_more_than_a_thousand_workspaces(tree, rng):
    cases = sum(
        agree(tree, [pattern(rng) for _ in range(rng.randrange(4))], [pattern(rng) for _ in range(rng.randrange(3))])
        for _ in range(1_200)
    )
    assert cases >= 1_000


@pytest.mark.parametrize(
    ("path", "standing", "pattern"),
    [
        ("extensions/source-a", Standing.LISTED, "./extensions/source-a"),
        ("packages/x", Standing.COVERED, "packages/*"),
        ("packages/old/x", Standing.EXCLUDED, "packages/old*"),
        ("packages/x/y", Standing.ABSENT, ""),
        ("extensions/source-b", Standing.ABSENT, ""),
    ],
)
def test_membership_names_the_pattern_that_decides(tmp_path, path, standing, pattern):
    text = root_text(["./extensions/source-a", "packages/*"], ["packages/old*"])
    membership = Workspace.parse(tmp_path, text.encode()).membership(path)
    assert (membership.standing, membership.pattern) == (standing, pattern)


STARS = "*a" * 40
HOSTILE = [
    f"{STARS}*b",
    f"packages/{STARS}*b",
    "**/" * 40 + "b",
    "/".join(["**", "*a*"] * 30) + "/b",
    "[a-z]*" * 40 + "!",
]


@pytest.mark.parametrize("key", ["members", "exclude"])
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_a_pattern_takes_no_longer_than_its_length_times_the_paths(tmp_path, hostile, key):
    lists = {"members": ["extensions/*"], key: [hostile]}
    workspace = Workspace.parse(tmp_path, root_text(lists["members"], lists.get("exclude", [])).encode())
    before = time.process_time()
    for path in ("a" * 200, "packages/" + "a" * 200, "/".join("a" * 60)):
        assert not workspace.membership(path).is_member
    assert time.process_time() - before < 2


@needs_uv
@pytest.mark.parametrize("hostile", [HOSTILE[0], "**/" * 40 + "bb", "/".join(["**", "*a*"] * 2) + "/bb"])
def test_verdict_on_many_wildcards_is_that_of_uv(tree, hostile):
    agree(tree, [hostile, "a/*"], [])
    agree(tree, ["**"], [hostile])


def test_a_workspace_of_many_members_is_read_at_once(tmp_path):
    names = [f"packages/p{number}" for number in range(20_000)]
    workspace = Workspace.parse(tmp_path, root_text(names, ["old/*"]).encode())
    before = time.process_time()
    assert len(workspace.directories) == len(names)
    assert time.process_time() - before < 5


@pytest.mark.wide
def test_a_deep_tree_is_searched(tmp_path):
    made = [tmp_path]
    for _ in range(1_100):
        made.append(made[-1] / "d")
        made[-1].mkdir()
    workspace = Workspace.parse(tmp_path, root_text(["**"], []).encode())
    found = len(workspace.directories)
    for folder in reversed(made[1:]):  # what empties temporary directories goes down by calling itself
        folder.rmdir()
    assert found >= 1_100
