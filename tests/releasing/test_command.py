"""The command says in one line what is wrong, and CONTRIBUTING names it as it is."""

import os
import re
import subprocess
import sys

import pytest
from repository import ROOT


def command(*arguments):
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
    program = [sys.executable, "-m", "release", *arguments]
    return subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_release_needs_a_version():
    done = command()
    assert done.returncode == 2
    assert "Say which version, or --rehearse" in done.stderr


def test_what_stops_a_release_is_one_line_and_an_exit_code(tmp_path):
    done = command("--rehearse", "--into", str(tmp_path))
    assert done.returncode == 8
    assert re.fullmatch(r"Error: Directory .* exists; move it away.*\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--rehearse", "--into", "--date"])
def test_the_options_are_described(option):
    assert option in command("--help").stdout


def test_the_commands_that_contributing_names_are_there():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"uv run python -m (release[.\w]*)(?: (--\w+))?", page)
    assert ("release", "--rehearse") in named
    assert {module for module, _ in named} == {"release", "release.index"}
    assert (ROOT / "release/index.py").is_file()
