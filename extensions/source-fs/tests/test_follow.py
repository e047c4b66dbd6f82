"""Followed links lead to what lies below the root, also where a name leads elsewhere a moment later."""

import os

import pytest

from fustor_source_fs._root import Root, open_chain, open_child
from fustor_source_fs._scope import Scope, followed


@pytest.fixture
def outside(tmp_path):
    path = tmp_path / "outside"
    (path / "deep").mkdir(parents=True)
    (path / "secret").write_bytes(b"12345")
    (path / "deep/secret").write_bytes(b"12345")
    return path


@pytest.fixture
def root_fd(root):
    fd = os.open(root, os.O_RDONLY)
    yield fd
    os.close(fd)


@pytest.fixture
def scope(root):
    return Scope(Root(str(root)), None, one_file_system=True, follow_symlinks=True)


def swap(path, target):
    path.rename(path.with_name(path.name + "-before"))
    path.symlink_to(target)


@pytest.mark.parametrize("phase", ["get_snapshot_iterator", "get_audit_iterator"])
@pytest.mark.parametrize("kind", ["directory", "link"])
def test_what_is_swapped_between_listing_and_opening_is_not_entered(root, outside, make_driver, phase, kind):
    """The walk has listed the root when its first rows arrive, and not yet opened what it found there."""
    (root / "inner").mkdir()
    (root / "inner/file").write_bytes(b"")
    place = root / "there"
    place.mkdir() if kind == "directory" else place.symlink_to("inner")
    (root / "first").write_bytes(b"")
    events = getattr(make_driver(follow_symlinks=True, batch_size=1), phase)()
    told = [*next(events).rows, *next(events).rows]
    swap(place, outside)
    told += [row for event in events for row in event.rows]
    assert not [row["path"] for row in told if "secret" in row["path"] or row["path"] == "/there/deep"]
    assert {"path": "/there", "is_directory": False}.items() <= told_last(told, "/there").items()


def told_last(rows, path):
    return [row for row in rows if row["path"] == path][-1]


def test_a_link_that_leads_out_is_opened_by_no_way(root, outside, root_fd):
    (root / "link").symlink_to(outside)
    (root / "chain").symlink_to(outside / "deep")
    within = Root(str(root))
    descriptors = len(os.listdir("/proc/self/fd"))
    for names in (["link"], ["link", "deep"], ["chain"], ["chain", "..", "deep"]):
        with pytest.raises(FileNotFoundError):
            open_chain(os.dup(root_fd), names, within=within)
    with pytest.raises(FileNotFoundError):
        open_child(root_fd, "link", within=within)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_what_lies_within_is_opened(root, root_fd):
    (root / "a/b").mkdir(parents=True)
    (root / "link").symlink_to("a")
    fd = open_chain(os.dup(root_fd), ["link", "b"], within=Root(str(root)))
    assert os.readlink(f"/proc/self/fd/{fd}") == str(root / "a/b")
    os.close(fd)


@pytest.mark.parametrize("target", ["secret", "deep", "deep/secret"])
def test_a_link_that_leads_out_is_told_as_the_link(root, outside, root_fd, scope, target):
    (root / "link").symlink_to(outside / target)
    own = os.lstat(root / "link")
    assert followed(scope, root_fd, "link", own) is own


def test_what_is_told_of_a_link_is_what_it_led_to_when_it_was_judged(root, outside, root_fd, scope, monkeypatch):
    """The link is swapped at the last moment before its status would be read by name."""
    (root / "file").write_bytes(b"1")
    (root / "link").symlink_to("file")
    own = os.lstat(root / "link")
    read_status = {"stat": os.stat, "fstat": os.fstat}

    def after_a_swap(name):
        def read(*arguments, **keywords):
            (root / "link").unlink()
            (root / "link").symlink_to(outside / "secret")
            return read_status[name](*arguments, **keywords)

        return read

    with monkeypatch.context() as patch:
        for name in read_status:
            patch.setattr(os, name, after_a_swap(name))
        status = followed(scope, root_fd, "link", own)
    assert status.st_size == 1


def test_a_link_to_a_pipe_does_not_wait(root, root_fd, scope):
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to("pipe")
    assert followed(scope, root_fd, "link", os.lstat(root / "link")).st_ino == os.lstat(root / "pipe").st_ino


def test_in_realtime_a_directory_behind_a_swapped_link_is_not_entered(root, outside, reader):
    (root / "inner").mkdir()
    (root / "inner/file").write_bytes(b"")
    running = reader(follow_symlinks=True)
    running.allowed.clear()
    (root / "held").write_bytes(b"")
    (root / "link").symlink_to("inner")
    swap(root / "inner", outside)
    running.allowed.set()
    assert not [path for path in running.changes() if "secret" in path or "deep" in path]
