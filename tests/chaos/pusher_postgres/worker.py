"""A process that pushes a made-up source, to be killed: `worker.py DSN NOW LAST SEED`.

The source changes in steps; step `n` is one realtime event with index `n`, and whoever asks for a snapshot at step
`NOW` is told all that is there after it. Every push that has returned is one line on standard output: its phase and,
for realtime, its index.
"""

import asyncio
import sys
from random import Random

from fustor_core.exceptions import RetryableError
from fustor_core.models.config import PusherConfig
from fustor_event_model import DeleteEvent, MessageSource, UpdateEvent
from fustor_pusher_postgres import PostgresDriver

KEYS = 400
ROWS = 20
TASK = "chaos"
_PATIENCE = 100


def step(seed, number):
    """What happens in a step: keys that are written with the step's number, or deleted."""
    random = Random(f"{seed} {number}")
    return random.random() < 0.2, random.sample(range(KEYS), ROWS)


def state(seed, last):
    """Keys with the step that wrote them last."""
    known = dict.fromkeys(range(0, KEYS, 2), 0)
    for number in range(1, last + 1):
        is_delete, keys = step(seed, number)
        for key in keys:
            if is_delete:
                known.pop(key, None)
            else:
                known[key] = number
    return known


def event(source, told, *, index=-1, model=UpdateEvent):
    rows = [
        {"path": f"/public/t/{key}", "mtime": float(number), "size": 1, "record": {"key": key, "step": number}}
        for key, number in told.items()
    ]
    fields = ["path", "mtime", "size", "record"]
    return model(fields=fields, rows=rows, index=index, event_schema="public", table="t", message_source=source)


def realtime(seed, number):
    is_delete, keys = step(seed, number)
    told = dict.fromkeys(keys, number)
    return event(MessageSource.REALTIME, told, index=number, model=DeleteEvent if is_delete else UpdateEvent)


async def patiently(call):
    """Call until it works: a server that was killed comes back."""
    for attempt in range(_PATIENCE):
        try:
            return await call()
        except RetryableError:
            if attempt == _PATIENCE - 1:
                raise
    return None


async def push(driver, session, events, said, **keywords):
    reply = await patiently(lambda: driver.push(events, session_id=session, **keywords))
    assert not reply["snapshot_needed"]
    print(said, flush=True)


async def snapshot(driver, session, seed, now):
    told = list(state(seed, now).items())
    for start in range(0, len(told), ROWS):
        events = [event(MessageSource.SNAPSHOT, dict(told[start : start + ROWS]))]
        await push(driver, session, events, "snapshot", source_type="snapshot")
    await push(driver, session, [], "end", is_snapshot_end=True)


async def stream(driver, session, seed, start, last):
    for number in range(start + 1, last + 1):
        await push(driver, session, [realtime(seed, number)], f"realtime {number}")


async def main(dsn, now, last, seed):
    driver = PostgresDriver("chaos", PusherConfig(driver="postgres", endpoint=dsn, retry_delay_sec=0.1))
    session = (await patiently(lambda: driver.create_session(TASK)))["session_id"]
    committed = await patiently(lambda: driver.get_latest_committed_index(session_id=session))
    print(f"committed {committed}", flush=True)
    if committed < 0:
        # the end is pushed when realtime has told as much as is needed to resume
        await asyncio.gather(snapshot(driver, session, seed, now), stream(driver, session, seed, now, last))
    else:
        await stream(driver, session, seed, committed, last)
    await driver.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
