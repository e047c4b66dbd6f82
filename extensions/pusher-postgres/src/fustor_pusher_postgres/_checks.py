"""Answers to what hosts ask before they run the driver; nothing is created that stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2.extensions import cursor
from pydantic import ValidationError

from fustor_core.exceptions import DriverError
from fustor_pusher_postgres._server import Address
from fustor_pusher_postgres._tables.schema import prepare_schema
from fustor_pusher_postgres._write.stage import prepare_stage
from fustor_pusher_postgres.config import PostgresParams, parse_params

_OLDEST = 140_000


def _params_asked(*names: str) -> dict[str, Any]:
    """The parameters that most pushers are asked for; the others have a default."""
    fields = PostgresParams.model_json_schema()["properties"]
    return {name: fields[name] for name in names}


WIZARD_STEPS: dict[str, Any] = {
    "steps": [
        {
            "step_id": "destination",
            "title": "Where the events go",
            "schema": {
                "type": "object",
                "properties": {
                    "endpoint": {
                        "type": "string",
                        "title": "Database",
                        "description": "postgresql://host:5432/database",
                    },
                    "credential": {
                        "type": "object",
                        "properties": {
                            "user": {"type": "string", "title": "User", "description": "who may create tables"},
                            "passwd": {"type": "string", "title": "the user's password", "format": "password"},
                        },
                    },
                    "driver_params": {"type": "object", "properties": _params_asked("schema", "typed_tables")},
                },
                "required": ["endpoint"],
            },
            "validations": ["test_connection", "check_privileges"],
        }
    ]
}


def answer(
    asked: Mapping[str, Any], check: Callable[[cursor, PostgresParams, str], tuple[bool, str]]
) -> tuple[bool, str]:
    """What a check finds on the server that a host asks about with these keywords."""
    endpoint = asked.get("endpoint")
    if not isinstance(endpoint, str):
        return False, "There is no `endpoint`; give an address like postgresql://host:5432/database"
    try:
        params = parse_params(asked.get("driver_params"))
        address = Address.parse(endpoint, asked.get("credential"), timeout_sec=params.timeout_sec)
    except DriverError as error:
        return False, str(error)
    except ValidationError:
        return False, "The `credential` has no user and passwd; correct it"
    try:
        with closing(address.connect()) as conn, conn.cursor() as cur:
            return check(cur, params, address.shown)
    except psycopg2.Error as error:
        return False, f"{address.shown}: {address.clean(error)}"
    except DriverError as error:
        return False, str(error)


def connection(cur: cursor, _params: PostgresParams, shown: str) -> tuple[bool, str]:
    """Whether the server answers, and is one that this driver can write to."""
    cur.execute(
        "SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_setting('server_version_num')::integer"
    )
    found = cur.fetchone() or ("", 0)
    cur.execute("SELECT pg_catalog.pg_is_in_recovery()")
    if cur.fetchone() == (True,):
        return False, f"{shown} is a standby; give the address of the primary"
    if found[1] < _OLDEST:
        return False, f"{shown} runs PostgreSQL {found[0]}; version 14 or later is needed"
    return True, f"{shown} runs PostgreSQL {found[0]}"


def privileges(cur: cursor, params: PostgresParams, shown: str) -> tuple[bool, str]:
    """Whether schema and tables can be created; tried in a transaction that is rolled back."""
    cur.execute("BEGIN")
    prepare_stage(cur)
    prepare_schema(cur, params.schema_name, upgrades=False)
    cur.execute("SELECT pg_catalog.has_schema_privilege(%s, 'CREATE')", (params.schema_name,))
    may_create = cur.fetchone() == (True,)
    cur.execute("ROLLBACK")
    if not may_create:
        return False, f"This user may not create tables in schema {params.schema_name!r} of {shown}; grant CREATE on it"
    return True, f"Tables can be created in schema {params.schema_name!r} of {shown}"
