"""`fustor-new adopt`: a driver that somebody wrote by hand gets a record, and what the template owns as a proposal.

A project of its own carries the contract's wheels as well; what its `pyproject.toml` lacks to use them is said.
"""

import ast
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fustor_new._output import say, say_patch, warn
from fustor_new._reading import is_directory, read_bytes
from fustor_new._toml import find, table, texts
from fustor_new.changes.content import FileContent
from fustor_new.changes.patch import as_patch
from fustor_new.changes.plan import Change, Plan
from fustor_new.commands._looking import look_at
from fustor_new.commands._run import Work, carry_out, settle
from fustor_new.commands.fitting import holds_contract
from fustor_new.errors import NameRefused, UsageProblem, disk_allows
from fustor_new.names import Names, derive, normalize
from fustor_new.options import AdoptOptions
from fustor_new.package.descriptions import read_metadata
from fustor_new.package.driver import Package, Point
from fustor_new.package.metadata import Metadata, requirement, requirement_name
from fustor_new.template.contract_source import CONTRACT_PACKAGES, ContractSource
from fustor_new.template.provenance import (
    ANSWERS_FILE,
    Record,
    is_template_owned,
    read_record,
    recorded_names,
    recording_only,
    rendered_files,
)
from fustor_new.template.questions import is_licence, is_mail_address
from fustor_new.template.render import rendered
from fustor_new.template.spec import DriverSpec
from fustor_new.template.wheels import CARRIED_IN, carried_files
from fustor_new.workspace.finding import home_of, starting_point
from fustor_new.workspace.naming import driver_paths
from fustor_new.workspace.root import Workspace

__all__ = ["Adoption", "plan_adoption", "run"]

_NO_LICENCE = "LicenseRef-Unknown"


@dataclass(frozen=True)
class Adoption:
    """The record of a package, and the template-owned files that it lacks, each as the creation of a file."""

    record: Change | None
    """None where the package has one already."""
    proposals: tuple[Change, ...]
    names: Names
    notes: tuple[str, ...]


def run(options: AdoptOptions) -> None:
    """Adopt the package in the directory `options.path`: write its record, and print what is proposed.

    Raises:
        FustorNewError: something cannot be derived, or stands in the way; nothing was changed.
    """
    start = starting_point(options.workspace)
    if not options.dry_run:
        settle(start, [options.path])
    (path,) = driver_paths([options.path], start)
    if options.dry_run and options.apply:
        raise UsageProblem("--dry-run and --apply exclude each other; choose one")
    if not is_directory(path):
        raise UsageProblem(f"{str(path)!r} is not a directory; name the directory of a driver package")
    folder = path.resolve()
    home = home_of(folder)
    if note := look_at(options.contract_source, folder, home.root if home else None):
        warn(note)

    def work() -> Work:
        known = read_record(folder)
        with disk_allows():
            adoption = plan_adoption(folder, options) if known is None else _plan_the_rest(folder, known, options)
        if known is None or adoption.proposals:
            return _work(folder, adoption, options)
        note = f"Nothing to do: {str(path)!r} has a record already, of template {known.template_version}"
        nothing = Plan(folder, notes=(note, *adoption.notes))
        return Work(nothing, "", lambda: say(*nothing.notes), {"written": []}, proposed=nothing)

    carry_out(work, folder, dry_run=options.dry_run, json=options.json)


def plan_adoption(folder: Path, options: AdoptOptions) -> Adoption:
    """Return what adopting the package in `folder` means; writes nothing.

    Raises:
        UsageProblem: something cannot be derived; the message names the option that says it.
        NameRefused: a name cannot be used.
    """
    metadata = read_metadata(folder)
    package, workspace = Package(folder), None if metadata.is_root else home_of(folder)
    notes: list[str] = []
    names = _names(package, metadata, options)
    source = _source(workspace, options, folder)
    wheels = {} if workspace and source.kind == "wheels" else carried_files(source, folder)
    spec = _spec(package, workspace, names, ContractSource(kind="vendor") if wheels else source, options, notes=notes)
    files = rendered(spec).files
    places = dict(_places(files, folder, names))
    proposals = list(_proposals([(place, files[path]) for path, place in places.items()], folder, notes))
    proposals += _carried(wheels, folder, files["pyproject.toml"].data, metadata, notes)
    recorded = {path for path, place in places.items() if place == folder / path}
    limited = FileContent(recording_only(files[ANSWERS_FILE].data, recorded))
    return Adoption(Change(folder / ANSWERS_FILE, None, limited), tuple(proposals), names, tuple(notes))


def _carried(
    wheels: Mapping[str, FileContent], folder: Path, rendered: bytes, metadata: Metadata, notes: list[str]
) -> Iterator[Change]:
    """Yield the creation of the wheels that are not there; what the author's own file lacks to use them is noted."""
    yield from _proposals(((folder / path, content) for path, content in wheels.items()), folder, notes)
    lines = list(_lines_to_add(rendered, metadata.project)) if wheels else []
    if lines:
        notes += ["pyproject.toml is yours and stays as it is; to use the wheels in vendor/wheels it needs:", *lines]


