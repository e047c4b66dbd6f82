"""Files that are being written: which row says so, and that a later one takes it back."""

import os
import threading
import time

import pytest

HELD_SEC = 0.2
CLOCK_SLACK_SEC, LONGER_THAN_A_RESCAN_SEC = 2.2, 3.0


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


class Writing:
    """A reader that stops and reads on when it is told to, of a tree in which `d/x` is open for writing."""

    def __init__(self, running, file):
        self.running = running
        self.file = file
        self.rows = []

    def stop(self):
        """Let the reader read what has happened, and nothing that happens from now on."""
        self.running.allowed.clear()
        (self.running.root / "stop").write_bytes(b"")
        self.rows += self.running.until(lambda _, row: row["path"] == "/stop")

    def read_on(self, path=None):
        """Read all that has happened, with what was due meanwhile, and what comes until this path does."""
        self.running.allowed.set()
        if path is not None:
            self.rows += self.running.until(lambda _, row: row["path"] == path)
        self.rows += self.running.told() + self.running.told()  # what is due comes behind the first one's mark

    def read_on_when_due(self, held_sec=HELD_SEC):
        """Read on after the row of a file that is held was due."""
        threading.Event().wait(held_sec)
        self.read_on()

    def is_whole(self, path="/d/x"):
        """Whether the last row of the path says nothing of its being written."""
        return "is_atomic_write" not in [row for sign, row in self.rows if sign == "+" and row["path"] == path][-1]


@pytest.fixture
def writing(request, public_root, make_driver, reader, as_nobody):
    """What was written to `d/x` is read, its row is due after `HELD_SEC`, and the reader is stopped until then."""
    for path in (public_root / "d", public_root / "d/x", public_root / "stop"):
        path.mkdir() if path.name == "d" else path.write_bytes(b"")
        os.chown(path, 65534, 65534)
    public_root.chmod(0o777)
    interval_sec = getattr(request, "param", HELD_SEC)
    driver = make_driver(uri=str(public_root), open_file_interval_sec=interval_sec, queue_bytes=1 << 16)
    as_nobody()
    with (public_root / "d/x").open("wb", buffering=0) as file:
        writing = Writing(reader(driver, public_root), file)
        file.write(b"1")
        writing.stop()
        yield writing
        writing.running.allowed.set()


def test_a_file_that_was_closed_when_its_row_is_due_is_whole(writing):
    writing.file.close()
    writing.read_on_when_due()
    assert writing.is_whole()


def test_a_file_that_is_open_when_its_row_is_due_is_half_written(writing):
    writing.file.write(b"2")
    writing.read_on_when_due()
    assert not writing.is_whole()


def test_the_file_that_takes_the_name_of_one_that_was_written_is_whole(public_root, writing):
    writing.file.close()
    (public_root / "d/x").rename(public_root / "d/y")
    (public_root / "stop").rename(public_root / "d/x")
    writing.read_on_when_due()
    assert writing.is_whole("/d/x")
    assert writing.is_whole("/d/y")


def test_the_file_that_replaces_one_that_is_still_written_is_whole(public_root, writing):
    writing.file.write(b"2")
    (public_root / "stop").rename(public_root / "d/x")
    writing.read_on_when_due()
    assert writing.is_whole()


def test_a_close_in_a_directory_that_cannot_be_read_is_not_forgotten(public_root, writing):
    (public_root / "d").chmod(0)
    writing.file.close()
    writing.read_on()
    writing.stop()
    (public_root / "d").chmod(0o755)
    writing.read_on_when_due()
    assert writing.is_whole()


def overflow(writing):
    """Have more happen than the driver may hold, and then the close of the file; read all that."""
    for number in range(1500):
        (writing.running.root / f"flood-{number}").write_bytes(b"")
    writing.file.close()
    writing.read_on("/flood-1499")


@pytest.mark.wide
def test_a_reported_file_whose_close_was_lost_in_an_overflow_is_whole(public_root, writing):
    writing.read_on_when_due()
    assert not writing.is_whole()
    while time.time() - (public_root / "d/x").stat().st_ctime < CLOCK_SLACK_SEC:
        threading.Event().wait(0.05)
    writing.stop()
    overflow(writing)
    assert writing.is_whole()


@pytest.mark.wide
@pytest.mark.parametrize("writing", [LONGER_THAN_A_RESCAN_SEC], indirect=True)
def test_a_held_file_whose_close_was_lost_in_an_overflow_is_whole(writing):
    overflow(writing)
    writing.read_on_when_due(LONGER_THAN_A_RESCAN_SEC)
    assert writing.is_whole()
