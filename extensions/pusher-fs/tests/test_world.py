"""The world that the conformance kit reads."""

import asyncio
from pathlib import Path

import pytest

from fustor_core.exceptions import ConfigError
from fustor_core.models import PusherConfig
from fustor_pusher_fs import FsDriver, read_events
from fustor_pusher_fs.testing import World


async def push(config, *batches):
    driver = FsDriver("p", PusherConfig(**config))
    session = (await driver.create_session("t"))["session_id"]
    try:
        for batch in batches:
            await driver.push(batch, session_id=session)
    finally:
        await driver.close()


def test_what_is_stored_is_read_without_the_driver(event):
    with World() as world:
        assert world.stored() == []
        asyncio.run(push(world.config(), [event(1), event(2, "audit")], [event(3, "snapshot")]))
        assert [(row["path"], row["message_source"]) for row in world.stored()] == [
            ("/1", "realtime"),
            ("/2", "audit"),
            ("/3", "snapshot"),
        ]
        rows = [row for b in read_events(Path(world.config()["endpoint"]) / "t") for e in b.events for row in e.rows]
        assert [{k: v for k, v in row.items() if k != "message_source"} for row in world.stored()] == rows


def test_a_broken_configuration_cannot_work():
    with World() as world, pytest.raises(ConfigError):
        asyncio.run(push(world.broken()))


def test_nothing_stays_of_a_demo(event):
    with World.demo() as config:
        asyncio.run(push(config, [event(1)]))
        assert Path(config["endpoint"]).is_dir()
    assert not Path(config["endpoint"]).parent.exists()
