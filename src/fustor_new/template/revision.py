"""What an update makes of one package: every file in three versions, the template's old and new and the author's."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from pathlib import Path

from fustor_new.changes.content import FileContent, read_file
from fustor_new.changes.plan import Change
from fustor_new.errors import (
    EnvironmentProblem,
    MergeConflict,
    TargetConflict,
    UsageProblem,
    WorkspaceError,
    disk_allows,
)
from fustor_new.template.contract_source import ContractSource
from fustor_new.template.history import template_version
from fustor_new.template.merge import has_markers, merge, with_ends_of
from fustor_new.template.provenance import (
    ANSWERS_FILE,
    Record,
    find_origin,
    is_adopted,
    is_template_owned,
    parse_record,
    recording_only,
    rendered_files,
    rendered_now,
    with_address,
)
from fustor_new.template.wheels import CARRIED_IN, carried_files, is_carried

__all__ = ["FileRevision", "Outcome", "Revision", "revise"]

_LARGEST_BYTES = 1024 * 1024

Files = Mapping[str, FileContent]
"""A package's files by path."""


class Outcome(Enum):
    """What becomes of a file that the template or the author has changed."""

    CREATED = "created"
    REPLACED = "replaced"
    MERGED = "merged"
    CONFLICT = "conflict"
    REMOVED = "removed"
    KEPT = "kept, though the template no longer has it"
    ABSENT = "not brought back, as you deleted it"
    EDITED = "kept with your changes, though it is the template's"


@dataclass(frozen=True)
class FileRevision:
    """A file of the package, by its path there: what becomes of it, and the edit that does it, if any."""

    path: str
    outcome: Outcome
    edit: Change | None = None

    @property
    def is_unmarked(self) -> bool:
        """Tell whether there is a conflict that no marks can show, since the file is no text."""
        return self.outcome is Outcome.CONFLICT and self.edit is None


@dataclass(frozen=True)
class Revision:
    """An update of one package; without files there is nothing to do."""

    package: Path
    before: str
    """The template's version that the package is of."""
    files: tuple[FileRevision, ...] = ()

    @property
    def conflicts(self) -> tuple[Path, ...]:
        """The files that need a decision."""
        return tuple(self.package / file.path for file in self.files if file.outcome is Outcome.CONFLICT)


def revise(package: Path, contract_source: str = "") -> Revision:
    """Return what brings the package in a directory to today's template; writes nothing.

    Args:
        package: its directory.
        contract_source: another answer to where the contract comes from; empty: the one that it has.

    Raises:
        UsageProblem: nothing there was rendered from the template.
        WorkspaceError: the answers file cannot be read, or no longer gives what it gave.
        TargetConflict: something is in the place of a file.
        MergeConflict: a conflict of an earlier update is still in a file.
        EnvironmentProblem: the template's version is not known here, or the disk is full or cannot be read.
    """
    folder = Path(os.path.realpath(package))
    with disk_allows(place=folder):
        return _revise(folder, contract_source)


def _revise(package: Path, contract_source: str) -> Revision:
    text = _read(package, ANSWERS_FILE)
    if text is None:
        raise UsageProblem(
            f"{str(package)!r} has no {ANSWERS_FILE}, so it was not rendered from the template; "
            f"name a driver's directory, or adopt it first"
        )
    record = parse_record(text.data, package / ANSWERS_FILE)
    moved = {**record.answers, "contract_source": contract_source}
    wanted = replace(record, answers=moved) if contract_source else record
    carries = [one.answers.get("contract_source") == "vendor" for one in (record, wanted)]
    wheels = tuple(_wheels(package, stay=carries[1])) if any(carries) else ()
    if record.template_version == template_version() and wanted == record:
        _check_markers(package, dict(_readable(package, record.files)))
        return Revision(package, record.template_version, wheels)
    base, theirs = _rendered(package, record, wanted)
    mine = {path: found for path in {*base, *theirs} if (found := _read(package, path))}
    _check_markers(package, mine)
    answers_file = _answers_edit(package / ANSWERS_FILE, text, theirs[ANSWERS_FILE], record)
    paths = sorted({*base, *theirs} - {ANSWERS_FILE})
    decided = [_decide(package / path, path, base.get(path), mine.get(path), theirs.get(path)) for path in paths]
    return Revision(package, record.template_version, (answers_file, *(one for one in decided if one), *wheels))


def _wheels(package: Path, *, stay: bool) -> Iterator[FileRevision]:
    """Yield what becomes of the wheels that a project carries: they are those of this fustor-new, if they stay."""
    ours = carried_files(ContractSource(kind="vendor"), package) if stay else {}
    there = (path.relative_to(package).as_posix() for path in (package / CARRIED_IN).glob("*.whl"))
    for path in sorted({*ours, *filter(is_carried, there)}):
        before, after = _read(package, path), ours.get(path)
        if before is None or after is None or before.data != after.data:
            outcome = Outcome.REMOVED if after is None else Outcome.REPLACED if before else Outcome.CREATED
            yield FileRevision(path, outcome, Change(package / path, before, after))


