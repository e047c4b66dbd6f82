import os
import shutil
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import pytest
from root_shapes import SHAPES, VARIANTS, before_and_after

from fustor_new.errors import WorkspaceError
from fustor_new.workspace.registration import Registration, register
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import root_text

UV = shutil.which("uv")
needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed")

UPSTREAM = """\
[tool.uv.workspace]
members = [
    "packages/agent",
    "packages/core",
    "packages/event-model",
]

[tool.uv.sources]
fustor-agent = { workspace = true }
fustor-core = { workspace = true }
fustor-event-model = { workspace = true }

[tool.pytest.ini_options]
testpaths = ["packages"]
"""


def run_uv(root, *arguments):
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "UV_OFFLINE": "1", "UV_NO_CONFIG": "1"}
    return subprocess.run(
        [UV, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=True
    ).stdout


def register_redis(root, text):
    return register(Workspace.parse(root, text), "extensions/source-redis", "fustor-source-redis")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SHAPES)
def test_every_byte_is_kept_and_only_the_entries_are_added(tmp_path, name, variant):
    before, after = before_and_after(SHAPES[name], variant)
    assert register_redis(tmp_path, before).decode() == after.decode()
    assert register_redis(tmp_path, after) == after


TAKES_THE_COMMA = {"lines, no trailing comma", "lines, no trailing comma, comment", "lines, last beside the bracket"}
SPLITS_A_LINE = {"lines, several in one, sorted", "lines, comma and bracket", "lines, comma first, sorted, first"}


@pytest.mark.parametrize("name", SHAPES)
def test_an_array_over_several_lines_gains_one_line_and_loses_none(name):
    before, after = before_and_after(SHAPES[name], "as is")
    changes = [line[:1] for line in unified_diff(before.decode().split("\n"), after.decode().split("\n"), n=0)][2:]
    if name.startswith("lines") and name not in SPLITS_A_LINE:
        assert "".join(changes) == ("@-++" if name in TAKES_THE_COMMA else "@+")
    assert after.count(b"\n") - before.count(b"\n") >= name.startswith("lines")


@needs_uv
@pytest.mark.parametrize("name", SHAPES)
def test_uv_finds_the_driver_in_the_new_root(tmp_path, name):
    _, after = before_and_after(SHAPES[name], "CRLF")
    package = tmp_path / "extensions/source-redis"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text('[project]\nname = "fustor-source-redis"\nversion = "1"\n')
    (tmp_path / "pyproject.toml").write_bytes(after)
    assert str(package) in run_uv(tmp_path, "workspace", "list", "--paths").split("\n")


@needs_uv
def test_upstream_root_gains_one_line_in_members_and_one_in_sources(tmp_path):
    root = tmp_path / "upstream"
    for name in ("agent", "core", "event-model"):
        (root / "packages" / name).mkdir(parents=True)
        (root / "packages" / name / "pyproject.toml").write_text(f'[project]\nname = "fustor-{name}"\nversion = "1"\n')
    (root / "pyproject.toml").write_text(UPSTREAM)
    new = register_redis(root, UPSTREAM.encode()).decode()
    changes = [line for line in unified_diff(UPSTREAM.split("\n"), new.split("\n"), n=0) if line[:1] in "+-"][2:]
    assert changes == ['+    "extensions/source-redis",', "+fustor-source-redis = { workspace = true }"]


def test_this_project_registers_a_driver_in_its_sources_and_its_dev_extra():
    root = Path(__file__).parents[2]
    workspace = Workspace.load(root)
    new = register(workspace, "extensions/source-sample", "fustor-source-sample").decode()
    changes = [
        line for line in unified_diff(workspace.text.decode().split("\n"), new.split("\n"), n=0) if line[:1] in "+-"
    ]
    assert changes[2:] == ['+    "fustor-source-sample",', "+fustor-source-sample = { workspace = true }"]


def make_member(root, directory, distribution, more=""):
    (root / directory).mkdir(parents=True)
    (root / directory / "pyproject.toml").write_text(f'[project]\nname = "{distribution}"\nversion = "1"\n{more}')


MEMBERS = '[tool.uv.workspace]\nmembers = ["packages/*", "extensions/*"]\n'
SOURCES = "\n[tool.uv.sources]\nfustor-source-redis = { workspace = true }\n"


