"""Segments of one task: what is written, when a new file begins, and which old ones go."""

import os
import stat

import pytest

from fustor_core.exceptions import ConfigError, DriverError, RetryableError
from fustor_pusher_fs import DamagedFileError, read_events
from fustor_pusher_fs._directory import directory_name


def files(directory):
    return sorted(path.name for path in directory.glob("*.jsonl*"))


def test_batches_are_read_back_in_order_with_session_and_end(open_log, event):
    log = open_log()
    log.push(event(1, "snapshot"), event(2, "snapshot"))
    log.push(end=True)
    log.new_session()
    log.push(event(3, index=4))
    batches = list(read_events(log.directory))
    assert [(b.session_id, b.phase, b.is_snapshot_end, b.index, b.number) for b in batches] == [
        ("session-0", "snapshot", False, -1, 1),
        ("session-0", "snapshot", True, -1, 2),
        ("second", "realtime", False, 4, 3),
    ]
    assert [row["path"] for row in batches[0].events[0].rows + batches[0].events[1].rows] == ["/1", "/2"]
    assert all(b.path == log.directory / "00000001.jsonl" and b.time == log.clock.now for b in batches)
    assert list(read_events(batches[0].path)) == batches


def test_a_mixed_batch_keeps_each_events_source(open_log, event):
    log = open_log()
    log.push(event(1, "audit"), event(2), event(3, "snapshot"))
    (batch,) = read_events(log.directory)
    assert [one.message_source for one in batch.events] == ["audit", "realtime", "snapshot"]
    assert batch.phase == "audit+realtime+snapshot"


def test_nothing_is_written_for_nothing(open_log):
    log = open_log()
    log.push()
    log.push(source_type="audit")
    assert files(log.directory) == []
    log.push(source_type="snapshot")
    assert [batch.phase for batch in read_events(log.directory)] == ["snapshot"]


def test_a_repeated_batch_leaves_one_copy_and_is_counted(open_log, event, paths):
    log = open_log()
    for _ in range(3):
        log.push(event(1), event(2))
    log.push(event(3, index=5))
    log.push(event(3, index=5), event(4, index=6))
    assert paths(log.directory) == ["/1", "/2", "/3", "/4"]
    assert (log.counters.duplicate_batches, log.counters.duplicate_events) == (2, 1)
    assert (log.counters.batches, log.counters.events, log.counters.rows) == (3, 4, 4)


def test_a_batch_that_is_here_as_a_whole_writes_nothing(open_log, event):
    log = open_log()
    log.push(event(1, index=5), event(2, index=6))
    log.push(event(3, index=6))
    assert log.counters.batches == 1
    log.push(event(3, index=6), end=True)
    assert [batch.is_snapshot_end for batch in read_events(log.directory)] == [False, True]


def test_a_batch_with_a_signal_is_written_whole(open_log, event, paths):
    log = open_log()
    log.push(event(1, index=5))
    signal = event(0, "audit", rows=[], fields=[], signal="Audit-Start")
    for _ in range(2):
        log.push(event(1, index=5), signal)
    assert paths(log.directory) == ["/1", "/1", "/1"]
    assert [event.signal for batch in read_events(log.directory) for event in batch.events].count("Audit-Start") == 2


def test_the_committed_index_survives_a_restart(open_log, event):
    log = open_log()
    log.push(event(1, "snapshot"))
    log.push(end=True)
    log.push(event(2, index=9))
    log.close()
    assert open_log().log.committed == 9


def test_events_of_an_earlier_process_are_known_by_their_index(open_log, event, paths):
    log = open_log()
    log.push(event(1, "snapshot"), end=True)
    log.push(event(2, index=9))
    log.close()
    again = open_log()
    again.push(event(2, index=9), event(3, index=10))
    assert paths(log.directory) == ["/1", "/2", "/3"]


def test_a_new_file_begins_before_one_grows_over_its_size(open_log, event, paths):
    log = open_log(segment_max_bytes=2_000)
    for number in range(20):
        log.push(event(number))
    sizes = [path.stat().st_size for path in sorted(log.directory.glob("*.jsonl"))]
    assert len(sizes) == log.counters.segments_begun > 5
    assert max(sizes) <= 2_000
    assert paths(log.directory) == [f"/{number}" for number in range(20)]


