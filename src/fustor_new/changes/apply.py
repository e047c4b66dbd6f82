"""A plan carried out, all of it or nothing; what an interrupted run has left behind is finished or undone by the next.

Only the user's own journals count, which no checkout can bring along; what is named like a stage and is in none of
them stays as it is.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fustor_new._signals import uninterrupted
from fustor_new.changes._below import Below
from fustor_new.changes._journal import PREFIX, Journal, Phase, Step, drop_drafts, drop_journal, journals_for
from fustor_new.changes._locks import is_locked, locked
from fustor_new.changes._stage import Stage, put_in_place
from fustor_new.changes.content import Tree, fingerprint
from fustor_new.changes.plan import Change, Plan, check_target, existing
from fustor_new.errors import EnvironmentProblem, TargetConflict, disk_allows

__all__ = ["abandoned_stages", "apply", "recover", "strange_stages", "working_in"]

Fault = Callable[[str], None]
_NAMED = 3


def _no_fault(step: str) -> None:
    """Let every step happen."""


@contextmanager
def working_in(root: Path) -> Iterator[list[str]]:
    """Hold the lock below which nobody else changes anything, and give what `recover` did first.

    What is read inside is what a plan that is made and carried out inside finds: runs side by side wait for each other.
    Raises EnvironmentProblem when another process keeps the lock too long, or the disk does not allow it.
    """
    with locked(existing(root)):
        drop_drafts(existing(root))
        yield recover(root)


def apply(plan: Plan, *, fault: Fault = _no_fault) -> None:
    """Carry the plan out; whatever is raised on the way, the disk is as it was before.

    All that is changed must be as it was when the plan was made. `fault` is called with each step's name just before
    it, for tests that make the step fail.
    Raises TargetConflict for what has come into the way, EnvironmentProblem for what has changed since the plan was
    made, and when the disk is full or unwritable, or a lock is not released in time; lets signals' exceptions through.
    """
    if plan.is_empty:
        return
    problem = "Cannot write {name!r} ({why}); nothing was changed, remedy that and run again"
    with disk_allows(problem, plan.root):
        fault("lock the root")
        with locked(plan.root), Below(plan.root) as below:
            for change in plan.changes:
                _check(change, below)
            _apply(plan, below, fault)


def _apply(plan: Plan, below: Below, fault: Fault) -> None:
    stage = Stage(plan, below)
    try:
        fault("create the stage")
        stage.create()
        _fill(stage, plan, fault)
        fault("write the journal")
        stage.prepare()
        _commit(stage, plan, below, fault)
        fault("remove the stage")
        with uninterrupted():
            stage.remove()
    except BaseException:
        problem = "Cannot take back what was begun at {name!r} ({why}); remedy that, the next run finishes it"
        with uninterrupted(), disk_allows(problem):
            stage.undo()
            stage.remove()
        raise


def _fill(stage: Stage, plan: Plan, fault: Fault) -> None:
    for change in plan.changes:
        if change.creates_tree:
            fault(f"stage {change.path.name}")
            for name in stage.write(change):
                fault(f"write {change.path.name}/{name}")


def _commit(stage: Stage, plan: Plan, below: Below, fault: Fault) -> None:
    for parent in stage.parents:
        fault(f"create {parent.name}")
        below.make_directory(parent)
    for change in plan.changes:
        verb = "move" if change.creates_tree else "take away" if change.removes_tree else "replace"
        fault(f"{verb} {change.path.name}")
        if not change.creates_tree:
            _check(change, below)
        stage.commit(change)


def _check(change: Change, below: Below) -> None:
    """Raise unless what is to be changed is as it was when the plan was made."""
    what = repr(str(change.path))
    if change.creates_tree:
        is_same = check_target(change)
    elif isinstance(change.before, Tree):
        differing = change.before.differing(change.path)
        is_same, what = not differing, f"{differing[0]!r} in {what}" if differing else what
    else:
        is_same = below.fingerprint(change.path) == fingerprint(change.before)
    if not is_same:
        raise EnvironmentProblem(f"{what} has changed meanwhile; run again")


def recover(root: Path) -> list[str]:
    """Finish or undo what killed runs have left in `root`, and return one line for each that says which.

    A run that had not begun to move things into place is undone, one that had is finished; for one that is at work it
    waits. A run into a directory that was not there yet has its stage in the nearest one above: the user's journals say
    so, nothing is looked for there.
    Raises EnvironmentProblem where the disk does not allow it.
    """
    messages: list[str] = []
    here = root.resolve()
    with disk_allows("Cannot clear up {name!r} after an interrupted run ({why}); remedy that and run again"):
        for folder in dict.fromkeys(Path(journal.root) for journal in _journals(root)):
            with locked(folder), Below(folder) as below:
                for journal in _journals(folder):  # as they are now: a run may have gone on meanwhile
                    messages += _settle(below, journal) if journal.root == str(folder) else []
        if any(map(_is_empty, _stages(here))):
            with locked(here):
                for stage in filter(_is_empty, _stages(here)):
                    stage.rmdir()
                    messages.append(f"Removed {stage.name!r}, a leftover of an interrupted run")
    return messages


def strange_stages(root: Path) -> list[str]:
    """Return lines for people about what looks like the trace of a run in `root`, and is not one of this user.

    It came with the checkout, or from another machine or version; nothing in it is read, nothing is done to it.
    """
    lines = [one for one in journals_for(root.resolve()) if isinstance(one, str)]
    known = {home for journal in _journals(root) for home in journal.homes}
    left = [path.name for path in _stages(root.resolve()) if path.name not in known and not _is_empty(path)]
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        named = ", ".join(map(repr, left[:_NAMED]))
        lines.append(
            f"{named}{more} in {str(root)!r} is named like a run of yours, but is not one; look at it, and remove it"
        )
    return lines


def abandoned_stages(root: Path) -> tuple[list[Path], list[Path]]:
    """Return the stages in `root` whose runs were interrupted, and those that no run of this user has made.

    While a run is at work there it holds the lock, and none of them counts as abandoned. Writes nothing.
    """
    here = root.resolve()
    stages = _stages(here)
    if not stages or is_locked(here):
        return [], []
    own = {here / home for journal in _journals(here) if journal.root == str(here) for home in journal.homes}
    ours = [stage for stage in stages if stage in own or _is_empty(stage)]
    return ours, [stage for stage in stages if stage not in ours]


def _journals(root: Path) -> list[Journal]:
    return [one for one in journals_for(root.resolve()) if isinstance(one, Journal) and Path(one.root).is_dir()]


def _stages(folder: Path) -> list[Path]:
    """Return what is named like a stage and is this user's; what is another user's is left alone."""
    found = (path for path in folder.glob(f"{PREFIX}*") if stat.S_ISDIR(path.lstat().st_mode))
    return sorted(path for path in found if path.lstat().st_uid == os.geteuid())


def _is_empty(stage: Path) -> bool:
    try:
        with os.scandir(stage) as entries:
            return not any(entries)
    except OSError:  # it has just gone, or cannot be read
        return False


def _settle(below: Below, journal: Journal) -> list[str]:
    has_stage = below.is_directory(below.root / journal.stage)
    messages = []
    if journal.phase is Phase.STAGING:
        messages.append(f"Undid an interrupted run: nothing of {journal.title} had been put in place")
    elif has_stage and journal.phase is Phase.CLEARING:
        messages.append(f"Removed {journal.stage!r}, a leftover of an interrupted run")
    elif has_stage:  # without one it was killed after all it did
        messages.append(f"Finished an interrupted run: {_finish(below, journal)}")
    for home in reversed(journal.homes):
        below.remove_tree(below.root / home)
    drop_journal(journal)
    return messages


def _finish(below: Below, journal: Journal) -> str:
    """Put in place what is still missing, and return what came of it.

    Files wait for directories: where one of those is left as it is, no file is edited that may say otherwise.
    """
    directories = [step for step in journal.steps if step.is_of_directory]
    done = [step for step in directories if _do(below, step)]
    stuck = [step for step in directories if step not in done]
    files = [step for step in journal.steps if step not in directories]
    waiting = [step.path for step in files if stuck and not _is_done(below, step)]
    for step in files:
        if step.path not in waiting:
            (done if _do(below, step) else stuck).append(step)
    outcome = []
    for what in ("in place", "removed", "edited"):
        named = [step.path for step in done if _outcome(step) == what]
        outcome += [f"{', '.join(named)} is {what}"] if named else []
    if waiting:
        outcome.append(f"{', '.join(waiting)} is not edited")
    if stuck:
        outcome.append(f"{', '.join(step.path for step in stuck)} is left as it is, as it has changed since")
    return "; ".join(outcome)


def _outcome(step: Step) -> str:
    if not step.is_of_directory:
        return "edited"
    return "removed" if step.puts_aside else "in place"


def _is_done(below: Below, step: Step) -> bool:
    """Tell whether the run came to it before it was killed."""
    return below.exists(below.root / step.staged) is step.puts_aside


def _do(below: Below, step: Step) -> bool:
    """Make a change unless that has been done; tell whether it is made, or what is there has changed since."""
    staged, path = below.root / step.staged, below.root / step.path
    litter = step.litter if step.is_of_directory else None
    try:
        if _is_done(below, step):
            return step.puts_aside or not step.is_of_directory or below.is_directory(path)
        now = below.fingerprint(path, litter)
        is_free = now == {} and step.before is None and step.is_of_directory
        if not (now == step.before or is_free):
            return now == step.after
        if not step.puts_aside and below.fingerprint(staged, litter) != step.after:  # not what the run had put there
            return False
        if not step.puts_aside:
            below.make_parents(path)
        put_in_place(below, staged, path, aside=step.puts_aside)
    except (NotADirectoryError, TargetConflict):  # a symlink has come into its way, or something that no run removes
        return False
    return True
