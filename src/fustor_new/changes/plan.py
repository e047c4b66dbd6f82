"""What a command is going to do, as one value: the changes of files and directories, and remarks."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fustor_new.changes.content import Content, FileContent, Tree
from fustor_new.errors import TargetConflict

__all__ = ["Change", "Plan", "check_target", "existing", "make_plan", "place_in"]

_NAMED = 5


@dataclass(frozen=True)
class Change:
    """What is at `path` before and afterwards, None for nothing: so it is created, edited or removed.

    `path` is its real path (no symlink). A file stays a file; a directory comes or goes as a whole. The mode of a file
    that is there stays, but for the executable bit where `before` and `after` differ in it.
    """

    path: Path
    before: Content | None
    after: Content | None

    @property
    def creates_tree(self) -> bool:
        """Tell whether a directory is created."""
        return isinstance(self.after, Tree)

    @property
    def removes_tree(self) -> bool:
        """Tell whether a directory is removed."""
        return isinstance(self.before, Tree)

    def files(self) -> Iterator[tuple[Path, FileContent | None, FileContent | None]]:
        """Yield the files that change: path, content before and afterwards."""
        if isinstance(self.after, Tree):
            yield from ((self.path / name, None, content) for name, content in self.after.files.items())
        elif isinstance(self.before, Tree):
            yield from ((self.path / name, content, None) for name, content in sorted(self.before.files.items()))
        else:
            yield self.path, self.before, self.after


@dataclass(frozen=True)
class Plan:
    """Everything that a run changes below `root`, which exists; `notes` say why some things need no change."""

    root: Path
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return not self.changes


def make_plan(root: Path, changes: Iterable[Change], notes: Sequence[str] = ()) -> Plan:
    """Return the plan of the changes that are still to be made: directories come first, and go last.

    A directory that exists byte for byte needs nothing, whatever else lies in it. Raises TargetConflict, naming the
    files, where a directory is to be created and something else is there.
    """
    created: list[Change] = []
    edits: list[Change] = []
    removed: list[Change] = []
    said = list(notes)
    for change in changes:
        if not change.creates_tree and not change.removes_tree:
            edits.append(change)
            continue
        placed = replace(change, path=place_in(root, change.path))
        if change.removes_tree:
            removed.append(placed)
            continue
        _check_apart(placed.path, [other.path for other in created])
        if check_target(placed):
            created.append(placed)
        else:
            said.append(f"{placed.path.relative_to(root.resolve())} is there already, unchanged")
    return Plan(existing(root), (*created, *edits, *removed), tuple(said))


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


def check_target(change: Change) -> bool:
    """Tell whether a directory has still to be created; raises TargetConflict when something else is in its place."""
    target, tree = change.path, change.after
    blocked = next((path for path in target.parents if os.path.lexists(path) and not path.is_dir()), None)
    if blocked:
        raise TargetConflict(f"{str(blocked)!r} is not a directory, so {str(target)!r} cannot be made; move it away")
    if not os.path.lexists(target):
        return True
    if target.is_symlink() or not target.is_dir():
        raise TargetConflict(f"{str(target)!r} exists and is not a directory; move it away, or choose another name")
    files = tree.files if isinstance(tree, Tree) else {}
    differing = [name for name, content in files.items() if not content.is_at(target / name)]
    if not differing:
        return False
    if not any(target.iterdir()):
        return True
    planned = {name.partition("/")[0] for name in files}
    found = sorted({*differing, *(entry.name for entry in target.iterdir() if entry.name not in planned)})
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    named = ", ".join(map(repr, found[:_NAMED]))
    raise TargetConflict(
        f"{str(target)!r} exists with different content ({named}{more}); move it away, or choose another name"
    )


def existing(root: Path) -> Path:
    """Return `root`, or the nearest directory above it that exists, by its real path."""
    absolute = root.resolve()
    return next(path for path in (absolute, *absolute.parents) if path.is_dir())


def _check_apart(target: Path, others: Sequence[Path]) -> None:
    for other in others:
        if target == other or target in other.parents or other in target.parents:
            raise TargetConflict(f"{str(target)!r} and {str(other)!r} are in each other's way; name each driver once")