def test_a_batch_larger_than_a_file_has_one_of_its_own(open_log, event, paths):
    log = open_log(segment_max_bytes=1)
    log.push(event(1))
    log.push(event(2))
    assert files(log.directory) == ["00000001.jsonl", "00000002.jsonl"]
    assert paths(log.directory) == ["/1", "/2"]


def test_a_new_file_begins_when_one_is_old(open_log, event):
    log = open_log(segment_max_age_sec=60)
    log.push(event(1))
    log.clock.now += 59
    log.push(event(2))
    assert len(files(log.directory)) == 1
    log.clock.now += 1
    log.push(event(3))
    assert len(files(log.directory)) == 2


def test_age_is_counted_from_the_files_beginning_over_restarts(open_log, event):
    log = open_log(segment_max_age_sec=60)
    log.push(event(1))
    log.close()
    log.clock.now += 60
    open_log(segment_max_age_sec=60).push(event(2))
    assert len(files(log.directory)) == 2


def test_old_files_are_kept_unless_asked_otherwise(open_log, event):
    log = open_log(segment_max_bytes=1)
    for number in range(5):
        log.push(event(number))
    assert len(files(log.directory)) == 5


def test_the_oldest_files_go_when_a_task_takes_too_much(open_log, event, paths):
    log = open_log(segment_max_bytes=1, retain_bytes=2_000)
    for number in range(8):
        log.push(event(number))
    kept = list(log.directory.glob("*.jsonl"))
    assert sum(path.stat().st_size for path in kept) <= 2_000
    assert log.counters.segments_removed == 8 - len(kept) > 0
    assert paths(log.directory) == [f"/{number}" for number in range(8 - len(kept), 8)]


def test_files_go_when_they_are_old_and_never_leave_a_gap(open_log, event, paths):
    log = open_log(segment_max_bytes=1, retain_age_sec=100)
    for number in range(4):
        log.push(event(number))
    ages = {1: 150, 2: 150, 3: 50, 4: 150}  # the fourth is the one being written
    for number, age in ages.items():
        os.utime(log.directory / f"{number:08d}.jsonl", (0, log.clock.now - age))
    log.push(event(4))
    assert files(log.directory) == ["00000003.jsonl", "00000004.jsonl", "00000005.jsonl"]
    assert paths(log.directory) == ["/2", "/3", "/4"]


def test_a_task_goes_on_where_removed_files_ended(open_log, event):
    log = open_log(segment_max_bytes=1, retain_bytes=1)
    log.push(end=True)
    for index in range(3):
        log.push(event(index, index=index))
    log.close()
    assert files(log.directory) == ["00000004.jsonl"]
    assert open_log().log.committed == 2


@pytest.mark.parametrize(("mode", "file_mode", "directory_mode"), [("0600", 0o600, 0o700), ("0640", 0o640, 0o750)])
def test_permissions_are_those_configured_whatever_the_umask(open_log, event, mode, file_mode, directory_mode):
    before = os.umask(0o077)
    try:
        log = open_log(file_mode=mode)
        log.push(event(1))
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in log.directory.glob("*.jsonl")} == {file_mode}
    for directory in (log.directory, log.directory.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == directory_mode


def test_a_batch_that_json_cannot_say_leaves_no_trace(open_log, event, paths):
    log = open_log()
    log.push(event(1))
    broken = event(2)
    broken.rows[0]["size"] = float("nan")
    with pytest.raises(DriverError, match="JSON"):
        log.push(event(3), broken)
    log.push(event(4))
    assert paths(log.directory) == ["/1", "/4"]


def test_a_second_writer_is_refused_until_the_first_is_gone(open_log):
    log = open_log()
    with pytest.raises(ConfigError, match="in use by another"):
        open_log()
    log.close()
    open_log()


@pytest.mark.parametrize("where", ["out", "out/t"])
def test_a_directory_that_is_a_symbolic_link_is_refused(open_log, tmp_path, where):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / where
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="symbolic link"):
        open_log()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["00000001.jsonl", "lock"])
