"""What a command is going to do, as one value: new trees, edits of files, removals, and remarks."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fustor_new._reading import open_regular, read_open
from fustor_new.errors import TargetConflict, WorkspaceError
from fustor_new.workspace.registration import Registration, register
from fustor_new.workspace.root import Verdict, Workspace
from fustor_new.workspace.unregistration import unregister

__all__ = [
    "Edit",
    "FileContent",
    "NewTree",
    "Plan",
    "Registration",
    "Removal",
    "make_plan",
    "place_in",
    "read_file",
    "root_place",
    "root_text",
]

_NAMED = 5
_DEEPEST = 200
_LARGEST_BYTES = 64 * 1024 * 1024
_LARGEST_TREE_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class FileContent:
    """A file's bytes and mode; of the mode only the executable bit counts, the rest is the umask's business.

    With the type bits of a symlink in its mode it is one, and `data` is where it leads.
    """

    data: bytes
    mode: int = 0o644

    @property
    def is_link(self) -> bool:
        """Tell whether this is a symlink."""
        return stat.S_ISLNK(self.mode)

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
    """A file to replace, to create (`before` is None) or to delete (`after` is None), by its real path (no symlink).

    The executable bit is set or cleared where `executable` says so, and otherwise left as it is. `mode` is the file's
    mode before, for the patch.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    executable: bool | None = None
    mode: int = 0o644

    @classmethod
    def between(cls, path: Path, before: FileContent | None, after: FileContent | None) -> "Edit":
        """Return the edit that makes the file `after` out of `before`; None stands for no file."""
        mode = before.mode if before else 0o644
        was, becomes = (before.is_executable if before else False), (after.is_executable if after else None)
        data = (before.data if before else None), (after.data if after else None)
        return cls(path, *data, None if becomes == was else becomes, mode)

    @property
    def was_executable(self) -> bool:
        """Tell whether the file was executable before."""
        return bool(self.mode & 0o100) and self.before is not None

    @property
    def is_executable(self) -> bool:
        """Tell whether the file is executable afterwards."""
        return self.was_executable if self.executable is None else self.executable


@dataclass(frozen=True)
class Removal:
    """A directory to take away with everything in it.

    `files` is all that may be in it, by path below it (`/`-separated); anything else, or other content, and it stays.
    `litter` names entries at any depth that tools make again, such as `__pycache__`: they go unseen.
    """

    target: Path
    files: Mapping[str, FileContent]
    litter: frozenset[str] = frozenset()

    def changed(self, folder: Path | None = None) -> list[str]:
        """Return the paths that are not, or no longer, as `files` says, sorted; `folder` is where the target is now."""
        where = folder or self.target
        if where.is_symlink() or not where.is_dir():
            return ["."]
        found = {path.relative_to(where).as_posix() for path in _contents(where, self.litter)}
        wanted = {name for name, content in self.files.items() if _is_same(where / name, content)}
        return sorted((found | set(self.files)) - (found & wanted))

    @classmethod
    def read(cls, target: Path, litter: frozenset[str] = frozenset()) -> "Removal":
        """Return the removal of the directory as it is now."""
        files: dict[str, FileContent] = {}
        left = _LARGEST_TREE_BYTES
        for path in sorted(_contents(target, litter)):
            files[path.relative_to(target).as_posix()] = content = read_file(path)
            left -= len(content.data)
            if left < 0:
                size = _LARGEST_TREE_BYTES // 1024**2
                raise TargetConflict(f"{str(target)!r} holds more than {size} MB; remove what is large by hand first")
        return cls(target, files, litter)


