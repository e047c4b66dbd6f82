"""How a stream ends, and what becomes of it while its root is away."""

import asyncio
import gc
import os
import shutil
import threading
import time

import pytest

from fustor_core.exceptions import DriverError


@pytest.mark.parametrize("how", ["stop_event", "close"])
def test_an_idle_stream_ends_soon(root, make_driver, how):
    driver, stop = make_driver(), threading.Event()
    stream = driver.get_message_iterator(stop_event=stop)
    ended = threading.Event()
    threading.Thread(target=lambda: (list(stream), ended.set())).start()
    began = time.monotonic()
    stop.set() if how == "stop_event" else asyncio.run(driver.close())
    assert ended.wait(5)
    assert time.monotonic() - began < 2


def test_nothing_is_left_behind(root, make_driver):
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    driver = make_driver()
    streams = [driver.get_message_iterator() for _ in range(3)]
    assert threading.active_count() == threads + 3
    asyncio.run(driver.close())
    asyncio.run(driver.close())
    assert threading.active_count() == threads
    assert [list(stream) for stream in streams] == [[], [], []]
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_an_abandoned_stream_is_cleaned_up(root, make_driver):
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    driver = make_driver()
    stream = driver.get_message_iterator()
    del stream
    gc.collect()
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_root_that_goes_and_comes_back_loses_nothing_and_deletes_nothing(root, reader):
    (root / "old").write_bytes(b"")
    (root / "gone").write_bytes(b"")
    running = reader()
    root.rename(root.with_name("aside"))
    (root.with_name("aside") / "gone").unlink()
    (root.with_name("aside") / "new").write_bytes(b"")
    root.with_name("aside").rename(root)
    found = running.until(lambda _, row: row["path"] == "/new")
    found += running.told()
    changes = {sign + row["path"] for sign, row in found}
    assert "-/old" not in changes
    assert {"-/gone", "+/new"} <= changes


def test_a_replaced_root_is_compared(root, reader):
    (root / "d").mkdir()
    (root / "d/old").write_bytes(b"")
    running = reader()
    shutil.rmtree(root)
    root.mkdir()
    (root / "d").mkdir()
    (root / "d/new").write_bytes(b"")
    running.until(lambda sign, row: sign + row["path"] == "+/d/new")
    assert running.changes() == []


def test_a_root_that_stays_away_is_an_error(root, reader):
    running = reader(max_retries=2)
    root.rename(root.with_name("aside"))
    with pytest.raises(DriverError, match="come back"):
        running.until(lambda *_: False)


def test_a_stream_for_a_missing_root_waits_and_then_fails(root, make_driver):
    with pytest.raises(DriverError, match="come back"):
        make_driver(uri=str(root / "missing"), max_retries=2).get_message_iterator()
