"""A hidden directory beside the targets, in which a run prepares what it then moves into place."""

import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from fustor_new.changes._below import Below
from fustor_new.changes._files import digest, try_lock
from fustor_new.changes._journal import Journal, Phase
from fustor_new.changes._records import drop_journal, write_journal
from fustor_new.changes.plan import Edit, FileContent, NewTree, Plan, Removal
from fustor_new.errors import EnvironmentProblem

__all__ = ["PREFIX", "Stage", "put_in_place", "with_executable"]

PREFIX = ".fustor-new-"


class Stage:
    """The stage of one run.

    What has happened is read from the disk, never from memory: a signal may come between an act and its note.
    """

    def __init__(self, plan: Plan, below: Below) -> None:
        self._below = below
        self._name = PREFIX + secrets.token_hex(8)
        self._path = plan.root / self._name
        self._homes = {plan.root.stat().st_dev: self._path}
        self._staged: dict[Path, Path] = {}
        self._name_places(plan)
        self._lock = -1
        self._journal: Journal | None = None
        self._prepared: Plan | None = None
        self._emptied: dict[Path, int] = {}
        self._standing: dict[Path, int] = {}
        self.parents: tuple[Path, ...] = ()
        """The directories to make above the targets, the outermost first; known after `prepare`."""

    def create(self, plan: Plan) -> None:
        """Make the stage and hold its lock; the caller holds the root's, so that nobody takes it for a leftover."""
        self._note(plan, Phase.STAGING)
        self._below.make_directory(self._path, 0o700)
        self._lock = self._below.open_directory(self._path)
        try_lock(self._lock)
        for home in self._homes.values():
            if not self._below.exists(home):
                self._below.make_directory(home, 0o700)

    def places(self, tree: NewTree) -> Iterator[tuple[str, FileContent]]:
        """Make the staged tree, and yield each of its files before it is written."""
        staged = self._staged[tree.target]
        self._below.make_directory(staged)
        for name, content in tree.files.items():
            yield name, content
            self._below.make_parents(staged / name)
            self._below.write_new(staged / name, content.data, 0o777 if content.is_executable else 0o666)
        self._below.sync_tree(staged)

    def prepare(self, plan: Plan) -> None:
        """Write down what is to happen, and keep what must come back should it fail; needs the root's lock."""
        below = self._below
        self._name_places(plan)
        made = [*(tree.target for tree in plan.trees), *(edit.path for edit in plan.edits)]
        self.parents = tuple(sorted({path for target in made for path in below.missing_parents(target)}))
        self._emptied = {
            tree.target: status.st_mode for tree in plan.trees if (status := below.status(tree.target)) is not None
        }
        going = [*(edit.path for edit in plan.edits if edit.after is None), *(one.target for one in plan.removals)]
        standing = {parent for path in going for parent in below.standing_parents(path)}
        self._standing = {parent: parent.stat().st_mode for parent in sorted(standing)}
        for edit in plan.edits:
            self._draft_of(edit)
        self._prepared = plan
        self._note(plan, Phase.COMMITTING)

    def move(self, tree: NewTree) -> None:
        """Put a staged tree in its place, which is free or an empty directory."""
        self._below.rename(self._staged[tree.target], tree.target)

    def edit(self, edit: Edit) -> None:
        """Put the edited file in the place of the old one, or the old one aside where there is to be none."""
        put_in_place(self._below, self._staged[edit.path], edit.path, deletes=edit.after is None)

    def take_away(self, removal: Removal) -> None:
        """Put the directory aside, into the stage, with which it goes."""
        put_in_place(self._below, self._staged[removal.target], removal.target, deletes=True)

    def undo(self) -> None:
        """Put everything back as it was before `prepare`, as far as it has changed."""
        plan, below = self._prepared, self._below
        if plan is None:
            return
        self._restore_parents()
        for removal in plan.removals:
            if below.exists(self._staged[removal.target]) and not below.exists(removal.target):
                below.rename(self._staged[removal.target], removal.target)
        for edit in reversed(plan.edits):
            self._undo_edit(edit)
        for tree in plan.trees:
            if not below.exists(self._staged[tree.target]):
                below.rename(tree.target, self._staged[tree.target])
            if tree.target in self._emptied and not below.exists(tree.target):
                below.make_directory(tree.target)
                below.set_mode(tree.target, self._emptied[tree.target])
        for parent in reversed(self.parents):  # not made yet, or in use by somebody else by now: then it stays
            below.remove_empty(parent)

    def remove(self) -> None:
        """Remove the stage; once its journal says that it is only to be cleared the run counts as done."""
        if self._journal is not None:
            if self._journal.phase is Phase.COMMITTING and self._prepared is not None:
                self._note(self._prepared, Phase.CLEARING)
            self._prepared = None
            for home in reversed(self._homes.values()):
                self._below.remove_tree(home)
            drop_journal(self._journal)
            self._journal = None
        self.release()

    def release(self) -> None:
        """Give the stage's lock back."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _note(self, plan: Plan, phase: Phase) -> None:
        journal = Journal.of(plan, self._staged, self._homes.values(), phase)
        write_journal(journal)
        self._journal = journal

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
        if edit.before is None:
            mode = 0o777 if edit.is_executable else 0o666
            self._below.write_new(self._staged[edit.path], edit.after, mode)
            return
        found = self._below.read(edit.path)  # owner and mode are those of the very file whose bytes these are
        if found.data != edit.before:
            raise EnvironmentProblem(f"{str(edit.path)!r} has changed meanwhile; run again")
        mode = stat.S_IMODE(found.status.st_mode)
        self._below.write_new(self._before(edit), edit.before, mode, found.status)
        mode = mode if edit.executable is None else with_executable(mode, executable=edit.executable)
        self._below.write_new(self._staged[edit.path], edit.after, mode, found.status)

    def _undo_edit(self, edit: Edit) -> None:
        """Put the old file back, unless somebody else has changed the new one in the moment that it was there."""
        below, staged, now = self._below, self._staged[edit.path], self._below.fingerprint(edit.path)
        if edit.after is None:
            if below.exists(staged) and now is None:
                below.rename(staged, edit.path)
        elif not below.exists(staged) and now == digest(edit.after):
            if edit.before is None:
                below.remove_file(edit.path)
            else:
                below.rename(self._before(edit), edit.path)

    def _restore_parents(self) -> None:
        """Make the directories anew that had become empty."""
        for parent, mode in self._standing.items():
            if not self._below.exists(parent):
                self._below.make_directory(parent)
                self._below.set_mode(parent, mode)


def put_in_place(below: Below, staged: Path, target: Path, *, deletes: bool) -> None:
    """Put the draft into its place, or aside what is there; lasts when this returns."""
    if deletes:
        below.rename(target, staged)
        below.prune(target)
    else:
        below.rename(staged, target)


def with_executable(mode: int, *, executable: bool) -> int:
    """Return the mode that lets those execute the file who may read it, or nobody."""
    return mode | (mode & 0o444) >> 2 if executable else mode & ~0o111
