"""What an interrupted run has left behind: finished or undone by the next one."""

import os
from pathlib import Path

from fustor_new._files import locked, remove_tree, sync, try_lock, write_new
from fustor_new._journal import Journal, Move, drop_journal, read_journal
from fustor_new._stage import PREFIX, copy_owner_and_mode
from fustor_new.errors import EnvironmentProblem, WorkspaceError
from fustor_new.registration import Registration, register
from fustor_new.workspace import Workspace

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
    stuck = [move.target for move in journal.moves if move.target not in placed]
    outcome = [f"{', '.join(placed)} is in place"] if placed else []
    try:
        _register(root, journal.homes, [one for one in journal.registrations if one.directory not in stuck])
    except WorkspaceError as err:
        outcome.append(f"not registered ({err})")
    if stuck:
        outcome.append(f"{', '.join(stuck)} is left as it is, as it has changed since")
    return "; ".join(outcome) or f"{journal.title} is registered"


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


def _register(root: Path, homes: tuple[str, ...], registrations: list[Registration]) -> None:
    if not registrations:
        return
    workspace = Workspace.load(root)
    before = workspace.text
    for one in registrations:
        workspace = Workspace.parse(root, register(workspace, one.directory, one.distribution))
    if workspace.text != before:
        path = Path(os.path.realpath(workspace.path))
        here = path.parent.stat().st_dev
        home = next(root / home for home in homes if (root / home).stat().st_dev == here)
        draft = home / "recovered.toml"
        draft.unlink(missing_ok=True)
        write_new(draft, workspace.text)
        copy_owner_and_mode(path, draft)
        sync(draft)
        draft.replace(path)
        sync(path.parent)
