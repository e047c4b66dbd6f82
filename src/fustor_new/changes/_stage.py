"""A hidden directory beside the targets, in which a run prepares what it then moves into place."""

import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from fustor_new._signals import uninterrupted
from fustor_new.changes._below import Below
from fustor_new.changes._journal import PREFIX, Journal, Phase, drop_journal, write_journal
from fustor_new.changes.content import FileContent, Tree, fingerprint
from fustor_new.changes.plan import Change, Plan
from fustor_new.errors import EnvironmentProblem

__all__ = ["Stage", "put_in_place", "with_executable"]


class Stage:
    """The stage of one run, which holds the lock on the plan's root all the while.

    What has happened is read from the disk, never from memory: a signal may come between an act and its note.
    """

    def __init__(self, plan: Plan, below: Below) -> None:
        self._below = below
        self._plan = plan
        self._name = PREFIX + secrets.token_hex(8)
        self._homes = {plan.root.stat().st_dev: plan.root / self._name}
        self._staged = {change.path: self._place(number, change) for number, change in enumerate(plan.changes)}
        self._journal: Journal | None = None
        self._is_prepared = False
        self._emptied: dict[Path, int] = {}
        self._standing: dict[Path, int] = {}
        self.parents: tuple[Path, ...] = ()
        """The directories to make above the targets, the outermost first; known after `prepare`."""

    def create(self) -> None:
        """Make the stage."""
        self._note(Phase.STAGING)
        for home in self._homes.values():
            self._below.make_directory(home, 0o700)

    def write(self, change: Change) -> Iterator[str]:
        """Make the staged directory of a change, and yield the name of each of its files before it is written."""
        staged, tree = self._staged[change.path], change.after
        if isinstance(tree, Tree):
            self._below.make_directory(staged)
            for name, content in tree.files.items():
                yield name
                self._below.make_parents(staged / name)
                self._below.write_new(staged / name, content.data, 0o777 if content.is_executable else 0o666)
            self._below.sync_tree(staged)

    def prepare(self) -> None:
        """Write down what is to happen, and keep what must come back should it fail."""
        below, changes = self._below, self._plan.changes
        made = [change.path for change in changes if not change.removes_tree]
        self.parents = tuple(sorted({path for target in made for path in below.missing_parents(target)}))
        created = [change.path for change in changes if change.creates_tree]
        self._emptied = {path: found.st_mode for path in created if (found := below.status(path)) is not None}
        going = [change.path for change in changes if change.after is None]
        standing = {parent for path in going for parent in below.standing_parents(path)}
        self._standing = {parent: parent.stat().st_mode for parent in sorted(standing)}
        for change in changes:
            if isinstance(change.after, FileContent):
                self._draft(change, change.after)
        self._is_prepared = True
        self._note(Phase.COMMITTING)

    def commit(self, change: Change) -> None:
        """Put what is new in its place, or what is to go aside, into the stage, with which it goes."""
        put_in_place(self._below, self._staged[change.path], change.path, aside=change.after is None)

    def undo(self) -> None:
        """Put everything back as it was before `prepare`, as far as it has changed."""
        if not self._is_prepared:
            return
        for parent, mode in self._standing.items():  # those that had become empty
            self._restore(parent, mode)
        for change in reversed(self._plan.changes):
            self._undo(change)
        for parent in reversed(self.parents):  # not made yet, or in use by somebody else by now: then it stays
            self._below.remove_empty(parent)

    def remove(self) -> None:
        """Remove the stage; once its journal says that it is only to be cleared the run counts as done."""
        if self._journal is not None:
            if self._journal.phase is Phase.COMMITTING:
                self._note(Phase.CLEARING)
            self._is_prepared = False
            for home in reversed(self._homes.values()):
                self._below.remove_tree(home)
            drop_journal(self._journal)
            self._journal = None

    def _note(self, phase: Phase) -> None:
        journal = Journal.of(self._plan, self._staged, self._homes.values(), phase)
        with uninterrupted():  # what is written is known here, to be taken away
            write_journal(journal)
            self._journal = journal

    def _place(self, number: int, change: Change) -> Path:
        """Return where a change is staged: on the file system of its target, where a rename reaches it."""
        parent = next(path for path in change.path.parents if path.is_dir())
        home = self._homes.setdefault(parent.stat().st_dev, parent / self._name)
        return home / f"{number}.{'tree' if change.creates_tree else 'removed' if change.removes_tree else 'after'}"

    def _before(self, change: Change) -> Path:
        return self._staged[change.path].with_suffix(".before")

    def _draft(self, change: Change, after: FileContent) -> None:
        """Write the file as it will be, and as it is."""
        staged = self._staged[change.path]
        if not isinstance(change.before, FileContent):
            self._below.write_new(staged, after.data, 0o777 if after.is_executable else 0o666)
            return
        found = self._below.read(change.path)  # owner and mode are those of the very file whose bytes these are
        if found.data != change.before.data:
            raise EnvironmentProblem(f"{str(change.path)!r} has changed meanwhile; run again")
        mode = stat.S_IMODE(found.status.st_mode)
        self._below.write_new(self._before(change), found.data, mode, found.status)
        if after.is_executable != change.before.is_executable:
            mode = with_executable(mode, executable=after.is_executable)
        self._below.write_new(staged, after.data, mode, found.status)

    def _undo(self, change: Change) -> None:
        below, path, staged = self._below, change.path, self._staged[change.path]
        if change.after is None:
            if below.exists(staged) and not below.exists(path):
                below.rename(staged, path)
        elif below.exists(staged):
            self._restore_emptied(path)
        elif change.creates_tree:
            below.rename(path, staged)
            self._restore_emptied(path)
        elif below.fingerprint(path) == fingerprint(change.after):  # nobody has changed it while it was there
            if change.before is None:
                below.remove_file(path)
            else:
                below.rename(self._before(change), path)

    def _restore_emptied(self, path: Path) -> None:
        """Make the empty directory anew that a created one took the place of."""
        if path in self._emptied:
            self._restore(path, self._emptied[path])

    def _restore(self, path: Path, mode: int) -> None:
        if not self._below.exists(path):
            self._below.make_directory(path)
            self._below.set_mode(path, mode)


def put_in_place(below: Below, staged: Path, target: Path, *, aside: bool) -> None:
    """Put what is staged into its place, or what is there aside; lasts when this returns."""
    if aside:
        below.rename(target, staged)
        below.prune(target)
    else:
        below.rename(staged, target)


def with_executable(mode: int, *, executable: bool) -> int:
    """Return the mode that lets those execute the file who may read it, or nobody."""
    return mode | (mode & 0o444) >> 2 if executable else mode & ~0o111
