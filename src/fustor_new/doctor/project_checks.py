"""Checks of a package's metadata: what a build or an index would refuse, and what hosts need."""

import re
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from fustor_new._toml import table
from fustor_new.doctor.finding import Fault, Severity
from fustor_new.doctor.registry import package_check
from fustor_new.doctor.subject import Subject
from fustor_new.names import normalize
from fustor_new.package.metadata import is_version

__all__: list[str] = []

_LINE = re.compile(r"\((?:at )?line (\d+)[,)]")
_TOP_LEVEL = {"build-system", "project", "tool", "dependency-groups"}
_OLD_PYTHONS = ("3.8.20", "3.9.20", "3.10.15")
_NEW_PYTHONS = ("3.11.9", "3.12.7", "3.13.1")


@package_check(
    "D01-readable",
    Severity.ERROR,
    rule="The package's metadata can be read",
    why="Nothing can build, install or judge it; nothing else is checked either",
    fix="Repair the file at the place that the message names",
)
def _readable(package: Subject) -> Iterator[Fault]:
    if package.fault:
        found = _LINE.search(package.fault)
        yield Fault(package.place("pyproject.toml", int(found[1]) if found else 0), package.fault)


@package_check(
    "D02-project-name",
    Severity.ERROR,
    rule="`[project]` gives the distribution a name",
    why="Without a name there is no distribution, and uv takes the directory for a member that it cannot use",
    fix='Write `name = "fustor-<kind>-<name>"` under [project]',
)
def _project_name(package: Subject) -> Iterator[Fault]:
    if not package.metadata.name:
        yield Fault(package.metadata_place, "It has no name")


@package_check(
    "D03-build-system",
    Severity.ERROR,
    rule="The package is built and installed: it has a [build-system] and is not `package = false`",
    why="uv installs the requirements of such a project and not the project: its entry points do not exist",
    fix='Write `[build-system]` with `requires = ["hatchling>=1.27"]` and `build-backend = "hatchling.build"`',
)
def _build_system(package: Subject) -> Iterator[Fault]:
    project = package.metadata.project
    if project and "build-system" not in project and table(project, "tool", "uv").get("package") is not True:
        yield Fault(package.metadata_place, "It has no [build-system]")
    if table(project, "tool", "uv").get("package") is False:
        yield Fault(package.metadata_place, "It says `package = false`")


@package_check(
    "D04-version",
    Severity.ERROR,
    rule="The version is one in the sense of PEP 440",
    why="Build tools refuse any other, or turn it into another than the author wrote",
    fix='Write a version such as "0.1.0"',
)
def _version(package: Subject) -> Iterator[Fault]:
    version = package.metadata.version
    if not version and not package.metadata.dynamic & {"version"} and package.metadata.origin != "setup.cfg":
        yield Fault(package.metadata_place, "It has no version")
    elif version and not is_version(version):
        yield Fault(package.metadata_place, f"Version {version!r} is not a valid PEP 440 version")


@package_check(
    "D05-requires-python",
    Severity.ERROR,
    rule="`requires-python` is given and allows nothing older than Python 3.11, which the contract needs",
    why="An installer picks the driver for a Python on which the contract packages do not exist",
    fix='Write `requires-python = ">=3.11"` under [project]',
)
def _requires_python(package: Subject) -> Iterator[Fault]:
    wanted = package.metadata.requires_python
    try:
        allowed = SpecifierSet(wanted)
    except InvalidSpecifier:
        yield Fault(package.metadata_place, f"`requires-python` is {wanted!r}, not a version specifier")
        return
    old = [python for python in _OLD_PYTHONS if python in allowed]
    if not wanted and "requires-python" not in package.metadata.dynamic:
        yield Fault(package.metadata_place, "It has no `requires-python`")
    elif wanted and old:
        yield Fault(package.metadata_place, f"`requires-python` is {wanted!r}, which allows Python {old[0][:-3]}")
    elif wanted and not any(python in allowed for python in _NEW_PYTHONS):
        yield Fault(package.metadata_place, f"`requires-python` is {wanted!r}, which allows no Python that is in use")


@package_check(
    "D06-top-level-tables",
    Severity.WARNING,
    rule="pyproject.toml has no top-level table that no standard knows",
    why="Build tools ignore it silently, and all that stands below its heading belongs to it: "
    "a licence or an address that nobody ever sees",
    fix="Correct the heading: [project.urls] has no quotes, and keys of [project] stand above it",
)
def _top_level_tables(package: Subject) -> Iterator[Fault]:
    for key in sorted(set(package.metadata.project) - _TOP_LEVEL):
        yield Fault(package.metadata_place, f"It has the top-level table or key {key!r}, which means nothing")


@package_check(
    "D07-contract-requirements",
    Severity.ERROR,
    rule="It requires `fustor-core` without an upper pin, and `fustor-event-model>=1`",
    why="The released packages of these names resolve to two unrelated EventBase classes, "
    "and a pin keeps the wheel from running beside one of the agents",
    fix='Write "fustor-core" and "fustor-event-model>=1" into `dependencies`',
)
def _contract_requirements(package: Subject) -> Iterator[Fault]:
    if "dependencies" in package.metadata.dynamic and not package.metadata.dependencies:
        return
    required = {}
    for line in package.metadata.dependencies:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            yield Fault(
                package.metadata_place, f"Requirement {line!r} cannot be parsed", fix="Write it like 'redis>=5'"
            )
            continue
        required[normalize(requirement.name)] = requirement
    core, model = required.get("fustor-core"), required.get("fustor-event-model")
    if core is None:
        yield Fault(package.metadata_place, "It does not require 'fustor-core'")
    elif any(one.operator in {"<", "<=", "==", "===", "~="} for one in core.specifier):
        yield Fault(package.metadata_place, f"It pins {str(core)!r}")
    if model is None:
        yield Fault(package.metadata_place, "It does not require 'fustor-event-model>=1'")
    elif "0.2.16" in model.specifier or not ({"1.0.0", "1.99.0"} & set(model.specifier.filter(["1.0.0", "1.99.0"]))):
        yield Fault(package.metadata_place, f"It requires {str(model)!r}, not 'fustor-event-model>=1'")
