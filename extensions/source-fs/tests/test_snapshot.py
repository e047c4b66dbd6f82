import asyncio
import os
import socket
import subprocess
import threading
import tracemalloc

import pytest

from fustor_core.exceptions import DriverError


def paths(rows):
    return [row["path"] for row in rows]


def test_a_directory_comes_before_what_it_holds(root, make_driver, rows_of):
    (root / "a/b/c").mkdir(parents=True)
    (root / "a/b/c/file").write_bytes(b"1234")
    rows = rows_of(make_driver().get_snapshot_iterator())
    assert paths(rows) == ["/", "/a", "/a/b", "/a/b/c", "/a/b/c/file"]


def test_a_row_carries_the_fields_of_the_contract_and_of_the_released_view(root, make_driver, rows_of):
    (root / "a").mkdir()
    (root / "a/file").write_bytes(b"1234")
    os.utime(root / "a/file", (1.5, 2.5))
    (row,) = [row for row in rows_of(make_driver().get_snapshot_iterator()) if row["path"] == "/a/file"]
    assert row == {
        "path": "/a/file",
        "file_name": "file",
        "parent_path": "/a",
        "mtime": 2.5,
        "modified_time": 2.5,
        "size": 4,
        "is_directory": False,
    }


def test_the_root_is_a_row_without_a_parent(root, make_driver, rows_of):
    (row,) = rows_of(make_driver(allow_empty_root=True).get_snapshot_iterator())
    assert (row["path"], row["parent_path"], row["file_name"], row["is_directory"]) == ("/", "", "", True)


def test_links_pipes_and_sockets_are_listed_and_never_followed_or_opened(root, make_driver, rows_of):
    (root / "loop").symlink_to(".")
    (root / "etc").symlink_to("/etc")
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(root)
        listener.bind("socket")
        rows = rows_of(make_driver().get_snapshot_iterator())
        os.chdir("/")
    assert set(paths(rows)) == {"/", "/loop", "/etc", "/dangling", "/pipe", "/socket"}
    assert [row["path"] for row in rows if row["is_directory"]] == ["/"]


def test_hard_links_are_separate_paths(root, make_driver, rows_of):
    (root / "one").write_bytes(b"1")
    os.link(root / "one", root / "two")
    assert set(paths(rows_of(make_driver().get_snapshot_iterator()))) == {"/", "/one", "/two"}


def test_links_are_followed_inside_the_root_when_asked(root, make_driver, rows_of):
    (root / "real/deep").mkdir(parents=True)
    (root / "real/deep/file").write_bytes(b"123")
    (root / "short").symlink_to("real/deep")
    (root / "name").symlink_to("real/deep/file")
    (root / "real/up").symlink_to("..")
    (root / "out").symlink_to("/etc")
    rows = {row["path"]: row for row in rows_of(make_driver(follow_symlinks=True).get_snapshot_iterator())}
    assert set(rows) == {
        "/", "/real", "/real/deep", "/real/deep/file", "/short", "/short/file", "/name", "/real/up", "/out"
    }  # fmt: skip
    assert rows["/name"]["size"] == 3
    assert rows["/short"]["is_directory"]
    assert not rows["/real/up"]["is_directory"]
    assert not rows["/out"]["is_directory"]


def test_a_loop_of_two_links_ends(root, make_driver, rows_of):
    for here, there in (("a", "b"), ("b", "a")):
        (root / here).mkdir()
        (root / here / "link").symlink_to(f"../{there}")
    found = paths(rows_of(make_driver(follow_symlinks=True).get_snapshot_iterator()))
    assert "/a/link/link" in found
    assert len(found) < 20


