"""How this command is reached where `uv run` refuses: a workspace in which uv cannot read one member."""

import os
import shlex
import sys
from pathlib import Path

__all__ = ["without_workspace"]


def without_workspace() -> str:
    """Return how to call this very command so that uv does not read the workspace around here.

    In the checkout that it is imported from, uv installs it from there, as nothing but a package.
    """
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "src" / "fustor_new").is_dir():
        place = shlex.quote(os.path.relpath(checkout))
        return f"uv run --no-project --no-sources --with-editable {place} fustor-new"
    program = Path(sys.argv[0])
    words = [str(program)] if program.name == "fustor-new" else [sys.executable, "-m", "fustor_new"]
    return shlex.join(words)
