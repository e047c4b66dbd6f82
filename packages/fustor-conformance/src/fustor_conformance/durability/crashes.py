"""What must hold of a destination after a crash: nothing that was promised is gone, and going on leaves one copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fustor_conformance._desk import TIME, keeps_index, told
from fustor_conformance._scenes import no_error
from fustor_conformance.durability.elsewhere import CLOSING, COMMITTING, Ended, Step, nursery_of, opening, pushing
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import PusherSubject
from fustor_conformance.worlds import PusherWorld
from fustor_event_model import EventBase, MessageSource

__all__ = ["Destination", "batch", "first_snapshot"]

_SNAPSHOT = MessageSource.SNAPSHOT


def batch(number: int) -> list[EventBase]:
    """The realtime batch of this number: one path that every batch replaces, and two of its own."""
    paths = ("/kit-same", f"/kit-{number}-a", f"/kit-{number}-b")
    return [
        told(MessageSource.REALTIME, path, index=10 * number + place, size=10 * number + place, mtime=TIME + number)
        for place, path in enumerate(paths)
    ]


def first_snapshot() -> list[EventBase]:
    """What a task begins with."""
    return [told(_SNAPSHOT, "/kit-base", index=1)]


class Destination:
    """A World that is written from other processes; `done` are the events for which push returned."""

    def __init__(self, subject: PusherSubject, world: PusherWorld) -> None:
        self.world = world
        self.done: list[EventBase] = []
        self.keeps_index = keeps_index(subject.driver_class)
        quick = {"max_retries": 1, "retry_delay_sec": 0.01}  # a fault is answered, not waited for
        self._config = subject.parse({**world.config(), **quick}).model_dump(mode="json")
        self._nursery = nursery_of(subject)

    def run(self, *steps: Step, **job: Any) -> Ended:
        """These steps in a process of their own."""
        return self._nursery.run(self._config, steps, **job)

    def paths(self) -> list[str]:
        """What is there, in order."""
        return [row["path"] for row in self.rows("Afterwards")]

    def rows(self, moment: str) -> list[dict[str, Any]]:
        """What the World reads.

        Raises:
            Broken: it cannot read what is left.
        """
        with no_error(lambda err: f"{moment}: the World cannot read what is left: {type(err).__name__}: {err}"):
            return self.world.stored()

    def require(self, moment: str) -> None:
        """Everything for which push returned is there."""
        self._require_present(self.done, moment, "push had returned for")

    def require_index(self, moment: str) -> int:
        """The committed index of another process, which is no lower than what push returned for; -1 without one."""
        steps = [opening(), *([COMMITTING] if self.keeps_index else []), CLOSING]
        said = self._opened(moment, steps)
        if not self.keeps_index:
            return -1
        latest = max((event.index for event in self.done), default=-1)
        committed = said.said[1].reply
        if not isinstance(committed, int) or committed < latest:
            raise Broken(f"{moment}: the committed index is {committed!r}, and push had returned for {latest}")
        return committed

    def require_going_on(self, moment: str, torn: Sequence[EventBase]) -> None:
        """As a host goes on: the index is asked for, and what lies above it is pushed again.

        Args:
            moment: when the crash was.
            torn: the batch that it may have torn.
        """
        committed = self.require_index(moment)
        above = [event for event in torn if event.index > committed]
        self.require(moment)
        self._require_present([event for event in torn if event not in above], moment, "the committed index has")
        for events in filter(None, (above[:1], above[1:])):  # as a host may: at first less than what was torn
            self._opened(moment, [opening(), pushing(*events), CLOSING])
            self._require_present(events, moment, "after another push of what lies above the index, it should have")
        self.done += torn
        self.require(moment)
        if self.keeps_index or self.world.keyed:
            self._require_one_copy(moment)

    def _opened(self, moment: str, steps: Sequence[Step]) -> Ended:
        ended = self.run(*steps)
        if failed := [str(said) for said in ended.said if said.error]:
            raise Broken(f"{moment}: the driver cannot go on from what is left: {failed[0]}")
        ended.require(steps)
        return ended

    def _require_present(self, events: Sequence[EventBase], moment: str, whose: str) -> None:
        rows = self.rows(moment)
        if lost := [path for path, size in self._latest(events) if not self._is_there(rows, path, size)]:
            raise Broken(f"{moment}: {whose} {lost}, and the destination does not have them", _sizes(rows))

    def _latest(self, events: Sequence[EventBase]) -> list[tuple[str, int]]:
        said = [(event.rows[0]["path"], event.rows[0]["size"]) for event in events]
        return [(path, size) for path, size in said if not self.world.keyed or size == max(_of(said, path))]

    def _is_there(self, rows: Sequence[dict[str, Any]], path: str, size: int) -> bool:
        """Whether this row, or a later one of a keyed store, is there; a World that tells no size is believed."""
        sizes = [size if row.get("size") is None else int(row["size"]) for row in rows if row["path"] == path]
        return any(found >= size if self.world.keyed else found == size for found in sizes)

    def _require_one_copy(self, moment: str) -> None:
        rows, expected = self.rows(moment), self._latest(self.done)
        for path in sorted({path for path, _ in expected}):
            copies, wanted = sum(row["path"] == path for row in rows), len(_of(expected, path))
            if copies != wanted:
                raise Broken(f"{moment}: {path!r} is there {copies} times instead of {wanted}", _sizes(rows))


def _of(said: Sequence[tuple[str, int]], path: str) -> list[int]:
    return [size for other, size in said if other == path]


def _sizes(rows: Sequence[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(row["path"], row.get("size")) for row in rows]
