import asyncio
import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from fustor_core.exceptions import DriverError


def test_what_was_there_before_is_not_told(root, reader):
    (root / "old").write_bytes(b"1")
    assert reader().changes() == []


def test_a_written_file_is_told_once_when_closed(root, reader):
    running = reader()
    (root / "file").write_bytes(b"1234")
    ((sign, row),) = running.told()
    assert (sign, row["path"], row["size"]) == ("+", "/file", 4)
    assert "is_atomic_write" not in row
    assert row["parent_path"] == "/"
    assert row["modified_time"] == row["mtime"] == (root / "file").stat().st_mtime


def test_a_delete_carries_the_time_and_no_size(root, reader):
    (root / "file").write_bytes(b"")
    running, before = reader(), time.time()
    (root / "file").unlink()
    ((sign, row),) = running.told()
    assert (sign, row["path"], row["size"]) == ("-", "/file", None)
    assert before - 0.1 < row["mtime"] <= time.time()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.utime(path, (1, 1)),
        lambda path: path.chmod(0o600),
        lambda path: os.truncate(path, 1),
        lambda path: path.write_bytes(b"other"),
    ],
    ids=["touch", "chmod", "truncate", "overwrite"],
)
def test_changes_in_place_are_told(root, reader, change):
    (root / "file").write_bytes(b"12345678")
    running = reader(open_file_interval_sec=0.05)
    change(root / "file")
    found = running.until(lambda _, row: row["path"] == "/file" and row["mtime"] == (root / "file").stat().st_mtime)
    assert {sign for sign, _ in found} == {"+"}


def test_a_rename_is_a_delete_and_an_upsert(root, reader):
    (root / "old").write_bytes(b"")
    running = reader()
    (root / "old").rename(root / "new")
    assert running.changes() == ["-/old", "+/new"]


def test_a_file_replaced_by_rename_is_never_told_as_gone(root, reader):
    (root / "file").write_bytes(b"1")
    running = reader()
    (root / "temporary").write_bytes(b"22")
    (root / "temporary").rename(root / "file")
    found = running.changes()
    assert "-/file" not in found
    assert found[-1] == "+/file"


def test_a_file_made_again_is_told_as_it_is_and_not_as_gone(root, reader):
    (root / "file").write_bytes(b"1")
    running = reader()
    (root / "file").unlink()
    (root / "file").write_bytes(b"22")
    found = running.told()
    assert found[-1][1]["size"] == 2


def test_a_renamed_directory_moves_everything_deepest_first(root, reader):
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_bytes(b"")
    running = reader()
    (root / "a").rename(root / "z")
    found = running.changes()
    assert found == ["-/a/b/file", "-/a/b", "-/a", "+/z", "+/z/b", "+/z/b/file"]
    (root / "z/b/later").write_bytes(b"")
    assert running.changes() == ["+/z/b/later"]


def test_a_directory_moved_away_is_gone_and_silent(root, reader):
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_bytes(b"")
    running = reader()
    (root / "a").rename(root.parent / "away")
    assert running.changes() == ["-/a/b/file", "-/a/b", "-/a"]
    (root.parent / "away/b/late").write_bytes(b"")
    assert running.changes() == []


def watches():
    """How many directories this process watches, by its own descriptors' tables."""
    tables = [path.read_text() for path in Path("/proc/self/fdinfo").iterdir() if path.exists()]
    return sum(table.count("inotify wd:") for table in tables)


def test_the_watches_of_what_moved_away_are_given_back(root, reader):
    (root / "a/b").mkdir(parents=True)
    before = watches()
    running = reader()
    assert watches() == before + 3
    (root / "a").rename(root.parent / "away")
    running.told()
    deadline = time.monotonic() + 5
    while watches() > before + 1 and time.monotonic() < deadline:
        running.told()
    assert watches() == before + 1


def test_a_populated_directory_moved_in_is_told_in_full(root, reader):
    outside = root.parent / "outside"
    (outside / "a/b").mkdir(parents=True)
    (outside / "a/b/file").write_bytes(b"")
    running = reader()
    outside.rename(root / "in")
    assert running.changes() == ["+/in", "+/in/a", "+/in/a/b", "+/in/a/b/file"]