def test_a_file_that_is_a_symbolic_link_is_refused(open_log, tmp_path, name):
    target = tmp_path / "precious"
    target.write_text("keep me")
    (tmp_path / "out" / "t").mkdir(parents=True)
    (tmp_path / "out" / "t" / name).symlink_to(target)
    with pytest.raises(ConfigError, match="symbolic link"):
        open_log()
    assert target.read_text() == "keep me"


def test_what_is_no_regular_file_is_refused(open_log, tmp_path):
    (tmp_path / "out" / "t").mkdir(parents=True)
    os.mkfifo(tmp_path / "out" / "t" / "00000001.jsonl")
    with pytest.raises(ConfigError, match="Not a regular file"):
        open_log()


def test_a_file_in_the_place_of_the_directory_is_refused(open_log, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigError, match="Cannot open"):
        open_log()


def test_another_tasks_files_are_refused(open_log, event):
    log = open_log()
    log.push(event(1))
    log.close()
    other = log.directory.with_name("u")
    log.directory.rename(other)
    with pytest.raises(ConfigError, match="holds task 't', not 'u'"):
        open_log(other, task="u")


def test_a_file_that_somebody_else_writes_to_is_noticed(open_log, event):
    log = open_log()
    log.push(event(1))
    path = log.directory / "00000001.jsonl"
    with path.open("ab") as file:
        file.write(b"intruder\n")
    with pytest.raises(RetryableError, match="was changed"):
        log.push(event(2))


def test_a_file_that_somebody_else_removes_is_noticed(open_log, event):
    log = open_log()
    log.push(event(1))
    (log.directory / "00000001.jsonl").unlink()
    with pytest.raises(RetryableError, match="was removed"):
        log.push(event(2))


def test_an_intruders_line_is_cut_off_and_kept_at_the_next_start(open_log, event, paths):
    log = open_log()
    log.push(event(1))
    log.close()
    with (log.directory / "00000001.jsonl").open("ab") as file:
        file.write(b"intruder\n")
    again = open_log()
    again.push(event(2))
    assert paths(log.directory) == ["/1", "/2"]
    assert (log.directory / "00000001.jsonl.torn-1").read_bytes() == b"intruder\n"


def test_the_directory_of_all_tasks_is_no_task(open_log, event):
    log = open_log()
    log.push(event(1))
    with pytest.raises(ConfigError, match="name one of them: t"):
        list(read_events(log.directory.parent))
    with pytest.raises(ConfigError, match="neither a directory nor a file"):
        list(read_events(log.directory / "nothing"))


def test_a_file_of_another_task_in_between_is_damage(open_log, event, tmp_path):
    log, other = open_log(segment_max_bytes=1), open_log(tmp_path / "out" / "u", task="u", segment_max_bytes=1)
    for number in range(2):
        log.push(event(number))
        other.push(event(number))
    (other.directory / "00000002.jsonl").replace(log.directory / "00000002.jsonl")
    with pytest.raises(DamagedFileError, match="belongs to task 'u', not 't'"):
        list(read_events(log.directory))


def test_a_missing_file_in_the_middle_is_damage(open_log, event):
    log = open_log(segment_max_bytes=1)
    for number in range(3):
        log.push(event(number))
    (log.directory / "00000002.jsonl").unlink()
    with pytest.raises(DamagedFileError, match="batch 2 is missing") as caught:
        list(read_events(log.directory))
    assert (caught.value.path.name, caught.value.offset) == ("00000003.jsonl", 0)


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("agent:sync", "agent%3Async"),
        ("a/../b", "a%2F..%2Fb"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("naïve ✓", "na%C3%AFve%20%E2%9C%93"),
    ],
)
def test_a_tasks_directory_is_its_name_as_far_as_a_file_name_can_say_it(task, name):
    assert directory_name(task) == name


def test_long_names_stay_apart_and_short_enough():
    one, two = directory_name("x" * 999 + "1"), directory_name("x" * 999 + "2")
    assert one != two
    assert max(len(one), len(two)) < 255


@pytest.mark.parametrize("task", ["", "x" * 1001, "\ud800"])
def test_names_that_no_directory_can_have_are_refused(task):
    with pytest.raises(DriverError, match="name it"):
        directory_name(task)
