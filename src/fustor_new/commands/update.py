"""`fustor-new update`: packages brought to today's template, all of them or none."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from fustor_new._output import from_here, say, warn
from fustor_new._reading import is_directory
from fustor_new.changes.plan import Plan
from fustor_new.commands._looking import look_at
from fustor_new.commands._run import Work, carry_out, settle
from fustor_new.errors import MergeConflict, UsageProblem, WorkspaceError
from fustor_new.options import UpdateOptions
from fustor_new.template.contract_source import CONTRACT_PACKAGES, ContractSource
from fustor_new.template.history import template_version
from fustor_new.template.provenance import ANSWERS_FILE, is_template_owned
from fustor_new.template.revision import FileRevision, Outcome, Revision, revise
from fustor_new.template.wheels import is_carried
from fustor_new.workspace.drivers import driver_folders
from fustor_new.workspace.finding import find_workspace, home_of, starting_point
from fustor_new.workspace.naming import driver_paths

__all__ = ["plan_update", "run"]


def run(options: UpdateOptions) -> None:
    """Bring the packages that are named to today's template, or show what that would change.

    Raises:
        MergeConflict: files need a decision; they carry the marks of the conflict.
        FustorNewError: something stands in the way, and nothing was changed.
    """
    start = starting_point(options.workspace)
    if not options.dry_run:
        settle(start, options.paths or ())
    packages = _packages(driver_paths(options.paths or (), start), start, every=options.every)
    root = _root(packages)
    sources = {package: _contract_source(options, package) for package in packages}
    revisions: list[Revision] = []

    def work() -> Work:
        revisions.extend(_revised(sources))
        plan = plan_update(root, revisions)
        more = {"packages": [_described(revision) for revision in revisions]}
        return Work(plan, "the drivers are updated", lambda: say(*plan.notes), more)

    carry_out(work, root, dry_run=options.dry_run, json=options.json, before=packages)
    _report_conflicts(revisions, dry_run=options.dry_run)


def _contract_source(options: UpdateOptions, package: Path) -> str:
    """Return what the answers file is to record of where the contract comes from, an empty text for no change."""
    if not options.contract_source:
        return ""
    home = home_of(package)
    if note := look_at(options.contract_source, package, home.root if home else None):
        warn(note)
    return ContractSource.parse(options.contract_source, project=package).answer()


def _revised(sources: Mapping[Path, str]) -> list[Revision]:
    """Return the revisions of all packages; a conflict that one still has is said beside those of the others."""
    revisions, conflicts = [], []
    for package, source in sources.items():
        try:
            revisions.append(revise(package, source))
        except MergeConflict as err:
            conflicts.append(err)
    for conflict in conflicts[:-1]:
        warn(str(conflict))
    if conflicts:
        raise conflicts[-1]
    return revisions


def plan_update(root: Path, revisions: Sequence[Revision]) -> Plan:
    """Return the one plan that makes all revisions; `root` is where it keeps what it needs on the way."""
    edits = tuple(file.edit for revision in revisions for file in revision.files if file.edit)
    return Plan(root, edits, tuple(line for revision in revisions for line in _lines(revision)))


def _packages(paths: Sequence[Path], start: Path, *, every: bool) -> list[Path]:
    """Return the directories to update, each once and by its real path."""
    if every and paths:
        raise UsageProblem("--all and PATH exclude each other; choose one")
    chosen = _all_packages(start) if every else list(paths) or [Path()]
    for path in chosen:
        if not is_directory(path):
            raise UsageProblem(
                f"{str(path)!r} is neither a driver here nor a directory; `fustor-new list` shows the drivers"
            )
    return [Path(path) for path in dict.fromkeys(os.path.realpath(path) for path in chosen)]


def _all_packages(start: Path) -> list[Path]:
    workspace = find_workspace(start)
    found = [folder for folder in driver_folders(workspace) if folder != workspace.root]
    inside = [folder for folder in found if Path(os.path.realpath(folder)).is_relative_to(workspace.root)]
    packages = [folder for folder in inside if os.path.lexists(folder / ANSWERS_FILE)]
    for folder in found:
        if folder not in inside:
            warn(f"{os.path.relpath(folder, workspace.root)!r} leads out of the workspace and is left out")
    if not packages:
        raise UsageProblem(f"No driver of the workspace {str(workspace.root)!r} has a {ANSWERS_FILE}; adopt one first")
    return packages


def _root(packages: Sequence[Path]) -> Path:
    """Return the root of the workspace around the packages, else the nearest directory that holds them all."""
    shared = Path(os.path.commonpath(packages))
    with suppress(WorkspaceError):  # a package may stand alone, or its own pyproject.toml be under repair
        workspace = find_workspace(shared)
        if all(package.is_relative_to(workspace.root) for package in packages):
            return workspace.root
    return shared


def _described(revision: Revision) -> dict[str, object]:
    files = [
        {"path": file.path, "outcome": file.outcome.name.lower(), "template_owned": is_template_owned(file.path)}
        for file in revision.files
    ]
    return {"path": str(revision.package), "before": revision.before, "after": template_version(), "files": files}


def _lines(revision: Revision) -> list[str]:
    shown = from_here(revision.package)
    if not revision.files:
        return [f"{shown}: is of template {revision.before} already"]
    if revision.before == template_version():
        is_moved = any(file.path == ANSWERS_FILE for file in revision.files)
        what = "the contract comes from elsewhere" if is_moved else "the wheels that it carries are renewed"
        head = f"{shown}: is of template {revision.before} already; {what}"
    else:
        head = f"{shown}: from template {revision.before} to {template_version()}"
    return [head, *(f"    {file.path}: {_outcome(file)}" for file in revision.files), *_lock_notes(revision)]


def _lock_notes(revision: Revision) -> Iterator[str]:
    """Yield the command that a lock file needs: it records what the wheels hold."""
    if any(is_carried(file.path) for file in revision.files) and (revision.package / "uv.lock").is_file():
        upgraded = " ".join(f"--upgrade-package {name}" for name in CONTRACT_PACKAGES)
        yield f"    uv.lock knows the former wheels; run `uv lock {upgraded}` there"


def _outcome(file: FileRevision) -> str:
    owned = is_template_owned(file.path) and file.outcome in {Outcome.MERGED, Outcome.CONFLICT}
    return file.outcome.value + (" with your changes, though it is the template's" if owned else "")


def _report_conflicts(revisions: Sequence[Revision], *, dry_run: bool) -> None:
    conflicts = [path for revision in revisions for path in revision.conflicts]
    if not conflicts:
        return
    for path in conflicts:
        warn(f"conflict in {from_here(path)!r}")
    unmarked = [file for revision in revisions for file in revision.files if file.is_unmarked]
    if unmarked:
        warn("a file that is not text gets no marks and stays as you have it")
    if dry_run:
        raise MergeConflict(f"Files that would need a decision: {len(conflicts)}; nothing was changed")
    raise MergeConflict(
        f"Files that need a decision: {len(conflicts)}; resolve what is marked there, then run the tests"
    )
