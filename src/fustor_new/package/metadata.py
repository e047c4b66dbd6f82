"""What a package says of itself, as one value, and what follows from that: its drivers, its names, what it requires."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fustor_new._toml import Keys, find, table, texts
from fustor_new.kinds import KIND_OF_GROUP
from fustor_new.names import normalize

__all__ = ["EntryPoint", "Metadata", "claims", "is_version", "requirement", "requirement_lists", "requirement_name"]

_LISTS: tuple[Keys, ...] = (("project", "dependencies"), ("tool", "uv", "dev-dependencies"))
_TABLES: tuple[Keys, ...] = (("project", "optional-dependencies"), ("dependency-groups",))


@dataclass(frozen=True)
class EntryPoint:
    """One line of an entry-point table."""

    group: str
    name: str
    value: str


@dataclass(frozen=True)
class Metadata:
    """The metadata of one package; what it does not say is empty."""

    folder: Path = Path()
    origin: str = ""
    """The first file that says something, relative to the package."""
    name: str = ""
    version: str = ""
    description: str = ""
    license: str = ""
    author: str = ""
    email: str = ""
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    """The requirements of every extra and dependency group."""
    entry_points: tuple[EntryPoint, ...] = ()
    dynamic: frozenset[str] = frozenset()
    project: Mapping[str, Any] = field(default_factory=dict)
    """The whole `pyproject.toml`, where there is one."""

    def with_defaults(self, other: "Metadata") -> "Metadata":
        """Return this, with what it lacks taken from `other`."""
        lacking = [one.name for one in fields(self) if not getattr(self, one.name)]
        return replace(self, **{name: getattr(other, name) for name in lacking})

    @cached_property
    def drivers(self) -> tuple[tuple[str, str], ...]:
        """The drivers that it holds, as pairs of kind and entry-point name, sorted."""
        found = {(KIND_OF_GROUP[one.group], one.name) for one in self.entry_points if one.group in KIND_OF_GROUP}
        return tuple(sorted(found))

    @property
    def labels(self) -> tuple[str, ...]:
        """What the drivers are called on the command line: `source-my-db`."""
        return tuple(f"{kind}-{name.replace('_', '-')}" for kind, name in self.drivers)

    @property
    def claims(self) -> Mapping[tuple[str, str], str]:
        """The names that no other package in an environment may have."""
        return claims(self.name, self.drivers)

    @property
    def is_managed(self) -> bool:
        """Tell whether uv has anything to do with it: `managed = false` takes a package out of its workspace."""
        return find(self.project, ("tool", "uv", "managed")) is not False

    @property
    def is_root(self) -> bool:
        """Tell whether it is the root of a uv workspace."""
        return find(self.project, ("tool", "uv", "workspace")) is not None

    @property
    def requires(self) -> frozenset[str]:
        """The normalized names of what it requires, in any list, and takes from no source of its own."""
        named = {requirement(one) for _, listed in requirement_lists(self.project) for one in listed}
        return frozenset(named - {normalize(name) for name in table(self.project, "tool", "uv", "sources")})


def claims(distribution: str, drivers: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """Return the names that only one package of an environment may have, each as it is written.

    They are compared as indexes and hosts do: a distribution's name by PEP 503, and an entry point's likewise, within
    its kind. So `Redis` and `redis` are one name.
    """
    named = [("distribution", distribution)] if distribution else []
    named += [(f"{kind} entry point", name) for kind, name in drivers]
    return {(what, normalize(name)): name for what, name in named}


def is_version(text: str) -> bool:
    """Tell whether a text is a version in the sense of PEP 440."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - most commands look at none

    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def requirement_name(requirement: str) -> str:
    """Return the distribution that a requirement names, as it is written there, or an empty text."""
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return match[1] if match else ""


def requirement(text: str) -> str:
    """Return the normalized name of the distribution that a requirement asks for, or an empty text."""
    return normalize(requirement_name(text))


def requirement_lists(data: Mapping[str, Any]) -> Iterator[tuple[Keys, tuple[str, ...]]]:
    """Yield every list of requirements by its keys: dependencies, extras, groups, uv's `dev-dependencies`."""
    inside = [(*keys, key) for keys in _TABLES for key in table(data, *keys)]
    for keys in (*_LISTS, *inside):
        listed = find(data, keys)
        if isinstance(listed, list):
            yield keys, texts(listed)
