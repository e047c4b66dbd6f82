import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest


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
