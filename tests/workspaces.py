"""Workspaces to create drivers in: the shape of the published upstream repository, and a small one."""

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from forked import ForkServer

from fustor_new.cli import run

FUSTOR_NEW = Path(sys.executable).with_name("fustor-new")

UPSTREAM_ROOT = """\
[tool.uv.workspace]
members = [
    # the platform
    "core",
    "event-model",
    "agent",
    # drivers
    "extensions/source-fs",
    "extensions/source-mysql",
]

[tool.uv.sources]
fustor-core = { workspace = true }
fustor-event-model = { workspace = true }
fustor-agent = { workspace = true }
fustor-source-fs = { workspace = true }
fustor-source-mysql = { workspace = true }

[tool.pytest.ini_options]
asyncio_mode = "auto"
"""

SMALL_ROOT = """\
[tool.uv.workspace]
members = ["extensions/*"]
"""

DRIVER_BY_HAND = """\
[project]
name = "fustor-source-mine"
version = "1"

[project.entry-points."fustor.drivers.sources"]
mine = "mine:Mine"
"""
"""The `pyproject.toml` of a driver that no template rendered."""

NAMED_BY_HAND = """\
[project]
name = "{0}"
version = "1"

[project.entry-points."fustor.drivers.sources"]
{1} = "m:D"
"""
"""The same, with the name of its distribution and of its driver to be chosen."""

_UPSTREAM_MEMBERS = {
    "core": "fustor-platform-core",
    "event-model": "fustor-platform-event-model",
    "agent": "fustor-agent",
    "extensions/source-fs": "fustor-source-fs",
    "extensions/source-mysql": "fustor-source-mysql",
}


def member(directory: Path, distribution: str) -> None:
    """Write a package that builds."""
    package = directory / "src" / distribution.replace("-", "_")
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A member."""\n')
    (directory / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        f'[project]\nname = "{distribution}"\nversion = "0.8.17"\nrequires-python = ">=3.11"\n'
    )


def upstream(root: Path) -> Path:
    """Make a workspace like upstream's: virtual, members on lines of their own, every member among the sources."""
    root.mkdir()
    text = UPSTREAM_ROOT
    for directory, distribution in _UPSTREAM_MEMBERS.items():
        member(root / directory, distribution)
    # Two distributions of one name cannot live in one resolution, and the new driver brings the contract's own.
    text = text.replace("fustor-core =", "fustor-platform-core =").replace(
        "fustor-event-model =", "fustor-platform-event-model ="
    )
    (root / "pyproject.toml").write_text(text)
    return root


def small(root: Path) -> Path:
    """Make a workspace with nothing in it."""
    root.mkdir()
    (root / "pyproject.toml").write_text(SMALL_ROOT)
    return root


def environment(home: Path | None = None) -> dict[str, str]:
    """The environment of a command that is to behave as on a fresh machine."""
    variables = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "COLUMNS": "100", "NO_COLOR": "1"}
    variables.pop("VIRTUAL_ENV", None)
    return variables | ({"HOME": str(home)} if home else {})


def answer(*arguments: str | Path, cwd: Path) -> int:
    """Run the command within this process, which is quicker, and return its exit code."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.chdir(cwd):
            return run(map(str, arguments))
    finally:
        signal.signal(signal.SIGTERM, before)


def install_command(project: Path) -> str:
    """The one command that the README of a project of its own has for who uses the driver."""
    shown = re.findall(r"^    (python -m pip install .* dist/\S+)$", (project / "README.md").read_text(), re.MULTILINE)
    (command,) = shown
    return str(command)


def with_tools_of(folder: Path, command: str) -> tuple[str, ...]:
    """The command as a shell runs it with an environment's programs first on PATH."""
    return ("sh", "-c", f'PATH="{folder}/bin:$PATH"; {command}')


def fustor_new(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, without a terminal."""
    return _forking().run(*arguments, cwd=cwd)


@functools.cache
def _forking() -> ForkServer:
    return ForkServer(environment())


def done(folder: Path, *arguments: str | Path, code: int = 0) -> str:
    """Run the command, which ends with `code`, and return what it printed."""
    result = fustor_new(*arguments, cwd=folder)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr if code else result.stdout


def write_project(folder: Path, text: str) -> None:
    """Write a package that has a `pyproject.toml` and nothing else."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(text)


def listed(folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """The rows of `list --json` by driver."""
    answer = json.loads(done(folder, "list", "--json", *arguments))
    assert answer["schema"] == 1
    return {row["driver"]: row for row in answer["drivers"]}
