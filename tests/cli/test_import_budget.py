"""What a command imports, instead of how long it takes: heavy libraries only where they are needed."""

import re
import shlex
import subprocess
import sys

import pytest
from workspaces import small

from fustor_new.cli import COMMANDS

HEAVY = {"copier", "pydantic", "tomlkit", "rich", "jinja2", "prompt_toolkit", "yaml"}
PROBE = """
import shlex, sys
from fustor_new.__main__ import main
for line in sys.argv[1:]:
    sys.argv = ["fustor-new", *shlex.split(line)]
    code = main()
    print("MODULES", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
    if code:
        sys.exit(code)
"""


def modules(*arguments, cwd):
    return modules_after([arguments], cwd)[0]


def modules_after(commands, cwd):
    """What a process has imported after each of several commands, and how it ended; it stops at one that fails."""
    lines = map(shlex.join, commands)
    done = subprocess.run([sys.executable, "-c", PROBE, *lines], cwd=cwd, capture_output=True, text=True, check=False)
    return [(set(line.split()), done) for line in re.findall("^MODULES (.*)$", done.stderr, re.MULTILINE)]


def test_the_version_imports_no_library_at_all(tmp_path):
    loaded, done = modules("--version", cwd=tmp_path)
    assert done.returncode == 0
    assert loaded & (HEAVY | {"typer", "importlib_metadata", "email"}) == set()


def test_help_is_typers_own_and_imports_nothing_heavy(tmp_path):
    asked = [("--help",), *((name, "--help") for name in COMMANDS)]
    found = modules_after(asked, tmp_path)
    assert [done.returncode for _, done in found] == [0] * len(asked)
    assert all("typer" in loaded for loaded, _ in found)
    assert {command: loaded & HEAVY for command, (loaded, _) in zip(asked, found, strict=True) if loaded & HEAVY} == {}


@pytest.mark.parametrize("arguments", [["source", "Bad Name"], ["pusher", ""], ["source", "x", "--no-such"]])
def test_a_refused_name_imports_nothing_heavy(tmp_path, arguments):
    loaded, done = modules(*arguments, cwd=tmp_path)
    assert done.returncode in {2, 3}
    assert loaded & HEAVY == set()


def test_a_refused_place_comes_before_copier(tmp_path):
    loaded, done = modules("source", "redis", cwd=tmp_path)
    assert done.returncode == 5
    assert "copier" not in loaded


@pytest.mark.parametrize(
    "arguments", [["register", "x"], ["unregister", "x"], ["remove", "x"], ["list"], ["doctor"], ["adopt", "x"]]
)
def test_what_needs_no_rendering_imports_no_copier(tmp_path, arguments):
    loaded, done = modules(*arguments, cwd=small(tmp_path / "workspace"))
    assert done.returncode in {0, 2}
    assert loaded & {"copier", "tomlkit", "rich", "jinja2", "prompt_toolkit"} == set()


def test_the_probe_sees_copier_where_it_is_used(tmp_path):
    root = small(tmp_path / "workspace")
    loaded, done = modules("source", "redis", "--dry-run", cwd=root)
    assert done.returncode == 0, done.stderr
    assert {"copier", "pydantic"} <= loaded


def test_a_refused_update_comes_before_copier(tmp_path):
    loaded, done = modules("update", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "copier" not in loaded
