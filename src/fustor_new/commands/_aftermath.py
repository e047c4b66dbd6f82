"""What comes after creation: a git repository, and the commands that make an environment and run the new suites.

A project of its own becomes a repository with a first commit, as far as git is there and knows who commits.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fustor_new._calling import without_workspace
from fustor_new._output import from_here
from fustor_new._signals import uninterrupted
from fustor_new.commands._looking import look_at
from fustor_new.commands.planning import Place, known_contract_source
from fustor_new.errors import EnvironmentProblem
from fustor_new.names import Names
from fustor_new.options import PusherOptions
from fustor_new.template.contract_source import ContractSource
from fustor_new.template.history import template_version
from fustor_new.workspace.root import Workspace

__all__ = ["Step", "begin_repository", "next_steps", "sync_steps", "test_steps"]

_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")
"""What a hook of another repository leaves in the environment of all that it starts."""
_UNFINISHED = ".fustor-new-git"
_UNKNOWN = ("user.name", "user.email", "ident", "tell me who you are")


@dataclass(frozen=True)
class Step:
    """A command, the directory that it is run in, and the directories that it is about."""

    folder: Path
    command: tuple[str, ...]
    about: tuple[Path, ...] = ()

    def run(self) -> None:
        """Run it, with its output where ours goes.

        Raises:
            EnvironmentProblem: the program is not there, or does not end with 0.
        """
        words = self.words(self.folder)
        try:
            subprocess.run(words, cwd=self.folder, check=True)
        except FileNotFoundError as err:
            raise EnvironmentProblem("Cannot find 'uv' on PATH; install it with 'pip install uv'") from err
        except subprocess.CalledProcessError as err:
            what = f"{shlex.join(words)!r} ended with {err.returncode} in {str(self.folder)!r}"
            raise EnvironmentProblem(
                f"{what}; the drivers exist, run it again (where uv refuses the workspace, "
                f"`{without_workspace()} doctor` says what it cannot read)"
            ) from err

    def words(self, here: Path) -> list[str]:
        """The command as it is written in a directory."""
        return [*self.command, *(from_here(path, here) for path in self.about)]


def sync_steps(names: Sequence[Names], place: Place) -> list[Step]:
    """The guide's last step, where the drivers are: in the workspace's root, else in each new project."""
    if place.workspace:
        return [Step(place.workspace.root, _sync_command(place.workspace))]
    return [Step(place.target(one), ("uv", "sync", "--extra", "test")) for one in names]


def test_steps(names: Sequence[Names], place: Place, *, is_registered: bool) -> list[Step]:
    """The commands that run the new suites, which list what is left to do."""
    folders = [place.target(one) for one in names]
    if place.workspace is None or not is_registered:
        return [Step(folder, ("uv", "run", "--extra", "test", "pytest")) for folder in folders]
    root = place.workspace.root
    if _has_dev_extra(place.workspace):
        return [Step(root, ("uv", "run", "--extra", "dev", "pytest"), tuple(folders))]
    return [
        Step(root, ("uv", "run", "--package", one.distribution, "--extra", "test", "pytest"), (folder,))
        for one, folder in zip(names, folders, strict=True)
    ]


def _as_typed(steps: Iterable[Step]) -> list[str]:
    """The commands as they are typed here one after the other, with the changes of directory between them."""
    lines: list[str] = []
    here = Path.cwd()
    for step in steps:
        if not here.is_relative_to(step.folder):
            lines.append(f"cd {shlex.quote(from_here(step.folder, here))}")
            here = step.folder
        lines.append(shlex.join(step.words(here)))
    return lines


def next_steps(names: Sequence[Names], options: PusherOptions, place: Place) -> tuple[list[str], list[str]]:
    """The commands that come next, as they are typed here, and what to do with what they say."""
    first = _to_be_reached(known_contract_source(options, place), place)
    tests = test_steps(names, place, is_registered=options.register)
    syncs = sync_steps(names, place) if place.workspace and options.register else []
    files = [place.target(one) / "src" / one.package / "driver.py" for one in names]
    hints = [f"Open {' and '.join(from_here(file) for file in files)} first."]
    if options.given.get("example"):
        hints.append("The tests pass as it is: change the driver step by step, and run them after each.")
    else:
        hints.append("The tests say what is left to do, a line for each method.")
    return [*first, *_as_typed([*syncs, *tests])], hints


def _to_be_reached(source: str, place: Place) -> list[str]:
    """What has to be before the commands can work, as a comment among them: a git address that did not answer."""
    git = ContractSource.parse(source, project=place.folder)
    root = place.workspace.root if place.workspace else None
    if git.kind != "git" or not look_at(source, place.folder, root):
        return []
    return [f"# once {git.location} can be reached, which the contract packages come from:"]


def _has_dev_extra(workspace: Workspace) -> bool:
    return "dev" in workspace.data.get("project", {}).get("optional-dependencies", {})


def _sync_command(workspace: Workspace) -> tuple[str, ...]:
    if _has_dev_extra(workspace):
        return ("uv", "sync", "--extra", "dev")
    return ("uv", "sync", "--all-packages") if "project" in workspace.data else ("uv", "sync")


def begin_repository(project: Path, *, is_new: bool) -> str:
    """Make the project in a directory a git repository and commit what it holds; return what else there is to say.

    A project that is in a repository already stays as it is; that its own has no commit is said. A failure of git is
    said, and is no failure; of one that is not new it is said, too, that it has become a repository.
    """
    shown = repr(from_here(project))
    try:
        if (project / ".git").exists():
            known = _git(project, "--git-dir=.git", "rev-parse", "--quiet", "--verify", "HEAD")
            return f"Nothing is committed in {shown} yet; run `git commit` there" if known.returncode else ""
        if _git(project, "rev-parse", "--is-inside-work-tree").returncode == 0:
            return f"{shown} lies in a git repository already, and is not made one of its own"
        said = _make(project)
    except subprocess.CalledProcessError as err:
        return f"{shown} could not be made a git repository: {_last_line(err.stderr)}"
    except (FileNotFoundError, PermissionError):
        return f"git is not on PATH, so {shown} is not a git repository yet"
    return said if said or is_new else f"{shown} is a git repository with a first commit now"


def _make(project: Path) -> str:
    """Make the repository beside its place, and move it there when it is whole: a run that is stopped leaves none."""
    unfinished = project / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)  # that of a run that was killed
    try:
        _git(project, "init", "--quiet", "--initial-branch=main", _UNFINISHED, check=True)
        said = _commit(project)
        (unfinished / ".git").rename(project / ".git")
    finally:
        with uninterrupted():
            shutil.rmtree(unfinished, ignore_errors=True)
    return said


def _commit(project: Path) -> str:
    """Commit what the project holds; return what there is to say where that fails."""
    at = (f"--git-dir={_UNFINISHED}/.git", "--work-tree=.")
    _git(project, *at, "add", "--all", "--", ".", f":!{_UNFINISHED}", check=True)
    done = _git(project, *at, *_COMMIT, f"Begin with Fustor's driver template {template_version()}")
    if done.returncode == 0:
        return ""
    if any(word in done.stderr for word in _UNKNOWN):
        why = "git does not know who you are; set user.name and user.email with `git config --global`"
    else:
        why = _last_line(done.stderr)
    return f"Nothing is committed in {from_here(project)!r} yet: {why}, and run `git commit` there"


_COMMIT = ("-c", "user.useConfigOnly=true", "commit", "--quiet", "--no-gpg-sign", "--no-verify", "-m")
"""No name is guessed, nobody is asked for a passphrase, and no hook of a git template runs."""


def _git(project: Path, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in _OF_ANOTHER} | {"LC_ALL": "C"}
    command = ["git", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=check)


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "git gave no reason")
