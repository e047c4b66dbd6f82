"""Checks of entry points: whether hosts look there, and whether they lead to a driver."""

from collections import defaultdict
from collections.abc import Iterator

from fustor_new._reading import read_bytes
from fustor_new._toml import parse_toml
from fustor_new.changes.content import FileContent
from fustor_new.changes.plan import Change
from fustor_new.doctor.distributions import Requirements
from fustor_new.doctor.finding import Fault, Severity
from fustor_new.doctor.registry import package_check
from fustor_new.doctor.subject import Subject
from fustor_new.errors import WorkspaceError
from fustor_new.kinds import KIND_OF_GROUP, WORLDS, Kind, is_meant_for_hosts
from fustor_new.names import normalize
from fustor_new.package.code import Class, External, Missing
from fustor_new.package.metadata import EntryPoint, requirement_name

__all__: list[str] = []


@package_check(
    "D10-entry-point",
    Severity.ERROR,
    rule="The package registers a driver",
    why="Hosts find drivers by their entry points alone: without one the package is dead weight",
    fix='Write `NAME = "package:Class"` under [project.entry-points."fustor.drivers.sources"] (or `.pushers`) '
    "and under the same table of `fustor_agent.drivers`",
)
def _entry_point(package: Subject) -> Iterator[Fault]:
    if not package.points and not _unscanned(package):
        yield Fault(package.metadata_place, "It registers no driver")


@package_check(
    "D11-group-is-scanned",
    Severity.ERROR,
    rule="No driver is registered in a group that no host scans",
    why="A misspelt group is not an error anywhere: the driver just does not exist",
    fix="The groups are fustor.drivers.sources, fustor.drivers.pushers, and the same of fustor_agent.drivers",
)
def _group_is_scanned(package: Subject) -> Iterator[Fault]:
    for entry in _unscanned(package):
        yield Fault(package.metadata_place, f"No host looks for {entry.name!r} in the group {entry.group!r}")


@package_check(
    "D12-both-groups",
    Severity.ERROR,
    rule="A driver is registered in the guide's group and in the agents', under one name",
    why="The guide host scans `fustor.drivers.*`, the released agents only `fustor_agent.drivers.*`",
    fix="Give the same line in both tables",
    is_safe=True,
)
def _both_groups(package: Subject) -> Iterator[Fault]:
    names_elsewhere = {entry.name for entry in _unscanned(package)}
    for kind in Kind:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for point in package.points:
            if point.kind == kind and point.entry.name not in names_elsewhere:
                found[point.entry.name][point.entry.group] = point.entry.value
        for name, values in found.items():
            for group in kind.groups:
                if group not in values:
                    entry = EntryPoint(group, name, next(iter(values.values())))
                    what = f"The {kind} {name!r} is not registered in {group!r}"
                    yield Fault(package.metadata_place, what, repair=_added(package, entry))


@package_check(
    "D13-groups-agree",
    Severity.ERROR,
    rule="Both groups name the same class for one entry point",
    why="Which driver runs would depend on the host",
    fix="Give the same value in both tables",
)
def _groups_agree(package: Subject) -> Iterator[Fault]:
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for point in package.points:
        values[point.kind, point.entry.name].add("".join(point.entry.value.split()))
    for (kind, name), named in values.items():
        if len(named) > 1:
            yield Fault(package.metadata_place, f"The {kind} {name!r} is {' here and '.join(sorted(named))} there")


@package_check(
    "D14-entry-point-leads-somewhere",
    Severity.ERROR,
    rule="The module and the name of every driver's and World's entry point exist",
    why="A driver that fails to load is one line in the agent's log, and then simply missing",
    fix="Correct the value: `package.module:Name`",
)
def _entry_point_leads_somewhere(package: Subject) -> Iterator[Fault]:
    entries = dict.fromkeys(point.entry for point in package.points)
    entries |= dict.fromkeys(entry for entry in package.metadata.entry_points if entry.group == WORLDS)
    required = Requirements(map(requirement_name, package.metadata.dependencies))
    seen = set()
    for entry in entries:
        target = package.target(entry)
        if isinstance(target, External) and required.provides(target.module.partition(".")[0]):
            continue
        if isinstance(target, Missing | External) and entry.value not in seen:
            what = target.what if isinstance(target, Missing) else f"module {target.module!r}"
            seen.add(entry.value)
            yield Fault(package.metadata_place, f"{entry.name} = {entry.value!r} leads nowhere: there is no {what}")


