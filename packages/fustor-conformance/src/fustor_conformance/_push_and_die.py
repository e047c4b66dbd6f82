"""Run as a script: open a session, push what it is given, and die in the moment that push returns.

The job comes as JSON on standard input: `path` (sys.path), `driver` (module:class), `config`, `events`.
"""

import asyncio
import json
import os
import sys
from pkgutil import resolve_name
from typing import Any


async def _push(job: dict[str, Any]) -> None:
    from fustor_core.models.config import PusherConfig  # noqa: PLC0415 - importable only once sys.path is set
    from fustor_event_model import EventBase  # noqa: PLC0415 - importable only once sys.path is set

    pusher = resolve_name(job["driver"])("kit", PusherConfig.model_validate(job["config"]))
    session = await pusher.create_session("kit:task")
    events = [EventBase.model_validate(event) for event in job["events"]]
    await pusher.push(events, session_id=session["session_id"])
    os._exit(0)


if __name__ == "__main__":
    task = json.load(sys.stdin)
    sys.path[:] = task["path"]
    asyncio.run(_push(task))
