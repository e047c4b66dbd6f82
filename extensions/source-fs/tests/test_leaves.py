"""Leaf directories are read in a loop of their own, by the same rules as all others."""

import os
from contextlib import contextmanager

import pytest

from fustor_source_fs._visitors import Visit, register


class Meddler:
    """Stands in for a stream: changes a directory after it was opened and before it is listed."""

    def __init__(self, name, change):
        self.name = name
        self.change = change
        self.watched = []

    @contextmanager
    def visited(self):
        yield Visit(self.watch, lambda *_: None)

    def watch(self, fd):
        path = os.readlink(f"/proc/self/fd/{fd}")
        self.watched.append(path)
        if path.endswith(self.name) and self.change is not None:
            self.change, change = None, self.change
            change(path)


def meddle(root, change):
    (root / "group/leaf").mkdir(parents=True)
    (root / "group/leaf/file").write_bytes(b"")
    meddler = Meddler("/leaf", change)
    register(meddler, str(root))
    return meddler


def make_file(path):
    with open(f"{path}/new", "wb"):
        pass


def make_directory(path):
    os.makedirs(f"{path}/inner/deep")


def remove(path):
    os.unlink(f"{path}/file")
    os.rmdir(path)


@pytest.mark.parametrize("phase", ["get_snapshot_iterator", "get_audit_iterator"])
def test_a_leaf_is_watched_before_it_is_listed(root, make_driver, rows_of, phase):
    meddler = meddle(root, None)
    rows_of(getattr(make_driver(), phase)())
    assert f"{root}/group/leaf" in meddler.watched


def test_a_leaf_that_changes_while_it_is_audited_is_told_as_skipped(root, make_driver, rows_of):
    meddler = meddle(root, make_file)
    rows = {row["path"]: row for row in rows_of(make_driver().get_audit_iterator())}
    assert meddler.change is None
    assert rows["/group/leaf"]["audit_skipped"] is True
    assert "/group/leaf/new" in rows
    assert "audit_skipped" not in rows["/group"]


def test_a_leaf_that_is_removed_while_it_is_audited_has_no_row(root, make_driver, rows_of):
    meddler = meddle(root, remove)
    paths = [row["path"] for row in rows_of(make_driver().get_audit_iterator())]
    assert meddler.change is None
    assert "/group/leaf" not in paths


@pytest.mark.parametrize("phase", ["get_snapshot_iterator", "get_audit_iterator"])
def test_what_turns_out_to_be_no_leaf_is_entered(root, make_driver, rows_of, phase):
    meddler = meddle(root, make_directory)
    rows = rows_of(getattr(make_driver(), phase)())
    assert meddler.change is None
    assert [row["is_directory"] for row in rows if row["path"] == "/group/leaf/inner/deep"] == [True]
    assert sum(row["path"] == "/group/leaf/file" for row in rows) == 1
