"""A plan carried out, all of it or nothing."""

from collections.abc import Callable
from contextlib import ExitStack

from fustor_new._files import locked, uninterrupted, write_new
from fustor_new._recovery import recover
from fustor_new._stage import Stage
from fustor_new.errors import EnvironmentProblem
from fustor_new.plan import Plan, make_plan
from fustor_new.workspace import Workspace

__all__ = ["apply", "recover"]

Fault = Callable[[str], None]


def _no_fault(step: str) -> None:
    """Let every step happen."""


def apply(plan: Plan, *, fault: Fault = _no_fault) -> Plan:
    """Carry the plan out and return what was done; whatever is raised on the way, the disk is as it was before.

    The registration is planned anew on the bytes that the root file has once the lock is held, so that runs side by
    side all register. `fault` is called with each step's name just before it, for tests that make the step fail.
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
        stage = Stage(plan)
        try:
            fault("create the stage")
            with locked(plan.root):
                stage.create(plan)
            _fill(stage, plan, fault)
            fault("lock the root")
            held.enter_context(locked(plan.root))
            current = _plan_anew(plan)
            _commit(stage, current, fault)
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
        for name, path in stage.places(tree):
            fault(f"write {tree.target.name}/{name}")
            write_new(path, tree.files[name].data, executable=tree.files[name].is_executable)


def _plan_anew(plan: Plan) -> Plan:
    """Return the plan for what is on disk now; the caller holds the root's lock."""
    if plan.registrations:
        workspace = Workspace.load(plan.root)
        return make_plan(plan.root, plan.trees, workspace=workspace, registrations=plan.registrations)
    for edit in plan.edits:
        if edit.path.read_bytes() != edit.before:
            raise EnvironmentProblem(f"{str(edit.path)!r} has changed meanwhile; run again")
    fresh = make_plan(plan.root, plan.trees)
    return Plan(fresh.root, fresh.trees, plan.edits, fresh.notes)


def _commit(stage: Stage, plan: Plan, fault: Fault) -> None:
    fault("write the journal")
    stage.prepare(plan)
    for parent in stage.parents:
        fault(f"create {parent.name}")
        parent.mkdir()
    for tree in plan.trees:
        fault(f"move {tree.target.name}")
        stage.move(tree)
    for edit in plan.edits:
        fault(f"replace {edit.path.name}")
        stage.replace(edit)