def test_a_removed_tree_is_told_deepest_first(root, reader):
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_bytes(b"")
    running = reader()
    shutil.rmtree(root / "a")
    assert running.changes() == ["-/a/b/file", "-/a/b", "-/a"]


def test_directories_made_at_once_are_seen_in_full(root, reader):
    running = reader()
    for number in range(100):
        (root / f"{number}/b/c/d").mkdir(parents=True)
        (root / f"{number}/b/c/d/file").write_bytes(b"")
    found = set(running.changes())
    expected = {f"+/{number}{below}" for number in range(100) for below in ("", "/b", "/b/c", "/b/c/d", "/b/c/d/file")}
    assert found == expected


def test_a_remade_directory_is_told_as_gone_first(root, reader):
    """What another phase told of the old one may be unknown to this stream."""
    (root / "a").mkdir()
    (root / "a/old").write_bytes(b"")
    running = reader()
    shutil.rmtree(root / "a")
    (root / "a").mkdir()
    (root / "a/new").write_bytes(b"")
    found = running.changes()
    assert found.index("-/a/old") < found.index("-/a") < found.index("+/a") < found.index("+/a/new")


@pytest.mark.parametrize("phase", ["get_snapshot_iterator", "get_audit_iterator"])
@pytest.mark.parametrize("other", [False, True], ids=["same-instance", "other-instance"])
def test_what_a_snapshot_told_of_a_new_directory_is_told_as_gone(root, make_driver, rows_of, phase, other):
    """Also where the stream has not come to the directory yet."""
    driver = make_driver()
    stream = driver.get_message_iterator()
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_bytes(b"")
    told = rows_of(getattr(make_driver() if other else driver, phase)())
    assert "/a/b/file" in {row["path"] for row in told}
    shutil.rmtree(root / "a/b")
    (root / "mark").write_bytes(b"")
    gone = set()
    for event in stream:
        paths = {row["path"] for row in event.rows}
        gone |= paths if event.event_type == "delete" else set()
        if "/mark" in paths:
            break
    assert "/a/b" in gone


def test_links_are_told_at_once(root, reader):
    (root / "file").write_bytes(b"")
    running = reader(settle_sec=60)
    os.link(root / "file", root / "hard")
    (root / "soft").symlink_to("nowhere")
    (root / "up").symlink_to("..")
    os.mkfifo(root / "pipe")
    assert running.changes() == ["+/hard", "+/soft", "+/up", "+/pipe"]


def test_attributes_of_a_directory_are_no_event(root, reader):
    (root / "a").mkdir()
    running = reader()
    (root / "a").chmod(0o700)
    os.utime(root / "a", (1, 1))
    assert running.changes() == []


def test_a_file_held_open_is_told_as_suspect_and_then_as_whole(root, reader):
    running = reader(settle_sec=0.05, open_file_interval_sec=0.05)
    with (root / "file").open("wb", buffering=0) as file:
        file.write(b"1")
        first = running.until(lambda _, row: row["path"] == "/file")[-1][1]
        assert first["is_atomic_write"] is False
        file.write(b"2")
        grown = running.until(lambda _, row: row["path"] == "/file" and row["size"] == 2)[-1][1]
        assert grown["is_atomic_write"] is False
    (last,) = [row for _, row in running.told() if row["path"] == "/file"]
    assert "is_atomic_write" not in last


def test_a_file_that_nobody_writes_is_told_after_a_while(root, reader):
    running = reader(settle_sec=0.05)
    os.mknod(root / "file")
    ((_, row),) = running.until(lambda _, row: row["path"] == "/file")
    assert "is_atomic_write" not in row


@pytest.mark.parametrize("name", [b"caf\xe9", b"new\nline", b"x" * 255, "e\u0301".encode(), "\ufffdE9".encode()])
def test_hostile_names_are_told_alike_by_all_phases(root, reader, make_driver, rows_of, name):
    running = reader()
    with open(os.path.join(os.fsencode(root), name), "wb"):
        pass
    ((_, row),) = running.told()
    driver = make_driver()
    assert row["path"] in {one["path"] for one in rows_of(driver.get_snapshot_iterator())}
    assert row["path"] in {one["path"] for one in rows_of(driver.get_audit_iterator())}


