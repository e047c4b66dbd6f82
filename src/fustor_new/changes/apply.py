"""A plan carried out, all of it or nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fustor_new.changes._below import Below
from fustor_new.changes._locks import locked, uninterrupted
from fustor_new.changes._recovery import abandoned_stages, recover, strange_stages
from fustor_new.changes._stage import Stage
from fustor_new.changes.content import Tree, fingerprint
from fustor_new.changes.plan import Change, Plan, check_target, existing
from fustor_new.errors import EnvironmentProblem

__all__ = ["abandoned_stages", "apply", "recover", "strange_stages", "working_in"]

Fault = Callable[[str], None]


def _no_fault(step: str) -> None:
    """Let every step happen."""


@contextmanager
def working_in(root: Path) -> Iterator[list[str]]:
    """Hold the lock below which nobody else changes anything, and give what `recover` did first.

    What is read inside is what a plan that is made and carried out inside finds: runs side by side wait for each other.
    Raises EnvironmentProblem when another process keeps the lock too long, or the disk does not allow it.
    """
    with locked(existing(root)):
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
    try:
        fault("lock the root")
        with locked(plan.root), Below(plan.root) as below:
            for change in plan.changes:
                _check(change, below)
            _apply(plan, below, fault)
    except OSError as err:
        raise EnvironmentProblem(
            f"Cannot write {err.filename or str(plan.root)!r} ({err.strerror}); nothing was changed, "
            f"remedy that and run again"
        ) from err


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
        with uninterrupted():
            _take_back(stage)
        raise


def _take_back(stage: Stage) -> None:
    try:
        stage.undo()
        stage.remove()
    except OSError as err:
        raise EnvironmentProblem(
            f"Cannot take back what was begun at {err.filename!r} ({err.strerror}); "
            f"remedy that, the next run finishes it"
        ) from err


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
