"""Other ways to read PostgreSQL from Python, timed on the same server; what is not to be had is left out by name."""

from __future__ import annotations

import re
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import psycopg2
from postgres_bench import Bench, timed
from postgres_speed import MIXED, as_events, compare_streams, tpcb
from psycopg2.extras import LogicalReplicationConnection

_VALUE = re.compile(r"(\w+)\[([^\]]+)\]:('(?:[^']|'')*'|\S+)")
_DLT = """
import sys, time
from dlt.sources.sql_database import sql_table
began = time.perf_counter()
count = sum(1 for _ in sql_table(credentials=sys.argv[1], table="mixed", chunk_size=1000))
print(count, time.perf_counter() - began)
"""
_PLUGINS = {"test_decoding": {"skip-empty-xacts": "1"}, "wal2json": {"format-version": "2"}}


def peer_snapshots(bench: Bench) -> None:
    """`sql_database` of dlt, in an environment of its own, beside the driver."""
    bench.run("drop table if exists mixed;" + MIXED.format(rows=bench.rows))
    uri = bench.server.uri.replace("postgresql:", "postgresql+psycopg2:")
    command = ["uv", "run", "-q", "--no-project", "--python", sys.executable]
    command += ["--with", "dlt[sql_database]", "--with", "psycopg2-binary", "python", "-c", _DLT, uri]

    def ours() -> int:
        with bench.driver("public.mixed") as driver:
            return sum(len(event.rows) for event in driver.get_snapshot_iterator())

    theirs, own = [], []
    for _ in range(bench.rounds):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            bench.left_out["dlt sql_database"] = (done.stderr.splitlines() or ["it does not run"])[-1]
            return
        theirs.append(float(done.stdout.split()[1]))
        own.append(timed(ours)[0])
    base, mine = statistics.median(theirs), statistics.median(own)
    case = "snapshot of mixed: dlt sql_database / ours"
    bench.results[case] = {"peer_sec": base, "own_sec": mine, "ratio": base / mine, "target": 1}


def peer_streams(bench: Bench) -> None:
    """psycopg2 with plugins that send text, into dicts, beside the driver."""
    for plugin, options in _PLUGINS.items():
        make = f"select pg_create_logical_replication_slot('peer', '{plugin}')"
        try:
            bench.run(make)
        except psycopg2.Error as err:
            bench.left_out[f"psycopg2 with {plugin}"] = str(err).splitlines()[0]
            continue
        bench.run("select pg_drop_replication_slot('peer')")
        what = tpcb(bench, partial(bench.run, make))
        case = f"TPC-B: psycopg2 with {plugin} / pg_recvlogical"
        read = _reader(bench, options)
        compare_streams(bench, f"TPC-B as events beside {plugin}", what, 0.75, as_events(bench, what))
        seconds = statistics.median(timed(read)[0] for _ in range(bench.rounds))
        beside = bench.results[f"TPC-B as events beside {plugin}"]
        bench.results[case] = {
            "peer_sec": seconds,
            "ratio": beside["floor_sec"] / seconds,
            "ours_against_it": seconds / beside["own_sec"],
            "target_ours": 1,
        }
        bench.run("select pg_drop_replication_slot('peer')")


def _reader(bench: Bench, options: dict[str, str]) -> Callable[[], int]:
    """Everything that the slot `peer` holds, as dicts, without confirming any of it."""

    def read() -> int:
        bench.run("select pg_copy_logical_replication_slot('peer', 'peer_copy')")
        conn = psycopg2.connect(bench.server.uri, connection_factory=LogicalReplicationConnection)
        cur = conn.cursor()
        (end,) = bench.run("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")[0]
        cur.start_replication(slot_name="peer_copy", decode=True, options=options)
        count = 0
        while (cur.wal_end or 0) < end:
            message = cur.read_message()
            if message is None:
                # the server says how far it is when it is asked
                cur.send_feedback(reply=True)  # type: ignore[no-untyped-call] # no stubs
                select.select([conn], [], [], 1)
            elif message.payload.startswith(("table public.pgbench", '{"action"')):
                dict(value[::2] for value in _VALUE.findall(message.payload))
                count += 1
        conn.close()
        _drop(bench)
        return count

    return read


def _drop(bench: Bench) -> None:
    """Drop the copy, once its reader is gone."""
    deadline = time.monotonic() + 10
    while True:
        try:
            bench.run("select pg_drop_replication_slot('peer_copy')")
        except psycopg2.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
