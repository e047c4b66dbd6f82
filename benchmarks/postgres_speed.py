"""How fast source-postgres reads, against the server's own tools."""

from __future__ import annotations

import resource
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from postgres_bench import MEBIBYTE, Bench
from psycopg2.extensions import connection
from psycopg2.extras import ReplicationCursor

from fustor_source_postgres._changes.relation import Relation, Unfollowed, read_description
from fustor_source_postgres._rows.lines import LineReader
from fustor_source_postgres._rows.types import Types
from fustor_source_postgres._server.boundary import begin_at
from fustor_source_postgres._server.catalog import load_tables
from fustor_source_postgres._server.patience import Stop
from fustor_source_postgres._server.slots import base_index
from fustor_source_postgres._tables import read_rows

MIXED = """
create table mixed as
select g::bigint id, md5(g::text) name, (g * 1.2345)::numeric(14, 4) amount, now() + g * interval '1 second' moment,
       jsonb_build_object('a', g, 'b', md5((g + 1)::text), 'c', jsonb_build_object('x', g % 10)) document,
       g % 2 = 0 flag, g / 7.0::float8 ratio, case when g % 4 = 0 then null else repeat('t', g % 100) end note
  from generate_series(1, {rows}) g;
alter table mixed add primary key (id);
"""


def _snapshot(bench: Bench, table: str, target: float) -> None:
    def ours() -> int:
        with bench.driver(f"public.{table}") as driver:
            return sum(len(event.rows) for event in driver.get_snapshot_iterator())

    case = f"snapshot of {table} as events / psql COPY"
    bench.compare(case, lambda: copy_out(bench, table), ours, target)


def copy_out(bench: Bench, table: str) -> None:
    """The server's own way to read a table."""
    bench.tool("psql", bench.server.uri, "-qc", f"copy {table} to stdout")


def snapshot_mixed(bench: Bench) -> None:
    """Eight columns with json, numeric and timestamps."""
    bench.run("drop table if exists mixed;" + MIXED.format(rows=bench.rows))
    _snapshot(bench, "mixed", 0.55)


def snapshot_rows(bench: Bench) -> None:
    """The same as rows that no event holds."""
    bench.run("drop table if exists mixed;" + MIXED.format(rows=bench.rows))

    opener = bench.opener("public.mixed")

    def ours() -> int:
        conn = bench.connect()
        (table,) = load_tables(conn, opener.params)
        begin_at(conn, None)
        reader = LineReader(conn, table, Types())
        count = sum(read_rows(opener, conn, reader, 0.0, 1_000, make=len))
        conn.close()
        return count

    bench.compare("snapshot of mixed as rows / psql COPY", lambda: copy_out(bench, "mixed"), ours, 0.65)


def snapshot_narrow(bench: Bench) -> None:
    """The accounts of pgbench."""
    bench.tool("pgbench", "-i", "-q", "-s", str(max(bench.rows // 100_000, 1)), bench.server.uri)
    bench.run("vacuum analyze")
    _snapshot(bench, "pgbench_accounts", 0.50)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Changes that lie between two positions of one slot, to be read again and again from copies of it."""

    table: str
    start: int
    end: int
    stop_lsn: str
    slot: str


def recorded(bench: Bench, table: str, write: Callable[[], None]) -> Recorded:
    """What `write` does."""
    with bench.driver(table) as driver:
        stream = driver.get_message_iterator(-1)
        start = driver.get_latest_position()
        write()
        end = driver.get_latest_position()
        stop_lsn = bench.run("select pg_current_wal_lsn()")[0][0]
        slot = bench.opener(table).slot
    del stream
    return Recorded(table, start, end, stop_lsn, slot)


def compare_streams(bench: Bench, case: str, what: Recorded, target: float, ours: Callable[[], int]) -> None:
    """How `ours` does beside the server's own program, which keeps nothing."""

    def floor() -> None:
        bench.run(f"select pg_copy_logical_replication_slot('{what.slot}', 'floor')")
        options = ["-o", "proto_version=1", "-o", f"publication_names={what.slot}"]
        where = ["-d", bench.server.uri, "--slot", "floor", "--start", "-f", "/dev/null", "--endpos", what.stop_lsn]
        bench.tool("pg_recvlogical", *where, *options)
        bench.run("select pg_drop_replication_slot('floor')")

    bench.compare(case, floor, ours, target)
    bench.run(f"select pg_drop_replication_slot('{what.slot}')")


def as_events(bench: Bench, what: Recorded, **params: Any) -> Callable[[], int]:
    """The driver, as a host uses it."""

    def ours() -> int:
        with bench.driver(what.table, **params) as driver:
            return sum(len(event.rows) for event in driver.get_message_iterator(what.start, end_position=what.end))

    return ours


def tpcb(bench: Bench, begin: Callable[[], object] = lambda: None) -> Recorded:
    """Many small transactions, made once `begin` has returned."""
    bench.tool("pgbench", "-i", "-q", "-s", "5", bench.server.uri)
    bench.run("alter table pgbench_history add id bigserial primary key")

    def write() -> None:
        begin()
        bench.tool("pgbench", "-n", "-c", "2", "-t", str(bench.rows // 20), bench.server.uri)

    return recorded(bench, "public.pgbench_*", write)


def stream_tpcb(bench: Bench) -> None:
    """Many small transactions as events."""
    what = tpcb(bench)
    compare_streams(bench, "TPC-B as events / pg_recvlogical", what, 0.75, as_events(bench, what))


def stream_decoded(bench: Bench) -> None:
    """The same, as rows that no event holds."""
    what = tpcb(bench)

    opener = bench.opener(what.table)

    def ours() -> int:
        opened = opener.resume(what.start, Stop(), bounded=True)
        try:
            return _decode(opened.conn, opened.cur, opener.resolver(), what.end)
        finally:
            opened.conn.close()

    compare_streams(bench, "TPC-B decoded / pg_recvlogical", what, 0.95, ours)


def _decode(
    conn: connection, cur: ReplicationCursor, resolve: Callable[..., Relation | Unfollowed | None], end: int
) -> int:
    relations: dict[bytes, Relation | Unfollowed | None] = {}
    count = 0
    while True:
        message = cur.read_message()
        if message is None:
            if base_index(cur.wal_end or 0) >= end:
                return count
            select.select([conn], [], [], 1)
            continue
        payload = message.payload
        if payload[0] in b"IU":
            relation = relations[payload[1:5]]
            if isinstance(relation, Relation):
                if relation.read(payload, 0.0) is None:
                    relation.any_row(payload, 0.0)
                count += 1
        elif payload[0] in b"R":
            relations[payload[1:5]] = resolve(read_description(payload))


def _large(bench: Bench, case: str, **params: Any) -> None:
    bench.run("drop table if exists large; create table large (id int primary key, v text)")

    def write() -> None:
        bench.run(f"insert into large select g, md5(g::text) from generate_series(1, {bench.rows}) g")  # noqa: S608 - a number

    what = recorded(bench, "public.large", write)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    compare_streams(bench, case, what, 0.60, as_events(bench, what, **params))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / MEBIBYTE
    bench.results[case]["peak_growth_mib"] = grown


def stream_large(bench: Bench) -> None:
    """One large transaction, and the memory that it takes."""
    _large(bench, "one large transaction as events / pg_recvlogical")


def stream_large_streamed(bench: Bench) -> None:
    """The same, sent before its commit."""
    _large(bench, "the same, streamed / pg_recvlogical", streaming=True)


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
