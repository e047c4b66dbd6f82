"""A hidden directory beside the targets, in which a run prepares what it then moves into place."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fustor_new.changes._files import (
    digest,
    fingerprint,
    prune,
    remove_tree,
    standing_parents,
    sync,
    sync_tree,
    try_lock,
    write_new,
)
from fustor_new.changes._journal import Journal, drop_journal, write_journal
from fustor_new.changes.plan import Edit, NewTree, Plan, Removal, missing_parents

__all__ = ["PREFIX", "Stage", "copy_owner_and_mode", "put_in_place"]

PREFIX = ".fustor-new-"


class Stage:
    """The stage of one run.

    What has happened is read from the disk, never from memory: a signal may come between an act and its note.
    """

    def __init__(self, plan: Plan) -> None:
        self._name = PREFIX + secrets.token_hex(8)
        self._path = plan.root / self._name
        self._homes = {plan.root.stat().st_dev: self._path}
        self._staged: dict[Path, Path] = {}
        self._name_places(plan)
        self._lock = -1
        self._prepared: Plan | None = None
        self._emptied: dict[Path, int] = {}
        self._standing: dict[Path, int] = {}
        self.parents: tuple[Path, ...] = ()
        """The directories to make above the targets, the outermost first; known after `prepare`."""

    def create(self, plan: Plan) -> None:
        """Make the stage and hold its lock; the caller holds the root's, so that nobody takes it for a leftover."""
        self._path.mkdir()
        self._lock = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try_lock(self._lock)
        write_journal(self._path, Journal.of(plan, self._staged, self._homes.values(), committing=False))
        for home in self._homes.values():
            home.mkdir(exist_ok=True)

    def places(self, tree: NewTree) -> Iterator[tuple[str, Path]]:
        """Yield the tree's files with their places in the stage, and make the directories around them."""
        staged = self._staged[tree.target]
        staged.mkdir()
        for name in tree.files:
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            yield name, path
        sync_tree(staged)

    def prepare(self, plan: Plan) -> None:
        """Write down what is to happen, and keep what must come back should it fail; needs the root's lock."""
        self._name_places(plan)
        made = [*(tree.target for tree in plan.trees), *(edit.path for edit in plan.edits)]
        self.parents = tuple(sorted({path for target in made for path in missing_parents(target)}))
        self._emptied = {tree.target: tree.target.stat().st_mode for tree in plan.trees if tree.target.is_dir()}
        going = [*(edit.path for edit in plan.edits if edit.after is None), *(one.target for one in plan.removals)]
        standing = {parent for path in going for parent in standing_parents(path, plan.root)}
        self._standing = {parent: parent.stat().st_mode for parent in sorted(standing)}
        for edit in plan.edits:
            self._draft_of(edit)
        self._prepared = plan
        write_journal(self._path, Journal.of(plan, self._staged, self._homes.values(), committing=True))

    def move(self, tree: NewTree) -> None:
        """Put a staged tree in its place, which is free or an empty directory."""
        self._staged[tree.target].rename(tree.target)
        sync(tree.target.parent)

    def edit(self, edit: Edit) -> None:
        """Put the edited file in the place of the old one, or the old one aside where there is to be none."""
        put_in_place(self._staged[edit.path], edit.path, deletes=edit.after is None)
        if edit.after is None:
            prune(edit.path, self._path.parent)

    def take_away(self, removal: Removal) -> None:
        """Put the directory aside, into the stage, with which it goes."""
        put_in_place(self._staged[removal.target], removal.target, deletes=True)
        prune(removal.target, self._path.parent)

    def undo(self) -> None:
        """Put everything back as it was before `prepare`, as far as it has changed."""
        plan = self._prepared
        if plan is None:
            return
        self._restore_parents()
        for removal in plan.removals:
            if self._staged[removal.target].exists() and not os.path.lexists(removal.target):
                self._staged[removal.target].rename(removal.target)
        for edit in reversed(plan.edits):
            self._undo_edit(edit)
        for tree in plan.trees:
            if not self._staged[tree.target].exists():
                tree.target.rename(self._staged[tree.target])
            if tree.target in self._emptied and not tree.target.exists():
                tree.target.mkdir()
                tree.target.chmod(self._emptied[tree.target] & 0o7777)
        for parent in reversed(self.parents):
            with suppress(OSError):  # not made yet, or in use by somebody else by now
                parent.rmdir()

    def remove(self) -> None:
        """Remove the stage; once its journal is gone the run counts as done."""
        if self._path.exists():
            drop_journal(self._path)
        self._prepared = None
        for home in reversed(self._homes.values()):
            remove_tree(home)
        self.release()

    def release(self) -> None:
        """Give the stage's lock back."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _home(self, target: Path) -> Path:
        """Return the stage's directory on the file system of `target`, where a rename reaches it."""
        parent = next(path for path in target.parents if path.is_dir())
        return self._homes.setdefault(parent.stat().st_dev, parent / self._name)

    def _name_places(self, plan: Plan) -> None:
        """Name the places in the stage, by target: of new trees and files, and of what is put aside."""
        targets = {tree.target: "tree" for tree in plan.trees}
        targets |= {removal.target: "removed" for removal in plan.removals}
        targets |= {edit.path: "after" for edit in plan.edits}
        for target, kind in targets.items():
            if target not in self._staged:
                self._staged[target] = self._home(target) / f"{len(self._staged)}.{kind}"

    def _before(self, edit: Edit) -> Path:
        return self._staged[edit.path].with_suffix(".before")

    def _draft_of(self, edit: Edit) -> None:
        """Write the file as it will be, and as it is; whatever is to be deleted need not be copied."""
        if edit.after is None:
            return
        for draft, data in ((self._before(edit), edit.before), (self._staged[edit.path], edit.after)):
            if data is not None:
                write_new(draft, data, executable=edit.is_executable)
            if edit.before is not None:
                copy_owner_and_mode(edit.path, draft)
        if edit.executable is not None and edit.before is not None:
            set_executable(self._staged[edit.path], executable=edit.executable)
        for draft in (self._before(edit), self._staged[edit.path]):
            if draft.exists():
                sync(draft)

    def _undo_edit(self, edit: Edit) -> None:
        """Put the old file back, unless somebody else has changed the new one in the moment that it was there."""
        staged, now = self._staged[edit.path], fingerprint(edit.path)
        if edit.after is None:
            if staged.exists() and now is None:
                staged.rename(edit.path)
        elif not staged.exists() and now == digest(edit.after):
            if edit.before is None:
                edit.path.unlink()
            else:
                self._before(edit).replace(edit.path)

    def _restore_parents(self) -> None:
        """Make the directories anew that had become empty."""
        for parent, mode in self._standing.items():
            if not parent.exists():
                parent.mkdir()
                parent.chmod(mode & 0o7777)


def put_in_place(staged: Path, target: Path, *, deletes: bool) -> None:
    """Put the draft into its place, or aside what is there; lasts when this returns."""
    if deletes:
        target.rename(staged)
        sync(staged.parent)
    else:
        staged.replace(target)
    sync(target.parent)


def copy_owner_and_mode(source: Path, target: Path) -> None:
    """Give `target` the mode of `source`, and its owner where we may."""
    status = source.stat()
    with suppress(PermissionError):
        os.chown(target, status.st_uid, status.st_gid)
    target.chmod(status.st_mode & 0o7777)


def set_executable(path: Path, *, executable: bool) -> None:
    """Let those execute the file who may read it, or nobody."""
    mode = path.stat().st_mode & 0o7777
    path.chmod(mode | (mode & 0o444) >> 2 if executable else mode & ~0o111)
