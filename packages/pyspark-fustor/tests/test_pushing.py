"""In which order and in which pieces rows reach a pusher."""

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from pyspark_fustor._options import PusherOptions
from pyspark_fustor._pushing import in_order, in_pushes, of_phase, push_all, report
from pyspark_fustor._session import Session

from fustor_core.exceptions import DriverError
from fustor_driver.engines import FlatRow
from fustor_event_model import MessageSource


def row(position, phase="realtime", path="/a"):
    whole = {"path": path, "mtime": 1.0, "size": 1}
    return FlatRow("update", phase, "s", "t", position, path, 1.0, 1, None, None, whole)


def pushes(rows, max_rows):
    return [[(event.index, len(event.rows)) for event in batch] for batch in in_pushes(rows, max_rows)]


def test_what_shares_a_position_is_never_split_over_two_pushes():
    given = [row(position, path=f"/{n}") for position in (1, 2, 3) for n in range(5)]
    assert pushes(given, 3) == [[(1, 5)], [(2, 5)], [(3, 5)]]


def test_small_events_go_together():
    assert pushes([row(position) for position in range(1, 8)], 3) == [
        [(1, 1), (2, 1), (3, 1)],
        [(4, 1), (5, 1), (6, 1)],
        [(7, 1)],
    ]


@pytest.mark.engines
def test_rows_that_a_pusher_sets_aside_are_counted_and_warned_of(database, caplog):
    options = PusherOptions.parse(database.pusher)
    with Session(options) as session:
        pushed = push_all(session, [row(1), row(2, path="/x\0y")], MessageSource.REALTIME, 1)
    assert (pushed.rows, pushed.refused_rows) == (2, 1)
    report([pushed, None], options.task)
    assert "has set 1 rows aside" in caplog.text
    assert pushed.refused_reason in caplog.text


@pytest.mark.parametrize(
    ("rows", "partition", "why"),
    [
        ([row(1)], 1, "coalesce"),
        ([row(2), row(1)], 0, "sortWithinPartitions"),
        ([row(-1)], 0, "Position -1"),
        ([row(1, "snapshot")], 0, "rows of a 'snapshot'"),
    ],
)
def test_changes_of_which_a_pusher_would_drop_some_are_refused(rows, partition, why):
    with pytest.raises(DriverError, match=why):
        list(in_order(rows, partition))


def test_an_empty_task_is_none_of_the_refused():
    assert list(in_order([], 5)) == []


def test_a_batch_is_of_one_phase():
    with pytest.raises(DriverError, match="this one has 'realtime'"):
        list(of_phase([row(1, "snapshot"), row(2)], MessageSource.SNAPSHOT))
