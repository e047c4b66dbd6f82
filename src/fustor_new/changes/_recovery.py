"""What an interrupted run has left behind: finished or undone by the next one."""

import os
from pathlib import Path

from fustor_new.changes._files import fingerprint, locked, prune, remove_tree, sync, try_lock, write_new
from fustor_new.changes._journal import Change, Journal, Move, TakenAway, drop_journal, read_journal
from fustor_new.changes._stage import PREFIX, copy_owner_and_mode, put_in_place
from fustor_new.changes.plan import Registration, Removal, root_text
from fustor_new.errors import EnvironmentProblem, TargetConflict, WorkspaceError
from fustor_new.workspace.root import Workspace

__all__ = ["recover"]


def recover(root: Path) -> list[str]:
    """Finish or undo what killed runs have left in `root` or above it, and return one line for each that says which.

    A run that had not begun to move things into place is undone, one that had is finished. A stage whose owner still
    holds its lock is left alone. A run into a directory that was not there yet has its stage in the nearest one above.
    Raises EnvironmentProblem where the disk does not allow it.
    """
    messages: list[str] = []
    here = root.resolve()
    try:
        for folder in (here, *here.parents):
            if _stages(folder):
                with locked(folder):
                    for stage in _stages(folder):
                        messages += _settle_abandoned(folder, stage)
    except OSError as err:
        raise EnvironmentProblem(
            f"Cannot clear up {err.filename!r} after an interrupted run ({err.strerror}); remedy that and run again"
        ) from err
    return messages


def _stages(folder: Path) -> list[Path]:
    """Return our stages in `folder`; what another user puts there, journal and all, is none of our business."""
    return sorted(
        path
        for path in folder.glob(f"{PREFIX}*")
        if path.is_dir() and not path.is_symlink() and path.stat().st_uid == os.geteuid()
    )


def _settle_abandoned(root: Path, stage: Path) -> list[str]:
    descriptor = os.open(stage, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return [_settle(root, stage)] if try_lock(descriptor) else []
    finally:
        os.close(descriptor)


def _settle(root: Path, stage: Path) -> str:
    journal = read_journal(stage)
    if journal is None:
        message = f"Removed {stage.name!r}, a leftover of an interrupted run"
    elif not journal.committing:
        message = f"Undid an interrupted run: nothing of {journal.title} had been put in place"
    else:
        message = f"Finished an interrupted run: {_finish(root, journal)}"
    for home in journal.homes if journal else ():
        if root / home != stage:
            remove_tree(root / home)
    drop_journal(stage)  # last of all but the stage itself: without it nobody knows of the other directories
    remove_tree(stage)
    return message


def _finish(root: Path, journal: Journal) -> str:
    """Put in place what is still missing, and return what came of it."""
    placed = [move.target for move in journal.moves if _moved(root, move)]
    edited = [change.path for change in journal.changes if _changed(root, change)]
    removed = [one.target for one in journal.removals if _taken_away(root, one)]
    targets = [*(move.target for move in journal.moves), *(change.path for change in journal.changes)]
    targets += [one.target for one in journal.removals]
    stuck = [target for target in targets if target not in {*placed, *edited, *removed}]
    outcome = [f"{', '.join(named)} is {what}" for named, what in _outcomes(placed, edited, removed) if named]
    try:
        _edit_root(
            root,
            journal.homes,
            [one for one in journal.registrations if one.directory not in stuck],
            [one for one in journal.unregistrations if one.directory not in stuck],
        )
    except WorkspaceError as err:
        outcome.append(f"not {journal.verb} ({err})")
    if stuck:
        outcome.append(f"{', '.join(stuck)} is left as it is, as it has changed since")
    return "; ".join(outcome) or f"{journal.title} is {journal.verb}"


def _outcomes(placed: list[str], edited: list[str], removed: list[str]) -> list[tuple[list[str], str]]:
    return [(placed, "in place"), (edited, "edited"), (removed, "removed")]


def _changed(root: Path, change: Change) -> bool:
    """Make an edit unless that has been done; tell whether it is made."""
    draft, path = root / change.draft, root / change.path
    deletes, now = change.after is None, fingerprint(path)
    if draft.exists() is deletes:
        return True
    if now != change.before:
        return now == change.after
    path.parent.mkdir(parents=True, exist_ok=True)
    put_in_place(draft, path, deletes=deletes)
    if deletes:
        prune(path, root)
    return True


def _taken_away(root: Path, one: TakenAway) -> bool:
    """Put a directory aside unless that has been done; tell whether it is gone."""
    aside, target = root / one.aside, root / one.target
    if aside.exists() or not os.path.lexists(target):
        return True
    try:
        if target.is_symlink() or not one.is_expected(Removal.read(target, frozenset(one.litter))):
            return False
    except (NotADirectoryError, TargetConflict):  # no directory, or something in it that no plan takes away
        return False
    put_in_place(aside, target, deletes=True)
    prune(target, root)
    return True


def _moved(root: Path, move: Move) -> bool:
    """Move a staged tree into its place unless that has been done; tell whether it is there."""
    staged, target = root / move.staged, root / move.target
    if not staged.exists():
        return target.is_dir()
    if os.path.lexists(target) and (target.is_symlink() or not target.is_dir() or any(target.iterdir())):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(target)
    sync(target.parent)
    return True


def _edit_root(root: Path, homes: tuple[str, ...], registered: list[Registration], gone: list[Registration]) -> None:
    if not registered and not gone:
        return
    workspace = Workspace.load(root)
    text = root_text(workspace, registered, gone)
    if text != workspace.text:
        path = Path(os.path.realpath(workspace.path))
        here = path.parent.stat().st_dev
        home = next(root / home for home in homes if (root / home).stat().st_dev == here)
        draft = home / "recovered.toml"
        draft.unlink(missing_ok=True)
        write_new(draft, text)
        copy_owner_and_mode(path, draft)
        sync(draft)
        draft.replace(path)
        sync(path.parent)
