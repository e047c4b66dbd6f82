"""Scenes that several checks set, with drivers that read in another thread, and moments that no race hits."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any, Generic, TypeAlias, TypeVar

from fustor_conformance._paths import containers
from fustor_conformance.outcome import Broken
from fustor_conformance.worlds import HostileKeys, SourceWorld, WithSettling
from fustor_event_model import EventBase, EventType

_T = TypeVar("_T")
Row: TypeAlias = dict[str, Any]

ODD_KEYS = (
    "with space",
    "per%cent",
    "ünï-漢字",
    "quo'te\"",
    "com,ma",
    "semi;colon",
    "line\nbreak",
    "back\\slash",
)
_LONG_KEYS = ("long-" + "x" * 1500, "longer-" + "y" * 1501, "läng-" + "ü" * 100)
_READING_SEC = 30.0
_PACE_SEC = 0.0002
_OFTEN_SEC = 2e-5
_FETCHES = {"fetchall", "fetchmany", "fetchone"}
_TURN_SEC = 0.05
_ACT_SEC = 0.6
_NAMES = {"listdir", "scandir"}
_LOOKS = {"stat", "lstat"}
_PLACES = {"posix", "nt", "posix.DirEntry", "nt.DirEntry"}


def in_time(items: Iterable[_T], seconds: float, *, least: int = 1) -> Iterator[_T]:
    """The items, as far as there is time from now on; the first `least` of them however slow it is."""
    deadline = time.monotonic() + seconds
    in_turn = itertools.takewhile(lambda turn: turn[0] < least or time.monotonic() < deadline, enumerate(items))
    return (item for _, item in in_turn)


@contextmanager
def whatever_it_raises() -> Iterator[None]:
    """What is raised in the block is for other checks to say, but for a stub's; the rest of the block is left out."""
    try:
        yield
    except NotImplementedError:
        raise
    except Exception as err:  # noqa: BLE001 - as above
        del err


@contextmanager
def no_error(what: Callable[[Exception], str], *, but: type[Exception] = Broken) -> Iterator[None]:
    """What is raised in the block breaks the rule, in the words of `what`; a stub's error passes, and so does `but`."""
    try:
        yield
    except (NotImplementedError, but):
        raise
    except Exception as err:
        raise Broken(what(err)) from err


def many(world: SourceWorld, key: Callable[[int], str], most: int, seconds: float, *, least: int = 20) -> list[str]:
    """The paths of up to `most` new things, as many as the World makes in that time, and `least` however slow it is.

    Each path comes once; a source of one row has one.
    """
    numbers = in_time(range(most), seconds, least=least)
    return list(dict.fromkeys(world.create(key(number)) for number in numbers))


def marks(world: SourceWorld) -> tuple[Callable[[], str], Callable[[str], object] | None]:
    """What `Stream.wait_past` takes: one more new thing at each call, and what takes it away again, if anything can."""
    keys = (f"kit-mark-{number}" for number in itertools.count())
    return lambda: world.create(next(keys)), world.delete if "delete" in world.operations else None


def boxed(world: SourceWorld, name: str, boxes: int = 4) -> Callable[[int], str]:
    """Keys for `many`: spread over some containers where the World can nest, side by side where it cannot."""
    if "nest" not in world.operations:
        return lambda number: f"{name}-{number}"
    return lambda number: f"{name}-{number % boxes}/thing-{number}"


def settle(world: SourceWorld) -> None:
    """Wait until an audit may take what has not changed as unchanged."""
    if isinstance(world, WithSettling):
        world.settle()


def odd_things(world: SourceWorld) -> list[str]:
    """The paths of new things whose names are odd, foreign or long; a name that the World cannot make is left out."""
    hostile = world.hostile_keys if isinstance(world, HostileKeys) else ()
    paths = []
    for key in (*ODD_KEYS, *hostile, *_LONG_KEYS):
        with whatever_it_raises():  # what a system refuses to hold is no fault of the driver
            paths.append(world.create(key))
    there = world.list()
    return [path for path in dict.fromkeys(paths) if path in there]


class Reading(Generic[_T]):
    """Reads an iterator in a thread of its own from now on, while the caller changes the world in this one."""

    def __init__(self, make: Callable[[], Iterable[_T]]) -> None:
        self.items: list[_T] = []
        self._make = make
        self._error: BaseException | None = None
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(_OFTEN_SEC)  # so that changes come between the steps of a driver written in Python
        self._thread = threading.Thread(target=self._read, name="conformance-reader", daemon=True)
        self._thread.start()

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    def steps(self, most: int, *, paced: bool = True) -> Iterator[int]:
        """Numbers up to `most`, as long as the reading goes on: one for each change to make meanwhile."""
        for number in range(most):
            if not self.goes_on:
                return
            yield number
            if paced:
                pace()

    def wait(self, seconds: float) -> None:
        """Until it has ended, or for that time."""
        self._thread.join(seconds)

    def ends(self, seconds: float) -> bool:
        """Whether it ends within that time; the last thing that is asked of it while it may go on."""
        self.wait(seconds)
        sys.setswitchinterval(self._interval)
        return not self.goes_on

    def finish(self, seconds: float = _READING_SEC) -> list[_T]:
        """All that was read. Raises what the iterator raised.

        Raises:
            Broken: it does not end in time.
        """
        if not self.ends(seconds):
            raise Broken(f"The iterator does not end within {seconds:g} s", *self.items[-2:])
        if self._error is not None:
            raise self._error
        return self.items

    def _read(self) -> None:
        try:
            self.items.extend(self._make())
        except BaseException as err:  # noqa: BLE001 - handed to whoever finishes the reading
            self._error = err
        finally:
            sys.setswitchinterval(self._interval)  # also where the caller is stopped by its World before it finishes


