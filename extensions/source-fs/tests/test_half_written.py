"""Files that are being written: which row says so, and that a later one takes it back."""

import os
import threading
import time

import pytest

HELD_SEC = 0.2
CLOCK_SLACK_SEC, LONGER_THAN_A_RESCAN_SEC = 2.2, 3.0


def rows_about(rows, path):
    return [row for sign, row in rows if sign == "+" and row["path"] == path]


def is_whole(rows, path):
    """Whether the last row of a path says nothing of its being written."""
    return "is_atomic_write" not in rows_about(rows, path)[-1]


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


@pytest.fixture
def half_written(request, public_root, make_driver, reader, as_nobody):
    """A reader that has read that `d/x` was written to, and reads on when its row is due; the file is still open."""
    for path in (public_root / "d", public_root / "d/x", public_root / "stop"):
        path.mkdir() if path.name == "d" else path.write_bytes(b"")
        os.chown(path, 65534, 65534)
    public_root.chmod(0o777)
    interval_sec = getattr(request, "param", HELD_SEC)
    driver = make_driver(uri=str(public_root), open_file_interval_sec=interval_sec, queue_bytes=1 << 16)
    as_nobody()
    running = reader(driver, public_root)
    with (public_root / "d/x").open("wb", buffering=0) as file:
        file.write(b"1")
        stop(running)
        yield running, file
        running.allowed.set()


def stop(running):
    """Let the reader read what has happened, and nothing that happens from now on."""
    running.allowed.clear()
    (running.root / "stop").write_bytes(b"")
    running.until(lambda _, row: row["path"] == "/stop")


def rows_when_due(running):
    """What the reader tells when it reads on after the row of the file was due."""
    threading.Event().wait(HELD_SEC)
    running.allowed.set()
    return running.told()


def test_a_file_that_was_closed_when_its_row_is_due_is_whole(half_written):
    running, file = half_written
    file.close()
    assert is_whole(rows_when_due(running), "/d/x")


def test_a_file_that_is_open_when_its_row_is_due_is_half_written(half_written):
    running, file = half_written
    file.write(b"2")
    assert not is_whole(rows_when_due(running), "/d/x")


def test_the_file_that_takes_the_name_of_one_that_was_written_is_whole(public_root, half_written):
    running, file = half_written
    file.close()
    (public_root / "d/x").rename(public_root / "d/y")
    (public_root / "stop").rename(public_root / "d/x")
    rows = rows_when_due(running)
    assert is_whole(rows, "/d/x")
    assert is_whole(rows, "/d/y")


def test_the_file_that_replaces_one_that_is_still_written_is_whole(public_root, half_written):
    running, file = half_written
    file.write(b"2")
    (public_root / "stop").rename(public_root / "d/x")
    assert is_whole(rows_when_due(running), "/d/x")


def test_a_close_in_a_directory_that_cannot_be_read_is_not_forgotten(public_root, half_written):
    running, file = half_written
    (public_root / "d").chmod(0)
    file.close()
    (public_root / "stop").write_bytes(b"")
    running.allowed.set()
    stop(running)
    (public_root / "d").chmod(0o755)
    assert is_whole(rows_when_due(running) + running.told(), "/d/x")


def overflow(running, file):
    """Have more happen than the driver may hold, and then the close of the file; return the rows of all that."""
    for number in range(1500):
        (running.root / f"flood-{number}").write_bytes(b"")
    file.close()
    running.allowed.set()
    return running.until(lambda _, row: row["path"] == "/flood-1499") + running.told()


@pytest.mark.wide
def test_a_reported_file_whose_close_was_lost_in_an_overflow_is_whole(public_root, half_written):
    running, file = half_written
    assert not is_whole(rows_when_due(running), "/d/x")
    while time.time() - (public_root / "d/x").stat().st_ctime < CLOCK_SLACK_SEC:
        threading.Event().wait(0.05)
    stop(running)
    assert is_whole(overflow(running, file), "/d/x")


@pytest.mark.wide
@pytest.mark.parametrize("half_written", [LONGER_THAN_A_RESCAN_SEC], indirect=True)
def test_a_held_file_whose_close_was_lost_in_an_overflow_is_whole(half_written):
    running, file = half_written
    rows = overflow(running, file)
    threading.Event().wait(LONGER_THAN_A_RESCAN_SEC)
    assert is_whole(rows + running.told(), "/d/x")
