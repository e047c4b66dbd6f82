"""Pushes a snapshot and a stream at once until it is killed, and tells each push that returned.

Arguments: endpoint, seed, and the index where a stream begins that resumes nowhere. One JSON line on stdout for each
thing that happened.
"""

import asyncio
import json
import os
import random
import sys
from typing import Any

from fustor_core.models import PusherConfig
from fustor_event_model import UpdateEvent
from fustor_pusher_fs import FsDriver

SNAPSHOT_BATCHES = 12


def say(**what: Any) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")  # one write: a line is told whole or not at all


def event(path: str, source: str, index: int, rows: int) -> UpdateEvent:
    row = {"path": path, "mtime": 1.0, "size": 1}
    return UpdateEvent(
        fields=list(row), rows=[row] * rows, index=index, event_schema="fs", table="", message_source=source
    )


async def snapshot(driver: FsDriver, session: str, chance: random.Random) -> None:
    for number in range(SNAPSHOT_BATCHES):
        batch = [event(f"/snapshot/{number}", "snapshot", -1, chance.randint(1, 60))]
        for _ in range(chance.choice([1, 1, 2])):  # the second time as after a reply that got lost
            await driver.push(batch, session_id=session, source_type="snapshot")
        say(snapshot=number)
    for _ in range(chance.choice([1, 2])):
        await driver.push([], session_id=session, is_snapshot_end=True, source_type="snapshot")
    say(end=True)


async def stream(driver: FsDriver, session: str, first: int, chance: random.Random) -> None:
    while True:
        last = first + chance.randint(0, 5)
        batch = [event(f"/{index}", "realtime", index, chance.randint(0, 20)) for index in range(first, last + 1)]
        for _ in range(chance.choice([1, 1, 2])):
            await driver.push(batch, session_id=session)
        say(realtime=last)
        first = last + 1


async def main(endpoint: str, seed: str, now: int) -> None:
    chance = random.Random(seed)
    params = {"segment_max_bytes": 30_000}
    driver = FsDriver("p", PusherConfig(driver="fs", endpoint=endpoint, driver_params=params))
    say(ready=True)
    session = (await driver.create_session("t"))["session_id"]
    committed = await driver.get_latest_committed_index(session_id=session)
    first = now if committed < 0 else committed + 1
    say(session=session, committed=committed, first=first)
    if committed < 0:
        await asyncio.gather(snapshot(driver, session, chance), stream(driver, session, first, chance))
    await stream(driver, session, first, chance)


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
