"""A database to read and to write, and Spark applications of their own."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg2

HERE = Path(__file__).parent
PASSWORD = "FUSTOR_TEST_PASSWORD"  # noqa: S105 - the name of the variable
WAIT_SEC = 500


class Database:
    """One database with a table `t`, whose owner reads and writes it with a password."""

    def __init__(self, server, name, secret):
        self.name = name
        admin = psycopg2.connect(server.uri)
        admin.autocommit = True
        with admin.cursor() as cur:
            cur.execute(f"CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{secret}'")
            cur.execute(f"CREATE DATABASE {name} OWNER {name}")
        admin.close()
        self.uri = f"postgresql:///{name}?host={server.directory}"
        self.conn = psycopg2.connect(f"{self.uri}&user={name}", password=secret)
        self.conn.autocommit = True

    def run(self, statement, *values):
        """The rows that a statement gives."""
        with self.conn.cursor() as cur:
            cur.execute(statement, values or None)
            return cur.fetchall() if cur.description else []

    def fill(self, rows):
        """Make the table."""
        self.run("CREATE TABLE t (id bigint PRIMARY KEY, v text, n int)")
        self.run("INSERT INTO t SELECT i, md5(i::text), 0 FROM generate_series(1, %s) i", rows)

    @property
    def source(self):
        """Options that read it."""
        chosen = {"driver_params": '{"tables": ["public.t"]}'}
        return self._credential | chosen | {"driver": "postgres", "id": self.name, "uri": self.uri}

    @property
    def pusher(self):
        """Options that write into it."""
        return self._credential | {"driver": "postgres", "task": "copy", "endpoint": self.uri}

    @property
    def _credential(self):
        return {"user": self.name, "passwd": f"${{{PASSWORD}}}"}

    def difference(self):
        """Rows of the table that the copy lacks, has in another form, or has too much; None while there is no copy."""
        if not self.run("SELECT to_regclass('fustor.public_t')")[0][0]:
            return None
        return self.run(
            "SELECT coalesce(a.id, (b.record->>'id')::bigint) FROM t a FULL JOIN fustor.public_t b"
            " ON a.id = (b.record->>'id')::bigint WHERE (a.v, a.n) IS DISTINCT FROM"
            " (b.record->>'v', (b.record->>'n')::int) OR a.id IS NULL OR b.path IS NULL LIMIT 5"
        )

    def has_released(self, lsn):
        """Whether the slot holds nothing back from before `lsn`; writes what is of no interest to the source."""
        self.run("INSERT INTO noise VALUES (1)")
        return self.run(
            "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE NOT temporary AND database = %s",
            lsn,
            self.name,
        )[0][0]

    def close(self):
        """Release everything the tests made."""
        self.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
        self.conn.close()


def wait_until(is_so, what):
    """Return when something is so."""
    deadline = time.monotonic() + WAIT_SEC
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def _spark_home():
    """The programs with which a cluster of one machine starts its workers."""
    return str(Path(find_spec("pyspark").origin).parent)


class Application:
    """One run of `job.py`, killed as a crash of the machine does it."""

    def __init__(self, folder, **job):
        self.log = (folder / f"{uuid.uuid4().hex}.log").open("w+")
        command = [sys.executable, "-X", "faulthandler", str(HERE / "job.py"), json.dumps(job)]
        self.process = subprocess.Popen(
            command,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(folder), "SPARK_HOME": _spark_home()},
        )

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def wait(self):
        """Wait for its own end."""
        assert self.process.wait(WAIT_SEC) == 0, self.said()[-6000:]
        return self.said()

    def wait_until(self, is_so, what):
        """Return when something is so; it has to run meanwhile."""

        def has_come():
            assert self.process.poll() is None, self.said()[-6000:]
            return is_so()

        wait_until(has_come, what)

    def kill(self):
        """End it at once, its virtual machine and the processes below that too."""
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()