def _plan_the_rest(folder: Path, record: Record, options: AdoptOptions) -> Adoption:
    """Return what is still missing of what the template owns in a package that has a record."""
    notes: list[str] = []
    names, files = recorded_names(record), rendered_files(record)
    missing = [(place, files[path]) for path, place in _places(files, folder, names) if not os.path.lexists(place)]
    proposals = list(_proposals(missing, folder, notes))
    recorded = str(record.answers.get("contract_source"))
    if recorded == "vendor":
        wheels = {
            path: one
            for path, one in carried_files(ContractSource(kind="vendor"), folder).items()
            if not os.path.lexists(folder / path)
        }
        proposals += _carried(wheels, folder, files["pyproject.toml"].data, read_metadata(folder), notes)
    if options.contract_source not in {"", recorded}:
        source = shlex.quote(options.contract_source)
        notes.append(f"Its record says {recorded!r}; `fustor-new update --contract-source {source}` in it says another")
    return Adoption(None, tuple(proposals), names, tuple(notes))


def _places(files: Mapping[str, FileContent], folder: Path, names: Names) -> Iterator[tuple[str, Path]]:
    """Yield what the template owns, but for the record, and where it goes in this package."""
    is_member = not read_metadata(folder).is_root and home_of(folder) is not None
    for path in files:
        is_workspaces = is_member and path.startswith(".github/")  # its continuous integration
        is_ours = is_template_owned(path) and path != ANSWERS_FILE and not is_workspaces
        if is_ours and (place := _place(path, folder, names)):
            yield path, place


def _proposals(files: Iterable[tuple[Path, FileContent]], folder: Path, notes: list[str]) -> Iterator[Change]:
    """Yield the creation of each file that is not there; what is in its place is noted and stays as it is."""
    for place, content in files:
        shown = place.relative_to(folder).as_posix()
        above = [path for path in place.parents if path.is_relative_to(folder) and path != folder]
        blocked = [path for path in above if os.path.lexists(path) and (path.is_symlink() or not path.is_dir())]
        if blocked:
            notes.append(f"{shown} has no place, as {blocked[-1].relative_to(folder).as_posix()} is not a directory")
        elif not os.path.lexists(place):
            yield Change(place, None, content)
        elif not place.is_file() or read_bytes(place, follow=False) != content.data:
            notes.append(f"{shown} is there already and stays as it is")


def _work(folder: Path, adoption: Adoption, options: AdoptOptions) -> Work:
    record = (adoption.record,) if adoption.record else ()
    wanted = () if options.dry_run else (*record, *(adoption.proposals if options.apply else ()))
    left = tuple(change for change in (*record, *adoption.proposals) if change not in wanted)
    written = [os.path.relpath(change.path, folder) for change in wanted]
    names = {key: str(value) for key, value in asdict(adoption.names).items()}

    def words() -> None:
        for line in (*adoption.notes, *(f"Wrote {name}" for name in written)):
            warn(line)
        if left:
            warn(f"{_files(len(left))} proposed; --apply writes them, as `git apply` does with the patch")
            say_patch(as_patch(proposed))

    proposed = Plan(folder, left, adoption.notes)
    more = {"written": written, "names": names}
    return Work(Plan(folder, wanted), "the record is written", words, more, proposed)


def _files(number: int) -> str:
    return "1 file is" if number == 1 else f"{number} files are"


def _names(subject: Package, metadata: Metadata, options: AdoptOptions) -> Names:
    """Return the names that the package has, completed by what the options say."""
    point = _chosen(subject, options)
    kind = options.kind or (point.kind if point else "")
    found = {
        "entry_point": point.entry.name if point else "",
        "distribution": metadata.name,
        "package": point.entry.value.partition(":")[0].partition(".")[0].strip() if point else "",
        "class_name": point.class_name if point else "",
    }
    free: dict[str, Any] = {name: options.given.get(name) or value for name, value in found.items()}
    missing = [f"--{name.replace('_', '-')}" for name, value in {"kind": kind, **free}.items() if not value]
    if missing:
        where = str(subject.folder)
        raise UsageProblem(f"The metadata of {where!r} do not say what it is; add {', '.join(missing)}")
    name = options.name or _name(kind, free["distribution"], free["entry_point"], subject.folder.name)
    return replace(_derived(kind, name, options), **free)


def _chosen(package: Package, options: AdoptOptions) -> Point | None:
    """Return the driver's entry point, None where there is none that fits."""
    fitting = {
        (point.kind, point.entry.name): point
        for point in package.points
        if options.kind in {"", point.kind} and options.given.get("entry_point", "") in {"", point.entry.name}
    }
    if len(fitting) > 1:
        named = ", ".join(f"{kind} {name!r}" for kind, name in fitting)
        raise UsageProblem(
            f"{str(package.folder)!r} holds several drivers ({named}); choose one with --kind and --entry-point"
        )
    return next(iter(fitting.values()), None)


