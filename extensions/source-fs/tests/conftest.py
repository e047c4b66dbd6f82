"""A tree, a driver for it, and a reader of its realtime events."""

from __future__ import annotations

import asyncio
import importlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase, EventType
from fustor_source_fs import FsDriver
from fustor_source_fs.testing import _keep_own_proc_readable

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode leaves it alone
from fs_audits import age


def pytest_configure(config: pytest.Config) -> None:
    """Know the long form of the tests, and leave it out unless `-m` asks for it, wherever pytest is started."""
    for marker in (
        "wide: the many cases of a promise (minutes)",
        "chaos: seeded random faults (minutes)",
        "full: the long form, run before a release",
    ):
        config.addinivalue_line("markers", marker)
    config.option.markexpr = config.option.markexpr or "not (wide or chaos or full)"


DEADLINE_SEC = 10.0


class Reader:
    """Reads a stream in a thread of its own and hands out the rows told since it was last asked."""

    def __init__(self, driver: FsDriver, root: Path, **kwargs: Any) -> None:
        self.root = root
        self.marks = 0
        self.allowed = threading.Event()
        self.allowed.set()
        self.rows: queue.Queue[tuple[str, dict[str, Any]] | BaseException | None] = queue.Queue()
        self.stream = driver.get_message_iterator(-1, **kwargs)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        try:
            for event in self.stream:
                for row in event.rows:
                    self.rows.put(("-" if event.event_type is EventType.DELETE else "+", row))
                self.allowed.wait()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.rows.put(error)
        self.rows.put(None)

    def next(self, seconds: float = DEADLINE_SEC) -> tuple[str, dict[str, Any]] | None:
        """The next row, with + or -; None at the end of the stream."""
        row = self.rows.get(timeout=seconds)
        if isinstance(row, BaseException):
            raise row
        return row

    def until(self, accept: Callable[[str, dict[str, Any]], bool]) -> list[tuple[str, dict[str, Any]]]:
        """The rows up to the first that is accepted."""
        seen = []
        deadline = time.monotonic() + DEADLINE_SEC
        while True:
            found = self.next(deadline - time.monotonic())
            assert found is not None, f"the stream ended after {seen}"
            seen.append(found)
            if accept(*found):
                return seen

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """The rows of all that was done so far: up to that of a file made now."""
        self.marks += 1
        mark = f"mark-{self.marks}"
        (self.root / mark).write_bytes(b"")
        return self.until(lambda _, row: row["path"] == f"/{mark}")[:-1]

    def changes(self) -> list[str]:
        """The same, as "+/path" and "-/path"."""
        return [sign + row["path"] for sign, row in self.told()]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def public_root() -> Iterator[Path]:
    """A root that every user can reach, as pytest's own temporary directories are not."""
    with TemporaryDirectory(prefix="fustor-source-fs-") as base:
        Path(base).chmod(0o755)
        path = Path(base, "root")
        path.mkdir()
        yield path


@pytest.fixture
def make_driver(root: Path) -> Iterator[Callable[..., FsDriver]]:
    made = []

    def make(*, uri: str | None = None, max_retries: int = 100, **params: Any) -> FsDriver:
        config = SourceConfig(
            driver="fs", uri=uri or str(root), max_retries=max_retries, retry_delay_sec=0.02, driver_params=params
        )
        made.append(FsDriver("fs", config))
        return made[-1]

    yield make
    for driver in made:
        asyncio.run(driver.close())


@pytest.fixture
def reader(root: Path, make_driver: Callable[..., FsDriver]) -> Callable[..., Reader]:
    def make(driver: FsDriver | None = None, where: Path = root, **params: Any) -> Reader:
        return Reader(driver or make_driver(**params), where)

    return make


@pytest.fixture
def tree(root: Path) -> Path:
    """A tree whose directories are older than the granularity of the driver's clock."""
    for path in ("a/b/c", "d"):
        (root / path).mkdir(parents=True)
        (root / path / "file").write_bytes(b"1")
    (root / "a/file").write_bytes(b"1")
    age(root, root / "a/b/c", root / "d", root / "a")
    return root


@pytest.fixture
def driver(make_driver: Callable[..., FsDriver]) -> FsDriver:
    """A driver that never begins a full audit by itself."""
    return make_driver(clock_granularity_sec=0.02, full_audit_every=0)


@pytest.fixture
def rows_of() -> Callable[[Iterator[EventBase]], list[dict[str, Any]]]:
    return lambda events: [row for event in events for row in event.rows]


@pytest.fixture
def as_nobody() -> Iterator[Callable[..., None]]:
    """A function after which this process may no longer read everything, until it is called with `again=True`."""
    is_root = os.geteuid() == 0
    if sys.platform == "linux":
        importlib.import_module("inotify_simple")  # this user may not be able to read it later

    def become(*, again: bool = False) -> None:
        if is_root:
            os.seteuid(0 if again else 65534)
            _keep_own_proc_readable()

    yield become
    become(again=True)
