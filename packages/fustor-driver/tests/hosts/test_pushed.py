"""A session that is opened and a batch that is pushed outside a run, again while the pusher may recover."""

import asyncio

import pytest

from fustor_core.exceptions import ConfigError, DriverError, RetryableError
from fustor_driver.engines.singer.deliveries import Tally, open_session
from fustor_driver.errors import CheckFailed
from fustor_driver.event_files import Batch
from fustor_driver.feed import feed
from fustor_driver.hosts import calls
from fustor_event_model import MessageSource
from fustor_try.scripted import event

REFUSES = {"success": False, "snapshot_needed": False}
WISHES = {"success": False, "snapshot_needed": True}
BATCH = Batch(session_id="", phase=MessageSource.REALTIME, events=(event("/a"),))


def push(pusher):
    session = calls.Session(pusher, "t", "session-1")
    return asyncio.run(session.pushed(BATCH.events, BATCH.phase, longest_sec=0.001))


def test_a_batch_is_pushed_until_it_is_taken(pusher, caplog):
    answers = iter([REFUSES, REFUSES])
    pusher.answer = lambda _: next(answers, None)
    assert push(pusher).success
    assert len(pusher.tried) == 3
    assert "failed (attempt 2, next in 0.001 s): push answered success=False" in caplog.text


def test_a_batch_that_is_never_taken_has_failed(pusher):
    pusher.answer = lambda _: REFUSES
    with pytest.raises(CheckFailed, match="failed 3 times"):
        push(pusher)


def test_a_wish_for_a_snapshot_is_an_answer_and_no_failure(pusher):
    pusher.answer = lambda _: WISHES
    assert push(pusher).snapshot_needed
    assert len(pusher.tried) == 1


def test_a_pusher_that_takes_nothing_before_a_snapshot_ends_a_feed(pusher):
    pusher.answer = lambda _: WISHES
    with pytest.raises(CheckFailed, match="takes nothing before it has a complete snapshot"):
        asyncio.run(feed(pusher, [BATCH], "t"))
    assert len(pusher.tried) == 1


def test_a_feed_asks_for_its_session_again(pusher):
    failures = iter([RetryableError("Not now")])

    def opening(_):
        for failure in failures:
            raise failure

    pusher.opening = opening
    assert asyncio.run(feed(pusher, [BATCH], "t")).events == 1


@pytest.mark.parametrize(("err", "ends"), [(ConfigError("Wrong"), True), (DriverError("No use for it"), False)])
def test_an_announcement_may_be_refused_but_not_the_configuration(err, ends, pusher):
    def answer(_):
        raise err

    async def announced():
        session = await open_session(pusher, "t", Tally())
        pusher.answer = answer
        await session.begin_snapshot()

    if ends:
        with pytest.raises(ConfigError, match="Wrong"):
            asyncio.run(announced())
    else:
        asyncio.run(announced())


@pytest.mark.parametrize("phase", [MessageSource.SNAPSHOT, MessageSource.REALTIME])
def test_a_source_is_asked_for_a_part_alone(phase, source):
    asked = {}

    def iterator(*_, **kwargs):
        asked.update(kwargs)
        return iter(())

    source.get_snapshot_iterator = source.get_message_iterator = iterator
    list(calls.open_phase(source, phase, stop_event=None, bounds={"partition": "p"}))
    assert asked["partition"] == "p"
