"""`fustor-new source`, and all of `fustor-new pusher`: new drivers, from the options to the last line printed."""

import shlex
import subprocess
import sys
from collections.abc import Sequence

import typer

from fustor_new._output import from_here, warn
from fustor_new._reading import read_bytes
from fustor_new.changes.plan import Plan
from fustor_new.commands import wizard
from fustor_new.commands._run import Work, carry_out
from fustor_new.commands.planning import Place, check_names, fit_notes, known_contract_source, locate, plan_drivers
from fustor_new.errors import EnvironmentProblem, UsageProblem
from fustor_new.names import Names
from fustor_new.options import PusherOptions
from fustor_new.workspace.root import Workspace

__all__ = ["run"]

_CONTRACT_CHOICES = "a git URL (git+https://...@ref), the directory of a checkout, or index"


def run(options: PusherOptions) -> None:
    """Create what `options` say, or show it where they say so.

    Raises:
        FustorNewError: something stands in the way, and nothing was changed.
    """
    asks = sys.stdin.isatty() and not options.yes
    if not options.names:
        options = _ask(options, asks=asks)
    names = check_names(options)
    place = locate(options)
    # Nobody is asked while the lock is held.
    asked = _ask_contract_source() if asks and not known_contract_source(options, place) else ""

    def work() -> Work:
        here = _as_it_is_now(place, options, asks=asks)
        source = asked or known_contract_source(options, here)
        plan = plan_drivers(names, options, here, source or _no_contract_source())
        if options.dry_run and not options.json:
            for note in fit_notes(names, options, here, source):
                warn(note)
        return Work(plan, "the drivers exist", lambda: _show(plan, names, options, here))

    root = place.workspace.root if place.workspace else place.folder
    carry_out(work, root, dry_run=options.dry_run, json=options.json)
    if options.sync and not options.dry_run:
        _sync(names, place)


def _ask(options: PusherOptions, *, asks: bool) -> PusherOptions:
    if not asks:
        example = f"fustor-new {options.kind} redis"
        raise UsageProblem(f"No NAME was given and nobody can be asked; write it, as in {example!r}")
    return wizard.ask(options)


def _ask_contract_source() -> str:
    answer: str = typer.prompt(f"Where do the contract packages come from: {_CONTRACT_CHOICES}")
    return answer


def _no_contract_source() -> str:
    raise UsageProblem(
        f"Where the contract packages come from is not known; add --contract-source with {_CONTRACT_CHOICES}"
    )


def _as_it_is_now(place: Place, options: PusherOptions, *, asks: bool) -> Place:
    """Return the place, read again where its root file has changed or somebody was asked meanwhile."""
    workspace = place.workspace
    if workspace and (asks or read_bytes(workspace.path) != workspace.text):
        return locate(options)
    return place


def _show(plan: Plan, names: Sequence[Names], options: PusherOptions, place: Place) -> None:
    if not options.quiet:
        from fustor_new.console import show_next_steps, show_plan  # noqa: PLC0415 - rich is for people

        show_plan(plan, verbose=options.verbose)
        show_next_steps(_next_steps(names, options, place))


def _next_steps(names: Sequence[Names], options: PusherOptions, place: Place) -> list[str]:
    """The two commands that come next: make an environment, run the new suites."""
    folders = [shlex.quote(from_here(place.target(one))) for one in names]
    if place.workspace is None or not options.register:
        return [f"cd {folders[0]}", "uv run --extra test pytest"]
    if _has_dev_extra(place.workspace):
        return [shlex.join(_sync_command(place.workspace)), f"uv run --extra dev pytest {' '.join(folders)}"]
    tests = f"uv run --package {names[0].distribution} --extra test pytest {folders[0]}"
    return [shlex.join(_sync_command(place.workspace)), tests]


def _has_dev_extra(workspace: Workspace) -> bool:
    return "dev" in workspace.data.get("project", {}).get("optional-dependencies", {})


def _sync_command(workspace: Workspace) -> list[str]:
    if _has_dev_extra(workspace):
        return ["uv", "sync", "--extra", "dev"]
    return ["uv", "sync", "--all-packages"] if "project" in workspace.data else ["uv", "sync"]


def _sync(names: Sequence[Names], place: Place) -> None:
    """Run the guide's last step where the drivers are: in the workspace's root, else in each new project."""
    folders = [place.workspace.root] if place.workspace else [place.target(one) for one in names]
    command = _sync_command(place.workspace) if place.workspace else ["uv", "sync", "--extra", "test"]
    for folder in folders:
        try:
            subprocess.run(command, cwd=folder, check=True)
        except FileNotFoundError as err:
            raise EnvironmentProblem("Cannot find 'uv' on PATH; install it with 'pip install uv'") from err
        except subprocess.CalledProcessError as err:
            what = f"{shlex.join(command)!r} ended with {err.returncode} in {str(folder)!r}"
            raise EnvironmentProblem(f"{what}; the drivers exist, run it again") from err
