"""Speed of source-postgres against the server's own tools: ratios of medians from one interleaved run.

Run as `uv run python benchmarks/postgres.py [--rounds N] [--rows N] [--json FILE] [CASE ...]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection

from fustor_core.models.config import SourceConfig
from fustor_source_postgres import PostgresDriver
from fustor_source_postgres._embedded import EmbeddedServer

SETTINGS = {"shared_buffers": "'1GB'", "max_wal_size": "'8GB'", "jit": "off"}
MIXED = """
create table mixed as
select g::bigint id, md5(g::text) name, (g * 1.2345)::numeric(14, 4) amount, now() + g * interval '1 second' moment,
       jsonb_build_object('a', g, 'b', md5((g + 1)::text), 'c', jsonb_build_object('x', g % 10)) document,
       g % 2 = 0 flag, g / 7.0::float8 ratio, case when g % 4 = 0 then null else repeat('t', g % 100) end note
  from generate_series(1, {rows}) g;
alter table mixed add primary key (id);
"""
MEBIBYTE = 1 << 20


@dataclass(slots=True)
class Bench:
    """A server with data, and what was measured on it."""

    server: EmbeddedServer
    rows: int
    rounds: int
    results: dict[str, dict[str, float]] = field(default_factory=dict)

    def connect(self) -> connection:
        """A connection that commits every statement."""
        conn = psycopg2.connect(self.server.uri)
        conn.autocommit = True
        return conn

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """What one statement answers."""
        conn = self.connect()
        try:
            with conn.cursor() as cur:
                cur.execute(statement)
                return cur.fetchall() if cur.description else []
        finally:
            conn.close()

    @contextmanager
    def driver(self, *tables: str) -> Iterator[PostgresDriver]:
        """A driver of these tables, for the length of a block."""
        config = SourceConfig(driver="postgres", uri=self.server.uri, driver_params={"tables": list(tables)})
        driver = PostgresDriver("benchmark", config)
        try:
            yield driver
        finally:
            asyncio.run(driver.close())

    def tool(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs, its output thrown away."""
        command = [str(self.server.binaries / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def compare(self, case: str, floor: Callable[[], None], ours: Callable[[], int], target: float) -> None:
        """Medians of interleaved rounds, and the ratio of the floor's time to ours."""
        times: tuple[list[float], list[float]] = ([], [])
        count = 0
        for _ in range(self.rounds):
            times[0].append(_timed(floor)[0])
            seconds, count = _timed(ours)
            times[1].append(seconds)
        base, own = (statistics.median(values) for values in times)
        self.results[case] = {"floor_sec": base, "own_sec": own, "rows": count, "ratio": base / own, "target": target}


def _timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def _snapshot(bench: Bench, table: str, target: float) -> None:
    def ours() -> int:
        with bench.driver(f"public.{table}") as driver:
            return sum(len(event.rows) for event in driver.get_snapshot_iterator())

    def floor() -> None:
        bench.tool("psql", bench.server.uri, "-qc", f"copy {table} to stdout")

    bench.compare(f"snapshot of {table} as events / psql COPY", floor, ours, target)


def snapshot_mixed(bench: Bench) -> None:
    """Eight columns with json, numeric and timestamps."""
    bench.run(MIXED.format(rows=bench.rows))
    _snapshot(bench, "mixed", 0.55)


def snapshot_narrow(bench: Bench) -> None:
    """The accounts of pgbench."""
    bench.tool("pgbench", "-i", "-q", "-s", str(max(bench.rows // 100_000, 1)), bench.server.uri)
    bench.run("vacuum analyze")
    _snapshot(bench, "pgbench_accounts", 0.50)


def _stream(bench: Bench, case: str, table: str, write: Callable[[], None], target: float) -> None:
    """What `write` does, decoded again and again from copies of one slot."""
    with bench.driver(table) as driver:
        stream = driver.get_message_iterator(-1)
        start = driver.get_latest_position()
        write()
        end = driver.get_latest_position()
        stop_lsn = bench.run("select pg_current_wal_lsn()")[0][0]
    del stream
    slot, publication = bench.run("select slot_name, slot_name from pg_replication_slots")[0]

    def floor() -> None:
        bench.run(f"select pg_copy_logical_replication_slot('{slot}', 'floor')")
        options = ["-o", "proto_version=1", "-o", f"publication_names={publication}"]
        where = ["-d", bench.server.uri, "--slot", "floor", "--start", "-f", "/dev/null", "--endpos", stop_lsn]
        bench.tool("pg_recvlogical", *where, *options)
        bench.run("select pg_drop_replication_slot('floor')")

    def ours() -> int:
        with bench.driver(table) as driver:
            return sum(len(event.rows) for event in driver.get_message_iterator(start, end_position=end))

    bench.compare(case, floor, ours, target)
    bench.run(f"select pg_drop_replication_slot('{slot}')")


def stream_tpcb(bench: Bench) -> None:
    """Many small transactions."""
    bench.tool("pgbench", "-i", "-q", "-s", "5", bench.server.uri)
    bench.run("alter table pgbench_history add id bigserial primary key")

    def write() -> None:
        bench.tool("pgbench", "-n", "-c", "2", "-t", str(bench.rows // 20), bench.server.uri)

    _stream(bench, "TPC-B as events / pg_recvlogical", "public.pgbench_*", write, 0.75)


def stream_large(bench: Bench) -> None:
    """One large transaction, and the memory that it takes."""
    bench.run("create table large (id int primary key, v text)")

    def write() -> None:
        bench.run(f"insert into large select g, md5(g::text) from generate_series(1, {bench.rows}) g")  # noqa: S608 - a number

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    case = "one large transaction as events / pg_recvlogical"
    _stream(bench, case, "public.large", write, 0.60)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / MEBIBYTE
    bench.results[case]["peak_growth_mib"] = grown


def latency(bench: Bench) -> None:
    """From the return of a commit to the event, at 500 transactions a second."""
    bench.run("create table ticks (id int primary key)")
    committed: dict[int, float] = {}
    told: dict[int, float] = {}
    number = 1_000
    with bench.driver("public.ticks") as driver:
        stream = driver.get_message_iterator(-1)
        writer = threading.Thread(target=_tick, args=(bench, number, committed))
        writer.start()
        for event in stream:
            now = time.perf_counter()
            told |= {row["record"]["id"]: now for row in event.rows}
            if len(told) == number:
                break
        writer.join()
    waits = sorted(max(told[n] - committed[n], 0) * 1e3 for n in committed)
    p50, p99 = waits[number // 2], waits[number * 99 // 100]
    bench.results["commit to event"] = {"p50_ms": p50, "p99_ms": p99, "target_p50_ms": 1, "target_p99_ms": 5}


def _tick(bench: Bench, number: int, committed: dict[int, float]) -> None:
    conn = bench.connect()
    with conn.cursor() as cur:
        for n in range(number):
            cur.execute("insert into ticks values (%s)", (n,))
            committed[n] = time.perf_counter()
            time.sleep(0.002)
    conn.close()


CASES = {case.__name__: case for case in (snapshot_mixed, snapshot_narrow, stream_tpcb, stream_large, latency)}


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    server = EmbeddedServer.started(**SETTINGS)
    try:
        bench = Bench(server, asked.rows, asked.rounds)
        for name in asked.cases or CASES:
            CASES[name](bench)
            sys.stderr.write(f"{name} done\n")
    finally:
        server.remove()
    for case, figures in bench.results.items():
        print(f"{case:52} " + "  ".join(f"{name} {value:.3g}" for name, value in figures.items()))
    if asked.json:
        asked.json.write_text(json.dumps(bench.results, indent=2) + "\n")


if __name__ == "__main__":
    main()
