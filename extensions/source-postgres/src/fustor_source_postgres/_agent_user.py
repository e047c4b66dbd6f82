"""The least privileged user that suffices, made by an administrator."""

from __future__ import annotations

from psycopg2 import errors, sql
from psycopg2.extensions import connection, encrypt_password

from fustor_source_postgres._server.catalog import Table, require_identities, require_keys, require_tables
from fustor_source_postgres._server.publication import ensure_publication
from fustor_source_postgres._server.slots import database_of
from fustor_source_postgres._server.sql import fetch_one
from fustor_source_postgres.config import PostgresParams

_HAS_POLICIES = (
    "select exists (select from pg_catalog.pg_class where oid = any(%s::pg_catalog.oid[]) and relrowsecurity)"
)


def create_agent_user(
    conn: connection, user: str, password: str | None, params: PostgresParams, publication: str
) -> str:
    """Make or mend the role `user`, let it read the chosen tables, and make the publication; what was done.

    The password leaves this process as a SCRAM verifier only, so no log of the server can show it.
    """
    tables = require_tables(conn, params)
    role = sql.Identifier(user)
    _make_role(conn, role, user, password)
    with conn.cursor() as cur:
        database = sql.Identifier(database_of(conn))
        cur.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, role))
        for schema in sorted({table.schema for table in tables}):
            cur.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role))
        for table in tables:
            name = sql.Identifier(table.schema, table.name)
            cur.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(name, role))
        if _has_policies(conn, tables):
            cur.execute(sql.SQL("ALTER ROLE {} BYPASSRLS").format(role))
    telling = require_identities(require_keys(tables, params), params)
    ensure_publication(conn, publication, telling, params.lock_timeout_sec)
    return f"User {user!r} may read {len(tables)} tables and publication {publication!r}"


def _make_role(conn: connection, role: sql.Identifier, user: str, password: str | None) -> None:
    options = [sql.SQL("LOGIN REPLICATION")]
    if password is not None:
        verifier = encrypt_password(password, user, conn, "scram-sha-256")
        options.append(sql.SQL("PASSWORD {}").format(sql.Literal(verifier)))  # type: ignore[arg-type] # composes
    with conn.cursor() as cur:
        for verb in ("CREATE", "ALTER"):
            try:
                cur.execute(sql.SQL("{} ROLE {} {}").format(sql.SQL(verb), role, sql.SQL(" ").join(options)))
            except errors.DuplicateObject:
                continue
            return


def _has_policies(conn: connection, tables: list[Table]) -> bool:
    with conn.cursor() as cur:
        cur.execute(_HAS_POLICIES, ([table.oid for table in tables],))
        return bool(fetch_one(cur)[0])
