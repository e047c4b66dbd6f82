"""A new project becomes a git repository with a first commit, as far as git is there and knows who commits."""

import os
import subprocess
from pathlib import Path

from fustor_new._output import from_here
from fustor_new.template.history import template_version

__all__ = ["begin_repository"]

_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")
"""What a hook of another repository leaves in the environment of all that it starts."""
_UNKNOWN = ("user.name", "user.email", "ident", "tell me who you are")


def begin_repository(project: Path) -> str:
    """Make the project in a directory a git repository and commit what it holds; return what else there is to say.

    A project that is in a repository already stays as it is. A failure of git is said, and is no failure.
    """
    if (project / ".git").exists():
        return ""
    shown = repr(from_here(project))
    try:
        if _git(project, "rev-parse", "--is-inside-work-tree").returncode == 0:
            return f"{shown} lies in a git repository already, and is not made one of its own"
        for step in (("init", "--quiet", "--initial-branch=main"), ("add", "--all")):
            done = _git(project, *step)
            if done.returncode:
                return f"{shown} could not be made a git repository: {_last_line(done.stderr)}"
        done = _git(project, *_COMMIT, f"Begin with Fustor's driver template {template_version()}")
    except (FileNotFoundError, PermissionError):
        return f"git is not on PATH, so {shown} is not a git repository yet"
    if done.returncode == 0:
        return ""
    if any(word in done.stderr for word in _UNKNOWN):
        why = "git does not know who you are; set user.name and user.email with `git config --global`"
    else:
        why = _last_line(done.stderr)
    return f"Nothing is committed in {shown} yet: {why}, and run `git commit` there"


_COMMIT = ("-c", "user.useConfigOnly=true", "commit", "--quiet", "--no-gpg-sign", "--no-verify", "-m")
"""No name is guessed, nobody is asked for a passphrase, and no hook of a git template runs."""


def _git(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in _OF_ANOTHER} | {"LC_ALL": "C"}
    command = ["git", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "git gave no reason")
