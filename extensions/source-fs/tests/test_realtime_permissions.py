"""Directories that a stream may not read, or not always."""

import asyncio
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.wide


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
