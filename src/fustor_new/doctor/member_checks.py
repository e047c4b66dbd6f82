"""Checks of how the members of a workspace fit together: names, sources, versions of Python."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fustor_new._toml import table, texts
from fustor_new.doctor.finding import Fault, Severity
from fustor_new.doctor.registry import root_check
from fustor_new.doctor.subject import Root, Subject
from fustor_new.names import normalize
from fustor_new.package.metadata import requirement, requirement_lists, requirement_name
from fustor_new.workspace.pythons import MINORS, minors

__all__: list[str] = []

_ROOT_FILE = "pyproject.toml"


@root_check(
    "W08-one-distribution-one-member",
    Severity.ERROR,
    rule="No two members have the same distribution, in whatever spelling",
    why="The workspace does not resolve: an environment holds one distribution of a name",
    fix="Rename one of them, or remove it",
)
def _one_distribution_one_member(root: Root) -> Iterator[Fault]:
    for (what, _), packages in _holders(root.members).items():
        if what == "distribution" and len(packages) > 1:
            others = ", ".join(one.shown for one in packages[1:])
            yield Fault(packages[0].shown, f"Its distribution {packages[0].metadata.name!r} is also that of {others}")


@root_check(
    "W09-one-entry-point-one-driver",
    Severity.ERROR,
    rule="No two drivers of one kind have the same entry point",
    why="A host takes whichever it meets first, and the order is nobody's choice",
    fix="Rename one of the entry points",
)
def _one_entry_point_one_driver(root: Root) -> Iterator[Fault]:
    for (what, name), packages in _holders(root.drivers).items():
        copies = len({normalize(one.metadata.name) for one in packages}) == 1  # of one distribution: another check
        if what != "distribution" and len(packages) > 1 and not copies:
            others = ", ".join(one.shown for one in packages[1:])
            yield Fault(packages[0].metadata_place, f"Its {what} {name!r} is also that of {others}")


@root_check(
    "W10-source-of-no-member",
    Severity.ERROR,
    rule="What is required and said to come from the workspace is a member of it",
    why="uv refuses to resolve a requirement whose source says `workspace = true` and names no member",
    fix="Make the distribution a member, or take the requirement and its source out",
)
def _source_of_no_member(root: Root) -> Iterator[Fault]:
    for place, name, is_used in _sources_of_no_member(root):
        if is_used:
            yield Fault(place, f"{name!r} is to come from the workspace, which has no such member")


@root_check(
    "W14-unused-source-of-no-member",
    Severity.WARNING,
    rule="`[tool.uv.sources]` takes nothing from the workspace that has left it",
    why="It does no harm until somebody requires the distribution: then nothing resolves any more",
    fix="Take the line out",
)
def _unused_source_of_no_member(root: Root) -> Iterator[Fault]:
    for place, name, is_used in _sources_of_no_member(root):
        if not is_used:
            yield Fault(place, f"{name!r} is to come from the workspace, which has no such member; nobody requires it")


@root_check(
    "W11-member-without-source",
    Severity.ERROR,
    rule="A requirement on a member has a source that says `workspace = true`, there or in the root",
    why="uv refuses to guess whether the member or a distribution of that name on an index is meant",
    fix="Add `NAME = { workspace = true }` to [tool.uv.sources] of the package that requires it, or of the root",
)
def _member_without_source(root: Root) -> Iterator[Fault]:
    at_root = {normalize(name) for name in _sources(root.workspace.data)}
    projects = [(_ROOT_FILE, ".", root.workspace.data)]
    projects += [(one.metadata_place, one.shown, one.metadata.project) for one in root.managed]
    for place, shown, project in projects:
        known = at_root | {normalize(name) for name in _sources(project)}
        for name in sorted(_required(project) - known):
            if root.distributions.get(name, shown) != shown:
                yield Fault(place, f"It requires the member {name!r} and does not say where from")


@root_check(
    "W12-requirement-on-a-driver-that-is-gone",
    Severity.WARNING,
    rule="The root requires no driver that is neither a member nor has a source",
    why="uv looks for it on the index, where it is missing or, worse, somebody else's",
    fix="Take the requirement out, or restore the driver",
)
def _requirement_on_a_driver_that_is_gone(root: Root) -> Iterator[Fault]:
    project = table(root.workspace.data, "project")
    lists: dict[str, object] = {"dependencies": project.get("dependencies")}
    lists |= {f"extra {key!r}": value for key, value in table(project, "optional-dependencies").items()}
    lists |= {f"group {key!r}": value for key, value in table(root.workspace.data, "dependency-groups").items()}
    known = {normalize(name) for name in _sources(root.workspace.data)} | set(root.distributions)
    for where, requirements in lists.items():
        for name in (normalize(requirement_name(one)) for one in texts(requirements)):
            if name.startswith(("fustor-source-", "fustor-pusher-")) and name not in known:
                yield Fault(_ROOT_FILE, f"The {where} names {name!r}, which is not a member")


@root_check(
    "W13-one-python-for-all",
    Severity.ERROR,
    rule="There is a version of Python that every member and the root allow",
    why="uv makes one environment for the whole workspace, and none would do",
    fix="Change `requires-python` of one of them; the contract asks for '>=3.11'",
)
def _one_python_for_all(root: Root) -> Iterator[Fault]:
    left = MINORS
    said = [(_ROOT_FILE, str(table(root.workspace.data, "project").get("requires-python", "")))]
    said += [(one.metadata_place, one.metadata.requires_python) for one in root.managed]
    for place, wanted in said:
        allowed = minors(wanted)
        if allowed is not None and not left & allowed:
            yield Fault(place, f"It requires Python {wanted!r}, which the packages before it exclude")
            return
        left = left if allowed is None else left & allowed


@root_check(
    "W15-driver-narrows-python",
    Severity.WARNING,
    rule="No driver allows less of Python than the rest of the workspace does",
    why="uv resolves and syncs a workspace for what all members allow, so an older Python is lost for the others too",
    fix="Raise `requires-python` of the root, or move the driver out into a project of its own",
)
def _driver_narrows_python(root: Root) -> Iterator[Fault]:
    drivers = [one for one in root.managed if one.looks_like_a_driver]
    rest = [one.metadata.requires_python for one in root.managed if not one.looks_like_a_driver]
    said = [str(table(root.workspace.data, "project").get("requires-python", "")), *rest]
    known = list(filter(None, map(minors, said)))
    left = MINORS.intersection(*known) if known else frozenset()
    for driver in drivers:
        python = driver.metadata.requires_python
        wanted = minors(python)
        if wanted and left & wanted and min(left) < min(wanted):
            yield Fault(driver.metadata_place, f"It requires Python {python!r}, and the others allow 3.{min(left)}")


def _holders(packages: Iterable[Subject]) -> Mapping[tuple[str, str], list[Subject]]:
    """Return the packages by every name that only one of them may have."""
    holders = defaultdict(list)
    for package in packages:
        for claim in package.metadata.claims:
            holders[claim].append(package)
    return holders


def _sources(project: Mapping[str, Any]) -> Mapping[str, Any]:
    return table(project, "tool", "uv", "sources")


def _sources_of_no_member(root: Root) -> Iterator[tuple[str, str, bool]]:
    """Yield the sources that name no member: the file, the distribution, and whether anything there requires it."""
    by_member = [(one, _required(one.metadata.project)) for one in root.members]
    anywhere = _required(root.workspace.data).union(*(required for _, required in by_member))
    projects = [(_ROOT_FILE, root.workspace.data, anywhere)]
    projects += [(one.metadata_place, one.metadata.project, required) for one, required in by_member]
    for place, project, required in projects:
        for name in _from_workspace(project):
            if normalize(name) not in {*root.distributions, *root.unreadable}:  # those have a finding of their own
                yield place, name, normalize(name) in required


def _required(project: Mapping[str, Any]) -> set[str]:
    return {requirement(one) for _, listed in requirement_lists(project) for one in listed}


def _from_workspace(project: Mapping[str, Any]) -> Iterator[str]:
    for name, source in _sources(project).items():
        for one in source if isinstance(source, list) else [source]:
            if isinstance(one, dict) and one.get("workspace") is True:
                yield name
