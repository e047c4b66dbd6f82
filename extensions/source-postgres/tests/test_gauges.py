"""What the driver's statistics say of the server."""

import threading
import time


def test_the_rows_to_read_are_estimated_as_soon_as_the_server_has_counted_them(database, make_driver):
    database.run("create table t (id int primary key)")
    database.run("create table p (id int primary key) partition by range (id)")
    database.run("create table p1 partition of p for values from (0) to (1000)")
    database.run("insert into t select generate_series(1, 300)")
    database.run("insert into p select generate_series(1, 50)")
    driver = make_driver(tables=["public.*"])
    list(driver.get_snapshot_iterator())
    assert "estimated_rows" not in driver.statistics()
    database.run("analyze t, p1")
    list(driver.get_audit_iterator())
    assert driver.statistics()["estimated_rows"] == 350


def test_log_that_the_slot_keeps_is_looked_at_while_the_stream_runs(database, make_driver):
    database.run("create table t (id int primary key)")
    driver, stop = make_driver(tables=["public.t"], heartbeat_sec=0.05), threading.Event()
    events = driver.get_message_iterator(-1, stop_event=stop)
    reading = threading.Thread(target=lambda: list(events))
    reading.start()
    try:
        database.run("create table big as select repeat('x', 1000) from generate_series(1, 5000)")
        deadline = time.monotonic() + 20
        while driver.statistics().get("slot_bytes", 0) < 1_000_000:
            assert time.monotonic() < deadline
            threading.Event().wait(0.02)
    finally:
        stop.set()
        reading.join()
