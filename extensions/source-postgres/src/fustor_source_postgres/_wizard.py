"""Steps of a configuration wizard."""

from __future__ import annotations

from typing import Any

from fustor_source_postgres.config import PostgresParams

_STRING = {"type": "string"}
WIZARD_STEPS: list[dict[str, Any]] = [
    {
        "step_id": "connection",
        "title": "Where the database is",
        "schema": {
            "type": "object",
            "properties": {
                "uri": _STRING | {"title": "postgresql://host:5432/database"},
                "credential": {
                    "type": "object",
                    "properties": {"user": _STRING, "passwd": _STRING | {"format": "password"}},
                },
            },
            "required": ["uri"],
        },
        "validations": ["test_connection"],
    },
    {
        "step_id": "tables",
        "title": "What to read",
        "schema": {"type": "object", "properties": {"driver_params": PostgresParams.model_json_schema()}},
        "validations": ["check_runtime_params", "check_privileges"],
    },
]
