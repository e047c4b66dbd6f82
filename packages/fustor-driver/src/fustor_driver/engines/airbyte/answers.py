"""What a connector says of itself: how it is configured, whether that works, and which stream it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fustor_core.drivers import SourceDriver
from fustor_driver.engines.bookmarks import has_positions
from fustor_driver.engines.schema import KEY, POSITION, json_schema
from fustor_driver.hosts.calls import connection_of, is_unsupported
from fustor_driver.kinds import Kind
from fustor_driver.params import config_schema
from fustor_driver.redaction import clean, is_secret
from fustor_driver.registry import Registry

__all__ = ["DELETED_AT", "check", "discover", "specification"]

DELETED_AT = "_ab_cdc_deleted_at"
_NOT_ASKED = ("disabled", "max_queue_size")
_PAGE = "https://docs.airbyte.com/understanding-airbyte/airbyte-protocol"


def specification(drivers: Sequence[str]) -> dict[str, Any]:
    """How a source of one of these drivers is configured: of one driver alone with its own parameters."""
    schema = config_schema(Kind.SOURCE, Registry.read().find(Kind.SOURCE, drivers[0]).load())
    properties = {name: field for name, field in schema["properties"].items() if name not in _NOT_ASKED}
    if len(drivers) > 1:
        properties["driver_params"] = {"type": "object", "description": "The driver's own parameters"}
    properties["driver"] |= {"enum": sorted(drivers)}
    identifier = {"type": "string", "description": "Names the stream, and what the source keeps, such as a slot"}
    asked = {"id": identifier, **properties}
    return {
        "type": "SPEC",
        "spec": {
            "connectionSpecification": _marked({**schema, "properties": asked}),
            "supportsIncremental": True,
            "protocol_version": "0.2.0",
        },
    }


async def check(source: SourceDriver) -> dict[str, Any]:
    """Whether the other side answers, by the driver's own word."""
    passed, text = await source.test_connection(**connection_of(source.config))
    return status(passed=passed or is_unsupported(text), text=text)


def status(*, passed: bool, text: str) -> dict[str, Any]:
    """The answer to `check`."""
    said = {"status": "SUCCEEDED" if passed else "FAILED", "message": clean(text)}
    return {"type": "CONNECTION_STATUS", "connectionStatus": said}


async def discover(source: SourceDriver) -> dict[str, Any]:
    """The catalog: one stream, named as the source is. Without positions it can only be read whole."""
    modes = ["full_refresh", "incremental"] if has_positions(source) else ["full_refresh"]
    stream = {
        "name": source.id,
        "json_schema": json_schema(DELETED_AT),
        "supported_sync_modes": modes,
        "source_defined_primary_key": [[KEY]],
        "source_defined_cursor": has_positions(source),
        **({"default_cursor_field": [POSITION]} if has_positions(source) else {}),
    }
    return {"type": "CATALOG", "catalog": {"streams": [stream]}}


def _marked(schema: Any) -> Any:
    """The same schema, with what is secret marked as such."""
    if isinstance(schema, list):
        return [_marked(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: _marked(item) for key, item in schema.items()}
    for name, field in found.get("properties", {}).items() if isinstance(found.get("properties"), dict) else ():
        if is_secret(name) and name != "credential" and isinstance(field, dict):
            field["airbyte_secret"] = True
    return found
