"""What a root that is empty, away or another one than before leads to: never to a deletion that nobody meant."""

import logging
import os
import shutil

import pytest

from fustor_conformance.monitor.opening import without_opening
from fustor_conformance.view import View
from fustor_core.exceptions import DriverError


def passes(driver):
    """The rows of the root in a snapshot and in audits of both dialects."""
    audits = (
        driver.get_audit_iterator(),
        (event for event, _ in without_opening(driver.get_audit_iterator(mtime_cache={}))),
    )
    return [[row for event in events for row in event.rows] for events in (driver.get_snapshot_iterator(), *audits)]


def marks(rows):
    return [bool(row.get("audit_skipped")) for row in rows if row["path"] == "/"]


def test_an_empty_root_is_told_as_not_listed(make_driver):
    snapshot, *audits = passes(make_driver())
    assert marks(snapshot) == [False, True]
    assert [marks(audit) for audit in audits] == [[True], [True]]


def test_a_root_that_may_be_empty_is_told_as_listed(make_driver):
    assert [marks(rows) for rows in passes(make_driver(allow_empty_root=True))] == [[False]] * 3


def test_a_root_that_holds_something_is_told_as_listed(root, make_driver):
    (root / "file").write_bytes(b"")
    assert [marks(rows) for rows in passes(make_driver())] == [[False]] * 3


def test_a_root_in_which_everything_is_excluded_is_empty(root, make_driver):
    (root / "lost+found").mkdir()
    (root / "file").write_bytes(b"")
    snapshot, *audits = passes(make_driver(exclude=["/lost+found/", "file"]))
    assert marks(snapshot) == [False, True]
    assert [marks(audit) for audit in audits] == [[True], [True]]


@pytest.mark.parametrize("patterns", [{"include": ["*.tyop"]}, {"exclude": ["*.txt"]}])
def test_patterns_that_leave_out_every_file_end_no_snapshot_and_no_audit(root, make_driver, patterns):
    (root / "d").mkdir()
    (root / "d/file.txt").write_bytes(b"")
    driver = make_driver(**patterns)
    for events in (
        driver.get_snapshot_iterator(),
        driver.get_audit_iterator(),
        driver.get_audit_iterator(mtime_cache={}),
    ):
        with pytest.raises(DriverError, match="leave out every file"):
            list(events)
    assert all(passes(make_driver(allow_empty_root=True, **patterns)))


def test_directories_without_a_file_are_the_truth(root, make_driver):
    (root / "d/e").mkdir(parents=True)
    assert [len(rows) for rows in passes(make_driver(include=["*.csv"]))] == [3] * 3


def test_an_unchanged_directory_may_hold_the_files_that_the_patterns_ask_for(root, make_driver):
    (root / "d").mkdir()
    (root / "d/file.csv").write_bytes(b"")
    for path in (root / "d/file.csv", root / "d", root):
        os.utime(path, (1, 1))
    driver, cache = make_driver(include=["*.csv"], clock_granularity_sec=0), {}
    for _ in range(2):
        for _, mtimes in driver.get_audit_iterator(mtime_cache=cache):
            cache.update(mtimes)
    (root / "left-out").write_bytes(b"")
    skipped = [
        row["path"] for event, _ in without_opening(driver.get_audit_iterator(mtime_cache=cache)) for row in event.rows
    ]
    assert "/d" in skipped
    assert "/d/file.csv" not in skipped


def test_an_empty_root_is_said_once_with_the_option(root, make_driver, caplog):
    passes(make_driver())
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert str(root) in said[0]
    assert "`allow_empty_root: true`" in said[0]


@pytest.mark.parametrize("allowed", [False, True])
def test_a_directory_in_place_of_the_disk_deletes_nothing_downstream(root, make_driver, allowed):
    (root / "d").mkdir()
    (root / "d/file").write_bytes(b"")
    view = View()
    _consume(view, make_driver())
    root.rename(root.with_name("real"))
    root.mkdir()
    _consume(view, make_driver(allow_empty_root=allowed))
    assert view.paths() == ({"/"} if allowed else {"/", "/d", "/d/file"})


def _consume(view, driver):
    view.begin_session("s", -1)
    for event in driver.get_snapshot_iterator():
        view.apply(event)
    view.snapshot_end()
    for event in driver.get_audit_iterator():
        view.apply(event)


