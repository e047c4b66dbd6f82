"""Driver objects from what the command line says."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.choices import Choice, configured
from fustor_driver.commands._options import ConfigOption, EndpointOption, IdOption, SetOption, UriOption
from fustor_driver.errors import UsageProblem
from fustor_driver.kinds import Kind
from fustor_driver.params import explained
from fustor_driver.registry import Registry
from fustor_driver.supervision import in_thread, run_bounded

__all__ = [
    "EntryOptions",
    "PusherOptions",
    "SourceOptions",
    "constructed",
    "pusher_class",
    "pusher_from",
    "source_class",
    "source_from",
]

_T = TypeVar("_T")


@dataclass(frozen=True)
class EntryOptions:
    """A group of options: which entry of a file is meant, and what is put over it."""

    unasked: ClassVar[Collection[str]] = ()
    """Options that are not among them."""

    config: ConfigOption = None
    id: IdOption = None
    uri: UriOption = None
    endpoint: EndpointOption = None
    settings: SetOption = None

    def choice(self, name: str, kind: Kind | None = None) -> Choice:
        """What was given for the driver of this name.

        Raises:
            UsageProblem: the address is that of another kind.
        """
        if kind is Kind.SOURCE and self.endpoint is not None:
            raise UsageProblem("A source reads from --uri, not --endpoint")
        if kind is Kind.PUSHER and self.uri is not None:
            raise UsageProblem("A pusher writes to --endpoint, not --uri")
        address = self.endpoint if self.uri is None else self.uri
        return Choice(name, self.config, self.id, address, tuple(self.settings or ()))


class SourceOptions(EntryOptions):
    """The same of a source."""

    unasked = ("endpoint",)


class PusherOptions(EntryOptions):
    """The same of a pusher."""

    unasked = ("uri",)


def constructed(make: Callable[[], _T]) -> _T:
    """The driver that `make` constructs, outside of the main thread: a constructor that never returns ends on a signal.

    Raises:
        Interrupted: by SIGINT or SIGTERM.
        NotConformant: the constructor wanted to end the process.
    """
    return run_bounded(lambda: in_thread(make, "fustor-construct"), grace_sec=0.0)


def source_class(name: str) -> type[SourceDriver]:
    """The installed source driver of this name."""
    return cast("type[SourceDriver]", Registry.installed().find(Kind.SOURCE, name).load())


def pusher_class(name: str) -> type[PusherDriver]:
    """The installed pusher driver of this name."""
    return cast("type[PusherDriver]", Registry.installed().find(Kind.PUSHER, name).load())


def source_from(choice: Choice) -> SourceDriver:
    """The source that is meant, constructed."""
    return cast("SourceDriver", _driver_from(Kind.SOURCE, choice))


def pusher_from(choice: Choice) -> PusherDriver:
    """The pusher that is meant, constructed."""
    return cast("PusherDriver", _driver_from(Kind.PUSHER, choice))


def _driver_from(kind: Kind, choice: Choice) -> SourceDriver | PusherDriver:
    driver = Registry.installed().find(kind, choice.name).load()
    id, config = configured(kind, choice)
    with explained(driver, id, config, choice.place):
        return constructed(lambda: driver(id, cast("Any", config)))
