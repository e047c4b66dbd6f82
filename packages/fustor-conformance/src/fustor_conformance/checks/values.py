"""Family U, values: what is pushed is read back as it was; what cannot be stored is refused, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fustor_conformance._desk import Desk, Session, check_at_desk, told
from fustor_conformance._scenes import no_error
from fustor_conformance._values import HARD, Hard, hard_columns, hard_rows, same
from fustor_conformance.outcome import Broken
from fustor_core.exceptions import DriverError, RetryableError
from fustor_event_model import EventBase, MessageSource

_REALTIME = MessageSource.REALTIME
_TOGETHER = 12
_CLOSE_SEC = 2e-3
_TABLES = ("kit", "Kit", "my table", "select", 'quo"te', "t" * 64 + "a", "t" * 64 + "b", "größe")


@check_at_desk("U30")
async def values_as_they_were(desk: Desk) -> int:
    """Several in one batch; where one is not as it was, one by one, to say which."""
    session = await desk.start()
    await session.end_snapshot()
    events = [(hard, _event(hard, number)) for number, hard in enumerate(HARD)]
    refused: list[Hard] = []
    for first in range(0, len(events), _TOGETHER):
        refused += await _refused(session, events[first : first + _TOGETHER])
    if odd := [hard.what for hard in refused if hard.must]:
        raise Broken(f"{odd[0]} is refused, which every store can hold", odd)
    stored = {row["path"]: row for row in desk.world.stored()}
    for hard, event in events:
        if hard not in refused:
            _require_row(hard.what, event, stored.get(event.rows[0]["path"]))
    return len(events)


def _event(hard: Hard, number: int) -> EventBase:
    path = hard.path or f"/kit-value-{number}"
    record: dict[str, Any] = {} if hard.record is None else {"record": hard.record}
    return told(_REALTIME, path, whole=True, **{"size": 1, **hard.fields, **record})


async def _refused(session: Session, events: Sequence[tuple[Hard, EventBase]]) -> list[Hard]:
    """Which of them are refused, as a batch, or counted one by one.

    Raises:
        Broken: a refusal is called a fault that passes.
    """
    first, is_alone = events[0][0], len(events) == 1
    try:
        reply = await session.push(*(event for _, event in events))
        if not reply.get("refused_rows", 0):
            return []
    except RetryableError as err:
        if is_alone:
            raise Broken(f"{first.what} is called a fault that passes: a host pushes it for ever", str(err)) from err
    except DriverError:
        pass  # a refusal too
    if is_alone:
        return [first]
    return [hard for event in events for hard in await _refused(session, [event])]


def _differences(found: dict[str, Any], wanted: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a World tells and tells otherwise; what it does not tell cannot be compared."""
    if "record" in found and "record" in wanted and not same(found["record"], wanted["record"]):
        yield "record", found["record"]
    for name, kind in {"size": int, "is_directory": bool, "is_atomic_write": bool}.items():
        if name in wanted and found.get(name) is not None and kind(found[name]) != wanted[name]:
            yield name, found[name]
    mtime = found.get("mtime")
    if isinstance(mtime, int | float) and abs(mtime - wanted["mtime"]) > _CLOSE_SEC:
        yield "mtime", mtime


@check_at_desk("U31")
async def tables_and_columns(desk: Desk) -> int:
    """Tables with odd names, whose columns come, go, and change what they hold."""
    session = await desk.start()
    await session.end_snapshot()
    events = [
        (
            what,
            told(_REALTIME, f"/{schema}/{table}/{key}", whole=True, schema=schema, table=table, size=1, record=record),
        )
        for schema in ("kit", "Kit")
        for table in _TABLES
        for key, (what, record) in enumerate(hard_columns(), start=1)
    ]
    for first in range(0, len(events), len(hard_columns())):
        for half in (events[first : first + 3], events[first + 3 : first + len(hard_columns())]):
            reply = await session.push(*(event for _, event in half))
            if refused := reply.get("refused_rows", 0):
                raise Broken(f"{refused} plain rows of table {half[0][1].table!r} are refused", reply)
    stored = {row["path"]: row for row in desk.world.stored()}
    for what, event in events:
        where = f"{what}, in table {event.table!r} of {event.event_schema!r}"
        _require_row(where, event, stored.get(event.rows[0]["path"]))
    return len(events)


def _require_row(what: str, event: EventBase, found: dict[str, Any] | None) -> None:
    wanted = event.rows[0]
    if found is None:
        raise Broken(f"{what}: push said success, and {wanted['path']!r} is not there")
    for name, value in _differences(found, wanted):
        raise Broken(f"{what}: {name} is not what was pushed", value, wanted[name])


@check_at_desk("U18")
async def refused_rows(desk: Desk) -> int:
    """Rows that many stores cannot hold, each beside one that every store can."""
    session = await desk.start()
    await session.end_snapshot()
    rows = hard_rows()
    for number, (what, fields) in enumerate(rows.items()):
        await _push_hard(desk, session, number, what, fields)
    return len(rows)


async def _push_hard(desk: Desk, session: Session, number: int, what: str, fields: dict[str, Any]) -> None:
    easy, hard = told(_REALTIME, f"/kit-easy-{number}"), told(_REALTIME, f"/kit-hard-{number}")
    hard.rows = [{**hard.rows[0], "record": {}, **fields}]
    hard.fields = list(hard.rows[0])
    try:
        reply = await session.push(easy, hard)
    except RetryableError as err:
        raise Broken(f"{what} is called a fault that passes: a host pushes it again for ever", str(err)) from err
    except DriverError:
        return  # refused as a whole, and said
    refused = reply.get("refused_rows", 0)
    if isinstance(refused, bool) or not isinstance(refused, int):
        raise Broken(f"refused_rows is {refused!r}, not a number of rows", reply)
    stored = desk.paths()
    if easy.rows[0]["path"] not in stored:
        raise Broken(f"A row beside {what} is not there, and push said success", reply)
    kept = int(hard.rows[0]["path"] in stored)
    if kept + refused != 1:
        raise Broken(f"Of a row with {what}, {kept} are stored and {refused} counted as refused", reply)


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
        with no_error(lambda err: f"{what}: push raises {err!r}, which no host expects", but=DriverError):
            reply: object = await session.pusher.push([easy, wrong], session_id=session.session_id)
    except RetryableError as err:
        raise Broken(f"{what} is called a fault that passes: a host pushes it again for ever", str(err)) from err
    except DriverError:
        return  # refused as a whole, and said
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
