"""Things that a configuration leaves out: in no phase, whatever they were called before or are called later."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, cast

from pydantic import BaseModel

from fustor_conformance.histories.abilities import abilities
from fustor_conformance.histories.audits import Audits
from fustor_conformance.histories.host import Host
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.subject import SourceSubject
from fustor_conformance.worlds import SourceWorld, WithExclusions
from fustor_core.exceptions import ConfigError, DriverError
from fustor_event_model import EventBase

SUFFIX = ".kit-excluded"
_FIELDS = ("exclude", "excludes", "exclude_patterns", "excluded", "ignore", "ignore_patterns")
_PHASES = {"snapshot", "realtime", "audit"}


class _Without:
    """The World under a configuration that leaves something out, with a listing that leaves it out too."""

    def __init__(self, world: SourceWorld, config: dict[str, Any]) -> None:
        self._world = world
        self._config = config

    def config(self) -> dict[str, Any]:
        """The configuration that leaves something out."""
        return self._config

    def list(self) -> dict[str, dict[str, Any]]:
        """The World's listing without that."""
        return {path: row for path, row in self._world.list().items() if not _is_excluded(path)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)


def run_exclusions(subject: SourceSubject) -> int:
    """How many paths were compared.

    Raises:
        Broken: something that is left out has a row, or something else has none.
        NotApplicable: nothing is known that leaves out things by their names.
    """
    with subject.world() as world:
        config = excluding(subject, world)
        plain = [world.create(key) for key in ("kept", "kept-too", f"was{SUFFIX}", f"left-out{SUFFIX}")]
        if "nest" in world.operations:
            world.create(f"box/in{SUFFIX}")
            world.create(f"box{SUFFIX}/in")
        with Host(subject, cast(SourceWorld, _Without(world, config))) as host:
            host.finish_snapshot()
            _rename(world, plain)
            world.create(f"late{SUFFIX}")
            host.catch_up()
            audits = Audits(host)
            audits.run()
            _require_absent(subject, world, host)
            seen = host.require_equal(f"With what ends in {SUFFIX!r} left out,")
            audits.run(pairs=True)
            return seen + host.require_equal(f"With what ends in {SUFFIX!r} left out, after an audit with mtime_cache,")


def _rename(world: SourceWorld, plain: list[str]) -> None:
    """Give a thing a name that is left out, and the other way round; change what is left out."""
    kept, _, was, left = plain
    if "modify" in world.operations:
        world.modify(left)
    if "rename" in world.operations:
        world.rename(kept, f"now{SUFFIX}")
        world.rename(was, "no-more")
    if "delete" in world.operations:
        world.delete(left)
    if "nest" in world.operations:
        world.create(f"box{SUFFIX}/later")


def _require_absent(subject: SourceSubject, world: SourceWorld, host: Host) -> None:
    rows = [(where, row) for where, event in host.applied for row in event.rows if _is_excluded(row["path"])]
    phases = {where for where, _ in rows}
    asked = {where for where, event in host.applied if event.rows}
    if rows and phases >= asked & _PHASES and not isinstance(world, WithExclusions):
        raise NotApplicable(f"{subject.driver_class.__name__} takes {_pattern()!r} for something else than a name")
    if rows:
        raise Broken(
            f"{rows[0][1]['path']!r} is left out by the configuration and has a row in {rows[0][0]}", rows[0][1]
        )


def excluding(subject: SourceSubject, world: SourceWorld) -> dict[str, Any]:
    """A configuration that leaves out what ends with `SUFFIX`: the World's, or the driver's own parameter.

    Raises:
        NotApplicable: there is none.
    """
    if isinstance(world, WithExclusions):
        return world.excluding(SUFFIX)
    if abilities(subject).tree:
        for name in _parameters(subject.driver_class):
            config = world.config()
            given = config.get("driver_params") or {}
            known = given.get(name)
            config["driver_params"] = {**given, name: [*(known if isinstance(known, list) else ()), _pattern()]}
            if _is_taken(subject, config):
                return config
    raise NotApplicable("Neither the World nor a parameter of the driver leaves things out by their names")


def _pattern() -> str:
    return f"*{SUFFIX}"


def _parameters(driver_class: type) -> Iterator[str]:
    """Parameters of the driver's own models that are called like a list of what to leave out."""
    models = own_models(driver_class)
    yield from dict.fromkeys(name for model in models for name in _FIELDS if name in model.model_fields)


def own_models(driver_class: type) -> list[type[BaseModel]]:
    """The models of the driver's own package, which has them for its parameters; a kind of event is none of these."""
    package = driver_class.__module__.partition(".")[0]
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == package]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseModel)
        and not issubclass(value, EventBase)
        and value.__module__.partition(".")[0] == package
    ]


def _is_taken(subject: SourceSubject, config: dict[str, Any]) -> bool:
    try:
        subject.driver_class("kit", subject.parse(config))
    except (ConfigError, DriverError):
        return False
    return True


def _is_excluded(path: str) -> bool:
    return any(part.endswith(SUFFIX) for part in path.split("/"))
