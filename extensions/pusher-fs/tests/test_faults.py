"""Faults of the real kernel: full disks, failing syncs, missing rights, other processes."""

import ctypes
import errno
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from fustor_core.exceptions import ConfigError, RetryableError
from fustor_pusher_fs import read_events

CALLS = ("fdatasync", "fsync", "ftruncate", "unlinkat", "unlink")
NUMBERS = {"x86_64": (75, 74, 77, 263, 87), "aarch64": (83, 82, 46, 35, 35)}


def fail_in_this_thread(*system_calls: int) -> None:
    """Let these system calls fail with EIO, as far as this thread is concerned, until it ends."""
    load, jump, reply = 0x20, 0x15, 0x06
    code = [(load, 0, 0, 0)]
    for call in system_calls:
        code += [(jump, 0, 1, call), (reply, 0, 0, 0x00050000 | errno.EIO)]
    code.append((reply, 0, 0, 0x7FFF0000))
    filters = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    program = struct.pack("@HP", len(code), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((38, 1, 0, 0, 0), (22, 2, program, 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def in_thread_without(system_calls, work):
    """What `work` raised in a thread where these system calls fail."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            fail_in_this_thread(*system_calls)
            work()
        except Exception as error:  # noqa: BLE001 - handed to the test as it is
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


@pytest.fixture
def calls():
    """Numbers of system calls by their names."""
    if not sys.platform.startswith("linux") or platform.machine() not in NUMBERS:
        pytest.skip("needs Linux on x86_64 or aarch64 to let system calls fail")
    numbers = dict(zip(CALLS, NUMBERS[platform.machine()], strict=True))
    return lambda *names: [numbers[name] for name in names]


def test_a_failed_sync_claims_nothing_and_the_same_batch_may_be_pushed_again(open_log, event, paths, calls):
    log = open_log()
    log.push(event(1, "snapshot", 1), end=True)
    size = (log.directory / "00000001.jsonl").stat().st_size
    error = in_thread_without(calls("fdatasync"), lambda: log.push(event(2, index=2)))
    assert isinstance(error, RetryableError)
    assert "nothing was committed: Input/output error; check the disk" in str(error)
    assert log.log.committed == 1
    assert (log.directory / "00000001.jsonl").stat().st_size == size
    log.push(event(2, index=2))
    assert log.log.committed == 2
    assert paths(log.directory) == ["/1", "/2"]


def test_what_could_not_be_cut_off_is_cut_off_before_the_next_write(open_log, event, paths, calls):
    log = open_log()
    log.push(event(1))
    size = (log.directory / "00000001.jsonl").stat().st_size
    for _ in range(2):  # the cut fails as well
        assert isinstance(
            in_thread_without(calls("fdatasync", "fsync", "ftruncate"), lambda: log.push(event(2))), RetryableError
        )
        assert (log.directory / "00000001.jsonl").stat().st_size > size
    log.push(event(3))
    assert paths(log.directory) == ["/1", "/3"]


def test_a_file_that_could_not_be_cut_is_not_left_behind_for_a_new_one(open_log, event, paths, calls):
    log = open_log(segment_max_age_sec=60)
    log.push(event(1))
    for failing in (("fdatasync", "ftruncate"), ("ftruncate",)):
        assert isinstance(in_thread_without(calls(*failing), lambda: log.push(event(2))), RetryableError)
        log.clock.now += 60
    assert len(list(log.directory.glob("*.jsonl"))) == 1
    log.push(event(3))
    assert len(list(log.directory.glob("*.jsonl"))) == 2
    assert paths(log.directory) == ["/1", "/3"]


def test_a_piece_of_a_new_file_that_could_not_be_removed_is_set_aside(open_log, event, paths, calls):
    log = open_log(segment_max_bytes=2_000)
    log.push(event(1))
    large = event(2, rows=[dict(event(2).rows[0], path="/" + "x" * 2_000)])
    error = in_thread_without(calls("fdatasync", "unlinkat", "unlink"), lambda: log.push(large))
    assert isinstance(error, RetryableError)
    assert len(list(log.directory.glob("*.jsonl"))) == 2
    log.push(event(3))  # would have room in the first file
    assert paths(log.directory) == ["/1", "/3"]
    assert len(list(log.directory.glob("*.torn-1"))) == 1


@pytest.mark.parametrize("which", ["fdatasync", "fsync"])
def test_a_new_file_that_cannot_be_synced_is_none(open_log, event, paths, calls, which):
    log = open_log(segment_max_bytes=1)
    log.push(event(1))
    assert isinstance(in_thread_without(calls(which), lambda: log.push(event(2))), RetryableError)
    assert [path.name for path in log.directory.glob("*.jsonl*")] == ["00000001.jsonl"]
    log.push(event(3))
    assert paths(log.directory) == ["/1", "/3"]


def test_a_log_that_cannot_be_synced_is_not_opened(open_log, event, calls):
    log = open_log()
    log.push(event(1))
    log.close()
    assert isinstance(in_thread_without(calls("fsync"), open_log), RetryableError)
    open_log()


def test_what_cannot_be_kept_aside_is_not_cut_off(open_log, event, calls):
    log = open_log()
    log.push(event(1))
    log.close()
    path = log.directory / "00000001.jsonl"
    with path.open("ab") as file:
        file.write(b"torn")
    before = path.read_bytes()
    assert isinstance(in_thread_without(calls("fsync"), open_log), RetryableError)
    assert path.read_bytes() == before
    assert not list(log.directory.glob("*.torn-*"))
    open_log()
    assert (log.directory / "00000001.jsonl.torn-1").read_bytes() == b"torn"


def test_an_old_file_that_cannot_be_removed_fails_no_push(open_log, event, paths, calls, caplog):
    log = open_log(segment_max_bytes=1, retain_bytes=1)
    log.push(event(1))
    assert in_thread_without(calls("unlinkat", "unlink"), lambda: log.push(event(2))) is None
    assert "Cannot tidy up" in caplog.text
    assert paths(log.directory) == ["/1", "/2"]
    log.push(event(3))
    assert paths(log.directory) == ["/3"]


def test_a_file_that_was_replaced_after_a_failed_write_is_left_alone(open_log, event, calls):
    log = open_log()
    log.push(event(1))
    in_thread_without(calls("fdatasync", "ftruncate"), lambda: log.push(event(2)))
    path = log.directory / "00000001.jsonl"
    path.rename(log.directory / "moved")
    path.write_bytes(b"not ours")
    with pytest.raises(RetryableError, match="was replaced"):
        log.push(event(3))
    log.close()
    assert path.read_bytes() == b"not ours"


def test_closing_fails_for_nothing_that_was_committed(open_log, event, paths, calls, caplog):
    log = open_log()
    log.push(event(1))
    in_thread_without(calls("fdatasync", "ftruncate"), lambda: log.push(event(2)))
    assert in_thread_without(calls("ftruncate"), log.close) is None
    assert "Cannot tidy up" in caplog.text
    open_log()  # the batch is whole, and was never told to be committed: it may stay
    assert paths(log.directory) == ["/1", "/2"]


CHILD = """
import asyncio, resource, sys
from fustor_core.exceptions import RetryableError
from fustor_core.models import PusherConfig
from fustor_event_model import UpdateEvent
from fustor_pusher_fs import FsDriver

endpoint, limit, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def event(index):
    row = {"path": f"/{index}", "mtime": 0.0, "size": 1}
    return UpdateEvent(fields=list(row), rows=[row] * rows, index=index, event_schema="fs", table="",
                       message_source="realtime")

async def main():
    driver = FsDriver("p", PusherConfig(driver="fs", endpoint=endpoint))
    session = (await driver.create_session("t"))["session_id"]
    await driver.push([], session_id=session, is_snapshot_end=True)
    if limit:
        sys.dont_write_bytecode = True  # Python leaves cut bytecode behind on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    index = 0
    try:
        while True:
            index += 1
            await driver.push([event(index)], session_id=session)
    except RetryableError as error:
        print(error, flush=True)
    committed = await driver.get_latest_committed_index(session_id=session)
    assert committed == index - 1, (committed, index)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        sys.stdin.readline()  # until there is room again
    for index in (index, index + 1):
        await driver.push([event(index)], session_id=session)
    await driver.close()
    print(index, flush=True)

asyncio.run(main())
"""


def check_all_there_once(directory: Path, last: int) -> None:
    events = [event for batch in read_events(directory) for event in batch.events]
    assert [event.index for event in events] == list(range(1, last + 1))


@pytest.mark.parametrize("limit", [1_000, 20_000, 20_001, 20_777])
def test_a_file_that_may_not_grow_loses_nothing(tmp_path, limit):
    command = [sys.executable, "-c", CHILD, tmp_path / "out", str(limit), "3"]
    seen = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert "nothing was committed: File too large; raise the limit on file sizes" in seen[0]
    check_all_there_once(tmp_path / "out" / "t", int(seen[1]))


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk]
    if subprocess.run(options, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system is not allowed here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_loses_nothing(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    command = [sys.executable, "-c", CHILD, small_disk / "out", "0", "50"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert "nothing was committed: No space left on device; free some space" in child.stdout.readline()
        ballast.unlink()
        last, _ = child.communicate("\n", timeout=60)
    check_all_there_once(small_disk / "out" / "t", int(last))


def test_a_directory_held_by_another_process_is_refused(open_log):
    log = open_log()
    command = [sys.executable, "-c", CHILD, log.directory.parent, "0", "1"]
    seen = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert seen.returncode == 1
    assert "in use by another driver or process" in seen.stderr.splitlines()[-1]


AS_NOBODY = """
import asyncio, os, sys
from fustor_core.models import PusherConfig
from fustor_pusher_fs import FsDriver
asyncio.run(FsDriver.check_privileges())  # imports what it needs while it may
os.setgroups([]), os.setgid(65534), os.setuid(65534)
driver = FsDriver("p", PusherConfig(driver="fs", endpoint=sys.argv[1]))
print(asyncio.run(FsDriver.check_privileges(endpoint=sys.argv[1])))
asyncio.run(driver.create_session("t"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
@pytest.mark.parametrize("exists", [True, False])
def test_a_directory_without_the_right_to_write_is_the_users_to_mend(exists):
    with tempfile.TemporaryDirectory() as directory:  # pytest's own is closed to others
        Path(directory).chmod(0o755)
        endpoint = Path(directory, "out")
        if exists:
            (endpoint / "t").mkdir(parents=True)
        command = [sys.executable, "-c", AS_NOBODY, endpoint]
        seen = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert '(False, "Cannot write in' in seen.stdout
    assert "ConfigError: Cannot open" in seen.stderr
    assert "Permission denied; give this user the right to write there" in seen.stderr


def test_a_directory_that_is_mounted_for_reading_only_is_the_users_to_mend(small_disk, open_log):
    (small_disk / "out" / "t").mkdir(parents=True)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(ConfigError, match="Read-only file system; mount the file system for writing"):
        open_log(directory=small_disk / "out" / "t")
