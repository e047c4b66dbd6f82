"""`fustor-driver about`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from fustor_core.drivers import SourceDriver
from fustor_driver.bases import DriverClass
from fustor_driver.commands._options import JsonOption, KindArgument, NameArgument, subcommand
from fustor_driver.params import config_schema
from fustor_driver.registry import DriverRecord, Registry
from fustor_driver.reporting import SHOWN, print_json, show_lines, show_table


@subcommand
def about_command(kind: KindArgument, name: NameArgument, *, json: JsonOption = False) -> None:
    """Show what a driver is and how it is configured.

    With --json it shows the JSON Schema of the configuration.
    """
    record = Registry.read().find(kind, name)
    driver = record.load()
    schema = config_schema(kind, driver)
    if json:
        print_json(_as_data(record, driver, schema))
        return
    if not SHOWN.quiet:
        show_lines(_description(record, driver))
    show_table(("field", "type", "default", "meaning"), field_rows(schema))


def _description(record: DriverRecord, driver: DriverClass) -> Iterator[str]:
    yield f"{record.kind} {record.name}, from {record.distribution} {record.version} ({record.value})"
    yield first_line(driver)
    yield f"Found by: {', '.join(record.hosts)}"
    if issubclass(driver, SourceDriver):
        yield f"Honours: {', '.join(sorted(driver.capabilities)) or 'nothing optional'}"


def first_line(driver: DriverClass) -> str:
    """What the driver says of itself, in one line."""
    return (inspect.getdoc(driver) or "It does not describe itself.").splitlines()[0]


def _as_data(record: DriverRecord, driver: DriverClass, schema: dict[str, Any]) -> dict[str, Any]:
    return record.as_data() | {
        "summary": first_line(driver),
        "hosts": record.hosts,
        "capabilities": sorted(driver.capabilities) if issubclass(driver, SourceDriver) else [],
        "config_schema": schema,
    }


def field_rows(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """Each field of a model or an entry, and of its `driver_params`: name, type, default and meaning."""
    for name, field in schema["properties"].items():
        if "properties" in field:
            yield from field_rows(field, f"{prefix}{name}.")
        else:
            default = "required" if name in schema.get("required", []) else repr(field.get("default"))
            yield f"{prefix}{name}", _type(field), default, field.get("description", "")


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"])
    if "enum" in field:
        return " or ".join(map(repr, field["enum"]))
    if "items" in field:
        return f"list of {_type(field['items'])}"
    return str(field.get("type") or field.get("$ref", "any").rpartition("/")[2])
