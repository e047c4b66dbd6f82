"""A hidden directory beside the targets, in which a run prepares what it then moves into place."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fustor_new._files import remove_tree, sync, sync_tree, try_lock, write_new
from fustor_new._journal import Journal, drop_journal, write_journal
from fustor_new.plan import Edit, NewTree, Plan, missing_parents

__all__ = ["PREFIX", "Stage", "copy_owner_and_mode"]

PREFIX = ".fustor-new-"


class Stage:
    """The stage of one run.

    What has happened is read from the disk, never from memory: a signal may come between an act and its note.
    """

    def __init__(self, plan: Plan) -> None:
        self._name = PREFIX + secrets.token_hex(8)
        self._path = plan.root / self._name
        self._homes = {plan.root.stat().st_dev: self._path}
        self._staged = {tree.target: self._home(tree.target) / f"tree-{n}" for n, tree in enumerate(plan.trees)}
        self._lock = -1
        self._prepared: Plan | None = None
        self._emptied: dict[Path, int] = {}
        self.parents: tuple[Path, ...] = ()
        """The directories to make above the targets, the outermost first; known after `prepare`."""
        for edit in plan.edits:
            self._home(edit.path)

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
        self.parents = tuple(dict.fromkeys(path for tree in plan.trees for path in missing_parents(tree.target)))
        self._emptied = {tree.target: tree.target.stat().st_mode for tree in plan.trees if tree.target.is_dir()}
        for edit in plan.edits:
            for draft, data in ((self._draft(edit, "before"), edit.before), (self._draft(edit, "after"), edit.after)):
                write_new(draft, data)
                copy_owner_and_mode(edit.path, draft)
                sync(draft)
        self._prepared = plan
        write_journal(self._path, Journal.of(plan, self._staged, self._homes.values(), committing=True))

    def move(self, tree: NewTree) -> None:
        """Put a staged tree in its place, which is free or an empty directory."""
        self._staged[tree.target].rename(tree.target)
        sync(tree.target.parent)

    def replace(self, edit: Edit) -> None:
        """Put the edited file in the place of the old one."""
        self._draft(edit, "after").replace(edit.path)
        sync(edit.path.parent)

    def undo(self) -> None:
        """Put everything back as it was before `prepare`, as far as it has changed."""
        plan = self._prepared
        if plan is None:
            return
        for edit in plan.edits:
            if not self._draft(edit, "after").exists():
                self._draft(edit, "before").replace(edit.path)
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

    def _draft(self, edit: Edit, which: str) -> Path:
        return self._home(edit.path) / f"{edit.path.name}.{which}"


def copy_owner_and_mode(source: Path, target: Path) -> None:
    """Give `target` the mode of `source`, and its owner where we may."""
    status = source.stat()
    with suppress(PermissionError):
        os.chown(target, status.st_uid, status.st_gid)
    target.chmod(status.st_mode & 0o7777)
