"""Whether a command that came to its end did what it was for."""

from __future__ import annotations

from fustor_driver.errors import CheckFailed, Refused
from fustor_driver.hosts.status import PhaseState, RunState, Status
from fustor_event_model import MessageSource

__all__ = ["check_caught_up", "check_outcome", "check_refusals"]


def check_outcome(status: Status) -> None:
    """Whether a run whose time was up did what it was for.

    Raises:
        CheckFailed: a side was never reached, the snapshot failed, or something is not pushed.
    """
    why = status.last_error or "the log lines say why"
    if not status.sessions:
        raise CheckFailed(f"The pusher gave no session in the time of this run: {why}")
    if status.phases[MessageSource.REALTIME].state is PhaseState.FAILED:
        raise CheckFailed(f"The source was not reached in the time of this run: {why}")
    if status.phases[MessageSource.SNAPSHOT].state is PhaseState.FAILED:
        raise CheckFailed(f"There is no complete snapshot: {why}")
    if status.state is RunState.ABORTED:
        raise CheckFailed(f"The run could not push all that it read; that is read again at the next start: {why}")


def check_caught_up(status: Status) -> None:
    """Whether a run that is to end by itself came to that end.

    Raises:
        CheckFailed: its time was up first.
    """
    if not status.caught_up:
        raise CheckFailed(
            "The time of this run was up before everything was pushed; start it again, and it goes on, or give it more"
        )


def check_refusals(rows: int, deletions: int) -> None:
    """End with a code of its own where everything was done, but for what a pusher refused.

    Raises:
        Refused: rows or deletions were refused.
    """
    if rows or deletions:
        raise Refused(
            f"The pusher refused {rows} rows or events and {deletions} deletions; the log lines say why, and "
            "--allow-deletions allows the deletions for one run"
        )
