"""What an administrator runs to create the source's user, written from the configuration alone."""

from __future__ import annotations

from collections.abc import Sequence

from fustor_source_postgres._names import Pattern, in_sql
from fustor_source_postgres.config import PostgresParams

__all__ = ["user_statements"]


def user_statements(params: PostgresParams, database: str, user: str, publication: str) -> str:
    """One statement a line. What a wildcard stands for only the server knows: a comment says what to do about it."""
    role = in_sql(user)
    parsed = [Pattern.parse(text) for text in params.tables]
    named = [one.name for one in parsed if one.name is not None and params.chooses(*one.name)]
    patterns = [one for one in parsed if one.name is None]
    schemas = {schema for schema, _ in named} | {one.schema_name for one in patterns if one.schema_name is not None}
    lines = [
        f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD '...';",
        f"GRANT CONNECT ON DATABASE {in_sql(database)} TO {role};",
        *(f"GRANT USAGE ON SCHEMA {in_sql(schema)} TO {role};" for schema in sorted(schemas)),
        *(f"GRANT SELECT ON {in_sql(*one)} TO {role};" for one in named),
        *(_grant(one, role) for one in patterns),
        _publication(publication, named, complete=not patterns),
    ]
    return "\n".join(lines)


def _grant(pattern: Pattern, role: str) -> str:
    if pattern.schema_name is not None and pattern.text.endswith(".*"):
        return f"GRANT SELECT ON ALL TABLES IN SCHEMA {in_sql(pattern.schema_name)} TO {role};"
    return f"-- and for every table like {pattern.text}: GRANT SELECT ON it, and USAGE ON its schema, TO {role};"


def _publication(name: str, tables: Sequence[tuple[str, str]], *, complete: bool) -> str:
    names = ", ".join([*(in_sql(*one) for one in tables), *([] if complete else ["..."])])
    statement = f"CREATE PUBLICATION {in_sql(name)} FOR TABLE {names} WITH (publish_via_partition_root = true);"
    return statement if complete else f"-- and for every table that is read and has a key: {statement}"
