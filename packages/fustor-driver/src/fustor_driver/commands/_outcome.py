"""Whether a command that came to its end did what it was for."""

from __future__ import annotations

import signal

from fustor_driver.errors import CheckFailed, Refused
from fustor_driver.hosts.status import PhaseState, RunState, Status
from fustor_event_model import MessageSource

__all__ = ["check_caught_up", "check_outcome", "check_refusals", "code_after_signal"]

_SIGNAL_CODE_BASE = 128


def code_after_signal(number: int, status: Status, *, once: bool) -> int:
    """The exit code of a run that a signal ended.

    0 after SIGTERM where everything that was read is pushed: a service was asked to stop and did. Else that of the
    signal, as a shell says it.
    """
    is_done = status.state is RunState.STOPPED and (status.caught_up or not once)
    return 0 if number == signal.SIGTERM and is_done else _SIGNAL_CODE_BASE + number


def check_outcome(status: Status) -> None:
    """Whether a run whose time was up did what it was for.

    Raises:
        CheckFailed: a side was never reached, the snapshot failed, or something is not pushed.
    """
    why = status.last_error or "the log lines say why"
    if not status.sessions:
        raise CheckFailed(f"The pusher gave no session in the time of this run: {why}")
    if status.phases[MessageSource.REALTIME].state is PhaseState.FAILED:
        raise CheckFailed(f"The source was not reached in the time of this run, or not any more at its end: {why}")
    if status.phases[MessageSource.SNAPSHOT].state is PhaseState.FAILED:
        raise CheckFailed(f"There is no complete snapshot: {why}")
    if status.unpushed:
        raise CheckFailed(
            f"{status.unpushed} events were read and could not be pushed; they are read again at the next start: {why}"
        )
    if status.state is RunState.ABORTED:
        raise CheckFailed(f"A driver did not stop when the time was up; everything that was read is pushed: {why}")


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
