"""New drivers, from options that say all that is needed to what is printed of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fustor_new._output import warn
from fustor_new._reading import is_directory, read_bytes
from fustor_new.changes.apply import working_in
from fustor_new.changes.plan import Plan
from fustor_new.commands._aftermath import begin_repository, next_steps, sync_steps
from fustor_new.commands._looking import look_at
from fustor_new.commands._run import Work, carry_out
from fustor_new.commands.planning import (
    Place,
    check_names,
    fit_notes,
    known_contract_source,
    locate,
    plan_drivers,
    understood,
)
from fustor_new.errors import UsageProblem
from fustor_new.names import Names
from fustor_new.options import PusherOptions

__all__ = ["Show", "create", "preview"]

Show = Callable[[Plan, Sequence[Names], Place], None]
"""Prints for people what was made."""
_CONTRACT_CHOICES = "a git URL (git+https://...@ref), the directory of a checkout or of its wheels, or index"


def create(options: PusherOptions, show: Show | None = None) -> None:
    """Create what `options` say, or print the plan where they say so.

    Raises:
        FustorNewError: something stands in the way, and nothing was changed.
    """
    names = check_names(options)
    place = locate(options)
    for line in understood(options) if not options.quiet else ():
        warn(line)
    root = place.workspace.root if place.workspace else None
    if note := look_at(known_contract_source(options, place), place.folder, root):
        warn(note)

    def work() -> Work:
        here = _as_it_is_now(place, options)
        plan = _planned(names, options, here)
        if options.dry_run and not options.json:
            for note in fit_notes(names, options, here, known_contract_source(options, here)):
                warn(note)
        return Work(plan, "the drivers exist", lambda: (show or _shown_by(options))(plan, names, here))

    projects = {} if place.workspace else {folder: not is_directory(folder) for folder in map(place.target, names)}
    carry_out(work, root or place.folder, dry_run=options.dry_run, json=options.json)
    if options.git and not options.dry_run:
        _begin_repositories(projects, options)
    if options.sync and not options.dry_run:
        for step in sync_steps(names, place):
            step.run()


def _begin_repositories(projects: Mapping[Path, bool], options: PusherOptions) -> None:
    """Make the projects repositories, each said to be new or not."""
    for project, is_new in projects.items():
        with working_in(project) as settled:  # runs side by side make it once
            notes = [*settled, begin_repository(project, is_new=is_new)]
        for note in filter(None, notes) if not options.quiet else ():
            warn(note)


def preview(options: PusherOptions) -> Plan:
    """Return the plan of what `options` say, as it would be carried out now; raises FustorNewError as `create`."""
    return _planned(check_names(options), options, locate(options))


def _planned(names: Sequence[Names], options: PusherOptions, place: Place) -> Plan:
    source = known_contract_source(options, place)
    if not source:
        raise UsageProblem(
            f"Where the contract packages come from is not known; add --contract-source with {_CONTRACT_CHOICES}"
        )
    return plan_drivers(names, options, place, source)


def _as_it_is_now(place: Place, options: PusherOptions) -> Place:
    """Return the place, read again where its root file has changed meanwhile."""
    workspace = place.workspace
    return locate(options) if workspace and read_bytes(workspace.path) != workspace.text else place


def _shown_by(options: PusherOptions) -> Show:
    def show(plan: Plan, names: Sequence[Names], place: Place) -> None:
        if not options.quiet:
            from fustor_new.console import show_plan, show_steps  # noqa: PLC0415 - rich is for people

            show_plan(plan, verbose=options.verbose)
            show_steps(*next_steps(names, options, place))

    return show