@dataclass(frozen=True)
class Plan:
    """Everything that a run changes below `root`, which exists; `notes` say why some things need no change."""

    root: Path
    trees: tuple[NewTree, ...] = ()
    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()
    registrations: tuple[Registration, ...] = ()
    removals: tuple[Removal, ...] = ()
    unregistrations: tuple[Registration, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return not (self.trees or self.edits or self.removals)

    @property
    def plain_edits(self) -> tuple[Edit, ...]:
        """The edits without that of the root file which registers drivers: that one is planned anew when it is made."""
        is_edited = self.registrations or self.unregistrations
        registering = os.path.realpath(self.root / "pyproject.toml") if is_edited else ""
        return tuple(edit for edit in self.edits if str(edit.path) != registering)

    @property
    def is_registering(self) -> bool:
        """Tell whether the root file is edited to register drivers, or to unregister them."""
        return len(self.plain_edits) < len(self.edits)


def make_plan(
    root: Path,
    trees: Sequence[NewTree],
    *,
    workspace: Workspace | None = None,
    registrations: Sequence[Registration] = (),
    edits: Sequence[Edit] = (),
    removals: Sequence[Removal] = (),
    unregistrations: Sequence[Registration] = (),
) -> Plan:
    """Return what has to change on disk so that the trees exist and the drivers are registered in the workspace.

    Those in `unregistrations` are not registered afterwards, though a pattern may still make them members.
    `edits` of other files than the workspace's root file, and `removals`, are taken as they are.
    A tree that exists byte for byte needs nothing, whatever else lies in it. Raises TargetConflict, naming the files,
    for a target with other content, and WorkspaceError where the workspace excludes a directory.
    """
    notes: list[str] = []
    registered = _edits(workspace, registrations, unregistrations, notes) if workspace else ()
    new: list[NewTree] = []
    for tree in trees:
        target = place_in(root, tree.target)
        _check_apart(target, [other.target for other in new])
        if _is_to_create(NewTree(target, tree.files)):
            new.append(NewTree(target, dict(sorted(tree.files.items()))))
        else:
            notes.append(f"{_shown(target, root)} is there already, unchanged")
    known, unknown = (tuple(registrations), tuple(unregistrations)) if workspace else ((), ())
    gone = tuple(replace(one, target=place_in(root, one.target)) for one in removals)
    return Plan(_existing(root), tuple(new), (*registered, *edits), tuple(notes), known, gone, unknown)


def place_in(root: Path, path: Path) -> Path:
    """Return the real place of `path`, where a symlink in its last component is not followed.

    Raises TargetConflict where symlinks, or the path itself, lead out of `root`: nothing is written there.
    """
    place = path.parent.resolve() / path.name
    if not place.is_relative_to(root.resolve()):
        raise TargetConflict(
            f"{str(path)!r} leads to {str(place)!r}, outside of {str(root)!r}, where nothing is written; "
            f"put a directory in the place of the symlink, or work in the project that it belongs to"
        )
    return place


def root_place(root: Path, path: Path) -> Path:
    """Return the real place of a workspace's root file; raises WorkspaceError where that is outside of `root`."""
    place = Path(os.path.realpath(path))
    if not place.is_relative_to(root.resolve()):
        raise WorkspaceError(
            f"{str(path)!r} is a symlink to {str(place)!r}, outside of the workspace, where nothing is written; "
            f"put the file itself in its place"
        )
    return place


def root_text(
    workspace: Workspace, registrations: Sequence[Registration], unregistrations: Sequence[Registration]
) -> bytes:
    """Return the root file with some drivers registered and others no longer; raises WorkspaceError."""
    beside = {one.distribution for one in (*registrations, *unregistrations)}
    for one in registrations:
        text = register(workspace, one.directory, one.distribution, beside=beside)
        workspace = Workspace.parse(workspace.root, text)
    for one in unregistrations:
        text = unregister(workspace, one.directory, one.distribution, keep_table=True, beside=beside)
        workspace = Workspace.parse(workspace.root, text)
    return workspace.text


def read_file(path: Path) -> FileContent:
    """Return what is at `path`: a file, or a symlink as such. Raises TargetConflict for anything else."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return FileContent(os.fsencode(path.readlink()), mode)
    if not stat.S_ISREG(mode):
        raise TargetConflict(f"{str(path)!r} is neither a file nor a symlink; move it away")
    descriptor = open_regular(path, follow=False)
    try:
        return FileContent(read_open(descriptor, path, limit_bytes=_LARGEST_BYTES), mode)
    finally:
        os.close(descriptor)


def _edits(
    workspace: Workspace,
    registrations: Sequence[Registration],
    unregistrations: Sequence[Registration],
    notes: list[str],
) -> tuple[Edit, ...]:
    for one in registrations:
        membership = workspace.verdict(one.directory)
        if membership.verdict is Verdict.COVERED:
            notes.append(f"{one.directory} is covered by {membership.pattern!r}")
        elif membership.verdict is Verdict.LISTED:
            notes.append(f"{one.directory} is listed as {membership.pattern!r}")
    after = root_text(workspace, registrations, unregistrations)
    if workspace.text == after:
        return ()
    return (Edit(root_place(workspace.root, workspace.path), workspace.text, after),)


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


def _contents(folder: Path, litter: frozenset[str]) -> Iterator[Path]:
    """Yield everything below `folder` but directories, without what is litter."""
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        if depth > _DEEPEST:
            raise TargetConflict(f"{str(folder)!r} is more than {_DEEPEST} directories deep; remove it by hand")
        with os.scandir(here) as entries:
            found = [entry for entry in entries if entry.name not in litter]
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), depth + 1))
            else:
                yield Path(entry.path)


def _is_same(path: Path, content: FileContent) -> bool:
    if content.is_link:
        return path.is_symlink() and os.fsencode(path.readlink()) == content.data
    if path.is_symlink() or not path.is_file():
        return False
    found = read_file(path)
    return found.is_executable == content.is_executable and found.data == content.data


def _existing(root: Path) -> Path:
    """Return `root`, or the nearest directory above it that exists."""
    absolute = root.resolve()
    return next(path for path in (absolute, *absolute.parents) if path.is_dir())


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root.resolve())) if path.is_relative_to(root.resolve()) else str(path)
