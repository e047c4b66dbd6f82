"""Family U, values: what is pushed is read back as it was, one hard value at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fustor_conformance._desk import Desk, Session, check_at_desk, told
from fustor_conformance._values import HARD, Hard, hard_columns, same
from fustor_conformance.outcome import Broken
from fustor_core.exceptions import DriverError, RetryableError
from fustor_event_model import EventBase, InsertEvent, MessageSource

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
    return _whole(path, **{"size": 1, **hard.fields, **record})


def _whole(path: str, *, schema: str = "fs", table: str = "", **fields: Any) -> EventBase:
    event = told(_REALTIME, path, whole=True, **fields)
    return InsertEvent(
        fields=list(event.rows[0]), rows=event.rows, event_schema=schema, table=table, message_source=_REALTIME
    )


async def _refused(session: Session, events: Sequence[tuple[Hard, EventBase]]) -> list[Hard]:
    """Which of them are refused, as a batch, or counted one by one.

    Raises:
        Broken: a refusal is called a fault that passes.
    """
    try:
        reply = await session.push(*(event for _, event in events))
    except RetryableError as err:
        if len(events) == 1:
            what = events[0][0].what
            raise Broken(f"{what} is called a fault that passes: a host pushes it for ever", str(err)) from err
    except DriverError:
        if len(events) == 1:
            return [events[0][0]]
    else:
        if not reply.get("refused_rows", 0):
            return []
        if len(events) == 1:
            return [events[0][0]]
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
        (what, _whole(f"/{schema}/{table}/{key}", schema=schema, table=table, size=1, record=record))
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
