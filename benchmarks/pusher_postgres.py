r"""How fast pusher-postgres writes, against `psql \copy` of the same rows and other ways to write them, interleaved.

    uv run python benchmarks/pusher_postgres.py [--rows 20000] [--rounds 5] [--no-peers] [--json FILE]

The floor is one `\copy`, one transaction, into a table of the same eight columns with a primary key. The pusher writes
events of 1,000 rows, one a push, or ten, each push a transaction with its index; `again` writes the same rows over
those that are there. The tables are made before the time begins, the floor's by a statement, the pusher's by a first
push of one row. Beside it: `execute_values` of psycopg2, an upsert of 1,000 rows and the index a transaction, and
dlt, one merge by key of everything (CSV, its fastest), in an environment of its own that `uv` makes. The server is
the embedded one with `fsync` on, unless FUSTOR_TEST_PG_DSN names one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import parse_dsn
from psycopg2.extras import Json, execute_values

from fustor_core.models.config import PusherConfig
from fustor_event_model import InsertEvent, MessageSource, UpdateEvent
from fustor_pusher_postgres import PostgresDriver
from fustor_testing_postgres import Server

PEERS = Path(__file__).with_name("pusher_postgres_peers.py")
BATCH = 1_000
FLOOR = "copy"
TO_REACH = {"realtime": 50, "snapshot": 50}
CASES: tuple[tuple[str, MessageSource, int, dict[str, Any]], ...] = (
    ("realtime", MessageSource.REALTIME, 1, {}),
    ("snapshot", MessageSource.SNAPSHOT, 1, {}),
    ("snapshot, 10,000 rows a push", MessageSource.SNAPSHOT, 10, {}),
    ("snapshot, typed", MessageSource.SNAPSHOT, 1, {"typed_tables": ["*"]}),
)
_DLT_PARTS = (("host", "localhost"), ("user", "postgres"))
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


def table_maker(event: Any) -> Any:
    """An event that has the table of another one made, with one row that is not among those to time."""
    return event.model_copy(update={"index": 0, "rows": [event.rows[0] | {"path": "/public/mixed/made"}]})


def copy_sec(dsn: str, psql: Path, files: list[Path], table: str, create: str) -> float:
    """Seconds that `psql` takes to copy files into an empty table, a transaction each, its own start left out."""
    with psycopg2.connect(dsn) as conn, conn.cursor() as cur:
        cur.execute(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({create})")
    conn.close()
    command = "\\timing on\n" + "".join(f"\\copy {table} from '{file}'\n" for file in files)
    done = subprocess.run([psql, "-X", "-q", dsn], input=command, capture_output=True, text=True, check=True)
    return sum(float(part.split()[0]) for part in done.stdout.split("Time:")[1:]) / 1_000


async def push_sec(dsn: str, events: list[Any], events_a_push: int, **params: Any) -> tuple[float, float]:
    """Seconds for a first push of everything, and for a second one over it."""
    with psycopg2.connect(dsn) as conn, conn.cursor() as cur:
        cur.execute("DROP SCHEMA IF EXISTS fustor CASCADE")
    conn.close()
    driver = PostgresDriver("bench", PusherConfig(driver="postgres", endpoint=dsn, driver_params=params))
    taken = []
    for _ in range(2):
        session = (await driver.create_session("bench"))["session_id"]
        await driver.push([table_maker(events[0])], session_id=session)
        began = time.perf_counter()
        for start in range(0, len(events), events_a_push):
            await driver.push(events[start : start + events_a_push], session_id=session)
        taken.append(time.perf_counter() - began)
    await driver.close()
    return taken[0], taken[1]


def execute_values_sec(dsn: str, records: list[dict[str, Any]]) -> tuple[float, float]:
    """Seconds that upserts take, a thousand rows and the index in each transaction: a first time, and over it."""
    names = list(records[0])
    told = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    upsert = f"INSERT INTO valued VALUES %s ON CONFLICT (id) DO UPDATE SET {told}"  # noqa: S608 - names of this file
    taken = []
    with psycopg2.connect(dsn) as conn, conn.cursor() as cur:
        cur.execute(f"DROP TABLE IF EXISTS valued, progress; CREATE TABLE valued ({COLUMNS})")
        cur.execute("CREATE TABLE progress (index bigint); INSERT INTO progress VALUES (0)")
        conn.commit()
        for _ in range(2):
            began = time.perf_counter()
            for start in range(0, len(records), BATCH):
                rows = [
                    tuple(Json(value) if isinstance(value, dict) else value for value in record.values())
                    for record in records[start : start + BATCH]
                ]
                execute_values(cur, upsert, rows, page_size=BATCH)
                cur.execute("UPDATE progress SET index = %s", (start,))
                conn.commit()
            taken.append(time.perf_counter() - began)
    conn.close()
    return taken[0], taken[1]


def dlt_sec(dsn: str, records: Path) -> tuple[float, float] | None:
    """Seconds that dlt takes to merge the records, and to do it again; None where it cannot be had."""
    if shutil.which("uv") is None:
        return None
    parts = parse_dsn(dsn)
    host, user = (urllib.parse.quote(parts.get(name, other), safe="") for name, other in _DLT_PARTS)
    secret = urllib.parse.quote(_password(parts), safe="")
    address = f"postgresql://{user}:{secret}@{host}:{parts.get('port', '5432')}/{parts['dbname']}"
    command = [
        "uv",
        "run",
        "--no-project",
        "--quiet",
        "--with=dlt[postgres]",
        "python",
        str(PEERS),
        str(records),
        address,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=records.parent)
    if done.returncode:
        print(f"dlt did not run: {done.stderr.strip().splitlines()[-1:]}")
        return None
    first, second = map(float, done.stdout.split()[-2:])
    return first, second


def _password(parts: dict[str, str]) -> str:
    """What dlt wants in the address itself: the embedded server's password stands in a file."""
    if "passfile" in parts:
        return Path(parts["passfile"]).read_text(encoding="utf-8").strip().rpartition(":")[2]
    return parts.get("password", "none")


