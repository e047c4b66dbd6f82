"""Real directories, events with one row each, and a clock that the test moves."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fustor_conformance.view import View, replayed
from fustor_core.models import PusherConfig
from fustor_event_model import EventBase, UpdateEvent
from fustor_pusher_fs import FsDriver, FsParams, read_events
from fustor_pusher_fs._log import TaskLog
from fustor_pusher_fs._progress import Counters, Session


def pytest_configure(config: pytest.Config) -> None:
    """Know the long form of the tests, and leave it out unless `-m` asks for it, wherever pytest is started."""
    for marker in (
        "wide: the many cases of a promise (minutes)",
        "chaos: seeded random faults (minutes)",
        "full: the long form, run before a release",
    ):
        config.addinivalue_line("markers", marker)
    config.option.markexpr = config.option.markexpr or "not (wide or chaos or full)"


def _replay(directory: Path) -> View:
    """What somebody knows who has read all files of a task."""
    return replayed(read_events(directory))


@pytest.fixture
def replay() -> Callable[[Path], View]:
    return _replay


@dataclass
class Clock:
    """Seconds since the epoch, as the test says."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Log:
    """An open log with one session."""

    log: TaskLog
    session: Session
    counters: Counters
    clock: Clock
    directory: Path
    is_open: bool = True

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self.log.close()

    def push(self, *events: EventBase, end: bool = False, source_type: str | None = None) -> None:
        self.log.commit(self.session, list(events), is_snapshot_end=end, source_type=source_type)

    def new_session(self, name: str = "second") -> None:
        self.session = self.log.begin(name, self.counters)


def make_event(number: int, source: str = "realtime", index: int = -1, **other: Any) -> EventBase:
    row = {"path": f"/{number}", "mtime": float(number), "size": number, "parent_mtime": 0.0}
    values = {
        "fields": list(row),
        "rows": [row],
        "index": index,
        "event_schema": "fs",
        "table": "",
        "message_source": source,
    }
    return UpdateEvent(**{**values, **other})


@pytest.fixture
def event() -> Callable[..., EventBase]:
    return make_event


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_log(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Log]]:
    """Open the log of task `t`; what the test leaves open is closed behind it."""
    opened: list[Log] = []

    def open_log(directory: Path = tmp_path / "out" / "t", task: str = "t", **params: Any) -> Log:
        counters = Counters()
        log = TaskLog(directory, task, FsParams(**params), clock=clock)
        opened.append(Log(log, log.begin(f"session-{len(opened)}", counters), counters, clock, directory))
        return opened[-1]

    yield open_log
    for one in opened:
        one.close()


@pytest.fixture
def paths() -> Callable[[Path], list[str]]:
    """The paths of all rows in a task's directory, in order."""

    def paths(directory: Path) -> list[str]:
        return [row["path"] for batch in read_events(directory) for event in batch.events for row in event.rows]

    return paths


@pytest.fixture
def make_driver(tmp_path: Path) -> Iterator[Callable[..., FsDriver]]:
    made: list[FsDriver] = []

    def make_driver(**params: Any) -> FsDriver:
        config = PusherConfig(driver="fs", endpoint=str(tmp_path / "out"), driver_params=params)
        made.append(FsDriver("p", config))
        return made[-1]

    yield make_driver
    for driver in made:
        asyncio.run(driver.close())