def read_through(items: Iterator[_T], fault: AbstractContextManager[object], seconds: float) -> Reading[_T]:
    """Read on in a thread while the fault lasts: so long at most, since it need not last as long as it blocks."""
    with fault:
        reading = Reading(lambda: items)
        reading.wait(seconds)
    return reading


def pace(moment: float = _PACE_SEC) -> None:
    """Let other threads run for a moment, so that changes fall between what a driver does; nothing is awaited."""
    threading.Event().wait(moment)


def unaccounted(rows: Iterable[dict[str, Any]], world: dict[str, dict[str, Any]]) -> list[str]:
    """What is there, was not told, and lies below no container whose last row says audit_skipped: true."""
    marks = {row["path"]: row.get("audit_skipped") is True for row in rows}
    return sorted(path for path in world.keys() - marks.keys() if not any(marks.get(up) for up in containers(path)))


def odd_fields(row: dict[str, Any] | None, expected: dict[str, Any]) -> dict[str, Any]:
    """The fields of `expected` that the row tells otherwise, with what it tells."""
    told = row or {}
    return {name: told.get(name) for name, value in expected.items() if told.get(name) != value}


def view_of(events: Iterable[EventBase], known: dict[str, Row] | None = None) -> dict[str, Row]:
    """What a consumer has of a stream, by path; columns that a record leaves out did not change."""
    view = dict(known or {})
    for event in list(events):
        for row in event.rows:
            path = row["path"]
            if event.event_type is EventType.DELETE:
                view = {other: kept for other, kept in view.items() if not f"{other}/".startswith(f"{path}/")}
            else:
                view[path] = _merged(view.get(path, {}), row)
    return view


def _merged(known: Row, row: Row) -> Row:
    if not isinstance(row.get("record"), dict):
        return row
    return {**row, "record": {**(known.get("record") or {}), **row["record"]}}


@contextmanager
def between_names_and_looks(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` whenever this thread, or one that it starts, has read names with `os` and looks at one.

    A driver that reads directories in another way never comes to such a moment. What `act` raises is raised at the end.
    """
    before, threads_before = sys.getprofile(), threading.getprofile()
    hook = _Hook(act)
    threading.setprofile(hook)
    sys.setprofile(hook)
    try:
        yield
    finally:
        sys.setprofile(before)
        threading.setprofile(threads_before)
    if hook.error is not None:
        raise hook.error


class _Hook:
    """A profile function: the interpreter calls it before and after each function written in C."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._has_names = False
        self.error: Exception | None = None

    def __call__(self, _frame: FrameType, event: str, function: Any) -> None:
        if event != "c_call":
            return
        name = getattr(function, "__name__", "")
        if name in _NAMES and _is_of_the_system(function):
            self._has_names = True
        elif self._has_names and name in _LOOKS and _is_of_the_system(function):
            self._has_names = False
            try:
                self._act()
            except Exception as err:  # noqa: BLE001 - the World's, which is not to meet the driver
                self.error = err


def _is_of_the_system(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    kind = type(owner)
    return getattr(owner, "__name__", f"{kind.__module__}.{kind.__qualname__}") in _PLACES


def after_each_fetch(make: Callable[[], Iterable[_T]], act: Callable[[], object]) -> list[_T]:
    """What an iterator yields, read in another thread; `act` is called here whenever rows were fetched in that one.

    The reader waits for `act` a moment only: what it holds open may be what `act` waits for. A driver that fetches by
    iterating over a cursor, or has no cursor, never comes to such a moment.
    """
    asked, done = threading.Event(), threading.Event()

    def hook(_frame: FrameType, event: str, function: Any) -> None:
        if event == "c_return" and getattr(function, "__name__", "") in _FETCHES:
            done.clear()
            asked.set()
            done.wait(_ACT_SEC)

    def read() -> Iterator[_T]:
        sys.setprofile(hook)
        try:
            yield from make()
        finally:
            sys.setprofile(None)

    reading = Reading(read)
    while reading.goes_on:
        if asked.wait(_TURN_SEC):
            asked.clear()
            act()
            done.set()
    return reading.finish()
