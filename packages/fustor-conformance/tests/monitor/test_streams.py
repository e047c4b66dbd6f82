"""Streams over time: tables of what is told, and what is said of it at the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit_told import database, deleted, row, told

from fustor_conformance.monitor.streams import BulkClock, Deletes, Indexes, Inserts
from fustor_event_model import EventType, MessageSource


def upserted(*paths):
    return told(*(row(path) for path in paths))


def indexed(*indexes, end=None):
    state = Indexes(end)
    return [finding.rule_id for index in indexes for finding in state.look(told(row("/a"), index=index))]


@pytest.mark.parametrize(
    ("indexes", "rules"),
    [
        ((1, 2, 7), []),
        ((-1, -1, -1), []),
        ((1, 1), ["I02"]),
        ((2, 1), ["I01"]),
        ((-1, 4), ["I01"]),
        ((4, -1, 5), ["I01", "I01"]),
    ],
)
def test_indexes(indexes, rules):
    assert indexed(*indexes) == rules


def test_an_index_beyond_the_end_position():
    assert indexed(4, 5, end=4) == ["I07"]


def test_an_event_without_rows_has_no_say_in_the_indexes():
    state = Indexes()
    assert [*state.look(told(index=-1)), *state.look(told(row("/a"), index=3)), *state.look(told(index=3))] == []


@pytest.mark.parametrize(
    ("events", "made_once", "rules"),
    [
        ([told(row("/a"), event_type=EventType.INSERT), told(row("/a"))], True, []),
        ([told(row("/a"), event_type=EventType.INSERT), told(row("/a"), event_type=EventType.INSERT)], True, ["E16"]),
        ([told(row("/a")), told(row("/a"), event_type=EventType.INSERT)], False, []),
        ([told(row("/a")), deleted("/a"), told(row("/a"), event_type=EventType.INSERT)], True, []),
    ],
)
def test_an_insert_of_what_only_changed_claims_too_much(events, made_once, rules):
    state = Inserts(lambda _: made_once)
    assert [finding.rule_id for one in events for finding in state.look(one)] == rules


def at_the_end(*events):
    state = Deletes()
    for one in events:
        assert list(state.look(one)) == []
    return [finding.rule_id for finding in state.finish()]


@pytest.mark.parametrize(
    "events",
    [
        [deleted("/a/b/c"), deleted("/a/b"), deleted("/a")],
        [deleted("/a/b", "/a")],
        [upserted("/a", "/a/b"), deleted("/a/b", "/a"), upserted("/z")],
        [upserted("/a/b"), deleted("/a/b", "/a"), upserted("/a", "/a/b"), deleted("/a/b"), upserted("/z")],
        [deleted("/a"), upserted("/a"), deleted("/a/b")],
        [deleted("/a"), upserted("/a/c"), deleted("/a/b")],
        [deleted("/a"), deleted("/a/b"), deleted("/a")],
        [upserted("/a/b"), deleted("/a"), upserted("/a", "/a/b"), upserted("/z")],
        [upserted("/a/b"), deleted("/a")],
        [upserted("/ab"), deleted("/a"), upserted("/z")],
    ],
    ids=[
        "one by one",
        "in one event",
        "known before",
        "twice",
        "came again",
        "something else came again",
        "came and went unseen",
        "replaced: its delete goes first",
        "nothing follows: it may still come",
        "a name that only begins alike",
    ],
)
def test_deletes_in_order(events):
    assert at_the_end(*events) == []


@pytest.mark.parametrize(
    "events",
    [
        [deleted("/a"), deleted("/a/b")],
        [deleted("/a/b"), deleted("/a"), deleted("/a/c/d")],
        [deleted("/a", "/a/b")],
        [upserted("/a/b"), deleted("/a"), deleted("/a/b")],
        [upserted("/a/b", "/a/c"), deleted("/a/c"), deleted("/a"), upserted("/z")],
    ],
    ids=["after", "one of them after", "in one event", "known and after", "known and never"],
)
def test_deletes_out_of_order(events):
    assert "E14" in at_the_end(*events)


PATHS = st.sampled_from(["/a", "/a/b", "/a/b/c", "/a/d", "/e", "/e/f"])


@given(st.lists(st.tuples(st.booleans(), PATHS), max_size=30))
def test_a_tree_that_tells_post_order_is_never_accused(steps):
    """A model tree; a delete removes what is below it first, whatever was done before."""
    there, events = set(), []
    for is_delete, path in steps:
        if not is_delete:
            above = {path[:end] for end, letter in enumerate(path) if letter == "/" and end}
            events += [upserted(one) for one in sorted(above - there)] + [upserted(path)]
            there |= above | {path}
        elif path in there:
            gone = sorted((one for one in there if f"{one}/".startswith(f"{path}/")), key=lambda one: -one.count("/"))
            events += [deleted(one) for one in gone]
            there -= set(gone)
    assert at_the_end(*events, upserted("/z")) == []


@given(st.lists(PATHS, min_size=1, max_size=6, unique=True))
def test_a_container_that_goes_before_its_contents_is_always_accused(paths):
    top = min(paths, key=len)
    below = [path for path in paths if path.startswith(f"{top}/")]
    expected = ["E14"] if below else []
    assert at_the_end(upserted(*paths), deleted(top), *map(deleted, below), upserted("/z"))[:1] == expected


def clock_of(*bulk):
    state = BulkClock()
    for at, mtime, source in bulk:
        state.note(database(source=source, mtime=mtime), at)
    return state


def realtime(state, mtime, asked_at, at):
    one = database(source=MessageSource.REALTIME, mtime=mtime)
    return [finding.rule_id for finding in state.look(one, asked_at, at)]


@pytest.mark.parametrize(
    ("mtime", "asked_at", "at", "rules"),
    [
        (99.0, 2.0, 2.1, ["E15"]),
        (100.0, 2.0, 2.1, []),
        (99.0, 0.5, 2.0, ["E15"]),
        (99.0, 0.5, 1.1, []),
        (99.0, 0.5, 0.9, []),
    ],
    ids=["below", "the same", "waited since before", "just handed out", "before it"],
)
@pytest.mark.parametrize("source", [MessageSource.SNAPSHOT, MessageSource.AUDIT])
def test_realtime_against_a_bulk_row_handed_out_at_second_one(mtime, asked_at, at, rules, source):
    assert realtime(clock_of((1.0, 100.0, source)), mtime, asked_at, at) == rules


def test_the_latest_clock_counts_whatever_comes_after_it():
    state = clock_of((1.0, 100.0, MessageSource.SNAPSHOT), (2.0, 90.0, MessageSource.SNAPSHOT))
    assert realtime(state, 95.0, 3.0, 3.1) == ["E15"]


def test_bulk_rows_and_realtime_are_looked_at_by_threads_of_their_own():
    state = clock_of(*((number, float(number), MessageSource.SNAPSHOT) for number in range(10_000)))

    def note():
        for number in range(10_000, 40_000):
            state.note(database(source=MessageSource.SNAPSHOT, mtime=float(number)), number)

    with ThreadPoolExecutor() as pool:
        noting = pool.submit(note)
        while not noting.done():
            assert realtime(state, 0.0, 0.0, 0.1) == []
        noting.result()


def test_files_and_containers_have_clocks_of_their_own():
    state = BulkClock()
    state.note(told(row("/a", mtime=100.0, record={})), 1.0)
    table = database(source=MessageSource.AUDIT, mtime=100.0)
    del table.event.rows[0]["record"]
    state.note(table, 1.0)
    assert realtime(state, 5.0, 2.0, 2.1) == []
    assert list(clock_of((1.0, 100.0, MessageSource.SNAPSHOT)).look(told(row("/a", mtime=5.0)), 2.0, 2.1)) == []


def test_a_stream_that_never_ends_is_given_up_rather_than_kept():
    state = Deletes()
    many = [row(f"/d/{number}") for number in range(100_001)]
    assert list(state.look(replace(told(row("/d")), event=told(*many).event))) == []
    assert list(state.look(deleted("/d"))) == list(state.finish()) == []
