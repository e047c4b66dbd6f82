r"""How fast pusher-postgres writes, against `psql \copy` of the same rows, in interleaved rounds.

    uv run python benchmarks/pusher_postgres.py [--rows 20000] [--rounds 5] [--json FILE]

The floor is one `\copy`, one transaction, into a table of the same eight columns with a primary key. The pusher writes
events of 1,000 rows, one a push, each a transaction with its index; `again` pushes the same rows over those that are
there. The server is the embedded one with `fsync` on, unless FUSTOR_TEST_PG_DSN names one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg2

from fustor_core.models.config import PusherConfig
from fustor_event_model import InsertEvent, MessageSource, UpdateEvent
from fustor_pusher_postgres import PostgresDriver
from fustor_pusher_postgres._embedded import Server

BATCH = 1_000
COLUMNS = (
    "id bigint PRIMARY KEY, name text, amount numeric(14,4), at timestamptz, doc jsonb, ok boolean, ratio float8,"
    " note text"
)


def mixed_rows(count: int) -> list[dict[str, Any]]:
    """Records of eight columns of mixed types, about 280 bytes each."""
    dice = random.Random(7)  # noqa: S311 - data to time, no secrets
    return [
        {
            "id": number,
            "name": f"customer {number} {dice.random()}",
            "amount": f"{dice.randrange(10**9)}.{dice.randrange(10**4):04}",
            "at": f"2026-11-24 09:{dice.randrange(60):02}:{dice.randrange(60):02}.{dice.randrange(10**6):06}+00",
            "doc": {"tags": ["a", "b", number % 7], "nested": {"x": dice.random()}, "kind": "k" * 20},
            "ok": number % 2 == 0,
            "ratio": dice.random(),
            "note": None if number % 4 == 0 else "n" * 80,
        }
        for number in range(count)
    ]


def events_of(records: list[dict[str, Any]], source: MessageSource) -> list[Any]:
    """One event for each thousand rows."""
    rows = [
        {"path": f"/public/mixed/{record['id']}", "mtime": 1_800_000_000.25, "size": 280, "record": record}
        for record in records
    ]
    model = UpdateEvent if source is MessageSource.REALTIME else InsertEvent
    return [
        model(
            fields=["path", "mtime", "size", "record"],
            rows=rows[start : start + BATCH],
            index=start + 1,
            event_schema="public",
            table="mixed",
            message_source=source,
        )
        for start in range(0, len(rows), BATCH)
    ]


def copy_sec(dsn: str, psql: Path, files: list[Path], table: str, create: str) -> float:
    """Seconds that `psql` takes to copy files into an empty table, a transaction each, its own start left out."""
    with psycopg2.connect(dsn) as conn, conn.cursor() as cur:
        cur.execute(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({create})")
    conn.close()
    command = "\\timing on\n" + "".join(f"\\copy {table} from '{file}'\n" for file in files)
    done = subprocess.run([psql, "-X", "-q", dsn], input=command, capture_output=True, text=True, check=True)
    return sum(float(part.split()[0]) for part in done.stdout.split("Time:")[1:]) / 1_000


async def push_sec(dsn: str, events: list[Any], **params: Any) -> tuple[float, float]:
    """Seconds for a first push of everything, and for a second one over it."""
    with psycopg2.connect(dsn) as conn, conn.cursor() as cur:
        cur.execute("DROP SCHEMA IF EXISTS fustor CASCADE")
    conn.close()
    driver = PostgresDriver("bench", PusherConfig(driver="postgres", endpoint=dsn, driver_params=params))
    taken = []
    for _ in range(2):
        session = (await driver.create_session("bench"))["session_id"]
        await driver.push([], session_id=session)
        began = time.perf_counter()
        for event in events:
            await driver.push([event], session_id=session)
        taken.append(time.perf_counter() - began)
    await driver.close()
    return taken[0], taken[1]


def measure(dsn: str, psql: Path, rows: int, rounds: int) -> dict[str, float]:
    """Medians in seconds."""
    records = mixed_rows(rows)
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        plain, shaped = Path(directory) / "plain", Path(directory) / "shaped"
        plain.write_text("".join("\t".join(map(_text, record.values())) + "\n" for record in records))
        lines = [f"/public/mixed/{r['id']}\t1800000000.25\t280\tf\t{_text(r)}\trealtime\t1\n" for r in records]
        shaped.write_text("".join(lines))
        parts = [Path(directory) / f"part{start}" for start in range(0, rows, BATCH)]
        for number, part in enumerate(parts):
            part.write_text("".join(lines[number * BATCH : (number + 1) * BATCH]))
        same = (
            'path text COLLATE "C" PRIMARY KEY, mtime float8, size bigint, is_directory boolean, record jsonb,'
            " message_source text, event_index bigint"
        )
        for _ in range(rounds):
            found = {"copy": copy_sec(dsn, psql, [plain], "mixed", COLUMNS)}
            found["copy of the pusher's columns"] = copy_sec(dsn, psql, [shaped], "shaped", same)
            found["the same, 1,000 a transaction"] = copy_sec(dsn, psql, parts, "shaped", same)
            for name, source, params in (
                ("realtime", MessageSource.REALTIME, {}),
                ("snapshot", MessageSource.SNAPSHOT, {}),
                ("realtime typed", MessageSource.REALTIME, {"typed_tables": ["*"]}),
            ):
                first, second = asyncio.run(push_sec(dsn, events_of(records, source), **params))
                found |= {name: first, f"{name} again": second}
            for name, value in found.items():
                seconds.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _text(value: object) -> str:
    if value is None:
        return "\\N"
    return json.dumps(value).replace("\\", "\\\\") if isinstance(value, dict) else str(value)


def main() -> None:
    """Print the table, and write it where `--json` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    given = os.environ.get("FUSTOR_TEST_PG_DSN")
    server = Server(fsync=True)
    try:
        medians = measure(given or server.uri, server.programs / "psql", asked.rows, asked.rounds)
    finally:
        server.remove()
    floor = medians["copy"]
    print(f"{'':32} {'rows/s':>10} {'% of copy':>10}")
    for name, seconds in medians.items():
        print(f"{name:32} {asked.rows / seconds:>10,.0f} {100 * floor / seconds:>10.1f}")
    if asked.json:
        asked.json.write_text(json.dumps({"rows": asked.rows, "rounds": asked.rounds, "seconds": medians}, indent=2))


if __name__ == "__main__":
    main()
