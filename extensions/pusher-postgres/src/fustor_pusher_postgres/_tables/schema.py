"""The schema that everything is written into, and the driver's own tables in it: created once, then migrated."""

from __future__ import annotations

from psycopg2 import sql
from psycopg2.extensions import cursor

from fustor_core.exceptions import ConfigError
from fustor_pusher_postgres._tables.columns import COLUMNS, RETIRED

META, TASKS, TABLES = "_fustor_meta", "_fustor_tasks", "_fustor_tables"
FACTS, DEAD_LETTERS = "_fustor_facts", "_fustor_dead_letters"
OWN = "_fustor_"
"""What the names of the driver's own tables begin with."""

_OWN_TABLES = {
    # one row a task, a table and a dead letter; facts of paths that have no row of their own
    1: """
    CREATE TABLE {tasks} (
        number integer GENERATED ALWAYS AS IDENTITY UNIQUE,
        task text COLLATE "C" PRIMARY KEY,
        nonce text NOT NULL,
        session_id text NOT NULL GENERATED ALWAYS AS (number::text || '-' || nonce) STORED,
        session integer NOT NULL DEFAULT 0,
        phase text NOT NULL DEFAULT 'snapshot',
        committed bigint NOT NULL DEFAULT -1,
        told bigint NOT NULL DEFAULT -1,
        realtime_index bigint NOT NULL DEFAULT -1,
        snapshot_index bigint NOT NULL DEFAULT -1,
        snapshot_begun boolean NOT NULL DEFAULT false,
        snapshot_ended boolean NOT NULL DEFAULT false,
        snapshot_open boolean NOT NULL DEFAULT true,
        has_snapshot_rows boolean NOT NULL DEFAULT false,
        clock bigint NOT NULL DEFAULT 0,
        floor bigint NOT NULL DEFAULT 0,
        audits integer NOT NULL DEFAULT 0,
        audit_since bigint,
        has_facts boolean NOT NULL DEFAULT false,
        tables_version integer NOT NULL DEFAULT 0,
        updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
    ) WITH (fillfactor = 50);
    CREATE TABLE {tables} (
        number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        task integer NOT NULL REFERENCES {tasks} (number),
        event_schema text COLLATE "C" NOT NULL,
        event_table text COLLATE "C" NOT NULL,
        relation text COLLATE "C" NOT NULL UNIQUE,
        root text COLLATE "C" NOT NULL,
        typed boolean NOT NULL DEFAULT false,
        UNIQUE (task, event_schema, event_table)
    );
    CREATE TABLE {facts} (
        task integer NOT NULL,
        path text COLLATE "C" NOT NULL,
        at bigint,
        below bigint,
        told double precision,
        dark boolean,
        audit integer,
        seen smallint,
        PRIMARY KEY (task, path)
    );
    CREATE TABLE {dead_letters} (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        task text NOT NULL,
        session_id text NOT NULL,
        refused_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
        event_schema text NOT NULL,
        event_table text NOT NULL,
        event_type text NOT NULL,
        message_source text NOT NULL,
        event_index bigint NOT NULL,
        path text,
        row text NOT NULL,
        reason text NOT NULL
    );
    """,
    # what the source has declared of a table
    3: "ALTER TABLE {tables} ADD COLUMN layout jsonb",
    # a dead letter is kept once, however often it comes
    4: """
    ALTER TABLE {dead_letters}
        ADD COLUMN times integer NOT NULL DEFAULT 1, ADD COLUMN last_refused_at timestamptz, ADD COLUMN digest text;
    CREATE INDEX ON {dead_letters} (digest);
    """,
    # what an audit reports stands in a table of its own, which writes no log
    5: "ALTER TABLE {facts} DROP COLUMN audit, DROP COLUMN seen",
    # of a path that is too long for an index its digest is the key
    6: 'ALTER TABLE {facts} ADD COLUMN long_path text COLLATE "C"',
}
"""What each layout changed of the driver's own tables; what it changed of tables of rows, their columns say."""
_LAYOUT = max(*_OWN_TABLES, *(column.since for column in COLUMNS), *RETIRED.values())


