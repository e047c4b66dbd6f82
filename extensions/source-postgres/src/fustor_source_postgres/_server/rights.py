"""Which chosen tables this user may not read whole, and what to run so that it may."""

from __future__ import annotations

from psycopg2 import sql
from psycopg2.extensions import connection

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._server.catalog import Table
from fustor_source_postgres._server.sql import fetch_one

_ROLE = """
select rolname, rolreplication or rolsuper, rolbypassrls or rolsuper
  from pg_catalog.pg_roles where rolname = current_user
"""
# who owns a table reads it whole, unless its policies are forced on the owner as well
_RIGHTS = """
select c.oid, pg_catalog.has_schema_privilege(n.oid, 'usage'), pg_catalog.has_table_privilege(c.oid, 'select'),
       c.relrowsecurity and (c.relforcerowsecurity or not pg_catalog.pg_has_role(c.relowner, 'usage'))
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.oid = any(%s::pg_catalog.oid[])
"""
_SHOWN = 5


def find_role(conn: connection) -> tuple[str, bool, bool]:
    """The user's name, whether it may stream, and whether it sees every row whatever policies say."""
    with conn.cursor() as cur:
        cur.execute(_ROLE)
        name, may_stream, sees_all = fetch_one(cur)
        return name, may_stream, sees_all


def find_obstacles(conn: connection, tables: list[Table]) -> dict[str, list[str]]:
    """What keeps this user from reading a table whole, in words that say what to run, by the table's name."""
    role, _, sees_all = find_role(conn)
    user = sql.Identifier(role).as_string(conn)
    with conn.cursor() as cur:
        cur.execute(_RIGHTS, ([table.oid for table in tables],))
        rights = {oid: found for oid, *found in cur}
    obstacles: dict[str, list[str]] = {}
    for table in tables:
        usage, select, is_hidden = rights.get(table.oid, (True, True, False))  # dropped meanwhile: others tell that
        name, schema = (
            sql.Identifier(*parts).as_string(conn) for parts in ((table.schema, table.name), (table.schema,))
        )
        found = [
            "" if usage else f"its schema is closed: run `GRANT USAGE ON SCHEMA {schema} TO {user}`",
            "" if select else f"it is closed: run `GRANT SELECT ON {name} TO {user}`",
            "" if sees_all or not is_hidden else f"policies hide rows of it: run `ALTER ROLE {user} BYPASSRLS`",
        ]
        if any(found):
            obstacles[table.qualified] = [text for text in found if text]
    return obstacles


def require_rights(conn: connection, tables: list[Table]) -> None:
    """Raise a ConfigError that names the tables that this user may not read whole."""
    obstacles = find_obstacles(conn, tables)
    if obstacles:
        told = "; ".join(f"{name!r}: {', '.join(texts)}" for name, texts in list(obstacles.items())[:_SHOWN])
        more = f"; and {len(obstacles) - _SHOWN} more" if len(obstacles) > _SHOWN else ""
        raise ConfigError(f"This user may not read every chosen table ({told}{more}); or `exclude` them")
