"""How programs are run: to the end, with what they said when they fail."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from release.errors import ReleaseError

__all__ = ["run"]

_LEFT_OUT = {"VIRTUAL_ENV", "PYTHONPATH"}
"""They lead into the environment that runs the release."""


def run(*command: str | Path, cwd: Path, variables: Mapping[str, str] | None = None, text: str = "") -> str:
    """Run a program and return what it wrote to standard output.

    Args:
        command: the program and its arguments.
        cwd: where it runs.
        variables: what its environment has besides ours.
        text: its standard input.

    Raises:
        ReleaseError: it is not there, or it ended with another code than 0.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _LEFT_OUT}
    environment |= {"UV_PYTHON_DOWNLOADS": "never", "LC_ALL": "C.UTF-8", **(variables or {})}
    shown = " ".join(map(str, command))
    try:
        done = subprocess.run(
            list(map(str, command)), cwd=cwd, env=environment, input=text, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as err:
        raise ReleaseError(f"Cannot run {str(command[0])!r}: {err.strerror}") from err
    if done.returncode != 0:
        raise ReleaseError(f"`{shown}` ended with {done.returncode}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout
