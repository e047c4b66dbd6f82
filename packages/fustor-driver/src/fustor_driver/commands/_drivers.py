"""Driver objects from what the command line says."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.bases import CONFIGS
from fustor_driver.choices import DEFAULT_FILE, overlaid
from fustor_driver.commands._options import ConfigOption, EndpointOption, IdOption, SetOption, UriOption
from fustor_driver.configuration import load
from fustor_driver.errors import UsageProblem
from fustor_driver.kinds import Kind
from fustor_driver.params import explained
from fustor_driver.registry import Registry
from fustor_driver.supervision import in_thread, run_bounded

__all__ = ["EntryOptions", "PusherOptions", "SourceOptions", "constructed", "pusher_from", "source_from"]

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

    @property
    def file(self) -> Path | None:
        """The file that was given, or the default one if it is there and no address was given."""
        if self.config is None and self.uri is None and self.endpoint is None and DEFAULT_FILE.is_file():
            return DEFAULT_FILE
        return self.config

    def configured(self, kind: Kind, name: str) -> tuple[str, SourceConfig | PusherConfig]:
        """Identifier and configuration of the driver that is meant.

        Raises:
            UsageProblem: the address is that of another kind, or there is no such entry.
            ConfigurationProblem: field by field.
        """
        if kind is Kind.SOURCE and self.endpoint is not None:
            raise UsageProblem("A source reads from --uri, not --endpoint")
        if kind is Kind.PUSHER and self.uri is not None:
            raise UsageProblem("A pusher writes to --endpoint, not --uri")
        if self.file is None:
            id, data = self.id or name, {"driver": name}
        else:
            id, entry = load(self.file).using(kind, name, self.id)
            data = entry.model_dump(exclude_unset=True)
        return id, overlaid(CONFIGS[kind], data, self.endpoint if self.uri is None else self.uri, self.settings or ())


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


def source_from(name: str, entry: EntryOptions) -> SourceDriver:
    """The source that is meant, constructed."""
    return cast("SourceDriver", _driver_from(Kind.SOURCE, name, entry))


def pusher_from(name: str, entry: EntryOptions) -> PusherDriver:
    """The pusher that is meant, constructed."""
    return cast("PusherDriver", _driver_from(Kind.PUSHER, name, entry))


def _driver_from(kind: Kind, name: str, entry: EntryOptions) -> SourceDriver | PusherDriver:
    driver = Registry.read().find(kind, name).load()
    id, config = entry.configured(kind, name)
    with explained(driver, id, config, entry.file):
        return constructed(lambda: driver(id, cast("Any", config)))
