"""A host with a view, an independent look at the world, and the process that changes it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from fustor_conformance.view import View
from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase
from fustor_source_fs import FsDriver

WORKER = Path(__file__).with_name("tree_worker.py")
DRIVER = Path(__file__).with_name("driver_process.py")


def text_of(name: bytes) -> str:
    """The documented text of a name, written a second time on purpose."""
    try:
        text = name.decode()
        if "\ufffd" not in text:
            return text
    except UnicodeDecodeError:
        pass
    text, rest = "", name
    while rest:
        for length in (1, 2, 3, 4):
            try:
                char = rest[:length].decode()
            except UnicodeDecodeError:
                continue
            if len(char) == 1 and char != "\ufffd":
                text, rest = text + char, rest[length:]
                break
        else:
            text, rest = f"{text}\ufffd{rest[0]:02X}", rest[1:]
    return text


def look_at(root: Path) -> dict[str, dict[str, Any]]:
    """Every path below `root` with its kind, size and mtime, as `os.walk` finds it."""
    world = {}
    base = os.fsencode(root)
    for where, directories, files in os.walk(base):
        for name in (*directories, *files):
            path = os.path.join(where, name)
            status = os.lstat(path)
            is_directory = name in directories and not os.path.islink(path)
            text = "/" + "/".join(map(text_of, path[len(base) + 1 :].split(b"/")))
            world[text] = {"is_directory": is_directory, "size": status.st_size, "mtime": status.st_mtime}
    return world


SEEN_EMPTY = {"allow_empty_root": True}
"""These trees begin empty: a root that counted as not listed would hide every difference below it from the view."""


class Host:
    """Runs one driver's realtime stream and, at the same time, its snapshots and audits into one view."""

    def __init__(self, root: Path, view: View | None = None, **params: Any) -> None:
        self.root = root
        self.view = view or View()
        config = SourceConfig(driver="fs", uri=str(root), retry_delay_sec=0.05, driver_params=SEEN_EMPTY | params)
        self.driver: Any = self.make_driver(config)
        self.lock = threading.Lock()
        self.pause = threading.Event()
        self.pause.set()
        self.events = 0
        self.failure: BaseException | None = None
        self.threads: list[threading.Thread] = []

    def make_driver(self, config: SourceConfig) -> Any:
        return FsDriver("chaos", config)

    def __enter__(self) -> Self:
        with self.lock:
            self.view.begin_session("session")
        self.stream = stream = self.driver.get_message_iterator(-1)
        self.start(lambda: self.drain(stream))
        return self

    def __exit__(self, *_: object) -> None:
        self.pause.set()
        asyncio.run(self.driver.close())
        for thread in self.threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in self.threads)

    def start(self, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - shown by `until`
                self.failure = error

        thread = threading.Thread(target=run, daemon=True)
        self.threads.append(thread)
        thread.start()
        return thread

    def drain(self, events: Iterator[EventBase]) -> None:
        for event in events:
            self.pause.wait()
            with self.lock:
                self.view.apply(event)
                self.events += len(event.rows)

    def snapshot(self) -> None:
        self.drain(self.driver.get_snapshot_iterator(batch_size=200))
        with self.lock:
            self.view.snapshot_end()

    def audit(self) -> None:
        self.drain(self.driver.get_audit_iterator())

    def queued_bytes(self) -> int:
        return int(self.stream._live.watcher.queued_bytes)

    def differences(self) -> list[Any]:
        with self.lock:
            return self.view.difference(look_at(self.root))

    def until_equal(self, seconds: float) -> None:
        """Wait until the view equals the world, and is not equal by chance of a moment."""
        deadline = time.monotonic() + seconds
        while True:
            assert self.failure is None, self.failure
            found = self.differences()
            settled = not found and not self.driver.statistics()["queued_bytes"]
            if settled or time.monotonic() > deadline:
                break
            threading.Event().wait(0.02)
        assert not found, f"{len(found)} differences, the first: {[str(one) for one in found[:5]]}"


class RemoteHost:
    """The same with the driver in a process of its own, which can be stopped and killed."""

    def __init__(self, root: Path, view: View | None = None, *prefix: str, **params: Any) -> None:
        self.root = root
        self.view = view or View()
        self.command = [*prefix, sys.executable, str(DRIVER), str(root), json.dumps(SEEN_EMPTY | params)]
        self.condition = threading.Condition()
        self.done: list[str] = []
        self.statistics: dict[str, float] = {}
        self.log: int | None = None

    def __enter__(self) -> Self:
        self.view.begin_session("session")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()
        self.wait_for("arm")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.thread.join(10)

    def receive(self) -> None:
        for line in self.process.stdout or ():
            try:
                message = json.loads(line)
            except json.JSONDecodeError:  # torn by a kill
                return
            with self.condition:
                if "event" in message:
                    self.view.apply(EventBase(**message["event"]))
                self.statistics = message.get("statistics", self.statistics)
                if "done" in message:
                    self.done.append(message["done"])
                self.condition.notify_all()

    def wait_for(self, what: str) -> None:
        with self.condition:
            assert self.condition.wait_for(lambda: what in self.done, 60), f"no {what} within a minute"
            self.done.remove(what)

    def ask(self, what: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        self.wait_for(what)

    def snapshot(self) -> None:
        self.ask("snapshot")
        with self.condition:
            self.view.snapshot_end()

    def until_equal(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with self.condition:
                found = self.view.difference(look_at(self.root))
                if not found or time.monotonic() > deadline:
                    break
                self.condition.wait(0.2)
        assert not found, f"{len(found)} differences, the first: {[str(one) for one in found[:5]]}"


@contextmanager
def _worker(base: Path, seed: int, operations: int) -> Iterator[Callable[[], None]]:
    """The worker, confined to `base` by the kernel: as root by chroot and another user, else in a user namespace."""
    command = [sys.executable, str(WORKER), str(base), str(seed), str(operations)]
    environment = dict(os.environ)
    if os.geteuid():
        command = ["unshare", "--user", "--map-root-user", *command]
        environment["TREE_WORKER_NAMESPACE"] = "1"
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        if not process.stdout.read(1):
            pytest.skip("This system lets no test confine a process to a directory")
        process.stdin.write("\n")
        process.stdin.flush()
        yield lambda: _finish(process)


def _finish(process: subprocess.Popen[str]) -> None:
    assert process.wait(120) == 0


@pytest.fixture
def worker() -> Any:
    return _worker


@pytest.fixture
def host() -> type[Host]:
    return Host


@pytest.fixture
def remote_host() -> type[RemoteHost]:
    return RemoteHost


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A directory with `root`, the tree, and `outside`, from where things are moved in."""
    for name in ("root", "outside"):
        (tmp_path / name).mkdir()
        if not os.geteuid():
            os.chown(tmp_path / name, 65534, 65534)
    tmp_path.chmod(0o711)
    return tmp_path


@pytest.fixture
def world() -> Callable[[Path], dict[str, dict[str, Any]]]:
    return look_at