def test_a_root_emptied_file_by_file_is_told_as_it_happens(root, reader):
    for name in ("one", "two"):
        (root / name).write_bytes(b"")
    running = reader()
    for name in ("one", "two"):
        (root / name).unlink()
    assert running.changes() == ["-/one", "-/two"]


def test_a_running_stream_waits_where_an_empty_directory_took_the_place_of_the_root(root, reader, caplog):
    (root / "old").write_bytes(b"")
    running = reader(max_retries=50)
    root.rename(root.with_name("real"))
    root.mkdir()
    told = []
    with pytest.raises(DriverError, match="did not come back"):
        running.until(lambda *found: told.append(found))
    assert told == []
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "(attempt 1 of 50, next in 0.02 s)" in said[0]
    assert "replaced by an empty directory" in said[-1]


def test_it_goes_on_when_the_root_is_back(root, reader):
    (root / "old").write_bytes(b"")
    running = reader()
    root.rename(root.with_name("real"))
    root.mkdir()
    (root.with_name("real") / "new").write_bytes(b"")
    root.rmdir()
    root.with_name("real").rename(root)
    found = running.until(lambda _, row: row["path"] == "/new") + running.told()
    assert "-/old" not in {sign + row["path"] for sign, row in found}


def test_a_root_that_was_empty_may_be_made_again_empty(root, reader):
    running = reader()
    root.rmdir()
    root.mkdir()
    (root / "new").write_bytes(b"")
    running.until(lambda sign, row: sign + row["path"] == "+/new")


def test_a_missing_root_is_said_at_the_first_attempt(root, make_driver, caplog):
    with pytest.raises(DriverError, match="2 attempts;"):
        make_driver(uri=str(root / "missing"), max_retries=2).get_message_iterator()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "No such file or directory" in said[0]
    assert said[0].endswith("(attempt 1 of 2, next in 0.02 s)")
    assert said[-1].endswith("(attempt 2 of 2)")
    marks = [record.fustor_retry for record in caplog.records]
    assert [mark["attempt"] for mark in marks] == [1, 2]
    assert marks[0] == {"attempt": 1, "of": 2, "next_sec": 0.02}


@pytest.mark.parametrize("with_files", [False, True])
def test_a_snapshot_whose_root_is_replaced_meanwhile_does_not_end(root, make_driver, with_files):
    for number in range(4):
        (root / f"d{number}").mkdir()
        (root / f"d{number}/file").write_bytes(b"")
    events = make_driver(batch_size=1).get_snapshot_iterator()
    next(events)
    if with_files:
        shutil.copytree(root, root.with_name("copy"))
    root.rename(root.with_name("real"))
    if with_files:
        root.with_name("copy").rename(root)
    with pytest.raises(DriverError, match="was read"):
        list(events)


@pytest.mark.parametrize("kind", ["file", "dangling link", "link to a file"])
def test_something_else_in_place_of_the_root_is_an_error(root, make_driver, kind):
    (root / "old").write_bytes(b"")
    driver = make_driver()
    list(driver.get_snapshot_iterator())
    root.rename(root.with_name("real"))
    root.write_bytes(b"") if kind == "file" else root.symlink_to({"dangling link": "nowhere"}.get(kind, "real/old"))
    for events in (driver.get_snapshot_iterator(), driver.get_audit_iterator()):
        with pytest.raises(DriverError, match="cannot be read"):
            list(events)


def test_a_root_that_may_not_be_read_is_an_error_and_not_empty(public_root, make_driver, as_nobody):
    (public_root / "old").write_bytes(b"")
    driver = make_driver(uri=str(public_root))
    public_root.chmod(0o311)
    as_nobody()
    for events in (driver.get_snapshot_iterator(), driver.get_audit_iterator()):
        with pytest.raises(DriverError, match="Permission denied"):
            list(events)


def test_a_root_that_may_not_be_searched_is_told_as_not_listed(public_root, make_driver, as_nobody, rows_of):
    (public_root / "old").write_bytes(b"")
    driver = make_driver(uri=str(public_root))
    public_root.chmod(0o744)
    as_nobody()
    assert marks(rows_of(driver.get_snapshot_iterator())) == [False, True]
    assert marks(rows_of(driver.get_audit_iterator())) == [True]
