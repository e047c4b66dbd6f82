"""A host of a source, one step at a time: session, stream and snapshot, and the view that it keeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any, Self

from fustor_conformance._paths import containers
from fustor_conformance._reading import Stream, eventually, last_word
from fustor_conformance._recording import AUDIT
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject
from fustor_conformance.view import Comparison, Difference, View
from fustor_conformance.worlds import SourceWorld
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase

_BATCH_SIZES = (2, 1, 7, 100, None)
_QUEUES = (1000, 1, 4)
_GRACE_SEC = 3.0
_QUICK_SEC = 0.02
_MANY = 20
_BURST_SEC = 5.0
_PASS_SEC = 3.0
"""How long a pass with small batches may take; where a source is slow, its batches are larger."""


class Host:
    """Entered, it has opened a session: a new instance, a stream that is armed, a snapshot that is owed.

    Events of the stream are read as they come and applied when `drain` is called, which is when a host's push returns.
    """

    def __init__(self, subject: SourceSubject, world: SourceWorld) -> None:
        self.view = View()
        self.snapshot_done = False
        self.committed = -1
        self.is_quiet = False
        """Whether nothing has changed, nor been taken away, since the stream last caught up."""
        self.lost = False
        """Whether events of the stream were thrown away, as a host does that dies between reading and pushing."""
        self.passing: set[str] = set()
        """The paths that the pass under way has yielded so far."""
        self.applied: list[tuple[str, EventBase]] = []
        """Every event that was applied, with the phase it came in."""
        self.subject = subject
        self.world = world
        self._sessions = count(1)
        self._markers = count(1)
        self._changes: dict[str, Any] = {}
        self.unlisted: set[str] = set()
        """Containers that no pass has listed since one said that it could not."""
        self._left_half_written: set[str] = set()
        """What an earlier session called half written: no stream was there when it was closed."""
        self._page_sec = 0.0
        self._least_sec = float("inf")
        self._open = ExitStack()
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._open.close()

    def _begin(self) -> None:
        self.driver: SourceDriver = self._open.enter_context(self.subject.driver(self.world, **self._changes))
        resumes = self.snapshot_done and not self.lost and self.driver.is_position_available(self.committed)
        start = self.committed if resumes else -1
        self.stream: Stream = self._open.enter_context(self.subject.stream(self.driver, start))
        self.view.begin_session(f"session-{next(self._sessions)}", start)
        self.snapshot_done, self.lost = resumes, False
        if not resumes:
            self.unlisted.clear()
            self._left_half_written = set(self.view.suspects)
        self.taken = self._arrived = 0
        """How many of the stream's events have been applied, or lost; and how many had come when it last caught up."""
        self._snapshot: Iterator[EventBase] | None = None
        self.audit: Iterator[Any] | None = None
        self.passing = set()
        self.is_quiet = False

    def restart(self, pick: int = 0) -> None:
        """Stop in the middle of everything and begin again, from the committed index where that is still good.

        The stop is told by `stop_event`, or the instance is closed while its iterators run.
        """
        if pick % 2:
            asyncio.run(self.driver.close())
        self._open.close()
        self._begin()

    def restart_whole(self) -> None:
        """Begin again with a snapshot, whatever is committed."""
        self.snapshot_done = False
        self.restart()

    def requeue(self, pick: int) -> None:
        """Go on with another `max_queue_size`."""
        self._changes = {"max_queue_size": _QUEUES[pick % len(_QUEUES)]}
        self.restart()

    def apply(self, where: str, event: EventBase) -> None:
        """Take in one event, and keep it as evidence."""
        self.applied.append((where, event))
        self.view.apply(event)

    def drain(self, most: int = 0) -> None:
        """Apply what the stream has emitted so far, or the first `most` events of that."""
        events = self.stream.events[self.taken :]
        for event in events[: most or None]:
            self.apply("realtime", event)
            self._left_half_written.difference_update(row["path"] for row in event.rows)
            self.committed = max(self.committed, event.index)
            self.taken += 1

    def lose(self) -> None:
        """Forget what the stream has emitted and nobody has applied."""
        skipped = len(self.stream.events) - self.taken
        self.taken += skipped
        self.lost |= skipped > 0

    def take_snapshot(self, events: int, pick: int = 0) -> None:
        """Apply the next `events` events of the snapshot that is owed."""
        for _ in range(events):
            self.step_snapshot(pick)

    def step_snapshot(self, pick: int = 0) -> None:
        """Apply the next event of the snapshot that is owed; its end, if there is no other."""
        if self.snapshot_done:
            return
        rest, began = self.rest_of_snapshot(pick), time.monotonic()
        event = next(rest, None)
        self._page_sec = max(self._page_sec * 0.9, time.monotonic() - began)
        if event is not None:
            self.snapshot_event(event)
        else:
            self.end_snapshot()

    def snapshot_event(self, event: EventBase) -> None:
        """Apply an event of the snapshot."""
        self.passing |= {row["path"] for row in event.rows}
        self.unlisted |= {row["path"] for row in event.rows if row.get("audit_skipped")}
        self.apply("snapshot", event)

    def end_snapshot(self) -> None:
        """Apply the end of the snapshot, which is then done."""
        self.view.snapshot_end()
        self.snapshot_done, self._snapshot = True, None
        self.passing = set()

    def finish_snapshot(self) -> None:
        """Apply the rest of the snapshot, and its end."""
        while not self.snapshot_done:
            self.step_snapshot()

    def rest_of_snapshot(self, pick: int = 0) -> Iterator[EventBase]:
        """What is left of the snapshot that is owed, to be applied by the caller."""
        if self._snapshot is None:
            self.passing = set()
            self._snapshot = self.driver.get_snapshot_iterator(**self.batches(pick))
        return self._snapshot

    @property
    def audits(self) -> bool:
        """Whether the driver has an audit, and this session may begin one."""
        return AUDIT in self.subject.capabilities and self.snapshot_done

    def batches(self, pick: int) -> dict[str, int]:
        """Keywords of a pass: the batch size that `pick` chooses, larger where small ones would take too long."""
        size = _BATCH_SIZES[pick % len(_BATCH_SIZES)]
        if size is None:
            return {}
        if self._page_sec > _QUICK_SEC:  # the view is asked, since the World may just have a fault
            size = max(size, int(len(self.view.paths()) * self._page_sec / _PASS_SEC))
        return {"batch_size": size}

    def catch_up(self) -> None:
        """Wait until the stream has emitted all that has happened, and apply it.

        Raises:
            Broken: it does not emit a change made last.
        """
        if not self.is_quiet:
            self.arrive()
        self.drain()

    def arrive(self) -> None:
        """Wait until the stream has emitted all that has happened, and leave it there.

        Raises:
            Broken: it does not emit a change made last.
        """
        self.stream.resume()
        mark, began = len(self.stream.events), time.monotonic()
        path = self.world.create(f"kit-marker-{next(self._markers)}")
        while not self.stream.wait_for(lambda events: last_word(events[mark:]).get(path) is True):
            if len(self.stream.events) == self._arrived:
                raise Broken(
                    f"The stream does not report {path!r} within {self.stream.patience_sec:g} s",
                    *self.stream.events[-3:],
                )
            self._arrived = len(self.stream.events)  # it is still busy with what came before
        self._measure(time.monotonic() - began)
        self.is_quiet = True

    def _measure(self, seconds: float) -> None:
        """Note what an event takes, apart from what even one change takes, if many came."""
        came, self._arrived = len(self.stream.events) - self._arrived, len(self.stream.events)
        self._least_sec = min(self._least_sec, seconds)
        if came >= _MANY:
            manners = self.subject.manners
            manners.event_sec = max(manners.event_sec, (seconds - self._least_sec) / came)

    @property
    def most_at_once(self) -> int:
        """How many changes a burst may have, so that a slow source is through in time."""
        return int(_BURST_SEC / max(self.subject.manners.event_sec, 1e-3))

    def require_equal(self, when: str) -> int:
        """How many paths of the world were compared with the view, after the stream has caught up.

        Raises:
            Broken: they differ.
        """
        self.catch_up()

        def is_equal() -> bool:
            self.drain()
            return not self.differences()

        if not eventually(is_equal, min(_GRACE_SEC, self.stream.patience_sec)) and not self._settles(is_equal):
            raise self.differing(when)
        return len(self.world.list())

    def _settles(self, is_equal: Any) -> bool:
        """What is told as half written may take as long as any change to be told whole."""
        about = self.view.suspects & {found.path for found in self.differences()}
        return bool(about) and eventually(is_equal, self.stream.patience_sec)

    def require_settled(self) -> None:
        """Wait until no path is said to be half written, since nothing is open for writing any more.

        Raises:
            Broken: one is said to be.
        """

        def is_settled() -> bool:
            self.drain()
            return self.view.suspects <= self._left_half_written

        if not eventually(is_settled, self.stream.patience_sec):
            path = min(self.view.suspects - self._left_half_written)
            raise Broken(
                f"{path!r} was closed, and its last row still says is_atomic_write: false", self.view.row(path)
            )

    def differing(self, when: str) -> Broken:
        """The differences, with the last events about the first path that differs."""
        found = self.differences()
        path = found[0].path if found else ""
        about = [f"{where}: {event!r}" for where, event in self.applied if any(r["path"] == path for r in event.rows)]
        return Broken(f"{when} the view differs from the world: {found[0]}", *map(str, found[1:5]), *about[-4:])

    def differences(self) -> list[Difference]:
        """Where view and world differ, except where a snapshot said that it could not look."""
        return differences(self.view, self.world, self.unlisted)


def differences(view: View, world: SourceWorld, unlisted: Collection[str] = ()) -> list[Difference]:
    """Where a view and the world differ, what is said to be half written included.

    What is below a container that is `unlisted` does not count, nor the root, nor a container that the World does not
    list if it lists none.
    """
    listed = world.list()
    names_boxes = "nest" in world.operations or any(row.get("is_directory") for row in listed.values())

    def stands_aside(path: str) -> bool:
        return path == "/" or any(container in unlisted for container in containers(path))

    return list(Comparison(view.rows(), lambda _: False, stands_aside, names_boxes).differences(listed, ()))
