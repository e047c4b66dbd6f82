"""What a command is going to do, as one value: new trees, edits of files, and remarks."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fustor_new.errors import TargetConflict
from fustor_new.registration import Registration, register
from fustor_new.workspace import Verdict, Workspace

__all__ = ["Edit", "FileContent", "NewTree", "Plan", "Registration", "make_plan", "missing_parents"]

_NAMED = 5


@dataclass(frozen=True)
class FileContent:
    """A file's bytes and mode; of the mode only the executable bit counts, the rest is the umask's business."""

    data: bytes
    mode: int = 0o644

    @property
    def is_executable(self) -> bool:
        """Tell whether the owner may execute the file."""
        return bool(self.mode & 0o100)


@dataclass(frozen=True)
class NewTree:
    """A directory to create, with its files by their path below it (`/`-separated)."""

    target: Path
    files: Mapping[str, FileContent]

    @classmethod
    def read(cls, target: Path, folder: Path) -> "NewTree":
        """Return the tree that `folder` holds on disk, to be created at `target`."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {
            path.relative_to(folder).as_posix(): FileContent(path.read_bytes(), path.stat().st_mode & 0o777)
            for path in paths
        }
        return cls(target, files)


@dataclass(frozen=True)
class Edit:
    """A file to replace: its real path (no symlink), its bytes before and after."""

    path: Path
    before: bytes
    after: bytes


@dataclass(frozen=True)
class Plan:
    """Everything that a run changes below `root`, which exists; `notes` say why some things need no change."""

    root: Path
    trees: tuple[NewTree, ...] = ()
    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()
    registrations: tuple[Registration, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return not (self.trees or self.edits)


def make_plan(
    root: Path,
    trees: Sequence[NewTree],
    *,
    workspace: Workspace | None = None,
    registrations: Sequence[Registration] = (),
) -> Plan:
    """Return what has to change on disk so that the trees exist and the drivers are registered in the workspace.

    A tree that exists byte for byte needs nothing, whatever else lies in it. Raises TargetConflict, naming the files,
    for a target with other content, and WorkspaceError where the workspace excludes a directory.
    """
    notes: list[str] = []
    edits = _edits(workspace, registrations, notes) if workspace else ()
    new: list[NewTree] = []
    for tree in trees:
        target = tree.target.parent.resolve() / tree.target.name  # a symlink in its place is not followed
        _check_apart(target, [other.target for other in new])
        if _is_to_create(NewTree(target, tree.files)):
            new.append(NewTree(target, dict(sorted(tree.files.items()))))
        else:
            notes.append(f"{_shown(target, root)} is there already, unchanged")
    return Plan(_existing(root), tuple(new), edits, tuple(notes), tuple(registrations) if workspace else ())


def missing_parents(target: Path) -> list[Path]:
    """Return the directories above `target` that do not exist yet, the outermost first."""
    return [parent for parent in reversed(target.parents) if not os.path.lexists(parent)]


def _edits(workspace: Workspace, registrations: Sequence[Registration], notes: list[str]) -> tuple[Edit, ...]:
    before = workspace.text
    for one in registrations:
        membership = workspace.verdict(one.directory)
        if membership.verdict is Verdict.COVERED:
            notes.append(f"{one.directory} is covered by {membership.pattern!r}")
        elif membership.verdict is Verdict.LISTED:
            notes.append(f"{one.directory} is listed as {membership.pattern!r}")
        text = register(workspace, one.directory, one.distribution)
        workspace = Workspace.parse(workspace.root, text)
    path = Path(os.path.realpath(workspace.path))
    return (Edit(path, before, workspace.text),) if workspace.text != before else ()


def _check_apart(target: Path, others: Sequence[Path]) -> None:
    for other in others:
        if target == other or target in other.parents or other in target.parents:
            raise TargetConflict(f"{str(target)!r} and {str(other)!r} are in each other's way; name each driver once")


def _is_to_create(tree: NewTree) -> bool:
    """Tell whether the tree has still to be made; raises TargetConflict when something else is in its place."""
    target = tree.target
    blocked = next((path for path in target.parents if os.path.lexists(path) and not path.is_dir()), None)
    if blocked:
        raise TargetConflict(f"{str(blocked)!r} is no directory, so {str(target)!r} cannot be made; move it away")
    if not os.path.lexists(target):
        return True
    if target.is_symlink() or not target.is_dir():
        raise TargetConflict(f"{str(target)!r} exists and is no directory; move it away, or choose another name")
    differing = [name for name, content in tree.files.items() if not _is_same(target / name, content)]
    if not differing:
        return False
    if not any(target.iterdir()):
        return True
    found = sorted({*differing, *_foreign(target, tree)})
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    named = ", ".join(map(repr, found[:_NAMED]))
    raise TargetConflict(
        f"{str(target)!r} exists with different content ({named}{more}); move it away, or choose another name"
    )


def _foreign(target: Path, tree: NewTree) -> Iterator[str]:
    """Yield the entries of `target` itself that the tree does not have."""
    planned = {name.partition("/")[0] for name in tree.files}
    yield from (entry.name for entry in target.iterdir() if entry.name not in planned)


def _is_same(path: Path, content: FileContent) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    executable = bool(path.stat().st_mode & 0o100)
    return executable == content.is_executable and path.read_bytes() == content.data


def _existing(root: Path) -> Path:
    """Return `root`, or the nearest directory above it that exists."""
    absolute = root.resolve()
    return next(path for path in (absolute, *absolute.parents) if path.is_dir())


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root.resolve())) if path.is_relative_to(root.resolve()) else str(path)