def copies(dsn: str, psql: Path, records: list[dict[str, Any]], directory: Path) -> dict[str, float]:
    """Seconds of the floor, and of what else `psql` can be asked for."""
    plain, shaped = directory / "plain", directory / "shaped"
    plain.write_text("".join("\t".join(map(_text, record.values())) + "\n" for record in records))
    lines = [f"/public/mixed/{r['id']}\t1800000000.25\t280\tf\t{_text(r)}\trealtime\t1\n" for r in records]
    shaped.write_text("".join(lines))
    parts = [directory / f"part{start}" for start in range(0, len(records), BATCH)]
    for number, part in enumerate(parts):
        part.write_text("".join(lines[number * BATCH : (number + 1) * BATCH]))
    same = (
        'path text COLLATE "C" PRIMARY KEY, mtime float8, size bigint, is_directory boolean, record jsonb,'
        " message_source text, event_index bigint"
    )
    return {
        FLOOR: copy_sec(dsn, psql, [plain], "mixed", COLUMNS),
        "copy of the pusher's columns": copy_sec(dsn, psql, [shaped], "shaped", same),
        "the same, 1,000 a transaction": copy_sec(dsn, psql, parts, "shaped", same),
    }


def pushes(dsn: str, records: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds of the pusher's phases."""
    found: dict[str, float] = {}
    for name, source, events_a_push, params in CASES:
        first, second = asyncio.run(push_sec(dsn, events_of(records, source), events_a_push, **params))
        found |= {name: first, f"{name}, again": second}
    return found


def peers(dsn: str, records: list[dict[str, Any]], directory: Path) -> dict[str, float]:
    """Seconds of the other ways."""
    first, second = execute_values_sec(dsn, records)
    found = {"execute_values": first, "execute_values, again": second}
    file = directory / "records"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    merged = dlt_sec(dsn, file)
    return found if merged is None else found | {"dlt": merged[0], "dlt, again": merged[1]}


def measure(dsn: str, psql: Path, rows: int, rounds: int, *, with_peers: bool) -> dict[str, float]:
    """Medians in seconds."""
    records = mixed_rows(rows)
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            directory.chmod(0o755)
            found = copies(dsn, psql, records, directory) | pushes(dsn, records)
            if with_peers:
                found |= peers(dsn, records, directory)
        for what, value in found.items():
            seconds.setdefault(what, []).append(value)
    return {what: statistics.median(values) for what, values in seconds.items()}


def _text(value: object) -> str:
    if value is None:
        return "\\N"
    return json.dumps(value).replace("\\", "\\\\") if isinstance(value, dict) else str(value)


def main() -> None:
    """Print the table, and write it where `--json` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true", help="leave out dlt and execute_values")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    given = os.environ.get("FUSTOR_TEST_PG_DSN")
    server = Server.started(fsync="on", wal_level="replica")
    try:
        dsn, psql = given or server.uri, server.binaries / "psql"
        medians = measure(dsn, psql, asked.rows, asked.rounds, with_peers=not asked.no_peers)
    finally:
        server.remove()
    percent = {what: 100 * medians[FLOOR] / seconds for what, seconds in medians.items()}
    print(f"{'':36} {'rows/s':>10} {'% of copy':>10} {'to reach':>10}")
    for what, seconds in medians.items():
        print(f"{what:36} {asked.rows / seconds:>10,.0f} {percent[what]:>10.1f} {TO_REACH.get(what, ''):>10}")
    if asked.json:
        told = {"rows": asked.rows, "rounds": asked.rounds, "median_seconds": medians, "percent_of_copy": percent}
        asked.json.write_text(json.dumps(told | {"to_reach": TO_REACH}, indent=2))


if __name__ == "__main__":
    main()
