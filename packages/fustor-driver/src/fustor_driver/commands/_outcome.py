"""Whether a command that came to its end did what it was for."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from fustor_driver.errors import CheckFailed, FustorDriverError, Refused
from fustor_driver.faults import known_as
from fustor_driver.hosts.runner import Ended
from fustor_driver.hosts.status import PhaseState, RunState, Status
from fustor_driver.redaction import safe_logger
from fustor_driver.supervision import Interrupted
from fustor_event_model import MessageSource

__all__ = ["check_caught_up", "check_outcome", "check_refusals", "code_after_signal", "conclude", "raise_alone"]

_log = safe_logger("fustor_driver.run")
_GRAVEST_FIRST = (8, 7, 9, 2, 11, 10)


class OneOfSeveral(FustorDriverError):  # noqa: N818 - named for what it is of
    """What became of one of several runs, the gravest."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.exit_code = code


def raise_alone(ended: Sequence[Ended]) -> None:
    """Raise what ended the one run; several runs are for `conclude`."""
    if len(ended) == 1 and ended[0].error is not None:
        raise ended[0].error


def conclude(ended: Sequence[Ended], *, once: bool) -> int:
    """The exit code after runs have ended.

    Raises:
        FustorDriverError: a run did not do what it was for; of several the gravest.
        BaseException: what ended a run, where that is no known error.
    """
    if len(ended) == 1:
        return _checked(ended[0], once=once)
    codes, errors = [], []
    for one in ended:
        try:
            codes.append(_checked(one, once=once))
        except Exception as err:
            known = known_as(err)
            if known is None:
                raise  # a bug of ours
            errors.append(OneOfSeveral(f"Task {one.status.task_id!r}: {known}", known.exit_code))
    errors.sort(key=lambda error: _GRAVEST_FIRST.index(error.exit_code) if error.exit_code in _GRAVEST_FIRST else -1)
    for error in errors[1:]:
        _log.error("%s", error)
    if errors:
        raise errors[0]
    return max(codes)


def _checked(ended: Ended, *, once: bool) -> int:
    """The exit code of one run that came to its end; errors as for `conclude`."""
    if ended.error is not None:
        raise ended.error
    status = ended.status
    if ended.signal:
        return code_after_signal(ended.signal, status, once=once)
    check_outcome(status)
    if once:
        check_caught_up(status)
    check_refusals(status.dead_letters, status.refused_deletions)
    return 0


def code_after_signal(number: int, status: Status, *, once: bool) -> int:
    """The exit code of a run that a signal ended.

    0 after SIGTERM where everything that was read is pushed: a service was asked to stop and did. Else that of the
    signal, as a shell says it.
    """
    is_done = status.state is RunState.STOPPED and (status.caught_up or not once)
    return 0 if number == signal.SIGTERM and is_done else Interrupted(number).exit_code


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
