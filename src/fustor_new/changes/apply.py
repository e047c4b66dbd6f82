"""A plan carried out, all of it or nothing."""

from collections.abc import Callable
from contextlib import ExitStack

from fustor_new.changes._below import Below
from fustor_new.changes._files import digest, locked, uninterrupted
from fustor_new.changes._recovery import abandoned_stages, recover, strange_stages
from fustor_new.changes._stage import Stage
from fustor_new.changes.plan import Edit, Plan, Removal, make_plan
from fustor_new.errors import EnvironmentProblem
from fustor_new.workspace.root import Workspace

__all__ = ["abandoned_stages", "apply", "recover", "strange_stages"]

Fault = Callable[[str], None]


def _no_fault(step: str) -> None:
    """Let every step happen."""


def apply(plan: Plan, *, fault: Fault = _no_fault) -> Plan:
    """Carry the plan out and return what was done; whatever is raised on the way, the disk is as it was before.

    The registration is planned anew on the bytes that the root file has once the lock is held, so that runs side by
    side all register, or unregister. All else that is edited or removed must be as it was when the plan was made.
    `fault` is called with each step's name just before it, for tests that make the step fail.
    Raises TargetConflict and WorkspaceError for what has changed since the plan was made, EnvironmentProblem when the
    disk or a lock does not play along, and lets signals' exceptions through.
    """
    if plan.is_empty:
        return plan
    try:
        return _apply(plan, fault)
    except OSError as err:
        raise EnvironmentProblem(
            f"Cannot write {err.filename or str(plan.root)!r} ({err.strerror}); nothing was changed, "
            f"remedy that and run again"
        ) from err


def _apply(plan: Plan, fault: Fault) -> Plan:
    with ExitStack() as held:
        below = held.enter_context(Below(plan.root))
        stage = Stage(plan, below)
        try:
            fault("create the stage")
            with locked(plan.root):
                stage.create(plan)
            _fill(stage, plan, fault)
            fault("lock the root")
            held.enter_context(locked(plan.root))
            current = _plan_anew(plan, below)
            _commit(stage, current, below, fault)
            fault("remove the stage")
            with uninterrupted():
                stage.remove()
        except BaseException:
            with uninterrupted():
                _take_back(stage)
            raise
        finally:
            stage.release()
    return current


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
    for tree in plan.trees:
        fault(f"stage {tree.target.name}")
        for name, _ in stage.places(tree):
            fault(f"write {tree.target.name}/{name}")


def _plan_anew(plan: Plan, below: Below) -> Plan:
    """Return the plan for what is on disk now; the caller holds the root's lock."""
    for edit in plan.plain_edits:
        _check_edit(edit, below)
    for removal in plan.removals:
        _check_removal(removal)
    return make_plan(
        plan.root,
        plan.trees,
        workspace=Workspace.load(plan.root) if plan.registrations or plan.unregistrations else None,
        registrations=plan.registrations,
        unregistrations=plan.unregistrations,
        edits=plan.plain_edits,
        removals=plan.removals,
    )


def _check_edit(edit: Edit, below: Below) -> None:
    if below.fingerprint(edit.path) != digest(edit.before):
        raise EnvironmentProblem(f"{str(edit.path)!r} has changed meanwhile; run again")


def _check_removal(removal: Removal) -> None:
    if changed := removal.changed():
        raise EnvironmentProblem(f"{changed[0]!r} in {str(removal.target)!r} has changed meanwhile; run again")


def _commit(stage: Stage, plan: Plan, below: Below, fault: Fault) -> None:
    fault("write the journal")
    stage.prepare(plan)
    for parent in stage.parents:
        fault(f"create {parent.name}")
        below.make_directory(parent)
    for tree in plan.trees:
        fault(f"move {tree.target.name}")
        stage.move(tree)
    for edit in plan.edits:
        fault(f"replace {edit.path.name}")
        _check_edit(edit, below)
        stage.edit(edit)
    for removal in plan.removals:
        fault(f"take away {removal.target.name}")
        _check_removal(removal)
        stage.take_away(removal)
