"""Checks of a package against what it was rendered from."""

import os
from collections.abc import Iterator
from pathlib import Path

from packaging.version import InvalidVersion, Version

from fustor_new._toml import table
from fustor_new.doctor.file_checks import SUITE, runs_the_kit
from fustor_new.doctor.finding import Fault, Severity
from fustor_new.doctor.registry import package_check
from fustor_new.doctor.subject import Subject
from fustor_new.template.history import template_version

__all__: list[str] = []

_JUDGED_ELSEWHERE = (SUITE, "/py.typed")


@package_check(
    "D60-answers-file",
    Severity.WARNING,
    rule="The package records what it was rendered from, in .copier-answers.yml",
    why="Without it neither `fustor-new update` nor `copier update` can bring a newer template",
    fix="Run `fustor-new adopt` on the package, which writes the record",
)
def _answers_file(package: Subject) -> Iterator[Fault]:
    if package.record is None and not package.record_fault:
        yield Fault(package.place(".copier-answers.yml"), "It is missing")


@package_check(
    "D61-answers-can-be-read",
    Severity.ERROR,
    rule="The answers file is what the template wrote",
    why="An update would start from answers that nobody gave",
    fix="Restore it from git, or remove it and run `fustor-new adopt` on the package",
)
def _answers_can_be_read(package: Subject) -> Iterator[Fault]:
    if package.record_fault:
        yield Fault(package.place(".copier-answers.yml"), package.record_fault)


@package_check(
    "D62-template-is-todays",
    Severity.WARNING,
    rule="The package is rendered from this version of the template",
    why="What the template has learnt since is missing",
    fix="Run `fustor-new update` on the package",
)
def _template_is_todays(package: Subject) -> Iterator[Fault]:
    today = template_version()
    recorded = package.record.template_version if package.record else today
    try:
        is_behind, is_ahead = Version(recorded) < Version(today), Version(recorded) > Version(today)
    except InvalidVersion:
        is_behind = is_ahead = True
    if is_behind:
        yield Fault(package.place(".copier-answers.yml"), f"Its template is {recorded}, today's is {today}")
    elif is_ahead:
        what = f"Its template is {recorded}, newer than {today}, that of this fustor-new"
        yield Fault(package.place(".copier-answers.yml"), what, fix="Install a newer fustor-new")


@package_check(
    "D63-template-owned-files-untouched",
    Severity.WARNING,
    rule="What the template owns is as it was rendered",
    why="The next update writes these files anew, and the edit is lost or conflicts",
    fix="Take the edit back, and put what you need into a file of your own beside it",
)
def _template_owned_files_untouched(package: Subject) -> Iterator[Fault]:
    for path in package.template_owned_modified:
        there = (package.folder / path).exists()
        is_judged = there and path == SUITE and not runs_the_kit(package.folder / path)  # another check says so
        if there and not is_judged:
            yield Fault(package.place(path), "It was edited since it was rendered")


@package_check(
    "D64-template-owned-files-there",
    Severity.WARNING,
    rule="What the template owns is there",
    why="It holds what every driver has to show, or what every release needs",
    fix="Restore it; `fustor-new doctor --fix` does",
    is_safe=True,
)
def _template_owned_files_there(package: Subject) -> Iterator[Fault]:
    for path in package.template_owned_modified:
        if not (package.folder / path).exists() and not path.endswith(_JUDGED_ELSEWHERE):
            yield Fault(package.place(path), "It is missing", repair=package.restored(path))


@package_check(
    "D65-sources-inside",
    Severity.WARNING,
    rule="A project of its own takes nothing from a path outside of it",
    why="A clone has only what is in the project: elsewhere, and in continuous integration, nothing can be resolved",
    fix="Run `fustor-new update --contract-source vendor` on it, so that it carries the wheels of the contract",
)
def _sources_inside(package: Subject) -> Iterator[Fault]:
    for said, _ in _path_sources(package, inside=False) if package.workspace is None else ():
        yield Fault(package.metadata_place, f"{said}, which lies outside of it")


@package_check(
    "D66-sources-there",
    Severity.ERROR,
    rule="What [tool.uv.sources] names by a path inside the package is there",
    why="uv resolves nothing without it",
    fix="Put it there; `fustor-new update` does so with the wheels of the contract in vendor/wheels",
)
def _sources_there(package: Subject) -> Iterator[Fault]:
    for said, place in _path_sources(package, inside=True):
        if not os.path.lexists(place):
            yield Fault(package.metadata_place, f"{said}, which is not there")


def _path_sources(package: Subject, *, inside: bool) -> Iterator[tuple[str, Path]]:
    """Yield what is taken from a path, in words, and where that is: inside of the package, or outside of it."""
    for name, source in table(package.metadata.project, "tool", "uv", "sources").items():
        path = source.get("path") if isinstance(source, dict) else None
        if isinstance(path, str) and "\0" not in path:
            place = Path(os.path.normpath(package.folder / path))
            if place.is_relative_to(os.path.normpath(package.folder)) is inside:
                yield f"It takes {name!r} from {path!r}", place
