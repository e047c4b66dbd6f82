"""A tree in memory, and the World that changes it: the system behind the reference source."""

from __future__ import annotations

import itertools
import posixpath
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fustor_event_model import EventType

SYSTEMS: dict[str, System] = {}
_numbers = itertools.count(1)
GRANULARITY_SEC = 0.02
"""What the reference source takes for a tick of this system's clock."""


def as_text(name: str) -> str:
    """The name as rows carry it: what UTF-8 cannot hold becomes hexadecimal after a tilde, reversibly."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "~" + name.encode("utf-8", "surrogatepass").hex()
    return "~" + name.encode().hex() if name.startswith("~") else name


@dataclass(frozen=True)
class Node:
    name: str
    directory: bool
    size: int
    mtime: float
    record: dict[str, Any] | None = None
    """Of a thing with a long value, which the log repeats only in inserts."""


@dataclass(frozen=True)
class Change:
    index: int
    kind: EventType
    path: str
    node: Node
    parent_mtime: float | None = None


@dataclass
class System:
    """All state, under one lock; `log` keeps every change since the beginning."""

    nodes: dict[str, Node] = field(default_factory=dict)
    log: list[Change] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    down: bool = False
    released: int = 1
    counter: int = 1
    last_time: float = 0.0
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))

    def __post_init__(self) -> None:
        self.nodes["/"] = Node("", directory=True, size=0, mtime=self.now())

    def now(self) -> float:
        self.last_time = max(time.time(), self.last_time + 1e-4)
        return self.last_time

    def stat(self, path: str) -> Node | None:
        with self.changed:
            return self.nodes.get(path)

    def listing(self, path: str) -> list[str]:
        with self.changed:
            if path in self.unreadable:
                raise PermissionError(path)
            if path not in self.nodes:
                raise FileNotFoundError(path)
            return sorted(p for p in self.nodes if p != "/" and posixpath.dirname(p) == path)

    def put(self, path: str, node: Node, *, moved: bool = False) -> None:
        with self.changed:
            is_new = path not in self.nodes
            self.nodes[path] = node
            if is_new:
                self.touch(posixpath.dirname(path))
            self.tell(EventType.INSERT if (is_new or moved) and node.record else EventType.UPDATE, path, node)

    def remove(self, path: str) -> None:
        with self.changed:
            below = [p for p in self.nodes if p == path or p.startswith(path + "/")]
            for gone in sorted(below, key=lambda p: (-p.count("/"), p)):
                node = self.nodes.pop(gone)
                self.tell(EventType.DELETE, gone, replace(node, mtime=self.now()))
            self.touch(posixpath.dirname(path))

    def touch(self, path: str) -> None:
        if path in self.nodes:
            self.nodes[path] = replace(self.nodes[path], mtime=self.now())

    def tell(self, kind: EventType, path: str, node: Node) -> None:
        self.counter += 1
        parent = self.nodes.get(posixpath.dirname(path))
        self.log.append(Change(self.counter, kind, path, node, parent.mtime if parent else None))
        self.changed.notify_all()


class MemoryWorld:
    """The World of the reference source."""

    operations = frozenset({"create", "modify", "delete", "rename", "nest"})
    hostile_keys = ("bad\udcff", "~tilde")

    def __enter__(self):
        self.uri = f"memory://system-{next(_numbers)}"
        self.system = SYSTEMS[self.uri] = System()
        return self

    def __exit__(self, *exc_info):
        del SYSTEMS[self.uri]

    def config(self) -> dict[str, Any]:
        return {"driver": "memory", "uri": self.uri, "disabled": False, "max_retries": 100, "retry_delay_sec": 0.02}

    def broken(self) -> dict[str, Any]:
        return {**self.config(), "uri": "memory://nowhere", "max_retries": 1, "retry_delay_sec": 0.01}

    def excluding(self, suffix: str) -> dict[str, Any]:
        return {**self.config(), "driver_params": {"exclude": suffix}}

    def create(self, key: str) -> str:
        *parents, name = key.split("/")
        with self.system.changed:
            path = ""
            for parent in parents:
                path = f"{path}/{as_text(parent)}"
                if path not in self.system.nodes:
                    self.system.put(path, Node(parent, directory=True, size=0, mtime=self.system.now()))
            path = f"{path}/{as_text(name)}"
            self.system.put(path, Node(name, directory=False, size=len(name), mtime=self.system.now()))
            return path

    def create_long(self, key: str) -> str:
        with self.system.changed:
            path = "/" + key
            record = {"n": 1, "t": f"{next(_numbers)} long"}
            self.system.put(path, Node(key, directory=False, size=1, mtime=self.system.now(), record=record))
            return path

    def exchange(self, path: str, other: str) -> None:
        with self.system.changed:
            one, two = self.system.nodes[path], self.system.nodes[other]
            self.system.remove(path)
            self.system.remove(other)
            self.system.put(path, replace(two, name=one.name))
            self.system.put(other, replace(one, name=two.name))

    def modify(self, path: str) -> None:
        with self.system.changed:
            node = self.system.nodes[path]
            record = node.record and {**node.record, "n": node.record["n"] + 1}
            self.system.put(path, replace(node, size=node.size + 1, mtime=self.system.now(), record=record))

    def delete(self, path: str) -> None:
        self.system.remove(path)

    def empty(self, key: str) -> str:
        path = self.create(key)
        self.truncate(path)
        return path

    def truncate(self, path: str) -> None:
        with self.system.changed:
            self.system.put(path, replace(self.system.nodes[path], size=0, mtime=self.system.now(), record=None))

    def become_container(self, path: str) -> None:
        with self.system.changed:
            name = self.system.nodes[path].name
            self.system.remove(path)
            self.system.put(path, Node(name, directory=True, size=0, mtime=self.system.now()))

    def make_container(self, key: str) -> str:
        path = self.create(f"{key}/kit-passing")
        self.system.remove(path)
        return path.rpartition("/")[0]

    def move_in_container(self, key: str) -> str:
        return self.create(f"{key}/inner/file").removesuffix("/inner/file")

    def move_out(self, path: str) -> None:
        self.system.remove(path)

    def rename(self, path: str, key: str) -> str:
        new = "/" + as_text(key)
        with self.system.changed:
            moved = {p: n for p, n in self.system.nodes.items() if p == path or p.startswith(path + "/")}
            self.system.remove(path)
            for old in sorted(moved):
                name = key if old == path else moved[old].name
                self.system.put(new + old[len(path) :], replace(moved[old], name=name), moved=True)
        return new

    def list(self) -> dict[str, dict[str, Any]]:
        with self.system.changed:
            found = {path: node for path, node in self.system.nodes.items() if path != "/"}
        return {path: _expected(node) for path, node in found.items()}

    def held(self) -> int:
        return self.system.counter - self.system.released

    @contextmanager
    def unreadable(self, path: str):
        self.system.unreadable.add(path)
        try:
            yield
        finally:
            self.system.unreadable.discard(path)

    @contextmanager
    def interrupted(self):
        self.system.down = True
        try:
            yield
        finally:
            self.system.down = False

    def settle(self) -> None:
        """Until every container is older than the reference source asks."""
        threading.Event().wait(2 * GRANULARITY_SEC)


def _expected(node: Node) -> dict[str, Any]:
    if node.directory:
        return {"is_directory": True}
    return {"is_directory": False, **({"size": node.size} if node.record is None else {"record": node.record})}
