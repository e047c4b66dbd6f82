"""What readers tell Spark, and what is read again after a restart."""

import io
import os
import pickle
import subprocess
import sys
import threading

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from pyspark_fustor import DefaultSource
from pyspark_fustor import _holding as holding
from pyspark_fustor._feed import Feed
from pyspark_fustor._options import SourceOptions
from pyspark_fustor._ranges import RangesReader, split
from pyspark_fustor._stream import StreamReader

from fustor_core.exceptions import DriverError, NotSupported
from fustor_event_model import UpdateEvent


class Clock:
    """The example source's time, one tick a second from 0 on."""

    def __init__(self, file):
        self._file = file
        self.options = SourceOptions(
            driver="example", uri="x", driver_params={"clock_file": str(file), "epoch": 0}, wait_sec=30
        )
        self.set(100)

    def set(self, tick):
        self._file.write_text(str(tick))


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock")


def positions(batches):
    return [position for batch in batches for position in batch.column("position").to_pylist()]


def rows(batches):
    return [row for batch in batches for row in batch.to_pylist()]


def test_a_new_stream_begins_at_a_real_position_that_its_first_batch_writes_down(clock):
    reader = StreamReader(clock.options)
    first = reader.initialOffset()
    assert first == {"position": 100, "new": True}
    batches, end = reader.read(first)
    assert (list(batches), end) == ([], {"position": 100})


def test_a_stream_from_a_position_that_was_given_begins_with_what_follows_it(clock):
    reader = StreamReader(clock.options.model_copy(update={"start_position": 97}))
    reader.prepareForTriggerAvailableNow()
    first = reader.initialOffset()
    assert first == {"position": 97}
    batches, end = reader.read(first)
    assert (positions(batches), end) == ([98, 99, 100], {"position": 100})


def test_a_batch_read_again_has_the_same_rows(clock):
    reader = StreamReader(clock.options)
    clock.set(105)
    batches, end = reader.read({"position": 100})
    batches = list(batches)
    while end["position"] < 105:
        more, end = reader.read(end)
        batches += more
    again = pickle.loads(pickle.dumps(StreamReader(clock.options)))  # noqa: S301 - made here
    assert rows(again.readBetweenOffsets({"position": 100}, {"position": 105})) == rows(batches)
    assert positions(batches) == [101, 102, 103, 104, 105]


def test_until_now_ends_though_the_source_goes_on(clock):
    reader = StreamReader(clock.options)
    reader.prepareForTriggerAvailableNow()
    clock.set(200)
    offset, found = {"position": 90}, []
    while (taken := reader.read(offset))[1] != offset:
        found += positions(taken[0])
        offset = taken[1]
    assert found == list(range(91, 101))
    assert offset == {"position": 100}


@pytest.mark.parametrize("n", [1, 3, 7, 100])
def test_ranges_together_are_the_batch(clock, n):
    reader = RangesReader(clock.options.model_copy(update={"partitions": n}))
    assert reader.latestOffset({"position": 90}, None) == {"position": 100}
    ranges = reader.partitions({"position": 90}, {"position": 100})
    assert 1 <= len(ranges) <= min(n, 10)
    assert [position for one in ranges for position in positions(reader.read(one))] == list(range(91, 101))


def test_a_batch_without_positions_between_is_one_empty_range(clock):
    assert [(one.start, one.end) for one in split(5, 5, 4)] == [(5, 5)]
    reader = RangesReader(clock.options)
    assert list(reader.read(next(split(5, 5, 4)))) == []


def test_a_position_that_is_gone_ends_the_query(clock):
    with pytest.raises(DriverError, match="no longer has everything after position 101"):
        StreamReader(clock.options).read({"position": 101})


def test_a_source_without_positions_says_what_it_lacks(tmp_path):
    with pytest.raises(NotSupported, match="end_position, get_latest_position"):
        DefaultSource({"driver": "fs", "uri": str(tmp_path)}).simpleStreamReader(None)


