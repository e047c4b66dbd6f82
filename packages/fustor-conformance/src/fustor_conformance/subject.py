"""What is judged: a driver class as it is installed, and the World that it reads or writes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, distributions
from pkgutil import resolve_name
from typing import Any, ClassVar, TypeAlias, cast

from fustor_conformance._manners import Manners
from fustor_conformance._noting import note
from fustor_conformance._reading import DELIVERY_SEC, Stream
from fustor_conformance._stubs import unwritten
from fustor_conformance.monitor import watched_world
from fustor_conformance.outcome import Broken, NotJudged
from fustor_conformance.rules import Kind, Profile
from fustor_conformance.worlds import PusherWorld, SourceWorld
from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import ConfigError
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver import worlds
from fustor_driver.errors import EnvironmentProblem
from fustor_driver.registry import due_groups

__all__ = [
    "Config",
    "Options",
    "PusherSubject",
    "SourceSubject",
    "Subject",
    "SubjectError",
    "driver_entries",
    "find_subject",
    "subject_of_class",
    "subject_of_distribution",
]

LONG = 10
"""How many times the histories a long run drives."""

WorldFactory: TypeAlias = Callable[[], Any]
Config: TypeAlias = SourceConfig | PusherConfig


class SubjectError(EnvironmentProblem):
    """There is no such driver to judge, or it does not load."""


@dataclass(frozen=True)
class Options:
    """How much is asked of a driver, and how patiently.

    Args:
        opt_in: the slow checks that are wanted, by their options: `--released`, `--agents`.
        patience_sec: how long a change may take to arrive.
        histories: how many random histories R05 drives.
        seed: what they are drawn from.
        history: one history to replay in their place, as R05 printed it.
        idle_sec: how long a stream must rest without ending.
        profile: the host that is judged for; a judge sets it.
    """

    opt_in: frozenset[str] = frozenset()
    patience_sec: float = DELIVERY_SEC
    histories: int = 20
    seed: int = 1
    history: str | None = None
    idle_sec: float = 10.0
    profile: Profile = Profile.GUIDE


@dataclass(frozen=True, eq=False)
class Subject(ABC):
    """A driver class and what is known of it.

    Args:
        name: its entry point's name.
        driver_class: what the entry point loads.
        distribution: the installed distribution that registers it; without one family P is not judged.
        world_factory: makes one World; without one only shape is judged.
        options: how much is asked, and how patiently.
        manners: what checks have found out about how it stops.
    """

    name: str
    driver_class: type[Any]
    distribution: Distribution | None = None
    world_factory: WorldFactory | None = None
    options: Options = field(default_factory=Options)
    manners: Manners = field(default_factory=Manners)

    kind: ClassVar[Kind]
    """What kind of driver it is judged as."""

    @property
    def label(self) -> str:
        """How reports call it: `source postgres`."""
        return f"{self.kind} {self.name}"

    @property
    def version(self) -> str:
        """The distribution's version, or `unknown`."""
        return self.distribution.version if self.distribution else "unknown"

    @property
    def capabilities(self) -> frozenset[str]:
        """The optional names that the driver declares."""
        return frozenset(getattr(self.driver_class, "capabilities", ()))

    def make_world(self) -> Any:
        """A World that has not been entered.

        Raises:
            NotJudged: the driver has none.
        """
        if self.world_factory is None:
            raise NotJudged(f"No World is registered for {self.label!r} in {worlds.GROUP!r}; write one, or name one")
        world = self.world_factory()
        note(world)
        return world

    @abstractmethod
    def parse(self, keywords: dict[str, Any]) -> Config:
        """The configuration of these keywords, with the driver's name where it is left out."""

    def _named(self, keywords: dict[str, Any]) -> dict[str, Any]:
        return {"driver": self.name, "disabled": False, **keywords}

    @contextmanager
    def instance(self, config: Config, name: str = "kit") -> Iterator[Any]:
        """A new instance with this configuration; closed when the block is left."""
        instance = self.driver_class(name, config)
        try:
            yield instance
        finally:
            asyncio.run(instance.close())

    @contextmanager
    def configured(self) -> Iterator[Config]:
        """A configuration that is valid while the block runs: the World's, or a bare one where none is written yet.

        Raises:
            NotJudged: there is no World, and the driver refuses a bare address.
        """
        with ExitStack() as stack:
            yield self._world_config(stack) or self._bare_config()

    def _world_config(self, stack: ExitStack) -> Config | None:
        if self.world_factory is None:
            return None
        world = self.world_factory()
        try:
            stack.enter_context(world)
            return self.parse(_keywords(world))
        except NotImplementedError as err:
            if unwritten(err, type(world)):
                return None
            raise

    def _bare_config(self) -> Config:
        config = self.parse({self.kind.address_key: f"{self.name}://localhost"})
        try:
            self.driver_class("kit", config)
        except ConfigError as err:
            raise NotJudged(f"It needs a World: a bare address is refused ({err})") from err
        return config


