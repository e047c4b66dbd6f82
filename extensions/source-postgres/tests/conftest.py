"""One real server for all tests of this package, and one database for each of them."""

import asyncio
import queue
import threading
import time
import uuid
from contextlib import contextmanager

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from fustor_core.models.config import SourceConfig
from fustor_source_postgres import PostgresDriver
from fustor_source_postgres._server.patience import Stop
from fustor_source_postgres.testing import server_uri


def pytest_configure(config: pytest.Config) -> None:
    """Know the long form of the tests, and leave it out unless `-m` asks for it, wherever pytest is started."""
    for marker in (
        "wide: the many cases of a promise (minutes)",
        "chaos: seeded random faults (minutes)",
        "full: the long form, run before a release",
    ):
        config.addinivalue_line("markers", marker)
    config.option.markexpr = config.option.markexpr or "not (wide or chaos or full)"


DEADLINE_SEC = 20
_END = object()


@pytest.fixture(scope="session")
def server():
    """The address of a server that tests may fill."""
    return server_uri()


class Reading:
    """Events of an iterator, read in a thread."""

    def __init__(self, iterator):
        self._queue = queue.Queue()
        self.events = []
        self._thread = threading.Thread(target=self._run, args=(iterator,), daemon=True)
        self._thread.start()

    def _run(self, iterator):
        try:
            for event in iterator:
                self._queue.put(event)
        except Exception as err:  # noqa: BLE001 - handed to the thread that waits
            self._queue.put(err)
        else:
            self._queue.put(_END)

    def next(self, timeout=DEADLINE_SEC):
        item = self._queue.get(timeout=timeout)
        if isinstance(item, Exception):
            raise item
        if item is _END:
            raise StopIteration
        self.events.append(item)
        return item

    def rows(self, count, timeout=DEADLINE_SEC):
        """At least `count` rows, as (operation, row)."""
        deadline = time.monotonic() + timeout
        found = []
        while len(found) < count:
            event = self.next(max(deadline - time.monotonic(), 0.01))
            found += [(event.event_type.value, row) for row in event.rows]
        return found

    def join(self, timeout=DEADLINE_SEC):
        """Wait for the iterator's end; its error, or None."""
        deadline = time.monotonic() + timeout
        while True:
            item = self._queue.get(timeout=max(deadline - time.monotonic(), 0.01))
            if item is _END:
                return None
            if isinstance(item, Exception):
                return item
            self.events.append(item)


@pytest.fixture
def read():
    """Reads an iterator in a thread, as hosts do."""
    return Reading


class Database:
    """A database of its own, and what a test does to it."""

    def __init__(self, dsn, name):
        self.name = name
        parts = parse_dsn(dsn) | {"dbname": name}
        self.dsn = make_dsn("", **parts)
        self.reconnect()

    def reconnect(self):
        """Connect anew, after the server was away."""
        self.conn = psycopg2.connect(self.dsn)
        self.conn.autocommit = True

    def run(self, statement, *arguments):
        with self.conn.cursor() as cur:
            cur.execute(statement, arguments or None)
            return cur.fetchall() if cur.description else []

    @contextmanager
    def transaction(self):
        """A second connection in a transaction of its own."""
        conn = psycopg2.connect(self.dsn)
        try:
            with conn, conn.cursor() as cur:
                yield cur.execute
        finally:
            conn.close()

    def wait_for(self, condition, timeout=10):
        """Ask the server until the condition holds."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "waited too long"
            self.run("select pg_sleep(0.01)")

    def driver(self, id="t", dsn=None, max_retries=5, **params):
        config = SourceConfig(
            driver="postgres", uri=dsn or self.dsn, driver_params=params, retry_delay_sec=1, max_retries=max_retries
        )
        return PostgresDriver(id, config)

    def slots(self):
        return self.run(
            "select slot_name, active, confirmed_flush_lsn from pg_replication_slots"
            " where database = current_database() order by 1"
        )


@contextmanager
def make_database(server):
    """A database that leaves nothing behind on the server."""
    name = f"t{uuid.uuid4().hex[:12]}"
    run_at(server, sql.SQL("create database {}").format(sql.Identifier(name)))
    made = Database(server, name)
    yield made
    made.run(
        "select pg_terminate_backend(active_pid) from pg_replication_slots"
        " where database = current_database() and active"
    )
    made.wait_for(lambda: not any(active for _, active, _ in made.slots()))
    made.run("select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()")
    made.conn.close()
    run_at(server, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def run_at(server, statement):
    """Run one statement in the server's first database."""
    admin = psycopg2.connect(server)
    admin.autocommit = True
    with admin.cursor() as cur:
        cur.execute(statement)
    admin.close()


@pytest.fixture(scope="session")
def new_database():
    """Makes databases on other servers than that of the session."""
    return make_database


@pytest.fixture
def database(server):
    with make_database(server) as made:
        yield made


@pytest.fixture(scope="module")
def module_database(server):
    with make_database(server) as made:
        yield made


@pytest.fixture
def make_driver(database):
    """Drivers that are closed when the test ends."""
    made = []

    def make(**keywords):
        made.append(database.driver(**keywords))
        return made[-1]

    yield make
    for driver in made:
        asyncio.run(driver.close())


@pytest.fixture
def messages_of():
    """The messages that a driver's stream has between two positions, undecoded."""

    def messages_of(driver, start, end):
        opened = driver._opener.resume(start, Stop(driver._stop_driver_event), bounded=True)
        found = []
        try:
            while (opened.cur.wal_end or 0) >> 3 << 20 < end:
                message = opened.cur.read_message()
                if message is not None:
                    found.append(message.payload)
        finally:
            opened.conn.close()
        return found

    return messages_of