def test_excluded_directories_are_no_part_of_the_source(root, make_driver, rows_of):
    for name in ("keep/a.log", "keep/a.txt", "build/x", "keep/build", "top.log", "important.log"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")
    driver = make_driver(exclude=["build/", "*.log", "!important.log"])
    found = set(paths(rows_of(driver.get_snapshot_iterator())))
    assert found == {"/", "/keep", "/keep/a.txt", "/keep/build", "/important.log"}


def test_included_files_are_found_wherever_they_are(root, make_driver, rows_of):
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/x.csv").write_bytes(b"")
    (root / "a/b/x.txt").write_bytes(b"")
    found = set(paths(rows_of(make_driver(include=["*.csv"]).get_snapshot_iterator())))
    assert found == {"/", "/a", "/a/b", "/a/b/x.csv"}


def make_deep(root, levels):
    """A chain of directories whose path is longer than any single call takes."""
    name = "d" * 250
    fd = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=fd)
        following = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = following
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    return "/" + "/".join([name] * levels) + "/bottom"


def remove_deep(root):
    """rm does what shutil cannot below PATH_MAX."""
    subprocess.run(["rm", "-rf", str(root)], check=True)


@pytest.mark.parametrize("levels", [20, 300])
def test_a_path_longer_than_path_max_is_served(root, make_driver, rows_of, levels):
    bottom = make_deep(root, levels)
    descriptors = len(os.listdir("/proc/self/fd"))
    try:
        driver = make_driver()
        assert paths(rows_of(driver.get_snapshot_iterator()))[-1] == bottom
        audited = paths(rows_of(driver.get_audit_iterator()))
        assert audited[0] == bottom
        assert len(audited) == levels + 2
    finally:
        remove_deep(root)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_few_descriptors_suffice_for_a_deep_tree_with_branches(root, make_driver, rows_of):
    path, expected = "", {"/"}
    for level in range(150):
        path += f"/l{level}"
        os.makedirs(f"{root}{path}")
        os.mkdir(f"{root}{path}-side")
        expected |= {path, f"{path}-side"}
    before = most = len(os.listdir("/proc/self/fd"))
    found = set()
    for event in make_driver(batch_size=1).get_snapshot_iterator():
        most = max(most, len(os.listdir("/proc/self/fd")))
        found |= set(paths(event.rows))
    assert found == expected
    assert most - before < 64 + 8


def test_memory_stays_bounded_however_wide_the_tree(root, make_driver):
    for number in range(10_000):
        (root / f"a-directory-{number}").mkdir()
    events = make_driver(batch_size=100).get_snapshot_iterator()
    next(events)
    tracemalloc.start()
    seen = sum(len(event.rows) for event in events)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen > 9_000
    assert peak < 600_000


@pytest.mark.parametrize("how", ["stop_event", "close"])
def test_a_stopped_snapshot_is_no_complete_one(root, make_driver, how):
    for number in range(50):
        (root / f"f{number}").write_bytes(b"")
    driver, stop = make_driver(), threading.Event()
    events = driver.get_snapshot_iterator(batch_size=5, stop_event=stop)
    next(events)
    stop.set() if how == "stop_event" else asyncio.run(driver.close())
    with pytest.raises(DriverError, match="stopped"):
        list(events)


def test_an_abandoned_snapshot_leaves_no_descriptor(root, make_driver):
    (root / "a/b").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    events = make_driver(batch_size=1).get_snapshot_iterator()
    next(events)
    next(events)
    events.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_unreadable_directory_is_told_again_with_the_mark(public_root, make_driver, rows_of, as_nobody):
    (public_root / "secret").mkdir(mode=0)
    (public_root / "open").mkdir()
    driver = make_driver(uri=str(public_root))
    as_nobody()
    rows = rows_of(driver.get_snapshot_iterator())
    assert [row.get("audit_skipped", False) for row in rows if row["path"] == "/secret"] == [False, True]
    assert driver.statistics()["failed_listings"] == 1


def test_a_missing_root_is_an_error(make_driver, root):
    with pytest.raises(DriverError, match="missing"):
        next(make_driver(uri=str(root / "missing")).get_snapshot_iterator())
