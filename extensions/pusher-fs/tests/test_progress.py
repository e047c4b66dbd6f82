"""Contract section 5 for an append log, without a disk."""

import pytest

from fustor_pusher_fs._progress import UNKNOWN, Batch, Counters, Progress


def begin(progress, name):
    return progress.begin(name, "t", Counters())


@pytest.fixture
def push():
    """Take a batch as the log does; return the events that were not here already, or None for a repetition."""

    def push(progress, session, *events, end=False, digest=None):
        batch = Batch.of(events, is_snapshot_end=end)
        key = digest or repr(events)
        if session.has(batch, key):
            return None
        new = list(events) if batch.has_signal else session.without_known(events)
        if new or end or not events:
            progress.take(session, batch, key)
        return [event.index for event in new]

    return push


@pytest.fixture
def complete(event, push):
    """A task whose snapshot ended and whose stream came to 7."""

    def complete():
        progress = Progress()
        session = begin(progress, "first")
        push(progress, session, event(0, "snapshot", 2))
        push(progress, session, end=True)
        push(progress, session, event(1, index=7))
        return progress, session

    return complete


def test_the_index_is_unknown_until_the_snapshot_has_ended(event, push):
    progress = Progress()
    session = begin(progress, "s")
    push(progress, session, event(0, index=5))
    push(progress, session, event(1, "snapshot", 3))
    assert progress.committed == UNKNOWN
    push(progress, session, end=True)
    assert progress.committed == 5


def test_the_snapshots_index_counts_while_there_is_no_other(event, push):
    progress = Progress()
    session = begin(progress, "s")
    push(progress, session, event(0, "snapshot", 3))
    push(progress, session, event(1, "snapshot", 4), end=True)
    assert progress.committed == 4
    push(progress, session, event(2, index=9, rows=[], fields=[]))
    assert progress.committed == 9


def test_a_session_that_resumes_goes_on(event, push, complete):
    progress, _ = complete()
    session = begin(progress, "second")
    assert push(progress, session, event(2, index=8)) == [8]
    assert progress.committed == 8


def test_an_unfinished_second_snapshot_is_never_resumed_as_if_it_were_complete(event, push, complete):
    progress, _ = complete()
    session = begin(progress, "second")
    push(progress, session, event(2, index=20))
    push(progress, session, event(3, "snapshot"))
    assert progress.committed == UNKNOWN
    push(progress, session, event(4, index=21))
    assert progress.committed == UNKNOWN
    push(progress, session, end=True)
    assert progress.committed == 21


def test_a_session_that_was_told_nothing_needs_its_own_snapshot(event, push):
    progress = Progress()
    push(progress, begin(progress, "first"), end=True)
    session = begin(progress, "second")
    push(progress, session, event(0, index=5))
    assert progress.committed == UNKNOWN


def test_a_new_snapshot_forgets_the_numbers_of_an_older_log(event, push, complete):
    progress, _ = complete()
    session = begin(progress, "second")
    push(progress, session, event(0, "snapshot"))
    assert push(progress, session, event(1, index=3)) == [3]
    push(progress, session, end=True)
    assert progress.committed == 3


def test_late_batches_of_an_older_session_change_no_index(event, push, complete):
    progress, first = complete()
    second = begin(progress, "second")
    push(progress, second, event(0, "snapshot"))
    push(progress, first, event(1, index=9))
    assert progress.committed == UNKNOWN


def test_realtime_events_at_or_below_the_committed_index_are_dropped(event, push, complete):
    progress, session = complete()
    assert push(progress, session, event(2, index=7), event(3, index=8)) == [8]
    assert push(progress, session, event(4, index=7), event(5, index=8)) == []
    assert push(progress, begin(progress, "second"), event(6, index=8)) == []


def test_rows_of_a_snapshot_that_share_an_index_are_all_kept(event, push):
    progress = Progress()
    session = begin(progress, "s")
    assert push(progress, session, event(9, index=5)) == [5]
    assert push(progress, session, event(0, "snapshot", 3)) == [3]
    assert push(progress, session, event(1, "snapshot", 3)) == [3]
    assert push(progress, session, event(2, "snapshot", 2)) == [2]


def test_a_session_that_lost_events_to_an_older_log_cannot_complete_its_snapshot(event, push, complete):
    progress, _ = complete()
    session = begin(progress, "second")
    assert push(progress, session, event(0, index=3)) == []  # looked like a repetition
    assert not session.is_spoilt
    push(progress, session, event(1, "snapshot", 2))
    assert session.is_spoilt
    push(progress, session, end=True)
    assert progress.committed == UNKNOWN


def test_a_repeated_batch_is_dropped_also_after_one_of_another_phase(event, push):
    progress = Progress()
    session = begin(progress, "s")
    assert push(progress, session, event(0)) == [-1]
    assert push(progress, session, event(0, "snapshot")) == [-1]
    assert push(progress, session, event(0)) is None
    assert push(progress, session, event(0, "snapshot")) is None


def test_only_the_last_batch_of_a_phase_counts_as_repeated(event, push):
    progress = Progress()
    session = begin(progress, "s")
    for number in (0, 1, 0):
        assert push(progress, session, event(number)) == [-1]


def test_a_mixed_batch_is_the_last_one_of_all_its_phases(event, push):
    progress = Progress()
    session = begin(progress, "s")
    mixed = (event(1), event(1, "audit"))
    assert push(progress, session, event(0)) == [-1]
    assert push(progress, session, *mixed) == [-1, -1]
    assert push(progress, session, *mixed) is None
    assert push(progress, session, event(0)) == [-1]


def test_another_session_repeats_nothing(event, push):
    progress = Progress()
    assert push(progress, begin(progress, "s"), event(0)) == [-1]
    assert push(progress, begin(progress, "s2"), event(0)) == [-1]


def test_the_same_events_with_the_snapshots_end_are_another_batch(event, push):
    progress = Progress()
    session = begin(progress, "s")
    push(progress, session, event(0, "snapshot"))
    assert push(progress, session, event(0, "snapshot"), end=True) == [-1]
    assert push(progress, session, event(0, "snapshot"), end=True) is None


def test_a_batch_with_a_signal_is_never_dropped(event, push, complete):
    progress, session = complete()
    signal = event(0, "audit", rows=[], fields=[], signal="Audit-Start")
    for _ in range(2):
        assert push(progress, session, signal) == [-1]
    assert push(progress, session, event(1, index=7), signal) == [7, -1]