_NOTES = """
CREATE UNLOGGED TABLE IF NOT EXISTS {notes} (
    audit integer NOT NULL, home integer NOT NULL, path text COLLATE "C", seen smallint NOT NULL
);
CREATE INDEX IF NOT EXISTS {index} ON {notes} (home);
"""


def qualified(schema: str, name: str) -> sql.Composable:
    """The quoted name of a table in the schema."""
    return sql.Identifier(schema, name)


def notes_name(number: int) -> str:
    """The table of what the audit of a task reports."""
    return f"{OWN}audit_{number}"


def prepare_notes(cur: cursor, schema: str, number: int) -> None:
    """Create the table of what the audits of a task report, if it is missing; whose it is was looked at before."""
    names = {"notes": qualified(schema, notes_name(number)), "index": sql.Identifier(f"{notes_name(number)}_home")}
    cur.execute(sql.SQL(_NOTES).format(**names))


def prepare_schema(cur: cursor, schema: str, *, upgrades: bool = True) -> None:
    """Create what is missing and, unless that is not wanted, bring an older layout up to date.

    It is done inside the caller's transaction.

    Raises:
        ConfigError: a later version of this driver has been at work here, or the schema is another user's.
    """
    cur.execute(
        "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(%s, 0))",
        (f"fustor-pusher-postgres {schema}",),
    )
    cur.execute("SELECT pg_catalog.to_regnamespace(%s) IS NULL", (sql.Identifier(schema).as_string(cur),))
    if _one(cur):
        cur.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    refuse_foreign_owners(cur, schema)
    version = _version(cur, schema)
    if version > _LAYOUT:
        raise ConfigError(f"Schema {schema!r} has layout {version}, this driver knows {_LAYOUT}; upgrade the driver")
    if version > 0 and not upgrades:
        return
    names = {"tasks": TASKS, "tables": TABLES, "facts": FACTS, "dead_letters": DEAD_LETTERS}
    places = {key: qualified(schema, name) for key, name in names.items()}
    for layout, statement in _OWN_TABLES.items():
        if layout > version:
            cur.execute(sql.SQL(statement).format(**places))
    if version < _LAYOUT:
        _upgrade_rows(cur, schema, version)
        cur.execute(sql.SQL("UPDATE {} SET version = %s").format(qualified(schema, META)), (_LAYOUT,))


def _upgrade_rows(cur: cursor, schema: str, version: int) -> None:
    """Give tables of rows the columns that they lack since this layout, and drop those that are retired."""
    changes = [f"ADD COLUMN {column.name} {column.kind}" for column in COLUMNS if column.since > version]
    changes += [f"DROP COLUMN IF EXISTS {name}" for name, layout in RETIRED.items() if layout > version]
    cur.execute(sql.SQL("SELECT relation FROM {}").format(qualified(schema, TABLES)))
    for (relation,) in cur.fetchall() if changes else ():
        statement = sql.SQL("ALTER TABLE IF EXISTS {} " + ", ".join(changes))
        cur.execute(statement.format(qualified(schema, relation)))


def _version(cur: cursor, schema: str) -> int:
    meta = qualified(schema, META)
    cur.execute("SELECT pg_catalog.to_regclass(%s) IS NULL", (meta.as_string(cur),))
    if _one(cur):
        cur.execute(sql.SQL("CREATE TABLE {} (version integer NOT NULL)").format(meta))
        cur.execute(sql.SQL("INSERT INTO {} VALUES (0)").format(meta))
    cur.execute(sql.SQL("SELECT version FROM {}").format(meta))
    return int(str(_one(cur)))


def _one(cur: cursor) -> object:
    row = cur.fetchone()
    return row[0] if row else None


_FOREIGN_OWNERS = """
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


def refuse_foreign_owners(cur: cursor, schema: str) -> None:
    """Make sure that the schema, and what this driver uses in it, was made by this user or a superuser.

    Raises:
        ConfigError: names what is not, and whose it is.
    """
    cur.execute(_FOREIGN_OWNERS, (schema,))
    found = cur.fetchone()
    if found is not None:
        what, owner, user = found
        raise ConfigError(
            f"{what} of {schema!r} belongs to {owner!r}, who could act with the rights of {user!r} there;"
            f" make {user!r} its owner, or choose another `schema`"
        )
