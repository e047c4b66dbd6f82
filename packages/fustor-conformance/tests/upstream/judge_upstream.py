"""Run as a script: judge one released driver by a few checks, and print what each one found as JSON.

The released drivers import a `fustor_core` and a `fustor_event_model` of their own. Here ours are imported, what ours
lack is taken from the released ones, and their events are turned into ours as they stand, faults included.

Arguments: the directory with the released packages, the driver (`module:class`), its kind, the checks.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import fustor_core
from fustor_conformance import Kind, subject_of_class
from fustor_conformance.checks import find_check
from fustor_conformance.outcome import NotApplicable, NotJudged
from fustor_core.drivers import PusherDriver
from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource

NOBODY = 65534


class TreeWorld:
    """A directory, for drivers of files."""

    operations = frozenset({"create", "modify", "delete", "rename", "nest"})

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        self.root = Path(self._directory.name).resolve()
        self.root.chmod(0o755)
        return self

    def __exit__(self, *exc_info):
        self._directory.cleanup()

    def config(self) -> dict[str, Any]:
        return {"driver": "fs", "uri": str(self.root), "disabled": False, "credential": {"user": "kit"}}

    def create(self, key: str) -> str:
        place = self.root / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(key)
        return f"/{key}"

    def modify(self, path: str) -> None:
        place = self.root / path.lstrip("/")
        place.write_text(place.read_text() + "+")

    def delete(self, path: str) -> None:
        (self.root / path.lstrip("/")).unlink()

    def rename(self, path: str, key: str) -> str:
        (self.root / path.lstrip("/")).rename(self.root / key)
        return f"/{key}"

    def list(self) -> dict[str, dict[str, Any]]:
        return {f"/{place.relative_to(self.root)}": {} for place in self.root.rglob("*")}

    @contextmanager
    def unreadable(self, path: str) -> Iterator[None]:
        place = self.root / path.lstrip("/")
        place.chmod(0)
        is_root = os.geteuid() == 0
        try:
            if is_root:
                os.seteuid(NOBODY)
            yield
        finally:
            if is_root:
                os.seteuid(0)
            place.chmod(0o755)


class NoWorld:
    """Nothing to write to: only what a pusher answers is looked at."""

    keyed = False

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass

    def config(self) -> dict[str, Any]:
        return {"driver": "echo", "endpoint": "echo://", "credential": {"key": "kit"}, "disabled": False}

    def stored(self) -> list[dict[str, Any]]:
        return []


WORLDS = {"FSDriver": TreeWorld, "EchoDriver": NoWorld}


def as_ours(event: Any, root: str) -> EventBase:
    """A released event as one of ours, not validated; paths below the root, as both views take them."""
    source = getattr(event, "message_source", None)
    rows = [{**row, "path": "/" + os.path.relpath(path_of(row, root), root).lstrip(".")} for row in event.rows]
    return EventBase.model_construct(
        event_type=EventType(event.event_type.value),
        fields=list(event.fields),
        rows=rows,
        index=event.index,
        event_schema=event.event_schema,
        table=event.table,
        message_source=MessageSource(getattr(source, "value", source)) if source else MessageSource.REALTIME,
        signal=None,
    )


def path_of(row: dict[str, Any], root: str) -> str:
    path = row.get("path") or row["file_path"]
    return path if path.startswith(root) else str(Path(root, path.lstrip("/")))


def signal(which: LifecycleSignal) -> EventBase:
    return EventBase(
        event_type=EventType.UPDATE,
        fields=[],
        rows=[],
        event_schema="fs",
        table="",
        message_source="audit",
        signal=which,
    )


def adapted(driver: type) -> type:
    """The driver with its events turned into ours, and a guide's dialect around its pairs."""

    class Adapted(driver):
        capabilities = frozenset({"get_audit_iterator"})

        def get_snapshot_iterator(self, **kwargs):
            events = super().get_snapshot_iterator(**kwargs)
            return (as_ours(event, self.config.uri) for event in events)

        def get_message_iterator(self, start_position=-1, **kwargs):
            events = super().get_message_iterator(start_position=start_position, **kwargs)
            return (as_ours(event, self.config.uri) for event in events)

        def get_audit_iterator(self, **kwargs):
            pairs = super().get_audit_iterator(**{"mtime_cache": {}, **kwargs})
            ours = ((event and as_ours(event, self.config.uri), stamps) for event, stamps in pairs)
            if "mtime_cache" in kwargs:
                yield from ours
                return
            yield signal(LifecycleSignal.AUDIT_START)
            yield from (event for event, _ in ours if event is not None)
            yield signal(LifecycleSignal.AUDIT_END)

    return Adapted


def load(released: Path, value: str) -> type:
    """The released class, with the released event model in place while it is imported."""
    sys.path.insert(0, str(released))  # ours are imported already, and a driver of ours has the same name
    fustor_core.__path__.append(str(released / "fustor_core"))
    ours = import_module("fustor_event_model.models")
    theirs = released / "fustor_event_model" / "models.py"
    if theirs.exists():
        spec = importlib.util.spec_from_file_location("fustor_event_model.models", theirs)
        sys.modules["fustor_event_model.models"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    try:
        return resolve_name(value)
    finally:
        sys.modules["fustor_event_model.models"] = ours


def fault(rule_id: str, kind: Kind, driver: type) -> str | None:
    """What the check finds, or None if the driver passes."""
    world = next((world for name, world in WORLDS.items() if name in {base.__name__ for base in driver.__mro__}), None)
    try:
        find_check(rule_id, kind)(subject_of_class(kind, driver, world, name="upstream"))
    except (NotApplicable, NotJudged) as reason:
        return f"not judged: {reason}"
    except Exception as err:  # noqa: BLE001 - whatever it is, it is the finding
        return f"{type(err).__name__}: {err}"
    return None


def main() -> None:
    """Print the findings."""
    released, value, kind_name, *checks = sys.argv[1:]
    kind = Kind(kind_name)
    driver = load(Path(released), value)
    judged = driver if issubclass(driver, PusherDriver) else adapted(driver)
    print("\n" + json.dumps({rule_id: fault(rule_id, kind, judged) for rule_id in checks}))
    sys.stdout.flush()
    os._exit(0)  # a released driver's threads do not always end


if __name__ == "__main__":
    main()
