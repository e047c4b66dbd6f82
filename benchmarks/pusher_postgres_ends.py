"""What the ends of a snapshot and of an audit cost where a task has many tables: it should grow as their number does.

    uv run python benchmarks/pusher_postgres_ends.py [--tables 25,100,400,1600] [--rows 5] [--json FILE]

For each number of tables, of so many rows each: a snapshot into an empty schema, the end of a second snapshot that
tells the same, two audits that tell the same, and what these write to the write-ahead log. The server is that of
one, unless FUSTOR_TEST_PG_DSN names one: one with `jit = on` and a compiler, as Debian's, is the harder case.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg2

from fustor_core.models.config import PusherConfig
from fustor_event_model import EventBase, LifecycleSignal, MessageSource, UpdateEvent
from fustor_pusher_postgres import PostgresDriver
from fustor_pusher_postgres.testing import World

FIELDS = ["path", "mtime", "size", "parent_mtime"]
TABLES_A_PUSH = 20


def rows_of(tables: int, rows: int, source: MessageSource) -> list[UpdateEvent]:
    """One event a table."""
    return [
        event(
            source,
            f"t{table}",
            [
                {"path": f"/public/t{table}/{key}", "mtime": 1.0, "size": 8, "parent_mtime": 1.0, "record": {"id": key}}
                for key in range(rows)
            ],
        )
        for table in range(tables)
    ]


def containers(tables: int) -> list[UpdateEvent]:
    """The rows of the tables and of the schema, as an audit tells them."""
    paths = [*((f"t{table}", f"/public/t{table}") for table in range(tables)), ("", "/public"), ("", "/")]
    more = {"mtime": 1.0, "size": None, "parent_mtime": 1.0, "is_directory": True}
    return [event(MessageSource.AUDIT, table, [{"path": path, **more}]) for table, path in paths]


def event(source: MessageSource, table: str, rows: list[dict[str, object]]) -> UpdateEvent:
    """An event of a database."""
    return UpdateEvent(fields=FIELDS, rows=rows, event_schema="public", table=table, message_source=source)


def signal(which: LifecycleSignal) -> UpdateEvent:
    """An end of an audit."""
    return UpdateEvent(
        fields=[], rows=[], event_schema="public", table="", message_source=MessageSource.AUDIT, signal=which
    )


async def push_all(driver: PostgresDriver, session: str, events: Sequence[EventBase]) -> float:
    """The seconds that it takes to push events."""
    begun = time.perf_counter()
    for start in range(0, len(events), TABLES_A_PUSH):
        await driver.push(list(events[start : start + TABLES_A_PUSH]), session_id=session)
    return time.perf_counter() - begun


async def end(driver: PostgresDriver, session: str) -> float:
    """The seconds that the end of a snapshot takes."""
    begun = time.perf_counter()
    await driver.push([], session_id=session, is_snapshot_end=True)
    return time.perf_counter() - begun


async def measure(world: World, tables: int, rows: int) -> dict[str, float]:
    """All figures for so many tables."""
    driver = PostgresDriver("bench", PusherConfig(**world.config()))
    told = rows_of(tables, rows, MessageSource.SNAPSHOT)
    session = (await driver.create_session("bench"))["session_id"]
    figures = {"rows": float(tables * rows), "snapshot_sec": await push_all(driver, session, told)}
    figures["first_end_sec"] = await end(driver, session)
    session = (await driver.create_session("bench"))["session_id"]
    figures["again_sec"] = await push_all(driver, session, told)
    figures["end_sec"] = await end(driver, session)
    audit = [*rows_of(tables, rows, MessageSource.AUDIT), *containers(tables)]
    for name in ("first_audit", "audit"):
        place = log_place(world, "0/0")[0]
        await driver.push([signal(LifecycleSignal.AUDIT_START)], session_id=session)
        figures[f"{name}_sec"] = await push_all(driver, session, audit)
        begun = time.perf_counter()
        await driver.push([signal(LifecycleSignal.AUDIT_END)], session_id=session)
        figures[f"{name}_end_sec"] = time.perf_counter() - begun
        figures[f"{name}_log_kb"] = log_place(world, place)[1] / 1_000
    await driver.close()
    return figures


def log_place(world: World, since: str) -> tuple[str, float]:
    """Where the write-ahead log is, and how far that is from another place."""
    query = "SELECT pg_current_wal_insert_lsn(), (pg_current_wal_insert_lsn() - %s::pg_lsn)::float8"
    with closing(psycopg2.connect(world.dsn)) as conn, conn.cursor() as cur:
        cur.execute(query, (since,))
        found = cur.fetchone()
    return found if found is not None else ("0/0", 0.0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default="25,100,400,1600")
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    for tables in map(int, options.tables.split(",")):
        with World() as world:
            found[tables] = asyncio.run(measure(world, tables, options.rows))
        told = ", ".join(f"{name} {value:.3g}" for name, value in found[tables].items())
        print(f"{tables} tables: {told}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
