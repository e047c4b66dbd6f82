"""Random kills of host, server, sender and links while pgbench writes: afterwards source and store are equal."""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg2
import pytest

from fustor_core.models.config import SourceConfig
from fustor_source_postgres import PostgresDriver
from fustor_testing_postgres import Server

HOST = Path(__file__).with_name("sqlite_host.py")
SCHEMA = """
create table kv (id int primary key, v text, n numeric, j jsonb);
create table wide (a int, b text, v text, primary key (a, b));
insert into kv select g, md5(g::text), g / 7.0, jsonb_build_object('g', g) from generate_series(1, 3000) g;
insert into wide select g, 'b' || g, repeat('x', g % 500) from generate_series(1, 1000) g;
"""
WORKLOAD = r"""
\set id random(1, 4000)
\set other random(1, 4000)
\set kind random(1, 10)
begin;
\if :kind <= 4
insert into kv values (:id, md5(:other::text), :other / 3.0, '{"k": [1, "x"]}')
  on conflict (id) do update set v = excluded.v, n = excluded.n;
\elif :kind <= 6
delete from kv where id = :id;
\elif :kind <= 8
update kv set id = :id where id = :other and not exists (select from kv where id = :id);
\else
insert into wide values (:id % 300, 'b' || :other, md5(:kind::text)) on conflict (a, b) do update set v = excluded.v;
delete from wide where a = :other % 300 and b = 'b' || :id;
\endif
end;
"""
FAULTS = ("host", "server", "sender", "links")
CATCH_UP_SEC = 60


def execute(server, statement):
    """What one statement answers, on a connection of its own."""
    conn = psycopg2.connect(server.uri)
    conn.autocommit = True
    try:
        with conn.cursor() as cur:
            cur.execute(statement)
            return cur.fetchall() if cur.description else []
    finally:
        conn.close()


class Chaos:
    """A server that is written to, a host that reads it, and what happens to both."""

    def __init__(self, folder, seed):
        self.random = random.Random(seed)
        self.server = Server.started(max_wal_size="'2GB'")
        self.folder = folder
        self.store = folder / "store.db"
        self.config = folder / "config.json"
        self.host = None
        self.stopped = threading.Event()
        self.counts = dict.fromkeys(FAULTS, 0)
        self.run(SCHEMA)
        config = {"driver": "postgres", "uri": self.server.uri, "retry_delay_sec": 1, "max_retries": 60}
        self.config.write_text(json.dumps(config))
        (folder / "load.sql").write_text(WORKLOAD)
        self.writer = threading.Thread(target=self._write)

    def run(self, statement):
        return execute(self.server, statement)

    def start_host(self):
        with (self.folder / "host.log").open("ab") as log:
            command = [sys.executable, str(HOST), str(self.store), str(self.config)]
            self.host = subprocess.Popen(command, stderr=log)

    def _write(self):
        """pgbench, again whenever the server took it down."""
        command = [
            str(self.server.binaries / "pgbench"),
            "-n",
            "-c",
            "3",
            "-T",
            "5",
            "-f",
            str(self.folder / "load.sql"),
        ]
        while not self.stopped.is_set():
            done = subprocess.run([*command, self.server.uri], check=False, capture_output=True)
            if done.returncode:
                self.stopped.wait(0.1)

    def strike(self):
        """One fault, of a random kind."""
        fault = self.random.choice(FAULTS)
        self.counts[fault] += 1
        if fault == "host":
            self.host.send_signal(signal.SIGKILL)
            self.host.wait()
            self.start_host()
        elif fault == "server":
            self.server.kill()
            self.server.start()
        else:
            streams = "and pid in (select active_pid from pg_replication_slots)" if fault == "sender" else ""
            self.run(
                "select pg_terminate_backend(pid) from pg_stat_activity"  # noqa: S608 - the line above
                f" where application_name like 'fustor%' {streams}"
            )

    def source(self):
        found = {f"/public/kv/{row[0]}": row for row in self.run("select id, v, n::text, j from kv")}
        found |= {f"/public/wide/{a},{b}": (a, b, v) for a, b, v in self.run("select a, b, v from wide")}
        return found

    def stored(self):
        db = sqlite3.connect(self.store)
        try:
            rows = db.execute("select path, record from things").fetchall()
            complete = db.execute("select is_complete from state").fetchone()[0]
            counts = dict(db.execute("select name, value from counts").fetchall())
        finally:
            db.close()
        return {path: tuple(json.loads(record).values()) for path, record in rows} if complete else None, counts

    def catch_up(self):
        """The store, once it equals the source; or as it is at the deadline."""
        deadline = time.monotonic() + CATCH_UP_SEC
        expected = self.source()
        while time.monotonic() < deadline:
            with contextlib.suppress(sqlite3.OperationalError):
                found, counts = self.stored()
                if found == expected:
                    break
            assert self.host.poll() is None, (self.folder / "host.log").read_text()[-2000:]
            self.run("select pg_sleep(0.1)")
        return expected, found, counts

    def end(self):
        self.stopped.set()
        self.writer.join()
        self.host.kill()
        self.host.wait()
        self.server.remove()


def storm(folder, seed, faults):
    chaos = Chaos(folder, seed)
    try:
        chaos.start_host()
        chaos.writer.start()
        for _ in range(faults):
            chaos.run(f"select pg_sleep({chaos.random.uniform(0.1, 2.0)})")
            chaos.strike()
        chaos.stopped.set()
        chaos.writer.join()
        expected, found, counts = chaos.catch_up()
    finally:
        chaos.end()
    summary = {"seed": seed, "faults": chaos.counts, "rows": len(expected), **counts}
    print(f"\nsource-postgres chaos: {json.dumps(summary)}")
    assert found is not None
    lost = {path: row for path, row in expected.items() if found.get(path) != row}
    resurrected = found.keys() - expected.keys()
    assert (lost, resurrected) == ({}, set())
    assert counts.get("repeated events", 0) == 0
    assert counts["realtime rows"] > 0
    return counts


def seed_of(default):
    return int(os.environ.get("FUSTOR_TEST_SEED", default))


@pytest.mark.chaos
@pytest.mark.parametrize("seed", [seed_of(1), seed_of(2)])
def test_twenty_faults_lose_and_repeat_nothing(tmp_path, seed):
    storm(tmp_path, seed, faults=10)


@pytest.mark.full
def test_a_hundred_faults_lose_and_repeat_nothing(tmp_path):
    storm(tmp_path, seed_of(100), faults=100)


@pytest.mark.chaos
def test_a_server_killed_in_a_large_transaction_repeats_nothing_of_it():
    rows = 300_000
    server = Server.started(max_wal_size="'2GB'")
    try:
        execute(server, "create table large (id int primary key, v text)")
        config = SourceConfig(driver="postgres", uri=server.uri, retry_delay_sec=1, max_retries=60)
        driver = PostgresDriver("large", config)
        stream = driver.get_message_iterator(-1)
        execute(server, f"insert into large select g, md5(g::text) from generate_series(1, {rows}) g")  # noqa: S608 - a number
        told = 0
        for number, event in enumerate(stream):
            assert [row["record"]["id"] for row in event.rows] == list(range(told + 1, told + len(event.rows) + 1))
            told += len(event.rows)
            if number in {20, 150}:
                server.kill()
                server.start()
            if told == rows:
                break
        stream.close()
    finally:
        server.remove()