def test_excluded_things_are_never_told(root, reader):
    (root / "build").mkdir()
    running = reader(exclude=["build/", "*.log"])
    (root / "build/x").write_bytes(b"")
    (root / "a.log").write_bytes(b"")
    (root / "a.log").unlink()
    (root / "sub/build/y").mkdir(parents=True)
    shutil.rmtree(root / "sub/build")
    (root / "a.txt").write_bytes(b"")
    (root / "a.txt").rename(root / "b.log")
    assert set(running.changes()) - {"+/a.txt"} == {"+/sub", "-/a.txt"}


def test_a_file_renamed_out_of_what_is_excluded_appears(root, reader):
    running = reader(exclude=["*.part"])
    (root / "a.part").write_bytes(b"12")
    (root / "a.part").rename(root / "a")
    assert running.changes() == ["+/a"]


def test_followed_directories_are_told_under_both_paths(root, reader):
    (root / "real").mkdir()
    (root / "link").symlink_to("real")
    running = reader(follow_symlinks=True)
    (root / "real/file").write_bytes(b"")
    assert sorted(running.changes()) == ["+/link/file", "+/real/file"]
    (root / "link").unlink()
    assert running.changes() == ["-/link/file", "-/link"]
    (root / "late").symlink_to("real")
    running.until(lambda sign, row: sign + row["path"] == "+/late/file")


def test_a_path_beyond_path_max_is_told(root, reader):
    running = reader()
    try:
        fd, name = os.open(root, os.O_RDONLY), "d" * 250
        for _ in range(20):
            os.mkdir(name, dir_fd=fd)
            following = os.open(name, os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = following
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        running.until(lambda _, row: row["path"].endswith("/file"))
        os.unlink("file", dir_fd=fd)
        os.close(fd)
        running.until(lambda sign, row: sign == "-" and row["path"].endswith("/file"))
    finally:
        subprocess.run(["rm", "-rf", str(root)], check=True)


def test_a_directory_that_becomes_readable_is_listed(public_root, make_driver, reader, as_nobody):
    (public_root / "a").mkdir()
    (public_root / "a/file").write_bytes(b"")
    (public_root / "a").chmod(0)
    os.chown(public_root / "a", 65534, 65534)
    public_root.chmod(0o777)
    driver = make_driver(uri=str(public_root))
    as_nobody()
    running = reader(driver, public_root)
    assert driver.statistics()["unreadable_directories"] == 1
    (public_root / "a").chmod(0o755)
    running.until(lambda sign, row: sign == "+" and row["path"] == "/a/file")
    (public_root / "a/more").write_bytes(b"")
    assert running.changes() == ["+/a/more"]


FLIP = """
import itertools, os, sys
os.write(1, b"x")
for mode in itertools.cycle((0, 0o755)):
    os.chmod(sys.argv[1], mode)
"""


@contextmanager
def flipping(path):
    """While the block runs, the directory loses and regains its permissions thousands of times a second."""
    with subprocess.Popen([sys.executable, "-c", FLIP, str(path)], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.read(1)
            yield
        finally:
            process.kill()


@pytest.fixture
def open_root(public_root):
    """A root that belongs to nobody, with the directory `a` and a file in it."""
    (public_root / "a/b").mkdir(parents=True)
    (public_root / "a/file").write_bytes(b"")
    for path in (public_root, public_root / "a", public_root / "a/b"):
        os.chown(path, 65534, 65534)
    return public_root


@pytest.mark.parametrize("name", [".", "a"])
def test_a_stream_is_armed_while_permissions_come_and_go(open_root, make_driver, as_nobody, name):
    with flipping(open_root / name):
        as_nobody()
        for _ in range(50):
            driver = make_driver(uri=str(open_root))
            driver.get_message_iterator()
            asyncio.run(driver.close())


def test_what_becomes_unreadable_while_it_is_compared_is_told_later(open_root, make_driver, reader, as_nobody):
    with flipping(open_root / "a"):
        as_nobody()
        running = reader(make_driver(uri=str(open_root), poll_interval_sec=0.001), open_root)
        for _ in range(12):
            running.told()
    (open_root / "a").chmod(0o755)
    (open_root / "a/more").write_bytes(b"")
    running.until(lambda sign, row: sign + row["path"] == "+/a/more")


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
