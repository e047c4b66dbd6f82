"""What a pusher does not take, and what is pushed after that."""

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from pyspark_fustor._options import PusherOptions
from pyspark_fustor._session import Session

from fustor_core.exceptions import DriverError
from fustor_event_model import MessageSource

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
