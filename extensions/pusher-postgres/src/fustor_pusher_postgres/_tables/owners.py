"""Whose the schema is: what others made in it would run with the rights of whoever writes there."""

from __future__ import annotations

from psycopg2.extensions import cursor

from fustor_pusher_postgres._server.errors import ConfigError

__all__ = ["refuse_strangers"]

_STRANGERS = """
WITH place AS (SELECT n.oid, n.nspname, n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname = %s),
things (what, owner) AS (
    SELECT 'Schema ' || pg_catalog.quote_ident(nspname), nspowner FROM place
    UNION ALL
    SELECT 'Relation ' || pg_catalog.quote_ident(c.relname), c.relowner
    FROM place JOIN pg_catalog.pg_class c ON c.relnamespace = place.oid
    WHERE pg_catalog.starts_with(c.relname::text, '_fustor_')
    UNION ALL
    SELECT 'The function of trigger ' || pg_catalog.quote_ident(t.tgname)
        || ' on ' || pg_catalog.quote_ident(c.relname), p.proowner
    FROM place JOIN pg_catalog.pg_class c ON c.relnamespace = place.oid
    JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
    JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
    WHERE pg_catalog.starts_with(c.relname::text, '_fustor_')
)
SELECT things.what, owner.rolname, CURRENT_USER
FROM things JOIN pg_catalog.pg_roles named ON named.oid = things.owner
JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
JOIN pg_catalog.pg_roles owner
    ON owner.oid = CASE WHEN named.rolname = 'pg_database_owner' THEN d.datdba ELSE named.oid END
WHERE NOT owner.rolsuper AND owner.rolname <> CURRENT_USER
LIMIT 1
"""


def refuse_strangers(cur: cursor, schema: str) -> None:
    """Make sure that the schema, and what this driver uses in it, was made by this user or a superuser.

    Raises:
        ConfigError: names what is not, and whose it is.
    """
    cur.execute(_STRANGERS, (schema,))
    found = cur.fetchone()
    if found is not None:
        what, owner, user = found
        raise ConfigError(
            f"{what} of {schema!r} belongs to {owner!r}, who could act with the rights of {user!r} there;"
            f" make {user!r} its owner, or choose another `schema`"
        )
