"""`fustor-driver discover`."""

from __future__ import annotations

from typing import Any

from fustor_core.drivers import SourceDriver
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.bases import DriverClass
from fustor_driver.commands._drivers import EntryOptions
from fustor_driver.commands._options import JsonOption, KindArgument, NameArgument, subcommand
from fustor_driver.errors import NotConformant
from fustor_driver.hosts.calls import connection_of
from fustor_driver.registry import Registry
from fustor_driver.reporting import print_json, say, show_table
from fustor_driver.supervision import run_bounded


@subcommand
def discover_command(kind: KindArgument, name: NameArgument, entry: EntryOptions, *, json: JsonOption = False) -> None:
    """Show the fields that a source offers, or that a pusher needs."""
    driver = Registry.read().find(kind, name).load()
    _, found = entry.configured(kind, name)
    fields = run_bounded(lambda: _fields(driver, found))
    if json:
        print_json(fields)
        return
    properties = fields.get("properties", {})
    if not isinstance(properties, dict):
        raise NotConformant(f"The {kind} {name!r} answered 'properties' that are not a mapping")
    if not properties:
        say("All fields" if not fields else "No fields")
        return
    show_table(("field", "type", "column"), (_row(field, about) for field, about in properties.items()))


async def _fields(driver: DriverClass, config: SourceConfig | PusherConfig) -> dict[str, Any]:
    ask = driver.get_available_fields if issubclass(driver, SourceDriver) else driver.get_needed_fields
    return await ask(**connection_of(config))


def _row(field: str, about: dict[str, Any]) -> tuple[str, str, str]:
    return (field, str(about.get("type", "")), str(about.get("column_index", "")))
