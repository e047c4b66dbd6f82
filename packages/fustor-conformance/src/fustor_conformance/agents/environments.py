"""Environments of their own, for checks that need another Fustor than this process has. Needs uv and an index."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fustor_conformance.outcome import Broken, NotJudged
from fustor_conformance.subject import Subject

_COMMAND_SEC = 240
_OF_THIS_PROCESS = frozenset({"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS"})
_LONGEST_COMPLAINT = 550


def installed(subject: Subject) -> Distribution:
    """The subject's distribution.

    Raises:
        NotJudged: it has none, or there is no uv.
    """
    if subject.distribution is None:
        raise NotJudged("The class is not installed as a distribution")
    if shutil.which("uv") is None:
        raise NotJudged("uv is not on PATH, and environments are made with it")
    return subject.distribution


def build_wheels(subject: Subject, wheels: Path) -> str:
    """The requirement that names the driver's own wheel, now in `wheels` beside that of the event model.

    Only what is installed from a directory is built; the rest comes from the index.
    """
    dist = installed(subject)
    for wanted in (dist, distribution("fustor-event-model")):
        told = json.loads(wanted.read_text("direct_url.json") or "{}")
        address = urlsplit(told.get("url", ""))
        if address.scheme == "file" and "dir_info" in told:
            command = ["uv", "build", "-q", "--wheel", "--out-dir", str(wheels), unquote(address.path)]
            run(command, "The wheel is not built")
    return f"{dist.metadata['Name']}=={dist.version}"


def make(
    environment: Path, requirements: Iterable[str], wheels: Path, what: str, constraints: Iterable[str] = ()
) -> Path:
    """The interpreter of a new environment that has `requirements`, taken from `wheels` where they are there.

    `constraints` bind the version of what they name if it is installed at all; those of a project that this process
    works in do not.
    """
    run(["uv", "venv", "-q", "--python", sys.executable, str(environment)], what)
    python = environment / "bin" / "python"
    bounds = environment / "constraints.txt"
    bounds.write_text("\n".join(constraints), encoding="utf-8")
    options = ["--python", str(python), "--find-links", str(wheels), "--constraints", str(bounds)]
    run(["uv", "pip", "install", "-q", *options, *requirements], what, cwd=environment)
    return python


def run(
    command: list[str], what: str, text: str = "", env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """What the command prints.

    Raises:
        Broken: it failed; `what` says what it was for.
    """
    how: dict[str, Any] = {"input": text, "env": env or clean(), "cwd": cwd, "timeout": _COMMAND_SEC}
    done: subprocess.CompletedProcess[str] = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    if done.returncode != 0:
        complaint = (done.stderr or done.stdout)[-_LONGEST_COMPLAINT:]
        raise Broken(f"{what}: {' '.join(command[:3])} fails", complaint)
    return done.stdout


def clean(**more: str) -> dict[str, str]:
    """The variables of this process without those that lead to its own packages, and `more`."""
    return {name: value for name, value in os.environ.items() if name not in _OF_THIS_PROCESS} | more
