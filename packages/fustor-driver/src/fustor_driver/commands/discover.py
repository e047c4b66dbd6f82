"""`fustor-driver discover`."""

from __future__ import annotations

from typing import Any

from fustor_core.drivers import SourceDriver
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.bases import DriverClass
from fustor_driver.choices import Choice, configured
from fustor_driver.commands._drivers import address_keyword, address_of
from fustor_driver.commands._options import (
    ConfigOption,
    EndpointOption,
    IdOption,
    JsonOption,
    KindArgument,
    NameArgument,
    QuietOption,
    SetOption,
    UriOption,
    VerboseOption,
)
from fustor_driver.errors import NotConformant
from fustor_driver.registry import Registry
from fustor_driver.reporting import known_errors, print_json, say, set_verbosity, show_table
from fustor_driver.supervision import run_bounded


@known_errors
def discover_command(  # noqa: PLR0917 - options, never positions
    kind: KindArgument,
    name: NameArgument,
    config: ConfigOption = None,
    id: IdOption = None,
    uri: UriOption = None,
    endpoint: EndpointOption = None,
    settings: SetOption = None,
    *,
    json: JsonOption = False,
    verbose: VerboseOption = 0,
    quiet: QuietOption = 0,
) -> None:
    """Show the fields that a source offers, or that a pusher needs."""
    set_verbosity(verbose, quiet)
    driver = Registry.installed().find(kind, name).load()
    _, found = configured(kind, Choice(name, config, id, address_of(kind, uri, endpoint), tuple(settings or ())))
    fields = run_bounded(lambda: _fields(driver, found))
    if json:
        print_json(fields)
        return
    properties = fields.get("properties", {})
    if not isinstance(properties, dict):
        raise NotConformant(f"The {kind} {name!r} answered 'properties' that are not a mapping")
    if not properties:
        say("All fields" if not fields else "No fields", quiet=quiet)
        return
    show_table(("field", "type", "column"), (_row(field, about) for field, about in properties.items()))


async def _fields(driver: DriverClass, config: SourceConfig | PusherConfig) -> dict[str, Any]:
    keywords: dict[str, Any] = {"credential": config.credential, "driver_params": config.driver_params}
    if issubclass(driver, SourceDriver):
        return await driver.get_available_fields(**address_keyword(config), **keywords)
    return await driver.get_needed_fields(**address_keyword(config), **keywords)


def _row(field: str, about: dict[str, Any]) -> tuple[str, str, str]:
    return (field, str(about.get("type", "")), str(about.get("column_index", "")))
