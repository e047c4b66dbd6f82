"""Small real distributions, written to a directory that goes on sys.path: metadata, entry points, modules."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

STUB_SOURCE = """
import threading
from collections.abc import Iterator
from typing import Any

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import ConfigError
from fustor_core.models.config import SourceConfig
from fustor_event_model import EventBase


class StubDriver(SourceDriver):
    capabilities = frozenset({"get_audit_iterator"})

    def __init__(self, id: str, config: SourceConfig) -> None:
        super().__init__(id, config)
        if config.driver_params:
            raise ConfigError(f"driver_params are not known: {sorted(config.driver_params)}")
        self._stop_driver_event = threading.Event()

    def get_snapshot_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        raise NotImplementedError("Return an iterator")

    def get_message_iterator(self, start_position: int = -1, **kwargs: Any) -> Iterator[EventBase]:
        raise NotImplementedError("Return an iterator")

    def get_audit_iterator(self, **kwargs: Any) -> Iterator[EventBase]:
        raise NotImplementedError("Return an iterator")

    @classmethod
    async def get_available_fields(cls, **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError("Return the properties")
"""

STUB_SOURCE_WORLD = """
from typing import Any, Self


class World:
    operations = frozenset({"create", "modify", "delete", "rename"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def config(self) -> dict[str, Any]:
        return {"uri": "stub://localhost"}

    def create(self, key: str) -> str:
        raise NotImplementedError("Create a thing")

    def modify(self, path: str) -> None:
        raise NotImplementedError("Modify it")

    def delete(self, path: str) -> None:
        raise NotImplementedError("Delete it")

    def rename(self, path: str, key: str) -> str:
        raise NotImplementedError("Rename it")

    def list(self) -> dict[str, dict[str, Any]]:
        raise NotImplementedError("List all")
"""

STUB_PUSHER = """
from typing import Any

from fustor_core.drivers import PusherDriver
from fustor_core.exceptions import ConfigError
from fustor_core.models.config import PusherConfig
from fustor_event_model import EventBase


class StubDriver(PusherDriver):
    def __init__(self, id: str, config: PusherConfig) -> None:
        super().__init__(id, config)
        if config.driver_params:
            raise ConfigError(f"driver_params are not known: {sorted(config.driver_params)}")

    async def push(self, events: list[EventBase], **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError("Write the batch")

    async def heartbeat(self, **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError("Keep alive")

    async def create_session(self, task_id: str, **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError("Open a session")

    @classmethod
    async def get_needed_fields(cls, **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError("Return {}")
"""

STUB_PUSHER_WORLD = """
from typing import Any, Self


class World:
    keyed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def config(self) -> dict[str, Any]:
        return {"endpoint": "stub://localhost"}

    def stored(self) -> list[dict[str, Any]]:
        raise NotImplementedError("Return the rows")
"""

REQUIRES = ("fustor-core", "fustor-event-model>=1")
METADATA = ("Summary: A stub", "License-Expression: Apache-2.0", "Requires-Python: >=3.11")


def install(
    site: Path,
    kind: str,
    modules: dict[str, str],
    *,
    name: str = "stub",
    requires: tuple[str, ...] = REQUIRES,
    groups: tuple[str, ...] = ("fustor.drivers", "fustor_agent.drivers"),
    value: str = "StubDriver",
    version: str = "0.1.0",
    metadata: tuple[str, ...] = METADATA,
    typed: bool = True,
) -> str:
    """The name of a distribution that is now in `site`: `fustor-<kind>-<name>` with these modules."""
    package = f"fustor_{kind}_{name}"
    root = site / package
    root.mkdir(parents=True)
    for module, text in modules.items():
        (root / f"{module}.py").write_text(dedent(text))
    if typed:
        (root / "py.typed").touch()
    info = site / f"{package}-{version}.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: fustor-{kind}-{name}", f"Version: {version}", *metadata]
    if any("extra" in req for req in requires):
        lines.append("Provides-Extra: test")
    (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {req}" for req in requires)]) + "\n")
    entries = [f"[{group}.{kind}s]\n{name} = {package}.driver:{value}\n" for group in groups]
    entries.append(f"[fustor.conformance.worlds]\n{kind}-{name} = {package}.testing:World\n")
    (info / "entry_points.txt").write_text("\n".join(entries))
    (info / "RECORD").write_text("")
    return f"fustor-{kind}-{name}"
