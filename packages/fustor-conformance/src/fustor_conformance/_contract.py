"""What the contract's base classes say of a driver, for whatever reads a driver by them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from fustor_driver.bases import BASES
from fustor_driver.kinds import Kind

_NEVER_MISSED = frozenset(
    {
        "acknowledge",
        "get_latest_position",
        "get_snapshot_partitions",
        "perform_sentinel_check",
        "scan_path",
        "statistics",
    }
)
"""Optional names that no released host calls, or only where a driver has them."""
NAMES_IN_EVERY_RELEASE: dict[Kind, dict[str, set[str]]] = {
    Kind.SOURCE: {
        "fustor_core.drivers": {"SourceDriver"},
        "fustor_core.models.config": {"SourceConfig"},
        "fustor_core.exceptions": {"DriverError", "ConfigError"},
    },
    Kind.PUSHER: {
        "fustor_core.drivers": {"PusherDriver"},
        "fustor_core.models.config": {"PusherConfig", "PasswdCredential", "ApiKeyCredential"},
        "fustor_core.exceptions": {"DriverError", "ConfigError", "RetryableError", "NotSupported"},
    },
}
"""What a driver may import of Fustor's core, by kind: a pusher meets agent 0.2 alone."""
TOOLS = frozenset({"fustor_driver", "fustor_conformance", "fustor_new"})


def public(base: type) -> Iterator[tuple[str, object]]:
    """The methods and properties that hosts call, as the base class defines them."""
    for name in dir(base):
        if not name.startswith("_") and name != "capabilities":
            yield name, inspect.getattr_static(base, name)


def form(attribute: object) -> str:
    """How an attribute is called: a property, a sync or async method or classmethod."""
    if isinstance(attribute, property):
        return "a property"
    kind = "classmethod" if isinstance(attribute, classmethod) else "method"
    function = attribute.__func__ if isinstance(attribute, classmethod | staticmethod) else attribute
    if inspect.isasyncgenfunction(function):
        return "an async generator"
    return f"{'an async' if inspect.iscoroutinefunction(function) else 'a sync'} {kind}"


def abstract(kind: Kind) -> frozenset[str]:
    """What a driver has to define."""
    return BASES[kind].__abstractmethods__


def to_define(kind: Kind) -> frozenset[str]:
    """What a driver should define although the base class has a default: a released base has another or none."""
    return frozenset(name for name, _ in public(BASES[kind])) - abstract(kind) - _NEVER_MISSED
