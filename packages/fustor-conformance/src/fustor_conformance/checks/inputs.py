"""Families U and C, wrong input: rows that no source may send or no store holds, parameters that no driver knows."""

from __future__ import annotations

import asyncio
from typing import Any

from fustor_conformance._desk import Desk, Session, check_at_desk, told
from fustor_conformance._stubs import unwritten
from fustor_conformance._values import hard_rows
from fustor_conformance.monitor import observed
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.rules import Kind
from fustor_conformance.subject import Subject
from fustor_core.exceptions import ConfigError, DriverError, RetryableError
from fustor_event_model import EventBase, MessageSource

_REALTIME = MessageSource.REALTIME


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
        "bytes that are not text": row | {"record": {"v": mark, "bytes": b"\xff"}},
        "half of a pair of surrogates": row | {"record": {"v": mark, "half": "\ud800"}},
        "a row that is a list": [mark],
        "a row that is a text": mark,
    }


@check_at_desk("U32", heard=False)  # what no source may send is advice here, and no breach elsewhere
async def wrong_rows(desk: Desk) -> int:
    """Each beside a row that is right."""
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
    except RetryableError as err:
        raise Broken(f"{what} is called a fault that passes: a host pushes it again for ever", str(err)) from err
    except DriverError:
        return  # refused as a whole, and said
    except NotImplementedError:
        raise
    except Exception as err:
        raise Broken(f"{what}: push raises {type(err).__name__}, which no host expects: {err}") from err
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


@check_at_desk("U35", heard=False)  # how such a row is refused is what U18 and U32 look at
async def every_row_accounted(desk: Desk) -> int:
    """Rows that a store may not hold in the middle of one event and of one batch; after each a batch with none."""
    session = await desk.start()
    await session.end_snapshot()
    replies = {}
    for number, (what, fields) in enumerate({**hard_rows(), **_NOT_JSON}.items()):
        odd, easy, after = _among(number, fields)
        try:
            reply: object = await session.pusher.push([odd, easy], session_id=session.session_id)
        except NotImplementedError:
            raise
        except Exception as err:  # noqa: BLE001 - a batch that is refused as a whole is accounted for
            del err
            continue
        later: object = await session.pusher.push([after], session_id=session.session_id)
        replies[what] = (reply, later, [row["path"] for event in (odd, easy, after) for row in event.rows])
    paths = set(desk.paths())
    for what, (reply, later, pushed) in replies.items():
        _require_all_accounted(what, reply, later, pushed, paths)
    return len(replies)


_NOT_JSON: dict[str, dict[str, Any]] = {
    "a number that is none": {"record": {"n": float("nan")}},
    "a number that is infinite": {"record": {"n": float("-inf")}},
    "bytes that are not text": {"record": {"b": b"\xff"}},
    "half of a pair of surrogates": {"record": {"t": "\ud800"}},
    "a value that JSON does not have": {"record": {"s": {1}}},
}


def _among(number: int, fields: dict[str, Any]) -> tuple[EventBase, EventBase, EventBase]:
    """An event with two such rows among three plain ones, a plain one of the same batch, and one of the next batch."""
    name = f"/kit-{number}"
    odd = told(_REALTIME, *(f"{name}-{place}" for place in ("a", "odd", "b", "odder", "c")), record={})
    for place in (1, 3):
        path = f"{fields['path']}-{number}-{place}" if "path" in fields else odd.rows[place]["path"]
        odd.rows[place] = {**odd.rows[place], **fields, "path": path}
    return odd, told(_REALTIME, f"{name}-d"), told(_REALTIME, f"{name}-e")


def _require_all_accounted(what: str, reply: object, later: object, pushed: list[str], stored: set[str]) -> None:
    refused, again = (one.get("refused_rows", 0) if isinstance(one, dict) else None for one in (reply, later))
    *rows, last = pushed
    if not refused and last in stored and not set(rows) & stored:
        raise Broken(f"Nothing is there of the batch with {what}, of the next one all is, and push said success", reply)
    if lost := [path for place, path in enumerate(rows) if place not in (1, 3) and path not in stored]:
        raise Broken(f"Beside {what}, {lost} are not there, and push said success", reply)
    kept = len({rows[1], rows[3]} & stored)
    if kept + (refused or 0) != 2:  # noqa: PLR2004 - of the two odd rows
        raise Broken(f"Of two rows of an event with {what}, {kept} are stored and {refused} counted as refused", reply)
    if again or last not in stored:
        raise Broken(f"After a batch with {what}, the next one has refused_rows {again}, and no such row", later)


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
    except ConfigError as err:
        if name not in str(err):
            raise Broken(f"The ConfigError does not name the {what} parameter {name!r}", str(err)) from err
    except NotImplementedError as err:
        if unwritten(err, subject.driver_class):
            raise
        raise Broken(f"With the {what} parameter {name!r} the driver raises {type(err).__name__}: {err}") from err
    except Exception as err:
        raise Broken(f"With the {what} parameter {name!r} the driver raises {type(err).__name__}: {err}") from err
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
