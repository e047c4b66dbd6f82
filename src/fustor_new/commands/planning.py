"""From the options to a plan: everything is refused, decided and rendered before anything is written."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fustor_new._reading import check_usable
from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.plan import Change, Plan, make_plan
from fustor_new.commands.fitting import RENDERED_PYTHON, clashes, holds_contract, narrowing, unsourced
from fustor_new.errors import UsageProblem, WorkspaceError
from fustor_new.names import Names, derive, plain_name
from fustor_new.options import PusherOptions
from fustor_new.package.metadata import claims, requirement
from fustor_new.template.contract_source import CONTRACT_PACKAGES, ContractSource
from fustor_new.template.provenance import find_origin, recording
from fustor_new.template.questions import FREE_NAMES
from fustor_new.template.render import rendered
from fustor_new.template.spec import DriverSpec
from fustor_new.template.wheels import carried_files
from fustor_new.workspace.drivers import check_directory, check_free
from fustor_new.workspace.finding import declared_workspace, find_workspace
from fustor_new.workspace.root import Standing, Workspace

__all__ = [
    "Place",
    "check_names",
    "check_place",
    "fit_notes",
    "known_contract_source",
    "locate",
    "plan_drivers",
    "understood",
]

_RENDERED_REQUIREMENTS = ("pydantic", "pytest")
_ELSEWHERE = "a git URL, the directory of a checkout or of its wheels, or index"
_CHOICES = "use --standalone for a package of its own, or --workspace DIR to name the root"
_EXCLUDING_HINT = "change that pattern, use another --output, or --no-register"


@dataclass(frozen=True)
class Place:
    """Where new projects go: a folder, inside a workspace or not."""

    folder: Path
    workspace: Workspace | None

    def target(self, names: Names) -> Path:
        """The directory of the new project."""
        return self.folder / (names.distribution if self.workspace is None else Path(names.directory).name)


def check_names(options: PusherOptions) -> list[Names]:
    """The names of every driver that is asked for.

    Raises:
        NameRefused: a name breaks the contract's rules, or those of Python and its index.
        UsageProblem: free names were given for a workspace, or for several drivers at once.
    """
    kind = options.kind
    derived = [derive(kind, name) for name in dict.fromkeys(plain_name(kind, one) for one in options.names or ())]
    chosen = {one: name for one in FREE_NAMES if (name := options.given.get(one.name))}
    flags = ", ".join(f"--{one.name.replace('_', '-')}" for one in chosen)
    if chosen and not options.standalone:
        raise UsageProblem(f"{flags} cannot be used in a workspace, where the name decides; add --standalone")
    if chosen and len(derived) > 1:
        raise UsageProblem(f"{flags} fits one driver, not {len(derived)}; run once for each")
    free = {one.name: one.check(name) for one, name in chosen.items()}
    return [replace(names, **free) for names in derived]


def understood(options: PusherOptions) -> list[str]:
    """What was made of names that are spelled otherwise than the contract does, a line each."""
    meant = {name: plain_name(options.kind, name) for name in options.names or ()}
    return [f"{name!r} is understood as the {options.kind} {plain!r}" for name, plain in meant.items() if name != plain]


def locate(options: PusherOptions) -> Place:
    """Where the new projects will be.

    Raises:
        WorkspaceError: no workspace is to be found, or the one there cannot be read.
        UsageProblem: the options contradict each other, or no driver can be in that output.
    """
    output = Path(os.path.normpath(Path.cwd() / options.output)) if options.output else None
    if output:
        check_usable(output, "the directory of new drivers")
    if options.standalone:
        if options.workspace:
            raise UsageProblem("--standalone and --workspace exclude each other; choose one")
        return Place(output or Path.cwd(), None)
    workspace = (
        find_workspace(Path.cwd(), _CHOICES)
        if options.workspace is None
        else declared_workspace(options.workspace, "add one, or use --standalone")
    )
    folder = output.resolve() if output else workspace.root / "extensions"
    if not folder.is_relative_to(workspace.root):
        raise UsageProblem(f"--output {str(options.output)!r} is outside {str(workspace.root)!r}; add --standalone")
    return Place(folder, workspace)


def known_contract_source(options: PusherOptions, place: Place) -> str:
    """Where the contract packages come from, from the options or the workspace; "" if it must be asked for."""
    checkout = Path(__file__).resolve().parents[3]
    if options.contract_source:
        return options.contract_source
    if place.workspace and holds_contract(place.workspace):
        return "workspace"
    if place.workspace is None:
        return "vendor"
    return os.path.relpath(checkout) if (checkout / "packages" / "fustor-core" / "pyproject.toml").is_file() else ""


def plan_drivers(names: Sequence[Names], options: PusherOptions, place: Place, contract_source: str) -> Plan:
    """Everything that has to be written so that the drivers exist and are registered; writes nothing itself.

    Raises:
        FustorNewError: something stands in the way; the message says what to do.
    """
    if place.workspace:
        _check_room(names, options, place, place.workspace, contract_source)
    elif contract_source == "workspace":
        raise UsageProblem(
            f"Contract source 'workspace' is not available outside a workspace; use --contract-source with {_ELSEWHERE}"
        )
    folder = place.folder.resolve()
    wheels = carried_files(ContractSource.parse(contract_source, project=folder), folder)
    if place.workspace:  # it refers to a directory of wheels, which are seen to be there
        wheels = {}
    specs = [_spec(one, options, place, "vendor" if wheels else contract_source) for one in names]
    targets = [place.target(one) for one in names]
    trees = [_whole(rendered(spec), wheels, place) for spec in specs]
    changes = [Change(target, None, tree) for target, tree in zip(targets, trees, strict=True)]
    if place.workspace is None:
        return make_plan(place.folder, changes)
    from fustor_new.workspace.registration import Registration  # noqa: PLC0415 - a project of its own needs none
    from fustor_new.workspace.root_file import plan_in  # noqa: PLC0415

    root = place.workspace.root
    registrations = [
        Registration(target.relative_to(root).as_posix(), spec.names.distribution)
        for target, spec in zip(targets, specs, strict=True)
    ]
    plan = plan_in(place.workspace, changes, registrations=registrations if options.register else ())
    return replace(plan, notes=(*plan.notes, *fit_notes(names, options, place, contract_source)))


def check_place(names: Sequence[Names], options: PusherOptions, place: Place) -> None:
    """Refuse names that the workspace has already, and a directory that it excludes.

    Raises:
        NameRefused: a name is taken.
        WorkspaceError: the directory is excluded.
    """
    if (workspace := place.workspace) is None:
        return
    for one in names:
        directory = workspace.relative(place.target(one))
        check_directory(workspace, directory)
        check_free(workspace, directory, claims(one.distribution, [(one.kind, one.entry_point)]))
        membership = workspace.membership(directory)
        if options.register and membership.standing is Standing.EXCLUDED:
            raise WorkspaceError(
                f"{directory!r} is excluded from the workspace by {membership.pattern!r}; {_EXCLUDING_HINT}"
            )


def fit_notes(names: Sequence[Names], options: PusherOptions, place: Place, contract_source: str) -> list[str]:
    """What the drivers change for the others in the workspace, a line each.

    Raises:
        WorkspaceError: they and the workspace have no version of Python in common.
    """
    if place.workspace is None or not options.register:
        return []
    directories = [place.workspace.relative(place.target(one)) for one in names]
    notes = [note for one in directories for note in narrowing(place.workspace, one, RENDERED_PYTHON)]
    return notes + ([] if contract_source in {"workspace", "index"} else list(clashes(place.workspace)))


def _check_room(
    names: Sequence[Names], options: PusherOptions, place: Place, workspace: Workspace, contract_source: str
) -> None:
    """Refuse what the workspace does not allow, before anything is rendered."""
    if contract_source == "workspace" and not holds_contract(workspace):
        raise UsageProblem(
            f"Contract source 'workspace' is not available: {str(workspace.root)!r} has no member 'fustor-core'; "
            f"use --contract-source with {_ELSEWHERE}"
        )
    if contract_source == "vendor":
        raise UsageProblem(
            f"Contract source 'vendor' is for a project of its own; add --standalone, or use --contract-source with "
            f"{_ELSEWHERE}"
        )
    check_place(names, options, place)


def _whole(tree: Tree, wheels: Mapping[str, FileContent], place: Place) -> Tree:
    """Return what is rendered, with the wheels, and in a project of its own with what copier updates it from."""
    origin = None if place.workspace else find_origin()
    whole = recording(tree, origin) if origin else tree
    return Tree({**whole.files, **wheels})


def _spec(names: Names, options: PusherOptions, place: Place, contract_source: str) -> DriverSpec:
    dependencies = tuple(options.given.get("dependencies", ()))
    needed = (*CONTRACT_PACKAGES, *_RENDERED_REQUIREMENTS, *map(requirement, dependencies))
    sourced = () if contract_source == "index" else CONTRACT_PACKAGES
    lacking = unsourced(place.workspace, needed) if place.workspace else ()  # these need sources of the package's own
    members = tuple(name for name in lacking if name not in sourced)
    return DriverSpec.of(
        names,
        "workspace" if place.workspace else "standalone",
        ContractSource.parse(contract_source, project=place.target(names)),
        {**options.given, "dependencies": dependencies, "member_requirements": members},
    )
