"""What is done with environments that are not this process's: commands run there, and modules are put into them."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from fustor_driver.errors import EnvironmentProblem

__all__ = ["clean", "free_port", "put_into", "run"]

_COMMAND_SEC = 600
_LONGEST_COMPLAINT = 2000
_SERVERS_PORTS = range(10_000, 32_768)
"""Above those of well-known services, below those that Linux gives to clients. Source: ip_local_port_range, ip(7)."""
_OF_THIS_PROCESS = frozenset({"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS", "UV_PROJECT_ENVIRONMENT"})


def clean(**more: str) -> dict[str, str]:
    """The variables of this process without those that lead to its own packages, and `more`."""
    return {name: value for name, value in os.environ.items() if name not in _OF_THIS_PROCESS} | more


def run(
    command: list[str],
    what: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    text: str | None = None,
) -> str:
    """What a command prints that reads `text`.

    Raises:
        EnvironmentProblem: it fails, or cannot be started; `what` says what that means.
    """
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=_COMMAND_SEC, check=False, env=env, cwd=cwd
        )
    except FileNotFoundError as err:
        raise EnvironmentProblem(f"{what}: there is no {command[0]!r} on PATH") from err
    except subprocess.TimeoutExpired as err:
        raise EnvironmentProblem(f"{what}: {command[0]!r} did not end within {_COMMAND_SEC} s") from err
    if done.returncode != 0:
        raise EnvironmentProblem(f"{what}: {(done.stderr or done.stdout).strip()[-_LONGEST_COMPLAINT:]}")
    return done.stdout


def put_into(site: Path, name: str, modules: Mapping[str, str], entries: Mapping[str, Mapping[str, str]]) -> None:
    """Put modules, by name their text, into a site directory, as a distribution whose entry points are `entries`."""
    for module, source in modules.items():
        (site / f"{module}.py").write_text(source, encoding="utf-8")
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(map(_section, entries.items())))


def _section(group: tuple[str, Mapping[str, str]]) -> str:
    name, entries = group
    return f"[{name}]\n" + "".join(f"{entry} = {value}\n" for entry, value in entries.items())


def free_port() -> int:
    """A port of this machine that nobody uses at this moment.

    It is not one of those that systems give to clients, so that no connection takes it before its server does.

    Raises:
        EnvironmentProblem: none of a hundred is free.
    """
    for port in random.sample(_SERVERS_PORTS, 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise EnvironmentProblem("No free port was found on 127.0.0.1")
