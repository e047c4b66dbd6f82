"""Checks as hosts call them: keywords in, an answer out, never an exception and never a secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import psycopg2
from psycopg2.extensions import connection
from pydantic import BaseModel, ConfigDict, ValidationError

from fustor_core.exceptions import ConfigError, DriverError
from fustor_source_postgres._checks import create_agent_user
from fustor_source_postgres._server.catalog import find_column_identities, load_tables
from fustor_source_postgres._server.connection import Address, Credential, clean
from fustor_source_postgres._server.ownership import Owner
from fustor_source_postgres._server.publication import SHARED_NAME
from fustor_source_postgres._statements import user_statements
from fustor_source_postgres.config import PostgresParams, parse_params

Check = Callable[[connection, PostgresParams, str, Owner | None], tuple[bool, str]]
_STRING = {"type": "string"}


def _params_asked(*names: str) -> dict[str, Any]:
    """The parameters that most sources need; the others have a default."""
    fields = PostgresParams.model_json_schema()["properties"]
    return {name: fields[name] for name in names}


WIZARD_STEPS: list[dict[str, Any]] = [
    {
        "step_id": "connection",
        "title": "Where the database is",
        "schema": {
            "type": "object",
            "properties": {
                "uri": _STRING | {"title": "Database", "description": "postgresql://host:5432/database"},
                "credential": {
                    "type": "object",
                    "properties": {
                        "user": _STRING | {"title": "User", "description": "who may read the tables and their changes"},
                        "passwd": _STRING | {"title": "the user's password", "format": "password"},
                    },
                },
            },
            "required": ["uri"],
        },
        "validations": ["test_connection"],
    },
    {
        "step_id": "tables",
        "title": "What to read",
        "schema": {
            "type": "object",
            "properties": {"driver_params": {"type": "object", "properties": _params_asked("tables", "exclude")}},
        },
        "validations": ["check_runtime_params", "check_privileges"],
    },
]


class Asked(BaseModel):
    """The keywords of a check. `admin_creds` stand in for `credential` where they are given."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    uri: str
    credential: Credential | None = None
    admin_creds: Credential | None = None
    driver_params: dict[str, Any] | None = None
    id: str | None = None
    dry_run: bool = False


async def answer(kwargs: Mapping[str, Any], check: Callable[[Asked], tuple[bool, str]]) -> tuple[bool, str]:
    """What `check` says of these keywords, in a thread of its own."""
    try:
        asked = Asked.model_validate(dict(kwargs))
    except ValidationError as err:
        names = ", ".join(str(item["loc"][0]) for item in err.errors())
        return False, f"The check needs a valid {names}"
    try:
        return await asyncio.to_thread(check, asked)
    except (ConfigError, DriverError) as err:
        return False, str(err)
    except psycopg2.Error as err:
        named = (Address.parse(asked.uri, who).secrets for who in (asked.credential, asked.admin_creds, None))
        return False, clean(err, chain.from_iterable(named))


async def selected(kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The tables that are chosen now, with what makes their rows; None where it is not asked for or not known.

    A table and its columns are named by their numbers as well: the log does not repeat what is behind a new one.
    """
    found: dict[str, Any] = {}

    def look(conn: connection, params: PostgresParams, *_: object) -> tuple[bool, str]:
        tables = load_tables(conn, params)
        columns = find_column_identities(conn, tables)
        for table in tables:
            sent = {column.name: columns[table.oid, column.name] for column in table.columns}
            found[table.qualified] = {"oid": table.oid, "key": table.key, "columns": sent}
        return True, ""

    if kwargs.get("driver_params") is None:
        return None

    is_known, _ = await answer(kwargs, lambda asked: on_server(asked, look))
    return found if is_known else None


def on_server(asked: Asked, check: Check, *, as_admin: bool = False) -> tuple[bool, str]:
    """What `check` finds on the server, with the name that the source's slot has or would have."""
    params = parse_params(asked.driver_params)
    credential = (asked.admin_creds or asked.credential) if as_admin else (asked.credential or asked.admin_creds)
    address = Address.parse(asked.uri, credential, connect_timeout=params.connect_timeout_sec)
    owner = Owner.of(asked.id, address.database) if asked.id else None
    name = params.slot or (owner.default_slot if owner else "")
    with address.session() as conn:
        return check(conn, params, name, owner)


def make_agent_user(asked: Asked) -> tuple[bool, str]:
    """Make the user that `credential` names, or say what an administrator runs to make it."""
    user, password = (asked.credential.user, asked.credential.passwd) if asked.credential else (None, None)
    if asked.dry_run and user:
        params = parse_params(asked.driver_params)
        publication = params.publication or params.slot or SHARED_NAME
        return True, user_statements(params, Address.parse(asked.uri).database, user, publication)
    if not user or asked.admin_creds is None:
        return False, "The user is made with admin_creds and named by credential; give both"

    def make(conn: connection, params: PostgresParams, name: str, _: Owner | None) -> tuple[bool, str]:
        return True, create_agent_user(conn, user, password, params, params.publication or name or SHARED_NAME)

    return on_server(asked, make, as_admin=True)
