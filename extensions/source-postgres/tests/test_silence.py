"""Servers that fall silent, and what a start waits for."""

import asyncio
import os
import resource
import signal
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from fustor_core.exceptions import DriverError
from fustor_testing_postgres import Server

pytestmark = pytest.mark.wide


@pytest.fixture(scope="module")
def own_server():
    server = Server.started()
    yield server
    server.remove()


@pytest.fixture
def own_database(own_server, new_database):
    with new_database(own_server.uri) as made:
        made.run("create table t (id int primary key)")
        yield made


@contextmanager
def stopped(pids):
    """Processes that do nothing until the block ends."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def wait_until(condition):
    """Wait for a condition that no server can be asked for."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.01)


def senders(database):
    return [
        pid
        for (pid,) in database.run(
            "select active_pid from pg_replication_slots where database = current_database() and active"
        )
    ]


@pytest.mark.full
def test_a_server_that_says_nothing_more_is_noticed(own_server, own_database, read, caplog):
    database = own_database
    driver = database.driver(max_retries=2, connect_timeout_sec=2)
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    reading.rows(1)
    with stopped(own_server.processes()):
        error = reading.join(30)
        assert isinstance(error, DriverError)
        assert "The stream broke" in caplog.text
    asyncio.run(driver.close())


@pytest.mark.full
def test_a_server_that_speaks_again_is_read_on(own_server, own_database, read, caplog):
    database = own_database
    driver = database.driver(max_retries=4, connect_timeout_sec=2)
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    reading.rows(1)
    with stopped(own_server.processes()):
        wait_until(lambda: "The stream broke" in caplog.text)
    database.run("insert into t values (2)")
    assert reading.rows(1)[0][1]["path"] == "/public/t/2"
    asyncio.run(driver.close())


def test_a_sender_that_says_nothing_more_is_noticed(own_database, read, caplog):
    database = own_database
    driver = database.driver(max_retries=2)
    reading = read(driver.get_message_iterator(-1))
    database.run("insert into t values (1)")
    reading.rows(1)
    with stopped(senders(database)):
        database.run("insert into t values (2)")
        assert reading.rows(1, timeout=15)[0][1]["path"] == "/public/t/2"
        assert "has not answered" in caplog.text
    asyncio.run(driver.close())


@pytest.mark.full
def test_an_idle_server_is_not_silent(own_database, read, caplog):
    driver = own_database.driver(max_retries=1)
    reading = read(driver.get_message_iterator(-1))
    own_database.run("select pg_sleep(6)")
    own_database.run("insert into t values (1)")
    reading.rows(1)
    assert caplog.text == ""
    asyncio.run(driver.close())


@pytest.mark.parametrize("kind", ["open", "prepared"])
def test_a_start_says_which_transaction_it_waits_for_and_can_be_stopped(own_database, kind, caplog):
    database = own_database
    driver = database.driver()
    stop = threading.Event()
    opened = []
    with database.transaction() as run:
        run("set application_name = 'a long one'")
        run("insert into t values (1)")
        if kind == "prepared":
            run(f"prepare transaction 'gid-{database.name}'")
        opening = threading.Thread(target=lambda: opened.extend(driver.get_message_iterator(-1, stop_event=stop)))
        opening.start()
        database.wait_for(lambda: "waits for the end of transaction" in caplog.text)
        stop.set()
        opening.join(2)
        assert not opening.is_alive()
    expected = f"prepared as 'gid-{database.name}'" if kind == "prepared" else "application 'a long one', since 20"
    assert expected in caplog.text
    if kind == "prepared":
        database.run(f"rollback prepared 'gid-{database.name}'")
    assert opened == []


def test_a_start_that_waited_goes_on(own_database, caplog):
    database = own_database
    driver = database.driver()
    with database.transaction() as run:
        run("insert into t values (1)")
        found = []
        opening = threading.Thread(target=lambda: found.append(driver.get_message_iterator(-1)))
        opening.start()
        database.wait_for(lambda: "waits for the end of transaction" in caplog.text)
    opening.join(5)
    (event,) = driver.get_snapshot_iterator()
    assert [row["path"] for row in event.rows] == ["/public/t/1"]
    asyncio.run(driver.close())


def test_a_process_with_more_than_a_thousand_open_files_reads_on(own_database, read):
    database = own_database
    driver = database.driver()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with ExitStack() as files:
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        while files.enter_context(open(os.devnull)).fileno() < 1024:  # noqa: PTH123 - a device
            pass
        reading = read(driver.get_message_iterator(-1))
        database.run("insert into t values (1)")
        reading.rows(1)
        asyncio.run(driver.close())
        reading.join(30)
