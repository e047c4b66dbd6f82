"""What a pusher sees when agent 0.8 calls the bridge in its own way."""

import asyncio

import pytest

from fustor_sender_bridge._core import DriverError
from fustor_sender_bridge._session import FOLLOWER, LEADER


def test_every_phase_arrives_with_its_source_between_brackets(agent, log, told):
    async def run():
        await agent.session()
        await agent.realtime(told("realtime", "/early", 0))
        await agent.snapshot(told("snapshot", "/a"), told("snapshot", "/b"))
        await agent.leads()
        await agent.realtime(told("realtime", "/c", 1))
        await agent.audit([told("audit", "/a")], [told("audit", "/b")])
        await agent.audit([told("audit", "/a")])
        await agent.sender.close()

    asyncio.run(run())
    assert log.told() == [
        "realtime /early",
        "snapshot /a",
        "snapshot /b",
        "snapshot-end",
        "Audit-Start",
        "realtime /c",
        "audit /a",
        "audit /b",
        "Audit-End",
        "Audit-Start",
        "audit /a",
        "Audit-End",
        "Audit-Start",
    ]


def test_the_agent_leads_follows_and_leads_again_after_a_snapshot(agent, told):
    async def run():
        answer = await agent.session()
        before = (await agent.realtime(told("realtime", "/x", 0)))["role"]
        await agent.snapshot()
        roles = await agent.leads()
        await agent.sender.close()
        return [answer["role"], before, *dict.fromkeys(roles)], answer["session_timeout_seconds"]

    roles, timeout_sec = asyncio.run(run())
    assert roles == [LEADER, LEADER, FOLLOWER, LEADER]
    assert timeout_sec == 3


def test_under_steady_traffic_pushes_bring_the_role(agent, told):
    async def run():
        await agent.session()
        await agent.snapshot()
        replies = []
        for index in range(40):
            replies.append((await agent.realtime(told("realtime", "/x", index)))["role"])
            await asyncio.sleep(0.02)
        await agent.sender.close()
        return replies

    assert list(dict.fromkeys(asyncio.run(run()))) == [FOLLOWER, LEADER]


def test_an_audit_beside_a_snapshot_waits_until_the_agent_drops_it(agent, log, told):
    async def run():
        await agent.session()
        audit = asyncio.ensure_future(agent.audit([told("audit", "/old")]))
        await asyncio.sleep(0)
        await agent.snapshot(told("snapshot", "/a"))
        assert (await agent.sender.heartbeat())["role"] == FOLLOWER
        assert not audit.done()
        audit.cancel()
        await asyncio.wait([audit])
        await agent.leads()
        await agent.audit([told("audit", "/a")])
        await agent.sender.close()

    asyncio.run(run())
    assert log.told() == [
        "snapshot /a", "snapshot-end", "Audit-Start", "audit /a", "Audit-End", "Audit-Start"
    ]  # fmt: skip


def test_an_audit_that_broke_off_has_no_end_and_the_next_begins_anew(agent, log, told):
    async def run():
        await agent.session()
        await agent.snapshot()
        await agent.leads()
        with pytest.raises(OSError, match="gone"):
            await agent.audit([told("audit", "/a")], error=OSError("gone"))
        roles = await agent.leads()
        await agent.audit([told("audit", "/b")])
        await agent.sender.close()
        return list(dict.fromkeys(roles))

    assert asyncio.run(run()) == [FOLLOWER, LEADER]
    assert log.told()[1:] == ["Audit-Start", "audit /a", "Audit-Start", "audit /b", "Audit-End", "Audit-Start"]


def test_what_only_opens_an_audit_is_left_out(agent, log, told):
    root = {"audit_skipped": True, "is_directory": True}

    async def run():
        await agent.session()
        await agent.snapshot()
        await agent.leads()
        opening = [told("audit", "/", **root)] * 100
        await agent.audit(opening, [told("audit", "/", **root), told("audit", "/a"), told("audit", "/", **root)])
        await agent.sender.close()

    asyncio.run(run())
    assert log.told()[1:] == ["Audit-Start", "audit /a", "audit /", "Audit-End", "Audit-Start"]


def test_rows_after_the_end_of_a_snapshot_are_refused(agent, told):
    async def run():
        await agent.session()
        await agent.snapshot()
        try:
            with pytest.raises(DriverError, match="after its end"):
                await agent.snapshot(told("snapshot", "/late"))
        finally:
            await agent.sender.close()

    asyncio.run(run())


def test_without_audits_no_bracket_is_opened(make, agent_of, log):
    agent = agent_of(make(audit_interval_sec=0))

    async def run():
        answer = await agent.session()
        await agent.snapshot()
        roles = await agent.leads()
        await agent.sender.close()
        return answer["audit_interval_sec"], roles

    assert asyncio.run(run()) == (0, [LEADER])
    assert log.told() == ["snapshot-end"]


def test_on_demand_scans_are_refused(agent, log, told, caplog):
    async def run():
        await agent.session()
        reply = await agent.sender.send_events([told("snapshot", "/a")], "on_demand_job")
        await agent.sender.close()
        return reply

    assert asyncio.run(run()) == {"success": False}
    assert "on_demand_job" in caplog.text
    assert log.told() == []
