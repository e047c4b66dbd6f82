import os
import shutil
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import pytest
from root_shapes import SHAPES, VARIANTS, before_and_after

from fustor_new.errors import WorkspaceError
from fustor_new.workspace.registration import register
from fustor_new.workspace.root import Workspace

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


@pytest.mark.parametrize("name", SHAPES)
def test_an_array_over_several_lines_gains_one_line_and_loses_none(name):
    before, after = before_and_after(SHAPES[name], "as is")
    changes = [line[:1] for line in unified_diff(before.decode().split("\n"), after.decode().split("\n"), n=0)][2:]
    split_line = name == "lines, several in one, sorted"  # the one case in which a line break must go into a line
    if name.startswith("lines") and not split_line:
        assert "".join(changes) == "@+"
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


def test_members_on_disk_are_siblings_though_no_source_names_them_so(tmp_path):
    (tmp_path / "packages/a").mkdir(parents=True)
    (tmp_path / "packages/a/pyproject.toml").write_text('[project]\nname = "Fustor_A"\n')
    text = b'[dependency-groups]\ndev = ["fustor-a"]\n[tool.uv.workspace]\nmembers = ["packages/*", "extensions/*"]\n'
    assert register_redis(tmp_path, text) == text.replace(b'"fustor-a"', b'"fustor-a", "fustor-source-redis"')


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
    assert Workspace.load(tmp_path).verdict("my [new]/d*").is_member


def test_planning_reads_tomlkit_only_when_it_registers():
    code = (
        "import sys; from pathlib import Path; from fustor_new.changes import apply, patch, plan; "
        "from fustor_new.workspace import registration, root as workspace; "
        "print([name for name in ('copier', 'pydantic', 'rich', 'tomlkit', 'typer') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_there_are_at_least_sixty_shapes():
    assert len(SHAPES) >= 60
