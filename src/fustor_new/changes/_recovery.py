"""What an interrupted run has left behind: finished or undone by the next one.

Only the user's own journals count, which no checkout can bring along; what is named like a stage and is in none of
them stays as it is.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from fustor_new.changes._below import Below
from fustor_new.changes._files import locked, try_lock
from fustor_new.changes._journal import Change, Journal, Move, Phase, TakenAway, fingerprint_of
from fustor_new.changes._records import drop_journal, journals_for
from fustor_new.changes._stage import PREFIX, put_in_place
from fustor_new.changes.plan import FileContent, Registration, Removal, root_place, root_text
from fustor_new.errors import EnvironmentProblem, TargetConflict, WorkspaceError
from fustor_new.workspace.root import Workspace

__all__ = ["abandoned_stages", "recover", "strange_stages"]

_NAMED = 3


def recover(root: Path) -> list[str]:
    """Finish or undo what killed runs have left in `root`, and return one line for each that says which.

    A run that had not begun to move things into place is undone, one that had is finished. A stage whose owner still
    holds its lock is left alone. A run into a directory that was not there yet has its stage in the nearest one above:
    the user's journals say so, nothing is looked for there.
    Raises EnvironmentProblem where the disk does not allow it.
    """
    messages: list[str] = []
    try:
        for folder in dict.fromkeys(Path(journal.root) for journal in _journals(root)):
            with locked(folder), Below(folder) as below:
                for journal in _journals(folder):  # as they are now: a run may have gone on meanwhile
                    messages += _settle_abandoned(below, journal) if journal.root == str(folder) else []
        for stage in _empty_stages(root.resolve()):
            stage.rmdir()
            messages.append(f"Removed {stage.name!r}, a leftover of an interrupted run")
    except OSError as err:
        raise EnvironmentProblem(
            f"Cannot clear up {err.filename!r} after an interrupted run ({err.strerror}); remedy that and run again"
        ) from err
    return messages


def strange_stages(root: Path) -> list[str]:
    """Return a line for people, if any, about what looks like the trace of a run in `root` and is none of this user's.

    It came with the checkout, or from another machine or version; nothing in it is read, nothing is done to it.
    """
    lines = [one for one in journals_for(root.resolve()) if isinstance(one, str)]
    known = {home for journal in _journals(root) for home in journal.homes}
    left = [path.name for path in _stages(root.resolve()) if path.name not in known and not _is_empty(path)]
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        named = ", ".join(map(repr, left[:_NAMED]))
        lines.append(f"{named}{more} in {str(root)!r} is named like a run of yours, but is none; look, and remove it")
    return lines


def abandoned_stages(root: Path) -> tuple[list[Path], list[Path]]:
    """Return the stages in `root` whose runs were interrupted, and those that no run of this user has made.

    A run that is still at work holds the lock on its own. Writes nothing.
    """
    here = root.resolve()
    own = {here / home for journal in _journals(here) if journal.root == str(here) for home in journal.homes}
    stages = [stage for stage in _stages(here) if _is_abandoned(stage)]
    ours = [stage for stage in stages if stage in own or _is_empty(stage)]
    return ours, [stage for stage in stages if stage not in ours]


def _journals(root: Path) -> list[Journal]:
    return [one for one in journals_for(root.resolve()) if isinstance(one, Journal) and Path(one.root).is_dir()]


def _stages(folder: Path) -> list[Path]:
    """Return what is named like a stage and is this user's; what is another user's is none of our business."""
    found = (path for path in folder.glob(f"{PREFIX}*") if stat.S_ISDIR(path.lstat().st_mode))
    return sorted(path for path in found if path.lstat().st_uid == os.geteuid())


def _empty_stages(folder: Path) -> Iterator[Path]:
    return (stage for stage in _stages(folder) if _is_empty(stage) and _is_abandoned(stage))


def _is_empty(stage: Path) -> bool:
    try:
        with os.scandir(stage) as entries:
            return not any(entries)
    except OSError:  # it has just gone, or cannot be read
        return False


def _is_abandoned(stage: Path) -> bool:
    try:
        descriptor = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # its run has just ended, or it cannot be read
        return False
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)


def _settle_abandoned(below: Below, journal: Journal) -> list[str]:
    stage = below.root / journal.stage
    if not below.is_directory(stage):  # its run has just ended, or was killed before or after all it did
        return [_settle(below, journal)] if journal.phase is Phase.STAGING else _dropped(journal)
    descriptor = below.open_directory(stage)
    try:
        return [_settle(below, journal)] if try_lock(descriptor) else []
    finally:
        os.close(descriptor)


def _dropped(journal: Journal) -> list[str]:
    drop_journal(journal)
    return []


def _settle(below: Below, journal: Journal) -> str:
    match journal.phase:
        case Phase.CLEARING:
            message = f"Removed {journal.stage!r}, a leftover of an interrupted run"
        case Phase.STAGING:
            message = f"Undid an interrupted run: nothing of {journal.title} had been put in place"
        case Phase.COMMITTING:
            message = f"Finished an interrupted run: {_finish(below, journal)}"
    for home in reversed(journal.homes):
        below.remove_tree(below.root / home)
    drop_journal(journal)
    return message


def _finish(below: Below, journal: Journal) -> str:
    """Put in place what is still missing, and return what came of it."""
    placed = [move.target for move in journal.moves if _moved(below, move)]
    edited = [change.path for change in journal.changes if _changed(below, change)]
    removed = [one.target for one in journal.removals if _taken_away(below, one)]
    targets = [*(move.target for move in journal.moves), *(change.path for change in journal.changes)]
    targets += [one.target for one in journal.removals]
    stuck = [target for target in targets if target not in {*placed, *edited, *removed}]
    outcome = [f"{', '.join(named)} is {what}" for named, what in _outcomes(placed, edited, removed) if named]
    try:
        _edit_root(
            below,
            journal,
            [one for one in journal.registrations if one.directory not in stuck],
            [one for one in journal.unregistrations if one.directory not in stuck],
        )
    except (WorkspaceError, TargetConflict) as err:
        outcome.append(f"not {journal.verb} ({err})")
    if stuck:
        outcome.append(f"{', '.join(stuck)} is left as it is, as it has changed since")
    return "; ".join(outcome) or f"{journal.title} is {journal.verb}"


def _outcomes(placed: list[str], edited: list[str], removed: list[str]) -> list[tuple[list[str], str]]:
    return [(placed, "in place"), (edited, "edited"), (removed, "removed")]


def _changed(below: Below, change: Change) -> bool:
    """Make an edit unless that has been done; tell whether it is made."""
    draft, path = below.root / change.draft, below.root / change.path
    deletes = change.after is None
    try:
        now = below.fingerprint(path)
        if below.exists(draft) is deletes:
            return True
        if now != change.before or not (deletes or below.fingerprint(draft) == change.after):
            return now == change.after
        below.make_parents(path)
        put_in_place(below, draft, path, deletes=deletes)
    except TargetConflict:  # a symlink has come into its way
        return False
    return True


def _taken_away(below: Below, one: TakenAway) -> bool:
    """Put a directory aside unless that has been done; tell whether it is gone."""
    aside, target = below.root / one.aside, below.root / one.target
    try:
        if below.exists(aside) or not below.exists(target):
            return True
        if not below.is_directory(target):
            return False
        if not one.is_expected(Removal.read(target, frozenset(one.litter))):
            return False
        put_in_place(below, aside, target, deletes=True)
    except (NotADirectoryError, TargetConflict):  # no directory, or something in it that no plan takes away
        return False
    return True


def _moved(below: Below, move: Move) -> bool:
    """Move a staged tree into its place unless that has been done; tell whether it is there."""
    staged, target = below.root / move.staged, below.root / move.target
    try:
        if not below.exists(staged):
            return below.is_directory(target)
        if below.exists(target) and (not below.is_directory(target) or below.names(target)):
            return False
        if _prints(below, staged) != dict(move.files):  # not what the run had put there
            return False
        below.make_parents(target)
        below.rename(staged, target)
    except TargetConflict:  # a symlink has come into its way
        return False
    return True


def _prints(below: Below, folder: Path) -> dict[str, tuple[str, str]]:
    found = {}
    for name, path, status in below.files(folder):
        data = below.read(path).data if stat.S_ISREG(status.st_mode) else b""
        found[name] = fingerprint_of(FileContent(data, status.st_mode))
    return found


def _edit_root(below: Below, journal: Journal, registered: list[Registration], gone: list[Registration]) -> None:
    if not registered and not gone:
        return
    path = root_place(below.root, below.root / "pyproject.toml")
    found = below.read(path)
    text = root_text(Workspace.parse(below.root, found.data), registered, gone)
    if text != found.data:
        here = path.parent.stat().st_dev
        home = next(below.root / home for home in journal.homes if (below.root / home).stat().st_dev == here)
        draft = home / "recovered.toml"
        if below.exists(draft):
            below.remove_file(draft)
        below.write_new(draft, text, stat.S_IMODE(found.status.st_mode), found.status)
        below.rename(draft, path)
