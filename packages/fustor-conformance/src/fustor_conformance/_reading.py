"""Reading a driver as hosts do: the stream in a thread of its own, with deadlines."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from fustor_conformance._manners import Manners
from fustor_conformance.outcome import Broken
from fustor_core.drivers import SourceDriver
from fustor_event_model import EventBase, EventType

DELIVERY_SEC = 10.0
"""How long a change may take to arrive, unless a run is told otherwise."""
A_GENERATOR = (
    "get_message_iterator is a generator function (it has a `yield`): no line of it runs before the first next(), and"
    " what happens until then is lost"
)
"""What is said of a stream that is not armed when the call returns, which shows at once."""
_MOST_WAITS = 10
_MARKS = 3
_LAZY_SEC = 0.5
"""What is waited for on a stream that was not armed in time: what it has missed does not come."""


class Stream:
    """A realtime stream that is being read; entering the block has armed it.

    Every event is kept as it came, with what its rows were at that moment. Leaving the block stops it.
    """

    def __init__(
        self,
        driver: SourceDriver,
        start_position: int = -1,
        *,
        paused: bool = False,
        patience_sec: float = DELIVERY_SEC,
        manners: Manners | None = None,
        **keywords: Any,
    ) -> None:
        self._manners = manners or Manners()
        self.stop_event = threading.Event()
        self.events: list[EventBase] = []
        self.error: BaseException | None = None
        self._changed = threading.Condition()
        self._ended = False
        asked = {"stop_event": self.stop_event, "required_fields_tracker": None, **keywords}
        self._iterator = driver.get_message_iterator(start_position, **asked)
        self.is_lazy = _is_untouched(self._iterator, type(driver))
        """Whether get_message_iterator is a generator function, of which nothing has run yet."""
        self.patience_sec = min(patience_sec, _LAZY_SEC) if self.is_lazy else patience_sec
        self._thread = threading.Thread(target=self._read, name="conformance-reader", daemon=True)
        self._started = False
        self._may_ask = threading.Event()
        self._may_ask.set()
        if not paused:
            self.resume()

    def resume(self) -> None:
        """Begin to ask for events, if that has not begun, or go on with it."""
        self._may_ask.set()
        if not self._started:
            self._started = True
            self._thread.start()

    def hold(self) -> None:
        """Ask for no more events until `resume`; one that was asked for already may still come."""
        self._may_ask.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop_event.set()
        self.resume()
        self._manners.join(self._thread)

    def wait_for(self, wanted: Callable[[Sequence[EventBase]], bool], seconds: float | None = None) -> bool:
        """Whether what has been read satisfies `wanted` before the time is over.

        Raises what the stream raised, if it broke off before.
        """
        self.resume()
        with self._changed:
            limit = self.patience_sec if seconds is None else seconds
            before, began = len(self.events), time.monotonic()
            self._changed.wait_for(lambda: wanted(self.events) or self._ended, limit)
            if wanted(self.events):
                self._manners.delivered(time.monotonic() - began)
                return True
            if self.error is not None:
                raise self.error
            if seconds is None and len(self.events) == before:
                self._manners.lost += 1
            return False

    def wait_past(
        self,
        wanted: Callable[[Sequence[EventBase]], bool],
        mark: Callable[[], str],
        unmark: Callable[[str], object] | None = None,
    ) -> bool:
        """Whether what has been read comes to satisfy `wanted`, which may be too late to do any more.

        It is once the stream has gone on, several times, to a change that was made after the one before had arrived, if
        that has also taken a multiple of what any change took so far.

        Args:
            wanted: asked whenever an event comes.
            mark: makes a change and gives its path.
            unmark: deletes what is at a path, since deletes may take their own time; None where nothing can.
        """
        began = time.monotonic()
        for _ in range(_MARKS):
            if wanted(self.events):
                return True
            path = mark()
            if not self._comes_by(path, wanted, there=True):
                return False
            if unmark is not None:
                unmark(path)
                if not self._comes_by(path, wanted, there=False):
                    return False
        left = self._manners.delayed(self.patience_sec) - (time.monotonic() - began)
        came = self.wait_for(wanted, max(0.0, left))
        self._manners.lost += not came
        return came

    def _comes_by(self, path: str, wanted: Callable[[Sequence[EventBase]], bool], *, there: bool) -> bool:
        return self.wait_for(lambda events: wanted(events) or last_word(events).get(path) is there)

    def wait_for_end(self, seconds: float) -> bool:
        """Whether the stream ends in time. Raises what it raised."""
        self.resume()
        with self._changed:
            self._changed.wait_for(lambda: self._ended, seconds)
            if self.error is not None:
                raise self.error
            return self._ended

    def require(self, paths: Iterable[str], *, deleted: Iterable[str] = ()) -> None:
        """Wait until every one of `paths` was upserted, and of `deleted` deleted, last of all that was told of it.

        While more of them keep coming it goes on waiting, ten times as long at most.

        Raises:
            Broken: for the time that a change may take, no more of them came.
        """
        wanted = {**dict.fromkeys(paths, True), **dict.fromkeys(deleted, False)}
        if not self._wait_while_they_come(wanted):
            missing = sorted(_missing(self.events, wanted))
            raise Broken(
                f"Not emitted within {self.patience_sec:g} s: {missing[:5]} ({len(missing)} of {len(wanted)})",
                *self.events[-3:],
            )

    def _wait_while_they_come(self, wanted: dict[str, bool]) -> bool:
        before = 0
        for _ in range(_MOST_WAITS):
            if self.wait_for(lambda events: not _missing(events, wanted)):
                return True
            held = len(wanted) - len(_missing(self.events, wanted))
            if held <= before or self._ended:
                return False
            before = held
        return False

    def _read(self) -> None:
        try:
            for event in self._iterator:
                with self._changed:
                    self.events.append(event)
                    self._changed.notify_all()
                self._may_ask.wait()
        except BaseException as err:  # noqa: BLE001 - handed to whoever waits
            self.error = err
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def _is_untouched(iterator: Any, driver_class: type) -> bool:
    """Whether this is the generator that the method itself is, and nobody has asked it for anything."""
    method = inspect.unwrap(inspect.getattr_static(driver_class, "get_message_iterator"))
    is_own = inspect.isgeneratorfunction(method) and getattr(iterator, "gi_code", None) is method.__code__
    return is_own and inspect.getgeneratorstate(iterator) == inspect.GEN_CREATED


def _missing(events: Sequence[EventBase], wanted: dict[str, bool]) -> list[str]:
    now = last_word(events)
    return [path for path, there in wanted.items() if now.get(path) is not there]


def last_word(events: Iterable[EventBase]) -> dict[str, bool]:
    """For each path, whether the last row about it says that it is there."""
    return {path: event.event_type is not EventType.DELETE for event, path in with_paths(events)}


def with_paths(events: Iterable[EventBase]) -> Iterator[tuple[EventBase, str]]:
    """Each event with the path of each of its rows."""
    return ((event, row["path"]) for event in events for row in event.rows)


def paths_of(events: Iterable[EventBase]) -> set[str]:
    """The paths of all rows."""
    return {path for _, path in with_paths(events)}


def rows_of(events: Iterable[EventBase]) -> list[dict[str, Any]]:
    """All rows, in order."""
    return [row for event in events for row in event.rows]


def while_it_goes_on(comes: Callable[[], bool], progress: Callable[[], int]) -> bool:
    """Whether something comes, which is asked for again while there is progress, ten times at most."""
    for _ in range(_MOST_WAITS):
        before = progress()
        if comes():
            return True
        if progress() == before:
            return False
    return False


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition comes true in time, for what nobody signals (threads that end, handles that close)."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True
