"""The drivers that are installed, from every entry-point group that any host scans.

It imports no core, so that it reads what stands beside any.
"""

from __future__ import annotations

import difflib
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from fustor_driver.errors import EnvironmentProblem
from fustor_driver.kinds import Kind, Profile

if TYPE_CHECKING:
    from fustor_driver.bases import DriverClass

__all__ = ["GROUPS", "DriverRecord", "Group", "Kind", "Registry", "due_groups"]


@dataclass(frozen=True)
class Group:
    """An entry-point group: what is registered there, and which hosts look at it."""

    name: str
    kind: Kind
    hosts: tuple[Profile, ...]
    is_due: bool = True
    """Whether a driver has to be registered there; where not, another group of its hosts is enough."""


GROUPS = (
    Group("fustor.drivers.sources", Kind.SOURCE, (Profile.GUIDE,)),
    Group("fustor_agent.drivers.sources", Kind.SOURCE, (Profile.AGENT_0_2, Profile.AGENT_0_8)),
    Group("fustor_agent.sources", Kind.SOURCE, (Profile.AGENT_0_8,), is_due=False),
    Group("fustor.drivers.pushers", Kind.PUSHER, (Profile.GUIDE,)),
    Group("fustor_agent.drivers.pushers", Kind.PUSHER, (Profile.AGENT_0_2,)),
)
_BASES = {Kind.SOURCE: "SourceDriver", Kind.PUSHER: "PusherDriver"}


@dataclass(frozen=True)
class DriverRecord:
    """One driver as its package registers it: where it was found, and its class or why it does not load."""

    kind: Kind
    name: str
    value: str
    distribution: str
    version: str
    groups: tuple[str, ...]
    driver: DriverClass | None = None
    error: str | None = None
    """Traceback of the attempt to load it."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that find this driver, by the groups it is registered in."""
        found = {host for group in GROUPS if group.name in self.groups for host in group.hosts}
        return tuple(sorted(found))

    def as_data(self) -> dict[str, Any]:
        """What machines are told of every driver."""
        return {
            "kind": self.kind.value,
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "class": self.value,
        }

    def load(self) -> DriverClass:
        """The driver's class, imported now if it was not.

        Raises:
            EnvironmentProblem: it does not load; the last line of the traceback is named.
        """
        tried = self if self.driver is not None or self.error is not None else _loaded(self)
        if tried.driver is None:
            raise EnvironmentProblem(tried.why_it_does_not_load())
        return tried.driver

    def why_it_does_not_load(self) -> str:
        """The last line of its traceback, and who shows the rest."""
        last = (self.error or "not loaded").strip().splitlines()[-1]
        return (
            f"The {self.kind} {self.name!r} of {self.distribution!r} does not load: {last}; "
            "`fustor-driver doctor` shows the traceback"
        )


@dataclass(frozen=True)
class Registry:
    """All drivers that a command may use, by kind and name."""

    records: tuple[DriverRecord, ...]

    @classmethod
    def installed(cls) -> Registry:
        """Every driver of this environment, loaded; one record for each kind, name and class."""
        return cls(tuple(map(_loaded, cls.read().records)))

    @classmethod
    def read(cls, entries: Iterable[EntryPoint] | None = None) -> Registry:
        """Every driver that these entry points name, or those of this environment; `load` imports one.

        There is one record for each kind, name and class.
        """
        merged: dict[tuple[Kind, str, str, str], DriverRecord] = {}
        listed, owner_of = list(_entries() if entries is None else entries), cache(_owner)
        for group in GROUPS:
            for entry in (entry for entry in listed if entry.group == group.name):
                record = DriverRecord(group.kind, entry.name, entry.value, *owner_of(entry.dist), groups=(group.name,))
                key = (record.kind, record.name, record.value, record.distribution)
                known = merged.get(key)
                merged[key] = replace(known, groups=(*known.groups, group.name)) if known else record
        records = sorted(merged.values(), key=lambda record: (record.kind, record.name, record.distribution))
        return cls(tuple(records))

    def __iter__(self) -> Iterator[DriverRecord]:
        return iter(self.records)

    def of(self, kind: Kind) -> tuple[DriverRecord, ...]:
        """The drivers of one kind."""
        return tuple(record for record in self.records if record.kind is kind)

    def find(self, kind: Kind, name: str) -> DriverRecord:
        """The driver that is registered under `name`; `my-db` finds `my_db`.

        Raises:
            EnvironmentProblem: there is none, or two packages claim the name.
        """
        wanted = name.replace("-", "_")
        found = [record for record in self.of(kind) if record.name.replace("-", "_") == wanted]
        if len(found) > 1:
            raise EnvironmentProblem(
                f"The {kind} {name!r} is registered by {_listed(record.distribution for record in found)}; remove one"
            )
        if not found:
            raise EnvironmentProblem(f"No {kind} {name!r} is installed; {self._suggestion(kind, wanted)}")
        return found[0]

    def _suggestion(self, kind: Kind, wanted: str) -> str:
        names = [record.name for record in self.of(kind)]
        near = difflib.get_close_matches(wanted, names, n=1)
        if near:
            return f"did you mean {near[0]!r}?"
        return f"there are {_listed(names)}" if names else f"install a package such as 'fustor-{kind}-fs'"


def due_groups(kind: Kind) -> tuple[str, ...]:
    """The groups that a driver of this kind has to be registered in, so that every host finds it."""
    return tuple(group.name for group in GROUPS if group.kind is kind and group.is_due)


def _entries() -> Iterator[EntryPoint]:
    known = entry_points()  # which reads every distribution's, whatever group is asked for
    return (entry for group in GROUPS for entry in known.select(group=group.name))


def _owner(distribution: Distribution | None) -> tuple[str, str]:
    if distribution is None:
        return "?", "?"
    metadata = distribution.metadata  # parsed anew whenever it is asked for
    return metadata["Name"], metadata["Version"]


def _loaded(record: DriverRecord) -> DriverRecord:
    try:
        found: Any = EntryPoint(record.name, record.value, record.groups[0]).load()
    except Exception:  # noqa: BLE001 - whatever a foreign module raises on import is its answer; it is shown whole
        return replace(record, error=traceback.format_exc())
    if not _inherits(found, _BASES[record.kind]):
        base = _BASES[record.kind]
        return replace(record, error=f"TypeError: {record.value!r} is not a subclass of fustor_core's {base}")
    return replace(record, driver=found)


def _inherits(found: Any, base: str) -> bool:
    """Whether it is a class below the one that this environment's `fustor_core` has under the name."""
    module = sys.modules.get("fustor_core.drivers")  # whoever inherits from it has imported it
    above = getattr(module, base, None)
    return isinstance(found, type) and isinstance(above, type) and issubclass(found, above)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(set(names)))
