"""What a host asks for beside the phases: a part of the tree, and single paths."""

import os

import pytest

from fustor_core.exceptions import DriverError
from fustor_event_model import MessageSource


@pytest.fixture
def tree(root):
    for path in ("a/b/c", "d"):
        (root / path).mkdir(parents=True)
        (root / path / "file").write_bytes(b"1")
    (root / "a/link").symlink_to("b")
    (root / "top").write_bytes(b"12")
    return root


@pytest.fixture
def scanned(tree, make_driver):
    def scan(path, *, recursive=True, **params):
        events = list(make_driver(**params).scan_path(path, recursive=recursive))
        assert {event.message_source for event in events} <= {MessageSource.SNAPSHOT}
        return sorted(row["path"] for event in events for row in event.rows)

    return scan


@pytest.mark.parametrize(
    ("path", "everything", "direct"),
    [
        ("/top", ["/top"], ["/top"]),
        ("/a/b", ["/a/b", "/a/b/c", "/a/b/c/file"], ["/a/b", "/a/b/c"]),
        ("/a/link", ["/a/link"], ["/a/link"]),
        ("/d/", ["/d", "/d/file"], ["/d", "/d/file"]),
    ],
)
def test_a_scan_has_what_is_at_a_path_and_below_it(scanned, path, everything, direct):
    assert scanned(path) == everything
    assert scanned(path, recursive=False) == direct


def test_a_scan_of_the_root_is_a_snapshot(make_driver, scanned):
    rows = [row["path"] for event in make_driver().get_snapshot_iterator() for row in event.rows]
    assert scanned("/") == sorted(rows)


@pytest.mark.parametrize("path", ["/missing", "/top/below", "/a/link/c", "/a/../d", "/..", "/a\0b", "/\ud800", ""])
def test_a_scan_of_nothing_is_empty(scanned, path):
    assert scanned(path) == ([] if path else scanned("/"))


@pytest.mark.parametrize("path", ["/a", "/a/b", "/a/b/c/file"])
def test_a_scan_has_nothing_that_is_left_out(scanned, path):
    assert scanned(path, exclude=["/a/"]) == []


def test_a_scan_follows_links_where_the_source_does(scanned):
    assert scanned("/a/link/c", follow_symlinks=True) == ["/a/link/c", "/a/link/c/file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root can become another user and come back")
def test_a_scan_of_an_unreadable_directory_says_that_it_is_there(public_root, make_driver, as_nobody):
    (public_root / "closed").mkdir(0)
    driver = make_driver(uri=str(public_root))
    as_nobody()
    rows = [row for event in driver.scan_path("/closed") for row in event.rows]
    assert [(row["path"], row["audit_skipped"]) for row in rows] == [("/closed", True)]


def test_a_scan_reads_names_as_rows_have_them(root, make_driver):
    os.mkdir(os.fsencode(root) + b"/caf\xe9")
    (root / os.fsdecode(b"caf\xe9") / "file").write_bytes(b"")
    rows = [row["path"] for event in make_driver().scan_path("/caf\ufffdE9") for row in event.rows]
    assert rows == ["/caf\ufffdE9", "/caf\ufffdE9/file"]


def test_single_paths_are_looked_at_and_what_is_gone_is_left_out(tree, make_driver):
    task = {"type": "suspect_check", "paths": ["/top", "/a/b", "/gone", "/a/link/c"], "view_id": "v"}
    answer = make_driver().perform_sentinel_check(task)
    states = [(one["path"], one["mtime"], one["size"], one["status"]) for one in answer.pop("updates")]
    looked = [(path, (tree / path[1:]).stat()) for path in ("/top", "/a/b")]
    assert states == [(path, status.st_mtime, status.st_size, "exists") for path, status in looked]
    assert answer == {"type": "suspect_update"}


def test_another_task_is_not_answered(tree, make_driver):
    assert make_driver().perform_sentinel_check({"type": "other", "paths": ["/top"]}) == {}


@pytest.mark.parametrize(
    "ask", [lambda d: list(d.scan_path("/a")), lambda d: d.perform_sentinel_check({"type": "suspect_check"})]
)
def test_a_root_that_is_away_is_an_error(root, make_driver, ask):
    with pytest.raises(DriverError, match="cannot be read"):
        ask(make_driver(uri=str(root / "missing")))