def event(index, count=1, **more):
    row = {"path": f"/{index}", "mtime": 1.0, "size": 1} | more
    return UpdateEvent(
        fields=list(row),
        rows=[row] * count,
        index=index,
        event_schema="s",
        table="t",
        message_source="realtime",
    )


def test_a_feed_holds_a_source_back_and_loses_nothing():
    asked = []

    def events():
        for index in range(50):
            asked.append(index)
            yield event(index, 10)

    feed = Feed(events(), threading.Event(), max_rows=30)
    first = feed.take(30)
    taken = positions(first.batches)
    assert len(taken) <= 30
    assert first.last == taken[-1]
    while not feed.is_exhausted:
        taken += positions(feed.take(30).batches)
    assert taken == [index for index in range(50) for _ in range(10)]


def test_a_feed_of_large_rows_is_bounded_by_their_weight():
    asked, taken = [], []

    def events():
        for index in range(30):
            asked.append(index)
            yield event(index, record={"text": "x" * 300_000})

    feed = Feed(events(), threading.Event(), max_rows=1000, max_bytes=1_000_000)
    while not feed.is_exhausted:
        one = positions(feed.take(30).batches)
        assert len(one) <= 4
        taken += one
        assert len(asked) - len(taken) <= 4 + 1, "what waits, and what the source has in hand"
    assert taken == list(range(30))


def test_a_feed_that_is_to_be_full_waits_for_its_bounds_or_the_end():
    feed = Feed((event(index, 10) for index in range(50)), threading.Event(), max_rows=200)
    assert [len(positions(feed.take(None, is_full=True).batches)) for _ in range(4)] == [200, 200, 100, 0]


@pytest.mark.parametrize("is_full", [False, True])
def test_a_feed_hands_over_at_any_speed(is_full):
    feed, taken = Feed(map(event, range(5_000)), threading.Event(), max_rows=7), []
    while not feed.is_exhausted:
        taken += positions(feed.take(None, is_full=is_full).batches)
    assert taken == list(range(5_000))


def test_what_a_feed_has_read_does_not_wait_for_more():
    asked, has_taken = threading.Event(), threading.Event()

    def events():
        yield event(1)
        yield event(2)
        yield UpdateEvent(fields=[], rows=[], index=7, event_schema="s", table="t", message_source="realtime")
        asked.set()
        if not has_taken.wait(60):
            yield event(8)  # nobody but who waits for more sees it

    feed = Feed(events(), threading.Event(), 10)
    assert asked.wait(60)
    taken = feed.take(None)
    has_taken.set()
    assert (positions(taken.batches), taken.last) == ([1, 2], 7)
    feed.close()


def test_a_feed_raises_behind_what_came_before():
    def events():
        yield event(1)
        raise DriverError("broken")

    feed = Feed(events(), threading.Event(), 10)
    assert positions(feed.take(30).batches) == [1]
    with pytest.raises(DriverError, match="broken"):
        feed.take(30)


def test_what_a_driver_prints_is_no_answer_of_the_holder(blabbing, monkeypatch, capsys):
    def parts(_, n):
        print("hello")
        return [1, 2][:n]

    monkeypatch.setattr(blabbing.BlabSource, "get_snapshot_partitions", parts)
    options = SourceOptions(driver="try_blab", uri="x", partitions=2, hold_sec=0.01)
    monkeypatch.setattr("sys.stdin", io.StringIO(options.model_dump_json()))
    holding.main(os.getpid())
    assert capsys.readouterr().out == '{"partitions": [1, 2]}\n'


@pytest.mark.engines
def test_a_holder_ends_with_the_process_above(clock):
    """The example cannot be split, and says one partition: what is seen here is the holder."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as above:
        holder = subprocess.Popen(
            [sys.executable, "-m", holding.__name__, str(above.pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        holder.stdin.write(clock.options.model_dump_json().encode())
        holder.stdin.close()
        with holder.stdout as answered:
            assert answered.readline() == b'{"partitions": [null]}\n'
            assert holder.poll() is None
            above.kill()
            above.wait()
            assert holder.wait(60) == 0