def _name(kind: str, distribution: str, entry_point: str, folder: str) -> str:
    """Return the driver's name: the end of its distribution or directory, else its entry point."""
    for text, prefix in ((normalize(distribution), f"fustor-{kind}-"), (folder, f"{kind}-")):
        if text.startswith(prefix):
            return text.removeprefix(prefix)
    return normalize(entry_point).removeprefix(f"{kind}-")


def _derived(kind: str, name: str, options: AdoptOptions) -> Names:
    try:
        return derive(kind, name)
    except NameRefused as err:
        if options.name:
            raise
        raise NameRefused(f"{err}; say what the driver is called with --name") from err


def _spec(
    package: Package,
    workspace: Workspace | None,
    names: Names,
    source: ContractSource,
    options: AdoptOptions,
    *,
    notes: list[str],
) -> DriverSpec:
    metadata = package.metadata
    is_placed = replace(names, directory=f"extensions/{package.folder.name}") == derive(names.kind, names.name)
    own = (*CONTRACT_PACKAGES, names.distribution)
    written = [_functions(found.node) for _, found in package.classes]
    found = {
        "description": _printable(metadata.description),
        "author": _printable(metadata.author),
        "email": metadata.email if is_mail_address(metadata.email) else "",
        "license": options.given.get("license") or _licence(metadata, notes),
        "dependencies": tuple(one for one in metadata.dependencies if normalize(requirement_name(one)) not in own),
        "audit": any("get_audit_iterator" in methods for methods in written),
        "durable": not any(map(_keeps_nothing, written)),
    }
    return DriverSpec.of(
        names,
        "workspace" if workspace is not None and is_placed else "standalone",
        source,
        {**found, **{question: said for question, said in options.given.items() if said}},
    )


def _licence(metadata: Metadata, notes: list[str]) -> str:
    if is_licence(metadata.license):
        return metadata.license
    said = f"is {metadata.license!r}, not an SPDX expression" if metadata.license else "is not stated"
    notes.append(f"The licence {said}; {_NO_LICENCE!r} is recorded, --license says another")
    return _NO_LICENCE


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _source(workspace: Workspace | None, options: AdoptOptions, folder: Path) -> ContractSource:
    """Return where the contract comes from: as said, else from the members around, or the wheels that it carries."""
    if options.contract_source == "workspace" and workspace is None:
        raise UsageProblem(
            "Contract source 'workspace' is not available outside a workspace; use another, or leave it out"
        )
    known = "vendor" if workspace is None else "workspace" if holds_contract(workspace) else "index"
    return ContractSource.parse(options.contract_source or known, project=folder)


def _keeps_nothing(methods: Mapping[str, ast.FunctionDef | ast.AsyncFunctionDef]) -> bool:
    """Tell whether a source says that it is transient, or of every position that it is not available (decision 0220).

    The second is still open while the stream is a stub.
    """
    answers = {name: _answers(methods[name]) for name in ("is_transient", "is_position_available") if name in methods}
    streams = "get_message_iterator" in methods and _is_written(methods["get_message_iterator"])
    return answers.get("is_transient") == {"True"} or (
        streams and answers.get("is_position_available", {"False"}) == {"False"}
    )


def _is_written(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell a method that gives something from a stub, which only raises."""
    return any(isinstance(one, ast.Return | ast.Yield | ast.YieldFrom) for one in ast.walk(method))


def _answers(method: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return what a method returns, as it is written."""
    return {ast.unparse(one.value) for one in ast.walk(method) if isinstance(one, ast.Return) and one.value}


def _functions(node: ast.ClassDef) -> Mapping[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    return {one.name: one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def _place(path: str, folder: Path, names: Names) -> Path | None:
    """Return where a file goes in this package, None where it has no place.

    The import package may lie at the top instead of in `src`, or be a single module.
    """
    is_flat = not (folder / "src").is_dir() and (folder / names.package).is_dir()
    place = folder / (path.removeprefix("src/") if is_flat else path)
    return place if place.name != "py.typed" or place.parent.is_dir() else None


def _lines_to_add(rendered: bytes, project: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the template's `pyproject.toml`, with their tables, that the author's lacks to use the wheels.

    Args:
        rendered: what the template makes for a project that carries them.
        project: what the author's says.
    """
    text = rendered.decode()
    extras = table(project, "project", "optional-dependencies").values()
    if "fustor-conformance" not in {requirement(one) for listed in extras for one in texts(listed)}:
        yield "[project.optional-dependencies]"
        yield from re.findall(r"^test = .*$", text, re.MULTILINE)[:1]
    if CARRIED_IN not in texts(find(project, ("tool", "uv", "find-links"))):
        yield "[tool.uv]"
        yield f'find-links = ["{CARRIED_IN}"]'
    lacking = [name for name in CONTRACT_PACKAGES if name not in table(project, "tool", "uv", "sources")]
    if lacking:
        yield "[tool.uv.sources]"
        yield from re.findall(rf"^(?:{'|'.join(lacking)}) = .*$", text, re.MULTILINE)
