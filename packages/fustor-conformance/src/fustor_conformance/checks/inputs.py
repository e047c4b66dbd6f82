"""Families U and C, wrong input: rows that no source may send, and parameters that no driver knows."""

from __future__ import annotations

import asyncio
from typing import Any

from fustor_conformance._desk import Desk, Session, at_desk, told
from fustor_conformance._stubs import unwritten
from fustor_conformance.monitor import observed
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.rules import Kind
from fustor_conformance.subject import PusherSubject, Subject
from fustor_core.exceptions import ConfigError, DriverError, RetryableError
from fustor_event_model import EventBase, MessageSource

_REALTIME = MessageSource.REALTIME


@check("U32")
def wrong_rows(subject: PusherSubject) -> int:
    """Each beside a row that is right."""
    with observed(subject.driver_class):  # what no source may send is advice here, and no breach elsewhere
        return at_desk(subject, _wrong_rows)


def _wrong(number: int) -> dict[str, Any]:
    """What is wrong, and the row; each has a mark by which it is found again."""
    mark = f"kit-wrong-{number}"
    row = told(_REALTIME, f"/{mark}", record={"v": mark}).rows[0]
    return {
        "a row without a path": {name: value for name, value in row.items() if name != "path"},
        "a path that is a number": row | {"path": 5},
        "a path that is None": row | {"path": None},
        "an empty path": row | {"path": ""},
        "an mtime that is not a number": row | {"mtime": float("nan")},
        "an mtime that is infinite": row | {"mtime": float("inf")},
        "an mtime that is text": row | {"mtime": "yesterday"},
        "a row without an mtime": {name: value for name, value in row.items() if name != "mtime"},
        "a size that is text": row | {"size": "big"},
        "a record that is a list": row | {"record": [mark]},
        "a value that JSON does not have": row | {"record": {"v": mark, "set": {1}}},
        "bytes that are no text": row | {"record": {"v": mark, "bytes": b"\xff"}},
        "half of a pair of surrogates": row | {"record": {"v": mark, "half": "\ud800"}},
        "a row that is a list": [mark],
        "a row that is a text": mark,
    }


async def _wrong_rows(desk: Desk) -> int:
    session = await desk.start()
    await session.end_snapshot()
    kinds = list(_wrong(0))
    for number, what in enumerate(kinds):
        await _push_wrong(desk, session, number, what)
    return len(kinds)


async def _push_wrong(desk: Desk, session: Session, number: int, what: str) -> None:
    easy, wrong = told(_REALTIME, f"/kit-right-{number}"), told(_REALTIME, f"/kit-wrong-{number}", record={})
    wrong.rows = [_wrong(number)[what]]
    try:
        reply: object = await session.pusher.push([easy, wrong], session_id=session.session_id)
    except RetryableError as error:
        raise Broken(f"{what} is called a fault that passes: a host pushes it again for ever", str(error)) from error
    except DriverError:
        return  # refused as a whole, and said
    except NotImplementedError:
        raise
    except Exception as error:
        raise Broken(f"{what}: push raises {type(error).__name__}, which no host expects: {error}") from error
    _require_accounted(desk, number, what, reply)


def _require_accounted(desk: Desk, number: int, what: str, reply: object) -> None:
    if not isinstance(reply, dict) or reply.get("success") is not True:
        raise Broken(f"{what}: push neither raises nor succeeds", reply)
    try:
        stored = [repr(row) for row in desk.world.stored()]
    except (TypeError, KeyError, ValueError, AttributeError):
        if desk.world.keyed:
            raise
        return  # a log that passes on what it gets, which no World can be asked to read
    if not any(f"/kit-right-{number}'" in row for row in stored):
        raise Broken(f"A row beside {what} is not there, and push said success", reply)
    if not any(f"kit-wrong-{number}'" in row for row in stored) and not reply.get("refused_rows"):
        raise Broken(f"{what} is neither stored nor counted in refused_rows, and push said success", reply)


@check("C22")
def wrong_parameters(subject: Subject) -> int:
    """Those of the World with values of no sensible type, and how one is refused that no driver knows."""
    with subject.configured() as config, observed(subject.driver_class):
        given = dict(config.driver_params)
        wrong = {"kit_unknown": 1} | {name: {"kit": [None]} for name in given}
        for name, value in wrong.items():
            _require_config_error(subject, config.model_copy(update={"driver_params": given | {name: value}}), name)
        return len(wrong)


def _require_config_error(subject: Subject, config: Any, name: str) -> None:
    what = "unknown" if name == "kit_unknown" else "wrong"
    try:
        instance = subject.driver_class("kit", config)
        try:
            _use(subject, instance)
        finally:
            asyncio.run(instance.close())
    except ConfigError as error:
        if name not in str(error):
            raise Broken(f"The ConfigError does not name the {what} parameter {name!r}", str(error)) from error
    except NotImplementedError as error:
        if unwritten(error, subject.driver_class):
            raise
        raise Broken(f"With the {what} parameter {name!r} the driver raises {type(error).__name__}: {error}") from error
    except Exception as error:
        raise Broken(f"With the {what} parameter {name!r} the driver raises {type(error).__name__}: {error}") from error
    else:
        if what == "wrong":  # whether an unknown one is accepted is C21's question
            raise Broken(f"The wrong parameter {name!r} of driver_params is accepted")


def _use(subject: Subject, instance: Any) -> None:
    """What looks at the parameters at the latest."""
    if subject.kind is Kind.PUSHER:
        asyncio.run(instance.create_session("kit:task"))
        return
    iterator: Any = instance.get_snapshot_iterator()
    event: EventBase | None = next(iter(iterator), None)
    del event
