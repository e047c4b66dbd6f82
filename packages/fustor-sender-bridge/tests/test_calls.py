"""How a pusher is called."""

import asyncio

import pytest

pytestmark = pytest.mark.usefixtures("own_pushers")


@pytest.fixture
def calls_of(session):
    """The pushes of one session: an announcement, these events in realtime, the end of a snapshot."""

    def calls_of(sender, *events):
        async def run():
            async with session(sender) as agent:
                await agent.realtime(*events)
                await agent.snapshot()
            return sender._pusher.calls

        return asyncio.run(run())

    return calls_of


def test_a_session_begins_with_the_announcement_of_a_snapshot_and_its_end_comes_once(calls_of, make):
    calls = calls_of(make("calls"))
    assert [(len(events), told["source_type"], told["is_snapshot_end"]) for events, told in calls] == [
        (0, "snapshot", False),
        (0, "realtime", False),
        (0, "snapshot", True),
    ]


def test_every_push_names_session_and_task(calls_of, make):
    named = {(told["session_id"].partition(":")[2], told["task_id"]) for _, told in calls_of(make("calls"))}
    assert named == {("a:p", "a:p")}


@pytest.mark.parametrize("allowed", [True, False])
def test_leave_for_deletions_is_the_users(calls_of, allowed, make):
    calls = calls_of(make("calls", allow_deletions=allowed))
    assert {told.get("allow_deletions", False) for _, told in calls} == {allowed}


def test_events_are_passed_on_as_they_are(calls_of, make, told):
    event = told("realtime", "/a", 0)
    (pushed,) = (events[0] for events, _ in calls_of(make("calls"), event) if events)
    assert pushed is event


def test_heartbeats_go_on_while_the_agent_pushes(session, make, told):
    async def run():
        sender = make("calls")
        async with session(sender) as agent:
            for index in range(200):
                await agent.realtime(told("realtime", "/a", index))
                if len(sender._pusher.beats) > 2:
                    break
        return sender._pusher.beats

    beats = asyncio.run(run())
    assert len(beats) > 2
    assert len(set(beats)) == 1
