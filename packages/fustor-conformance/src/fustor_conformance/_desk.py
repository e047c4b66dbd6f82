"""A host's desk for the checks of pushers: events made to order, one session, replies looked at."""

from __future__ import annotations

import asyncio
import posixpath
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeAlias

from fustor_conformance.monitor import observed
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.rules import check
from fustor_conformance.subject import PusherSubject
from fustor_conformance.worlds import PusherWorld
from fustor_core.drivers import PusherDriver
from fustor_event_model import DeleteEvent, EventBase, InsertEvent, MessageSource, UpdateEvent, parent_of

TASK = "kit:task"
TIME = 1_700_000_000.0


@dataclass
class Desk:
    """One pusher on one system; every instance that it made is closed at the end."""

    subject: PusherSubject
    world: PusherWorld
    _instances: list[PusherDriver] = field(default_factory=list)

    def instance(self) -> PusherDriver:
        """A new instance, as after a restart."""
        self._instances.append(self.subject.driver(self.world))
        return self._instances[-1]

    async def start(self, task: str = TASK) -> Session:
        """A new session of `task` on a new instance."""
        pusher = self.instance()
        return Session(pusher, session_id_of(await pusher.create_session(task)))

    def paths(self) -> list[str]:
        """The paths that are durably there, in order; `/` stands in no event of these checks."""
        return [row["path"] for row in self.world.stored() if row["path"] != "/"]

    def require_paths(self, expected: Sequence[str], what: str) -> None:
        """Each is there, as often as it is asked for, and no other; `what` says where.

        Raises:
            Broken: some are missing, or there too often.
        """
        found = self.paths()
        if lost := missing(expected, found):
            raise Broken(f"Where {what}, {lost} are missing", found)
        if extra := missing(found, expected):
            raise Broken(f"Where {what}, {extra} are there too often", found)

    async def close(self) -> None:
        """Close every instance."""
        for instance in self._instances:
            await instance.close()


@dataclass(frozen=True)
class Session:
    """A session, through the instance that opened it."""

    pusher: PusherDriver
    session_id: str

    @property
    def keeps_index(self) -> bool:
        """Whether the driver has an answer of its own to get_latest_committed_index."""
        return keeps_index(type(self.pusher))

    async def push(self, *events: EventBase, **keywords: Any) -> dict[str, Any]:
        """Push one batch, which must succeed."""
        reply: object = await self.pusher.push(list(events), **{"session_id": self.session_id, **keywords})
        return successful(reply)

    async def end_snapshot(self, *events: EventBase) -> dict[str, Any]:
        """Push the end of the snapshot as the guide host does."""
        return await self.push(*events, is_snapshot_end=True, source_type="snapshot")

    async def committed(self) -> int:
        """The committed index.

        Raises:
            NotApplicable: the pusher keeps the base class's answer, and so takes a snapshot on every start.
        """
        if not self.keeps_index:
            raise NotApplicable("The driver keeps no index: every start takes a snapshot")
        return await self.pusher.get_latest_committed_index(session_id=self.session_id)


def keeps_index(driver_class: type[PusherDriver]) -> bool:
    """Whether the driver has an answer of its own to get_latest_committed_index."""
    return driver_class.get_latest_committed_index is not PusherDriver.get_latest_committed_index


def session_id_of(reply: object) -> str:
    """The session that create_session has opened. Raises Broken where it does not say."""
    session_id = reply.get("session_id") if isinstance(reply, dict) else None
    if not isinstance(session_id, str):
        raise Broken("create_session gives no mapping with a session_id", reply)
    return session_id


def successful(reply: object) -> dict[str, Any]:
    """The reply of a push. Raises Broken where it is no success."""
    if not isinstance(reply, dict) or reply.get("success") is not True:
        raise Broken("push does not reply success: True", reply)
    return reply


Scenario: TypeAlias = Callable[[Desk], Awaitable[int]]
"""Says how much it has observed."""


def check_at_desk(rule_id: str, *, heard: bool = True) -> Callable[[Scenario], Scenario]:
    """Register the decorated scenario, on a fresh system, as the check `rule_id`.

    What the monitor sees of other rules meanwhile counts if it is `heard`.
    """

    def register(scenario: Scenario) -> Scenario:
        @check(rule_id)
        @wraps(scenario)
        def judged(subject: PusherSubject) -> int:
            with nullcontext() if heard else observed(subject.driver_class):
                return at_desk(subject, scenario)

        return scenario

    return register


def at_desk(subject: PusherSubject, scenario: Scenario) -> int:
    """What the scenario observed on a fresh system."""

    async def run(desk: Desk) -> int:
        try:
            return await scenario(desk)
        finally:
            await desk.close()

    with subject.world() as world:
        return asyncio.run(run(Desk(subject, world)))


def told(
    source: MessageSource,
    *paths: str,
    index: int = -1,
    deleted: bool = False,
    whole: bool = False,
    mtime: float = TIME,
    schema: str = "fs",
    table: str = "",
    **more: Any,
) -> EventBase:
    """An event with a row for each path, of files or of a table; `more` goes into every row. `whole`: they are new."""
    rows = [_row(path, mtime=mtime, deleted=deleted, audit=source is MessageSource.AUDIT, **more) for path in paths]
    model = DeleteEvent if deleted else InsertEvent if whole else UpdateEvent
    return model(
        fields=list(rows[0]) if rows else [],
        rows=rows,
        index=index,
        event_schema=schema,
        table=table,
        message_source=source,
    )


def _row(path: str, *, mtime: float, deleted: bool, audit: bool, **more: Any) -> dict[str, Any]:
    row = {
        "path": path,
        "file_name": posixpath.basename(path),
        "parent_path": parent_of(path),
        "is_directory": False,
        "size": None if deleted else len(path),
        "mtime": mtime,
        "modified_time": mtime,
    }
    return {**row, **({"parent_mtime": mtime} if audit else {}), **more}


def missing(expected: Sequence[str], found: Sequence[str]) -> list[str]:
    """What of `expected` is not in `found`, each as often as it is asked for."""
    return list((Counter(expected) - Counter(found)).elements())