@package_check(
    "D15-class-is-a-driver",
    Severity.ERROR,
    rule="The class of an entry point inherits from the contract's SourceDriver or PusherDriver, as its group says",
    why="A host calls what the base class names: agent 0.2 refuses other classes, others fail at the first call",
    fix="Inherit from `fustor_core.drivers.SourceDriver` or `PusherDriver`, or use the other kind's groups",
)
def _class_is_a_driver(package: Subject) -> Iterator[Fault]:
    seen = set()
    for point in package.points:
        found = point.target
        if not isinstance(found, Class) or (point.kind, point.entry.value) in seen:
            continue
        seen.add((point.kind, point.entry.value))
        bases, wanted = package.bases_of(found), point.kind.base
        if wanted not in bases and (bases or package.is_wholly_pythons(found)):
            what = f"Class {found.node.name!r} is registered as a {point.kind} and is not a {wanted}"
            yield Fault(package.place(found.module.path, found.node.lineno), what)


@package_check(
    "D16-names",
    Severity.WARNING,
    rule="Directory, distribution, import package, entry point and class spell one name, as the contract does",
    why="Who knows one of them knows the others: in a configuration, a traceback, or on an index",
    fix="Rename what differs, or record with `fustor-new adopt` that these names are meant",
)
def _names(package: Subject) -> Iterator[Fault]:
    if package.record is None and package.metadata.name:
        yield from _differences(package)


@package_check(
    "D17-names-as-recorded",
    Severity.ERROR,
    rule="The names are those that the answers file records",
    why="The template-owned tests look for the recorded ones, and an update renders them again",
    fix="Take the rename back, or record the new names: remove the answers file and run `fustor-new adopt`",
)
def _names_as_recorded(package: Subject) -> Iterator[Fault]:
    if package.record is not None:
        yield from _differences(package)


@package_check(
    "D18-world",
    Severity.WARNING,
    rule="A driver names its World, the system that the conformance kit changes and reads without the driver",
    why="Without one the kit can judge the package's form alone, and nothing that the driver does",
    fix='Write `<kind>-<name> = "package.testing:World"` under [project.entry-points."fustor.conformance.worlds"]',
)
def _world(package: Subject) -> Iterator[Fault]:
    if package.points and not any(entry.group == WORLDS for entry in package.metadata.entry_points):
        yield Fault(package.metadata_place, f"It has no entry point in {WORLDS!r}")


def _differences(package: Subject) -> Iterator[Fault]:
    names = package.names
    if names is None:
        return
    if names.directory and package.workspace is not None and f"extensions/{package.folder.name}" != names.directory:
        yield Fault(package.shown, f"Its directory is {package.folder.name!r}, not {names.directory!r}")
    if package.metadata.name and normalize(package.metadata.name) != normalize(names.distribution):
        yield Fault(
            package.metadata_place, f"Its distribution is {package.metadata.name!r}, not {names.distribution!r}"
        )
    if package.code.modules and names.package not in package.code.packages:
        yield Fault(package.shown, f"It has no import package {names.package!r}, only {package.code.packages}")
    if package.points and names.entry_point not in {point.entry.name for point in package.points}:
        yield Fault(
            package.metadata_place, f"Its entry point is {package.points[0].entry.name!r}, not {names.entry_point!r}"
        )
    elif package.points and names.class_name not in {point.class_name for point in package.points}:
        yield Fault(package.metadata_place, f"Its class is {package.points[0].class_name!r}, not {names.class_name!r}")


def _unscanned(package: Subject) -> list[EntryPoint]:
    return [
        entry
        for entry in package.metadata.entry_points
        if is_meant_for_hosts(entry.group) and entry.group not in KIND_OF_GROUP
    ]


def _added(package: Subject, entry: EntryPoint) -> Change | None:
    """Return the change that adds a table with one entry at the end of pyproject.toml, if that is all it changes."""
    path = package.folder / "pyproject.toml"
    if "project" not in package.metadata.project:
        return None
    before = read_bytes(path)
    newline = b"\r\n" if b"\r\n" in before else b"\n"
    head = before if before.endswith(b"\n") else before + newline
    key = entry.name if entry.name.replace("_", "").replace("-", "").isalnum() else f'"{entry.name}"'
    lines = (f'[project.entry-points."{entry.group}"]', f'{key} = "{entry.value}"')
    after = head + newline + newline.join(line.encode() for line in lines) + newline
    try:
        changed = parse_toml(after, str(path))
    except WorkspaceError:  # the tables are written inline, so that none can be added behind
        return None
    wanted = parse_toml(before, str(path))
    wanted["project"].setdefault("entry-points", {})[entry.group] = {entry.name: entry.value}
    return Change(path, FileContent(before), FileContent(after)) if changed == wanted else None
