"""Each call by itself: how long it takes, what it raises, what it answers, what it does to its arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from fustor_conformance.monitor.finding import Finding
from fustor_core.exceptions import DriverError
from fustor_event_model import DeleteEvent, EventBase, InsertEvent, UpdateEvent

__all__ = ["answer", "at_once", "contents", "granted", "raised", "unchanged_batch"]

_AT_ONCE_SEC = 5.0
_LAZY = frozenset({"get_snapshot_iterator", "get_audit_iterator"})
_EVENTS = {model.__name__ for model in (EventBase, InsertEvent, UpdateEvent, DeleteEvent)}
_NEVER_RAISE = {"is_position_available": "C07", "acknowledge": "I09"}


def at_once(method: str, took_sec: float) -> Iterator[Finding]:
    """C12: the bulk phases are called on a host's event loop."""
    if method in _LAZY and took_sec > _AT_ONCE_SEC:
        yield Finding("C12", f"{method} took {took_sec:.1f} s to return")


def raised(method: str, error: BaseException) -> Iterator[Finding]:
    """C16, C11, E01, C07, I09: only a DriverError leaves a driver; a stub's NotImplementedError is something to do."""
    if not isinstance(error, Exception) or isinstance(error, NotImplementedError | StopIteration | StopAsyncIteration):
        return
    if isinstance(error, TypeError) and _is_refusal(method, error):
        yield Finding("C11", f"{method} refuses its arguments: {error}")
    elif method in _NEVER_RAISE:
        yield Finding(_NEVER_RAISE[method], f"{method} raises {type(error).__name__}: {error}")
    elif isinstance(error, ValidationError) and error.title in _EVENTS:
        yield Finding("E01", f"{method} cannot make its {error.title}: {_faults(error)}")
    elif not isinstance(error, DriverError):
        yield Finding("C16", f"{method} raises {type(error).__name__}, not a DriverError: {error}")


def _faults(error: ValidationError) -> str:
    """What a model refuses, in one line."""
    told = error.errors(include_input=False, include_url=False, include_context=False)
    faults = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}".removeprefix(": ") for one in told)
    return "; ".join(fault.replace("Value error, ", "") for fault in faults)


def _is_refusal(method: str, error: TypeError) -> bool:
    """Whether it was raised by the call itself, before a line of the method ran."""
    return method.isidentifier() and error.__traceback__ is not None and error.__traceback__.tb_next is None


def granted(position: object, answered: object, *, is_transient: bool) -> Iterator[Finding]:
    """C07: a source that keeps nothing grants no position, whichever a host asks for."""
    if is_transient and answered is True:
        seen = "is_transient is True, as of a source that keeps nothing"
        yield Finding("C07", f"{seen}, and is_position_available({position!r}) is True")


def answer(method: str, reply: object, rows: int = 0) -> Iterator[Finding]:
    """U01, U06, U08, U09, U18, U19: what hosts read of a pusher's answers. `rows` were in the batch."""
    match method:
        case "create_session":
            yield from _session(reply)
        case "push":
            yield from _pushed(reply, rows)
        case "heartbeat" if not isinstance(reply, Mapping):
            yield Finding("U08", f"heartbeat answers {type(reply).__name__}, not a mapping", reply)
        case "get_latest_committed_index" if not _is_int(reply) or reply < -1:  # type: ignore[operator]
            yield Finding("U09", f"get_latest_committed_index answers {reply!r}, not -1 or an index")


def _session(reply: object) -> Iterator[Finding]:
    if not isinstance(reply, dict) or not isinstance(reply.get("session_id"), str):
        yield Finding("U01", "create_session gives no mapping with a session_id", reply)
        return
    interval = reply.get("suggested_heartbeat_interval_seconds")
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not interval > 0:
        yield Finding("U01", f"suggested_heartbeat_interval_seconds is {interval!r}", reply)


def _pushed(reply: object, rows: int) -> Iterator[Finding]:
    if not isinstance(reply, dict) or reply.get("success") is not True:
        yield Finding("U06", "push does not reply success: True", reply)
        return
    if not isinstance(reply.get("snapshot_needed"), bool):
        yield Finding("U06", "push does not say whether a snapshot is needed, as a bool", reply)
    refused = reply.get("refused_rows", 0)
    if not _is_int(refused) or not 0 <= refused <= rows:
        yield Finding("U18", f"refused_rows is {refused!r}, of {rows} rows in the batch", reply)
    kept = reply.get("refused_deletions", 0)
    if not _is_int(kept) or kept < 0:
        yield Finding("U19", f"refused_deletions is {kept!r}, not a number of deletions", reply)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def unchanged_batch(before: Sequence[str], after: Sequence[str]) -> Iterator[Finding]:
    """U11: a batch reads after push as it did before."""
    if len(before) != len(after):
        yield Finding("U11", f"push changed the list of events: there were {len(before)}, now there are {len(after)}")
        return
    for number, (was, is_now) in enumerate(zip(before, after, strict=True)):
        if was != is_now:
            yield Finding("U11", f"push changed event {number} of its batch", was, is_now)
            return


def contents(events: object) -> list[str]:
    """Each event of a batch as text, with its identity and that of its rows."""
    if not isinstance(events, list):
        return [repr(events)]
    return [f"{event!r} {[id(one) for one in (event, *getattr(event, 'rows', ()))]}" for event in events]
