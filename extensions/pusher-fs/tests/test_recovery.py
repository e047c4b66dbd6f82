"""What a crash leaves behind is cut off and kept; damage before the last commit is told, never skipped."""

import itertools
import logging
import os
import tempfile
from pathlib import Path

import pytest

from fustor_core.exceptions import ConfigError
from fustor_pusher_fs import DamagedFileError, read_events
from fustor_pusher_fs._lines import FORMAT, Header
from fustor_pusher_fs._opening import _BLOCK_BYTES

MEMORY = "/dev/shm"  # noqa: S108 - a directory of an unpredictable name is made in it


@pytest.fixture
def tmp_path(tmp_path):
    """In memory where possible: thousands of syncs are no part of what is tested here."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        yield Path(directory)


@pytest.fixture
def written(open_log, event):
    """A closed segment of three batches with two events each: its path, and where each batch ends."""

    def written():
        log = open_log()
        log.push(event(0, "snapshot"), end=True)
        ends = []
        for number in range(1, 4):
            log.push(event(2 * number, index=2 * number), event(2 * number + 1, index=2 * number + 1))
            ends.append((log.directory / "00000001.jsonl").stat().st_size)
        log.close()
        return log.directory / "00000001.jsonl", ends

    return written


COMMITTED = [f"/{number}" for number in (0, 2, 3, 4, 5)]


def test_a_write_torn_at_any_byte_of_the_last_batch_leaves_the_others(written, open_log, event, paths):
    path, ends = written()
    whole = path.read_bytes()
    for cut in range(ends[1], ends[2]):
        path.write_bytes(whole[:cut])
        assert paths(path.parent) == COMMITTED
        log = open_log()
        assert log.log.committed == 5
        log.push(event(6, index=6), event(7, index=7))
        log.close()
        assert paths(path.parent) == [*COMMITTED, "/6", "/7"]
        torn = path.parent / "00000001.jsonl.torn-1"
        assert cut == ends[1] or torn.read_bytes() == whole[ends[1] : cut]
        torn.unlink(missing_ok=True)


@pytest.mark.parametrize("tail", [b"\0" * 5_000, b"\n", b"{}\n", b'{"_commit":{"batch":5}}\n', b"x" * 300_000])
def test_any_tail_is_cut_off_and_kept(written, open_log, tail, caplog):
    path, ends = written()
    with path.open("ab") as file:
        file.write(tail)
    with caplog.at_level(logging.WARNING, "fustor_pusher_fs"):
        log = open_log()
    assert log.log.committed == 7
    assert path.stat().st_size == ends[2]
    assert (path.parent / "00000001.jsonl.torn-1").read_bytes() == tail
    assert f"at offset {ends[2]}" in caplog.text
    assert log.log.cuts == 1


@pytest.mark.parametrize("beyond", range(-2, 14))
def test_the_last_mark_is_found_where_two_blocks_meet(written, open_log, beyond):
    path, ends = written()
    mark = path.read_bytes().rindex(b"\n", 0, ends[2] - 1)
    with path.open("ab") as file:
        file.write(b"x" * (_BLOCK_BYTES + beyond - (ends[2] - mark)))
    assert open_log().log.committed == 7


def test_nothing_is_cut_from_a_whole_file(written, open_log):
    path, _ = written()
    before = path.read_bytes()
    log = open_log()
    assert (log.log.cuts, path.read_bytes()) == (0, before)
    assert not list(path.parent.glob("*.torn-*"))


def test_pieces_of_several_crashes_are_all_kept(written, open_log):
    path, _ = written()
    for number in (1, 2):
        with path.open("ab") as file:
            file.write(b"%d" % number)
        open_log().close()
    assert [(path.parent / f"{path.name}.torn-{n}").read_bytes() for n in (1, 2)] == [b"1", b"2"]


def test_a_last_batch_whose_blocks_did_not_all_reach_the_disk_is_torn(written, open_log, paths):
    path, ends = written()
    data = bytearray(path.read_bytes())
    data[ends[1] + 20 : ends[1] + 60] = bytes(40)  # as after a power cut: the mark is there, a block before it is not
    path.write_bytes(data)
    assert paths(path.parent) == COMMITTED
    assert open_log().log.committed == 5


def test_a_new_file_torn_at_any_byte_falls_back_to_the_one_before(open_log, event, paths):
    log = open_log(segment_max_bytes=1)
    log.push(end=True)
    log.push(event(1, index=1))
    log.push(event(2, index=2))
    log.close()
    last = log.directory / "00000003.jsonl"
    whole = last.read_bytes()
    for cut in range(len(whole)):
        last.write_bytes(whole[:cut])
        assert paths(log.directory) == ["/1"]
        again = open_log(segment_max_bytes=1)
        assert again.log.committed == 1
        again.push(event(2, index=2))
        again.close()
        assert paths(log.directory) == ["/1", "/2"]
        for path in log.directory.glob("*"):
            if path.name > "00000003.jsonl" and path.name != "lock":
                path.unlink()


def test_a_single_torn_file_makes_a_task_begin_anew(open_log, event, paths, tmp_path):
    directory = tmp_path / "out" / "t"
    directory.mkdir(parents=True)
    (directory / "00000001.jsonl").write_bytes(b'{"_segm')
    log = open_log()
    assert log.log.committed == -1
    log.push(event(1))
    assert paths(directory) == ["/1"]
    assert (directory / "00000001.jsonl.torn-1").read_bytes() == b'{"_segm'
    assert log.log.cuts == 1


def test_a_file_with_a_header_alone_is_written_on(open_log, event, paths):
    log = open_log()
    log.push(event(1, index=1))
    log.close()
    path = log.directory / "00000001.jsonl"
    path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n")
    again = open_log(segment_max_bytes=1)
    again.push(event(2, index=2))
    assert [path.name for path in log.directory.glob("*.jsonl")] == ["00000001.jsonl"]
    assert paths(log.directory) == ["/2"]


def test_no_flipped_byte_before_the_last_commit_goes_unnoticed(written):
    path, ends = written()
    whole = path.read_bytes()
    starts = {0, *itertools.accumulate(len(line) for line in whole.splitlines(keepends=True))}
    for at in range(ends[1]):
        data = bytearray(whole)
        data[at] ^= 0x20
        path.write_bytes(data)
        with pytest.raises(DamagedFileError, match=r"damaged at offset \d+: ") as caught:
            list(read_events(path.parent))
        assert caught.value.path == path
        assert caught.value.offset <= at
        assert caught.value.offset in starts


def test_damage_is_told_where_it_is(written):
    path, ends = written()
    lines = path.read_bytes().splitlines(keepends=True)
    second = ends[0] + len(lines[6])
    data = path.read_bytes()
    path.write_bytes(data[:second] + b"?" + data[second + 1 :])
    with pytest.raises(DamagedFileError, match="a line is not an event") as caught:
        list(read_events(path.parent))
    assert caught.value.offset == second


@pytest.mark.parametrize("lines", [slice(1, 3), slice(5, 8), slice(3, 5), slice(7, 8)], ids=str)
def test_missing_lines_are_noticed(written, lines):
    path, _ = written()
    kept = path.read_bytes().splitlines(keepends=True)
    assert len(kept) == 12
    del kept[lines]
    path.write_bytes(b"".join(kept))
    with pytest.raises(DamagedFileError):
        list(read_events(path.parent))


def test_the_batches_before_the_damage_are_given(written):
    path, ends = written()
    data = bytearray(path.read_bytes())
    data[ends[0] + 5] ^= 1
    path.write_bytes(data)
    reader = read_events(path.parent)
    assert [next(reader).number, next(reader).number] == [1, 2]
    with pytest.raises(DamagedFileError):
        next(reader)


def test_committed_batches_behind_a_damaged_header_are_never_thrown_away(written, open_log):
    path, _ = written()
    before = b"X" + path.read_bytes()[1:]
    path.write_bytes(before)
    with pytest.raises(DamagedFileError, match="header line") as caught:
        open_log()
    assert (caught.value.path, caught.value.offset) == (path, 0)
    assert path.read_bytes() == before


def test_a_torn_end_of_a_file_that_is_not_the_last_is_damage(open_log, event):
    log = open_log(segment_max_bytes=1)
    log.push(event(1))
    log.push(event(2))
    first = log.directory / "00000001.jsonl"
    first.write_bytes(first.read_bytes() + b"more\n")
    with pytest.raises(DamagedFileError, match="not an event") as caught:
        list(read_events(log.directory))
    assert caught.value.offset == first.stat().st_size - 5


def test_a_newer_format_is_left_alone(written, open_log):
    path, _ = written()
    header = Header(format=FORMAT + 1, task="t", segment=1, created=0, next_batch=1, committed=-1)
    path.write_bytes(header.line() + b"who knows\n")
    for use in (open_log, lambda: list(read_events(path))):
        with pytest.raises(ConfigError, match="format 2"):
            use()
    assert path.read_bytes().endswith(b"who knows\n")


def bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs the system's count of bytes read")
def test_opening_reads_as_little_of_a_gigabyte_as_of_a_line(written, open_log):
    path, ends = written()
    whole = path.read_bytes()
    with path.open("r+b") as file:  # the same end, a gigabyte later; what is between is a hole
        file.truncate(1_000_000_000)
        file.seek(1_000_000_000)
        file.write(b"\n" + whole[ends[1] :])
    before = bytes_read()
    log = open_log()
    assert bytes_read() - before < 500_000
    assert (log.log.committed, log.log.cuts) == (7, 0)


def test_opening_writes_the_last_batch_again_as_it_was(written, open_log):
    """Whether an earlier process could sync it cannot be known, and claiming it takes a sync of dirty pages."""
    path, _ = written()
    before = path.read_bytes()
    os.utime(path, (0, 0))
    open_log().close()
    assert path.read_bytes() == before
    assert path.stat().st_mtime > 0


def test_what_stands_where_a_new_file_is_due_is_set_aside(open_log, event, paths):
    log = open_log(segment_max_bytes=1)
    log.push(event(1))
    (log.directory / "00000002.jsonl").write_bytes(b"left over")
    log.push(event(2))
    assert paths(log.directory) == ["/1", "/2"]
    assert (log.directory / "00000002.jsonl.torn-1").read_bytes() == b"left over"


def test_a_pipe_in_place_of_a_segment_is_damage_and_not_waited_for(open_log, event):
    log = open_log(segment_max_bytes=1)
    for number in range(3):
        log.push(event(number))
    log.close()
    second = sorted(log.directory.glob("*.jsonl"))[1]
    second.unlink()
    os.mkfifo(second)
    with pytest.raises(DamagedFileError, match="not a regular file"):
        list(read_events(log.directory))