def test_members_on_disk_are_siblings_though_no_source_names_them_so(tmp_path):
    make_member(tmp_path, "packages/a", "Fustor_A")
    text = '[dependency-groups]\ndev = ["fustor-a"]\n' + MEMBERS
    expected = text.replace('"fustor-a"', '"fustor-a", "fustor-source-redis"') + SOURCES
    assert register_redis(tmp_path, text.encode()).decode() == expected


def test_a_member_that_is_not_managed_sets_no_example(tmp_path):
    make_member(tmp_path, "packages/a", "fustor-a", "[tool.uv]\nmanaged = false\n")
    make_member(tmp_path, "packages/b", "fustor-b")
    text = '[dependency-groups]\ndev = ["fustor-a"]\n' + MEMBERS
    assert register_redis(tmp_path, text.encode()).decode() == text


@pytest.mark.parametrize(
    "asks",
    [
        '[project]\nname = "r"\nversion = "1"\ndependencies = ["Fustor_Source.redis>=1"]\n',
        '[dependency-groups]\nall = ["fustor-source-redis"]\n',
        '[tool.uv]\ndev-dependencies = ["fustor-source-redis"]\n',
    ],
)
def test_what_the_root_requires_by_name_gets_a_source(tmp_path, asks):
    make_member(tmp_path, "packages/a", "fustor-a")
    text = asks + MEMBERS
    assert register_redis(tmp_path, text.encode()).decode() == text + SOURCES


def test_what_a_member_requires_by_name_gets_a_source_unless_it_says_its_own(tmp_path):
    asks = '[project.optional-dependencies]\nx = ["fustor-source-redis"]\n'
    make_member(tmp_path, "packages/a", "a", asks + "[tool.uv.sources]\nfustor-source-redis = { index = 'x' }\n")
    assert register_redis(tmp_path, MEMBERS.encode()).decode() == MEMBERS
    make_member(tmp_path, "packages/b", "b", asks)
    assert register_redis(tmp_path, MEMBERS.encode()).decode() == MEMBERS + SOURCES


def test_drivers_that_come_together_are_no_example_for_each_other(tmp_path):
    text = f'[dependency-groups]\ndev = ["a"]\n{MEMBERS}'.encode()
    make_member(tmp_path, "packages/a", "a")
    pair = [Registration(f"extensions/{name}", f"fustor-{name}") for name in ("source-redis", "pusher-kafka")]
    before = root_text(Workspace.parse(tmp_path, text), pair, [])
    for one in pair:
        make_member(tmp_path, one.directory, one.distribution)
    assert root_text(Workspace.parse(tmp_path, text), pair, []) == before
    assert b'dev = ["a", "fustor-pusher-kafka", "fustor-source-redis"]' in before
    assert root_text(Workspace.parse(tmp_path, before), [], pair) == text


def test_an_excluded_directory_is_refused_with_the_pattern(tmp_path):
    text = b'[tool.uv.workspace]\nmembers = ["extensions/*"]\nexclude = ["extensions/*-redis"]\n'
    with pytest.raises(WorkspaceError, match=r"'extensions/source-redis' is excluded .* by 'extensions/\*-redis'"):
        register_redis(tmp_path, text)


@needs_uv
def test_a_directory_that_looks_like_a_pattern_is_taken_as_it_is(tmp_path):
    text = b"[tool.uv.workspace]\nmembers = []\n"
    new = register(Workspace.parse(tmp_path, text), "my [new]/d*", "d")
    (tmp_path / "my [new]/d*").mkdir(parents=True)
    (tmp_path / "my [new]/d*/pyproject.toml").write_text('[project]\nname = "d"\nversion = "1"\n')
    (tmp_path / "pyproject.toml").write_bytes(new)
    assert run_uv(tmp_path, "workspace", "list").split() == ["d"]
    assert Workspace.load(tmp_path).membership("my [new]/d*").is_member


def test_planning_reads_tomlkit_only_when_it_registers():
    code = (
        "import sys; from pathlib import Path; from fustor_new.changes import apply, patch, plan; "
        "from fustor_new.workspace import registration, root_file, root as workspace; "
        "print([name for name in ('copier', 'pydantic', 'rich', 'tomlkit', 'typer') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_there_are_at_least_sixty_shapes():
    assert len(SHAPES) >= 60