def _rendered(package: Path, record: Record, wanted: Record) -> tuple[Files, Files]:
    """Return what the recorded template made, once it is sure that it made this, and what today's makes as wanted."""
    try:
        base = rendered_files(record)
        theirs = rendered_now(wanted)
    except WorkspaceError as err:
        raise WorkspaceError(f"{str(package / ANSWERS_FILE)!r}: {err}; put them right and run again") from err
    except EnvironmentProblem as err:
        other = f"; or run `copier update` there, which asks {record.address!r}" if record.address else ""
        raise EnvironmentProblem(f"Cannot update {str(package)!r}: {err}{other}") from err
    hashes = {path: sha256(content.data).hexdigest() for path, content in base.items() if path != ANSWERS_FILE}
    if is_adopted(record):
        hashes = {path: digest for path, digest in hashes.items() if path in record.files}
    if record.files != hashes:
        differing = sorted(dict(record.files.items() ^ hashes.items()))
        if record.address:
            raise WorkspaceError(
                f"{str(package)!r} was rendered from {record.address!r}, which is not the template of this fustor-new "
                f"({differing[0]!r} differs first); run `copier update` in it"
            )
        raise WorkspaceError(
            f"The answers in {str(package / ANSWERS_FILE)!r} no longer give the files that they gave "
            f"({differing[0]!r} first); put that file back as it was rendered"
        )
    return _of_template_alone(record, base, theirs) if is_adopted(record) else (base, theirs)


def _of_template_alone(record: Record, base: Files, theirs: Files) -> tuple[Files, Files]:
    """Return both without what an adopted package did not get from the template: that is its author's own."""
    new = {path for path in theirs.keys() - base.keys() if is_template_owned(path)}
    paths = {*record.files, *new}
    kept = {path: content for path, content in theirs.items() if path in paths}
    answers_file = theirs[ANSWERS_FILE]
    kept[ANSWERS_FILE] = FileContent(recording_only(answers_file.data, paths), answers_file.mode)
    return {path: content for path, content in base.items() if path in record.files}, kept


def _read(package: Path, path: str) -> FileContent | None:
    """Return the package's file, None where there is none. Raises TargetConflict for anything else in its place."""
    *folders, _ = parts = [package.joinpath(*Path(path).parts[: depth + 1]) for depth in range(len(Path(path).parts))]
    for folder in folders:
        if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir()):
            raise TargetConflict(f"{str(folder)!r} is not a directory, or is a symlink; put a directory in its place")
    if not os.path.lexists(parts[-1]):
        return None
    if parts[-1].is_symlink() or not parts[-1].is_file():
        raise TargetConflict(f"{str(parts[-1])!r} is not a file, or is a symlink; put the file itself in its place")
    found = read_file(parts[-1])
    if len(found.data) > _LARGEST_BYTES:
        raise TargetConflict(f"{str(parts[-1])!r} is larger than {_LARGEST_BYTES // 1024} kB; put a smaller file there")
    return found


def _readable(package: Path, paths: Iterable[str]) -> Iterator[tuple[str, FileContent]]:
    """Yield the files of the package that are files; what else is in their place is nothing to an update of nothing."""
    for path in paths:
        with suppress(TargetConflict):
            if found := _read(package, path):
                yield path, found


def _check_markers(package: Path, mine: Files) -> None:
    for path, content in sorted(mine.items()):
        if has_markers(content.data):
            raise MergeConflict(f"{str(package / path)!r} still has the marks of a conflict; resolve it and run again")


def _answers_edit(path: Path, mine: FileContent, theirs: FileContent, record: Record) -> FileRevision:
    """Return the edit of the answers file, which keeps the address that copier updates the package from."""
    text = theirs.data
    if record.address:
        kept = re.findall(rb"^(?:_commit|_src_path):[^\n]*\n", mine.data.replace(b"\r\n", b"\n"), re.MULTILINE)
        released = b'_commit: "v%s"\n'
        old, new = (released % version.encode() for version in (record.template_version, template_version()))
        origin = find_origin()
        if origin and origin.address == record.address:
            kept = [origin.lines()]
        text = with_address(text, b"".join(new if line == old else line for line in kept))
    after = FileContent(with_ends_of(mine.data, text), mine.mode)
    return FileRevision(ANSWERS_FILE, Outcome.REPLACED, Change(path, mine, after))


def _decide(
    place: Path, path: str, base: FileContent | None, mine: FileContent | None, theirs: FileContent | None
) -> FileRevision | None:
    """Return what becomes of the file at `place`, None where nothing is to be said of it."""
    if mine is None:
        if base is None:
            return FileRevision(path, Outcome.CREATED, Change(place, None, theirs))
        return FileRevision(path, Outcome.ABSENT) if theirs and theirs.data != base.data else None
    if theirs is None:
        if base and with_ends_of(mine.data, base.data) == mine.data:
            return FileRevision(path, Outcome.REMOVED, Change(place, mine, None))
        return FileRevision(path, Outcome.KEPT)
    return _merged(place, path, base or FileContent(b"", mine.mode), mine, theirs)


def _merged(place: Path, path: str, base: FileContent, mine: FileContent, theirs: FileContent) -> FileRevision | None:
    made = merge(base.data, mine.data, theirs.data, f"template {template_version()}")
    executable = theirs.is_executable if mine.is_executable == base.is_executable else mine.is_executable
    after = FileContent(made.data, 0o755 if executable else 0o644)
    is_edited = with_ends_of(mine.data, base.data) != mine.data
    edit = Change(place, mine, after)
    if made.conflicts:
        return FileRevision(path, Outcome.CONFLICT, edit if made.data != mine.data else None)
    if made.data == mine.data and executable == mine.is_executable:
        is_to_name = is_edited and is_template_owned(path) and mine.data != with_ends_of(mine.data, theirs.data)
        return FileRevision(path, Outcome.EDITED) if is_to_name else None
    return FileRevision(path, Outcome.MERGED if is_edited else Outcome.REPLACED, edit)