@dataclass(frozen=True, eq=False)
class SourceSubject(Subject):
    """A source and its World."""

    kind = Kind.SOURCE

    def parse(self, keywords: dict[str, Any]) -> SourceConfig:
        """As of every subject."""
        return SourceConfig.model_validate(self._named(keywords))

    @contextmanager
    def world(self) -> Iterator[SourceWorld]:
        """A fresh system, removed when the block is left.

        Raises:
            Broken: what was entered is not a World of a source.
        """
        with watched_world(self.make_world()) as world:
            if world is None:
                raise Broken("The World's __enter__ gives None; let it return self")
            if not hasattr(world, "operations"):
                raise Broken("The World has no `operations`; name there what it can do, such as frozenset({'create'})")
            yield cast(SourceWorld, world)

    def config(self, world: SourceWorld, **changes: Any) -> SourceConfig:
        """The World's configuration, with `changes`."""
        return self.parse({**_keywords(world), **changes})

    def driver(self, world: SourceWorld, **changes: Any) -> AbstractContextManager[SourceDriver]:
        """A new instance on that system; closed when the block is left."""
        return self.instance(self.config(world, **changes))

    def stream(
        self,
        driver: SourceDriver,
        start_position: int = -1,
        *,
        paused: bool = False,
        after_faults: bool = False,
        **keywords: Any,
    ) -> Stream:
        """A realtime stream of the driver's, being read in a thread of its own unless it is `paused`.

        One that is read `after_faults` of its system has all the time that the run allows, whatever was lost before.
        """
        most = self.options.patience_sec
        patience_sec = most if after_faults else self.manners.patience(most)
        return Stream(
            driver, start_position, paused=paused, patience_sec=patience_sec, manners=self.manners, **keywords
        )


@dataclass(frozen=True, eq=False)
class PusherSubject(Subject):
    """A pusher and its World."""

    kind = Kind.PUSHER

    def parse(self, keywords: dict[str, Any]) -> PusherConfig:
        """As of every subject."""
        return PusherConfig.model_validate(self._named(keywords))

    def world(self) -> AbstractContextManager[PusherWorld]:
        """A fresh system, removed when the block is left."""
        return cast(AbstractContextManager[PusherWorld], watched_world(self.make_world()))

    def driver(self, world: PusherWorld) -> PusherDriver:
        """A new instance on that system; the caller closes it."""
        return cast(PusherDriver, self.driver_class("kit", self.parse(_keywords(world))))


def _keywords(world: Any) -> dict[str, Any]:
    """Those of the World's configuration. Raises Broken where it gives something else."""
    found = world.config()
    if not isinstance(found, dict):
        raise Broken(f"The World's config() gives a {type(found).__name__}, not a dict of a configuration's keywords")
    return found


def subject_of_class(
    kind: Kind,
    driver_class: type[Any],
    world_factory: WorldFactory | None = None,
    *,
    name: str = "driver",
    distribution: Distribution | None = None,
    options: Options | None = None,
) -> SourceSubject | PusherSubject:
    """A subject of parts that the caller has in hand."""
    model = SourceSubject if kind is Kind.SOURCE else PusherSubject
    return model(name, driver_class, distribution, world_factory, options or Options())


def find_subject(
    kind: Kind, name: str, *, world: str | None = None, options: Options | None = None
) -> SourceSubject | PusherSubject:
    """The installed driver that hosts know as `name`; `my-db` and `my_db` are one.

    Args:
        kind: source or pusher.
        name: its entry point, or its distribution.
        world: `module:Class` in place of the registered World.
        options: how much is asked, and how patiently.

    Raises:
        SubjectError: no such driver is installed, or it or its World does not load.
    """
    wanted = name.replace("-", "_")
    for dist in distributions():
        for entry in driver_entries(dist, kind):
            if entry.name == wanted:
                return _subject(kind, entry, dist, world, options)
    try:
        return subject_of_distribution(kind, name, world=world, options=options)
    except SubjectError as err:
        known = sorted({entry.name for dist in distributions() for entry in driver_entries(dist, kind)})
        raise SubjectError(f"No {kind} {name!r} is installed; there are: {', '.join(known) or 'none'}") from err


def subject_of_distribution(
    kind: Kind,
    name: str,
    *,
    world: str | WorldFactory | None = None,
    options: Options | None = None,
) -> SourceSubject | PusherSubject:
    """The driver that the installed distribution `name` registers.

    Raises:
        SubjectError: it is not installed, registers no driver of this kind, or does not load.
    """
    try:
        dist = distribution(name)
    except PackageNotFoundError as err:
        raise SubjectError(
            f"Distribution {name!r} is not installed; install it (uv sync, or pip install -e .)"
        ) from err
    entries = driver_entries(dist, kind)
    if not entries:
        raise SubjectError(f"Distribution {name!r} registers no {kind}; add it to {due_groups(kind)[0]!r}")
    return _subject(kind, entries[0], dist, world, options)


def driver_entries(dist: Distribution, kind: Kind) -> list[EntryPoint]:
    """What the distribution registers for hosts, group by group."""
    return [entry for group in due_groups(kind) for entry in dist.entry_points.select(group=group)]


def _subject(
    kind: Kind, entry: EntryPoint, dist: Distribution, world: str | WorldFactory | None, options: Options | None
) -> SourceSubject | PusherSubject:
    factory = world if callable(world) else _load_world(kind, entry.name, dist, world)
    return subject_of_class(kind, _load(entry), factory, name=entry.name, distribution=dist, options=options)


def _load(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except (ImportError, AttributeError) as err:
        raise SubjectError(f"Entry point {entry.name!r} ({entry.value}) does not load: {err!r}") from err


def _load_world(kind: Kind, name: str, dist: Distribution, override: str | None) -> WorldFactory | None:
    if override is not None:
        try:
            return cast(WorldFactory, resolve_name(override))
        except (ImportError, AttributeError, ValueError) as err:
            raise SubjectError(f"World {override!r} does not load ({err!r}); write it as 'module:Class'") from err
    entries = list(dist.entry_points.select(group=worlds.GROUP))
    named = [entry for entry in entries if entry.name == worlds.entry_name(kind, name)]
    chosen = (named or entries)[:1]
    return cast(WorldFactory, _load(chosen[0])) if chosen else None
