"""Driver objects from what the command line says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.choices import Choice, configured_pusher, configured_source
from fustor_driver.errors import UsageProblem
from fustor_driver.kinds import Kind
from fustor_driver.params import explained
from fustor_driver.registry import Registry
from fustor_driver.supervision import in_thread, run_bounded

__all__ = [
    "address_keyword",
    "address_of",
    "constructed",
    "pusher_class",
    "pusher_from",
    "source_class",
    "source_from",
]

_T = TypeVar("_T")


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
    driver = source_class(choice.name)
    id, config = configured_source(choice)
    with explained(driver, id, config, choice.place):
        return constructed(lambda: driver(id, config))


def pusher_from(choice: Choice) -> PusherDriver:
    """The pusher that is meant, constructed."""
    driver = pusher_class(choice.name)
    id, config = configured_pusher(choice)
    with explained(driver, id, config, choice.place):
        return constructed(lambda: driver(id, config))


def address_of(kind: Kind, uri: str | None, endpoint: str | None) -> str | None:
    """The address given for a driver of this kind.

    Raises:
        UsageProblem: the other kind's option was given.
    """
    if kind is Kind.SOURCE and endpoint is not None:
        raise UsageProblem("A source reads from --uri, not --endpoint")
    if kind is Kind.PUSHER and uri is not None:
        raise UsageProblem("A pusher writes to --endpoint, not --uri")
    return uri if kind is Kind.SOURCE else endpoint


def address_keyword(config: SourceConfig | PusherConfig) -> dict[str, str]:
    """The address as the keyword that class methods take it by."""
    return {"uri": config.uri} if isinstance(config, SourceConfig) else {"endpoint": config.endpoint}
