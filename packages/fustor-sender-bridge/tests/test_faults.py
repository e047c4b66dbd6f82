"""What the bridge does where a pusher fails, refuses or wishes for something."""

import asyncio
from itertools import groupby

import pytest

from fustor_sender_bridge._core import DriverError, RetryableError, SessionObsoletedError

pytestmark = pytest.mark.usefixtures("own_pushers")


class Blocked:
    """A directory in the place of the example pusher's file: every write fails until it is removed."""

    def __init__(self, log):
        self.place = log.file
        self.saved = log.file.with_suffix(".saved")

    def __enter__(self):
        self.place.rename(self.saved)
        self.place.mkdir()
        return self

    def __exit__(self, *args):
        self.place.rmdir()
        self.saved.rename(self.place)


def test_realtime_that_failed_comes_again_and_is_there_once(session, make, log, told):
    async def run():
        async with session(make()) as agent:
            await agent.snapshot()
            one, two = told("realtime", "/a", 0), told("realtime", "/b", 1)
            with Blocked(log):
                assert await agent.realtime(one) == {"success": False}
            assert (await agent.realtime(one, two))["success"]

    asyncio.run(run())
    assert log.told() == ["snapshot-end", "realtime /a", "realtime /b"]


def test_a_snapshot_is_tried_again(session, make, log, told, logged):
    async def run():
        async with session(make(max_retries=1000)) as agent:
            with Blocked(log):
                pushing = asyncio.ensure_future(agent.snapshot(told("snapshot", "/a")))
                await logged("attempt 3").wait()
            await pushing

    asyncio.run(run())
    assert log.told() == ["snapshot /a", "snapshot-end"]


@pytest.mark.parametrize("phase", ["snapshot", "audit"])
def test_a_phase_breaks_off_when_every_attempt_failed(session, phase, make, log, told):
    async def run():
        async with session(make()) as agent:
            if phase == "audit":
                await agent.snapshot()
                await agent.leads()
            with Blocked(log), pytest.raises(RetryableError):
                await getattr(agent, phase)(
                    *([told("snapshot", "/a")] if phase == "snapshot" else [[told(phase, "/a")]])
                )

    asyncio.run(run())
    assert log.told() == ([] if phase == "snapshot" else ["snapshot-end", "Audit-Start"])


def test_audits_start_when_the_pusher_is_back(session, make, log, logged):
    async def run():
        async with session(make()) as agent:
            await agent.snapshot()
            with Blocked(log):
                leading = asyncio.ensure_future(agent.leads())
                await logged("No audits yet").wait()
                assert not leading.done()
            await leading

    asyncio.run(run())
    assert log.told() == ["snapshot-end", "Audit-Start"]


@pytest.mark.parametrize("phase", ["snapshot", "realtime"])
def test_the_wish_for_a_snapshot_is_a_new_session(session, phase, make, told, monkeypatch):
    async def run():
        sender = make("wishing")
        async with session(sender) as agent:
            monkeypatch.setattr(type(sender._pusher), "wishes", True)
            with pytest.raises(SessionObsoletedError):
                await getattr(agent, phase)(told(phase, "/a", 0))

    asyncio.run(run())


@pytest.mark.parametrize("ask", ["realtime", "heartbeat"])
def test_a_session_that_a_heartbeat_found_gone_is_made_anew(session, ask, make, told):
    async def run():
        async with session(make("forgetful")) as agent:
            ask_for = {
                "realtime": lambda: agent.realtime(told("realtime", "/a", 0)),
                "heartbeat": agent.sender.heartbeat,
            }
            with pytest.raises(SessionObsoletedError, match="419"):  # noqa: PT012 - sooner or later
                while True:
                    await ask_for[ask]()
                    await asyncio.sleep(0.005)

    asyncio.run(run())


def test_what_is_refused_in_realtime_waits_and_is_named(session, make, log, told, caplog):
    async def run():
        async with session(make("strict")) as agent:
            assert await agent.realtime(told("realtime", "/bad", 0)) == {"success": False}

    asyncio.run(run())
    assert "/bad is refused" in caplog.text
    assert log.told() == []


def test_a_snapshot_of_which_something_is_refused_has_no_end(session, make, log, told):
    async def run():
        async with session(make("strict")) as agent:
            with pytest.raises(DriverError, match="/bad"):
                await agent.snapshot(told("snapshot", "/bad"))

    asyncio.run(run())
    assert log.told() == []


def test_sessions_that_end_soon_after_one_another_are_spaced(agent_of, make):
    async def run():
        sender = make(retry_delay_sec=0.1)
        clock = asyncio.get_running_loop().time
        began = clock()
        for _ in range(4):
            await agent_of(sender).session()
        took = clock() - began
        await sender.close()
        return took

    assert 0.3 <= asyncio.run(run()) < 5


def test_a_session_that_is_gone_stays_so(session, make, told, monkeypatch):
    async def run():
        sender = make("wishing")
        async with session(sender) as agent:
            monkeypatch.setattr(type(sender._pusher), "wishes", True)
            with pytest.raises(SessionObsoletedError):
                await agent.realtime(told("realtime", "/a", 0))
            monkeypatch.setattr(type(sender._pusher), "wishes", False)
            with pytest.raises(SessionObsoletedError):
                await sender.heartbeat()
            await agent.session()
            assert (await agent.realtime(told("realtime", "/a", 1)))["success"]

    asyncio.run(run())


def test_where_a_guard_refuses_the_end_of_an_audit_all_later_ones_list_everything(session, make, log, told):
    async def run():
        async with session(make("guarding")) as agent:
            await agent.snapshot()
            roles = []
            for path in ("/a", "/b"):
                roles += await agent.leads()
                await agent.audit([told("audit", path)])
            return roles + await agent.leads()

    assert [role for role, _ in groupby(asyncio.run(run()))] == ["follower", "leader"] * 3
    assert log.told()[1:] == [
        "Audit-Start", "audit /a", "Audit-End", "Audit-Start", "audit /b", "Audit-End", "Audit-Start"
    ]  # fmt: skip


def test_what_a_pusher_does_not_promise_comes_again(session, make, log, told):
    async def run():
        async with session(make("unsure")) as agent:
            await agent.snapshot(told("snapshot", "/a"))
            event = told("realtime", "/b", 0)
            return [(await agent.realtime(event))["success"] for _ in range(2)]

    assert asyncio.run(run()) == [False, True]
    assert log.told() == ["snapshot /a", "snapshot-end", "realtime /b"]
