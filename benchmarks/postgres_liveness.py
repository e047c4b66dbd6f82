"""What source-postgres does while nothing or something bad happens: log that is held back, and the time to go on."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2
from postgres_bench import MEBIBYTE, Bench

_IDLE_SEC = 30.0
_HOST = """
import sys
from fustor_core.models.config import SourceConfig
from fustor_source_postgres import PostgresDriver
uri, start = sys.argv[1], int(sys.argv[2])
config = SourceConfig(driver="postgres", uri=uri, driver_params={"tables": ["public.ticks"]})
for event in PostgresDriver("benchmark", config).get_message_iterator(start):
    print(event.index, event.rows[-1]["record"]["id"], flush=True)
"""


def idle_slot(bench: Bench) -> None:
    """Log that a source holds back whose own tables do not change, while others write."""
    bench.run("drop table if exists quiet, foreign_rows")
    bench.run("create table quiet (id int primary key)")
    bench.run("create table foreign_rows (v text)")
    written = peak = 0
    stopped = threading.Event()
    with bench.driver("public.quiet", heartbeat_sec=1) as driver:
        stream = driver.get_message_iterator(-1, progress_interval=1, stop_event=stopped)

        def acknowledge() -> None:
            for event in stream:
                driver.acknowledge(event.index)

        host = threading.Thread(target=acknowledge)
        host.start()
        deadline = time.monotonic() + _IDLE_SEC
        while time.monotonic() < deadline:
            bench.run("insert into foreign_rows select repeat('x', 1000) from generate_series(1, 8000)")
            written += 8
            time.sleep(0.5)
            peak = max(peak, _retained(bench))
        time.sleep(2)
        last = _retained(bench)
        stopped.set()
        host.join()
    bench.run("select pg_drop_replication_slot(slot_name) from pg_replication_slots")
    bench.results["log held back by an idle source"] = {
        "written_mib": written,
        "peak_mib": peak / MEBIBYTE,
        "last_mib": last / MEBIBYTE,
        "target_last_mib": 32,
    }


def _retained(bench: Bench) -> int:
    query = "select pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint from pg_replication_slots"
    return int(bench.run(query)[0][0])


def after_kills(bench: Bench) -> None:
    """From a kill to the first event that was written after it."""
    bench.run("drop table if exists ticks; create table ticks (id bigserial primary key, at timestamptz default now())")
    with bench.driver("public.ticks") as driver:
        position = driver.get_latest_position()
        driver.get_message_iterator(-1)
        position = max(position, driver.get_latest_position())
    with _writing(bench) as latest:
        hosts = [_host_killed(bench, position, latest) for _ in range(bench.rounds)]
        senders = [_sender_killed(bench, position, latest) for _ in range(bench.rounds)]
    bench.run("select pg_drop_replication_slot(slot_name) from pg_replication_slots")
    case = "from kill -9 of the host to a new event"
    bench.results[case] = {"median_sec": statistics.median(hosts), "max_sec": max(hosts), "target_sec": 2}
    away, taken = zip(*senders, strict=True)
    bench.results["from kill -9 of the walsender to a new event"] = {
        "server_away_sec": statistics.median(away),
        "median_sec": statistics.median(taken),
        "max_sec": max(taken),
        "target_sec": 2,
    }


@contextmanager
def _writing(bench: Bench) -> Iterator[Callable[[], int]]:
    """Fifty rows a second, whatever happens to the server; gives the latest number."""
    stopped = threading.Event()
    latest = [0]

    def write() -> None:
        while not stopped.wait(0.02):
            with suppress(psycopg2.Error):
                latest[0] = int(bench.run("insert into ticks default values returning id")[0][0])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield lambda: latest[0]
    finally:
        stopped.set()
        writer.join()


def _started(bench: Bench, position: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _HOST, bench.server.uri, str(position)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _next_after(host: subprocess.Popen[str], number: int) -> None:
    """Return when the host has told of a row above `number`."""
    for line in host.stdout or ():
        if int(line.split()[1]) > number:
            return
    raise RuntimeError("The host ended; run it by itself to see why")


def _end(host: subprocess.Popen[str]) -> None:
    host.kill()
    host.communicate()


def _host_killed(bench: Bench, position: int, latest: Callable[[], int]) -> float:
    first = _started(bench, position)
    _next_after(first, latest())
    first.send_signal(signal.SIGKILL)
    began, number = time.perf_counter(), latest()
    second = _started(bench, position)
    _next_after(second, number)
    taken = time.perf_counter() - began
    _end(first)
    _end(second)
    return taken


def _sender_killed(bench: Bench, position: int, latest: Callable[[], int]) -> tuple[float, float]:
    """How long the server was away, since it restarts all that share memory with a process that died; and the event."""
    host = _started(bench, position)
    _next_after(host, latest())
    bench.run("checkpoint")  # what was written long ago need not be recovered
    ((pid,),) = bench.run("select active_pid from pg_replication_slots where active")
    os.kill(pid, signal.SIGKILL)
    began = time.perf_counter()
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.001)
    before = latest() + 1  # one may have been on its way
    while latest() <= before:
        time.sleep(0.001)
    away = time.perf_counter() - began
    _next_after(host, before)
    taken = time.perf_counter() - began
    _end(host)
    return away, taken
