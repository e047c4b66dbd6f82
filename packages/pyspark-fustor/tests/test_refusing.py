"""What a pusher does not take, and what is pushed after that."""

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from pyspark.sql.types import StringType, StructField, StructType
from pyspark_fustor import DefaultSource
from pyspark_fustor._options import PusherOptions
from pyspark_fustor._pushing import Pushed
from pyspark_fustor._session import Session
from pyspark_fustor._writing import SessionWriter

from fustor_core.exceptions import DriverError
from fustor_driver.engines import COLUMNS
from fustor_driver.errors import FustorDriverError
from fustor_event_model import LifecycleSignal, MessageSource

OPTIONS = PusherOptions(driver="try_blab", endpoint="x", task="t", max_retries=3, retry_delay_sec=0.001)


@pytest.fixture
def pushes(blabbing, monkeypatch):
    """What is pushed; `answer` is the pusher's."""

    class Pushes(list):
        answer = {}  # noqa: RUF012 - replaced

    pushes = Pushes()

    async def push(_, events, **keywords):
        pushes.append((events, keywords))
        return pushes.answer

    monkeypatch.setattr(blabbing.BlabPusher, "push", push)
    return pushes


@pytest.mark.parametrize("success", [True, False])
def test_a_wish_for_a_new_snapshot_is_an_answer_and_no_failure(pushes, success):
    pushes.answer = {"success": success, "snapshot_needed": True}
    with Session(OPTIONS) as session, pytest.raises(DriverError, match="asks for a new session with a new snapshot"):
        session.push([], MessageSource.REALTIME)
    assert len(pushes) == 1


def test_a_failure_is_tried_again(pushes):
    pushes.answer = {"success": False}
    with Session(OPTIONS) as session, pytest.raises(Exception, match="failed 3 times"):
        session.push([], MessageSource.REALTIME)
    assert len(pushes) == 3


WRITERS = [SessionWriter(OPTIONS, "s", MessageSource.SNAPSHOT, ends=ends) for ends in (True, False)]
WRITERS += [SessionWriter(OPTIONS, "s", MessageSource.AUDIT, ends=True)]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_batch_of_which_every_row_was_refused_has_no_end(pushes, writer):
    with pytest.raises(DriverError, match="refused every one of the 5 rows of task 't': too long"):
        writer.commit([Pushed(3, 3), None, Pushed(), Pushed(2, 2, "too long")])
    assert pushes == []


@pytest.mark.parametrize("messages", [[], [Pushed(), Pushed()], [Pushed(3, 3, "why"), Pushed(2, 1, "why")]])
def test_a_batch_that_is_empty_or_was_taken_in_part_has_its_end(pushes, messages):
    snapshot, _, audit = WRITERS
    snapshot.commit(messages)
    assert [keywords["is_snapshot_end"] for _, keywords in pushes] == [True]
    audit.commit(messages)
    assert [event.signal for events, _ in pushes for event in events] == [LifecycleSignal.AUDIT_END]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"driver": "nobody"}, "No pusher 'nobody' is installed"),
        ({"passwd": "${FUSTOR_NOT_SET}"}, "FUSTOR_NOT_SET"),
        ({"driver_params": '{"nonsense": 1}'}, "nonsense"),
    ],
)
def test_a_stream_is_not_begun_with_a_pusher_that_cannot_be_made(wrong, said):
    columns = StructType([StructField(name, StringType()) for name in COLUMNS])
    plain = {"driver": "postgres", "endpoint": "postgresql://host/db", "task": "t"}
    assert DefaultSource(plain).streamWriter(columns, overwrite=False)
    with pytest.raises(FustorDriverError, match=said):
        DefaultSource(plain | wrong).streamWriter(columns, overwrite=False)
