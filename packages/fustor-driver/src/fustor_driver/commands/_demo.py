"""What a demonstration needs beside a world: a place that goes with it, and rows that are shown."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from fustor_core.drivers import PusherDriver
from fustor_driver.configuration import Pair
from fustor_driver.errors import EnvironmentProblem, system_allows
from fustor_event_model import EventBase

__all__ = ["announcement", "place_for", "set_up", "shown"]

_log = logging.getLogger("fustor_driver.demo")
_SHOWN = 10
_T = TypeVar("_T")


@contextmanager
def place_for(name: str, *, keep: bool) -> Iterator[Path]:
    """A directory for what a demo writes: gone at the end, or one in the working directory.

    Raises:
        EnvironmentProblem: it cannot be made.
    """
    if not keep:
        with tempfile.TemporaryDirectory(prefix=f"fustor-demo-{name}-", ignore_cleanup_errors=True) as place:
            yield Path(place)
        return
    kept = Path(f"fustor-demo-{name}")
    with system_allows(f"{str(kept)!r} cannot be made"):
        kept.mkdir(exist_ok=True)
    yield kept


def set_up(worlds: ExitStack, world: AbstractContextManager[_T]) -> _T:
    """What a world gives when it is entered; it is left when `worlds` are.

    Raises:
        EnvironmentProblem: it cannot be set up.
    """
    try:
        return worlds.enter_context(world)
    except (ImportError, OSError, RuntimeError) as err:  # a package of its extra for tests is missing, a server fails
        raise EnvironmentProblem(f"The system for the demo cannot be set up: {err}") from err


def announcement(pair: Pair, place: Path, *, given: bool, keep: bool) -> str:
    """What a demo says of itself: what it reads, and where its rows are afterwards."""
    endpoint = pair.pusher.endpoint
    start = f"Demo: the source {pair.source_id!r} reads a system that changes; what it emits is shown."
    if given:
        return f"{start} The pusher {pair.pusher_id!r} writes it to {endpoint!r}"
    if not Path(endpoint).is_relative_to(place):
        return f"{start} The pusher {pair.pusher_id!r} writes it to a system that goes with the demo"
    return f"{start} " + (
        f"`fustor-driver replay {endpoint}` reads it" if keep else "Nothing stays; --keep keeps what is written"
    )


def shown(pusher: PusherDriver) -> PusherDriver:
    """The pusher; its rows are log lines as well, once they are written."""
    push = pusher.push

    async def push_and_show(events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        answer = await push(events, **kwargs)
        _show(events)
        return answer

    pusher.push = push_and_show  # type: ignore[method-assign] # of this object alone
    return pusher


def _show(events: Sequence[EventBase]) -> None:
    lines = [(event, row) for event in events for row in event.rows]
    for event, row in lines[:_SHOWN]:
        size = "" if row.get("size") is None else f"  {row['size']:,} bytes"
        _log.info("%-9s%-7s%s%s", event.message_source.value, event.event_type.value, row.get("path"), size)
    if len(lines) > _SHOWN:
        _log.info("and %s more rows", f"{len(lines) - _SHOWN:,}")
