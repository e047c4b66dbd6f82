"""What an administrator runs to create the source's user, written from the configuration alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from fustor_source_postgres._names import parse_name, split_pattern
from fustor_source_postgres.config import PostgresParams

__all__ = ["user_statements"]


def user_statements(params: PostgresParams, database: str, user: str, publication: str) -> str:
    """One statement a line. What a wildcard stands for only the server knows: a comment says what to do about it."""
    role = _quoted(user)
    named, patterns = _chosen(params)
    schemas = sorted({schema for schema, _ in named} | {schema for schema, _ in patterns if schema is not None})
    lines = [
        f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD '...';",
        f"GRANT CONNECT ON DATABASE {_quoted(database)} TO {role};",
        *(f"GRANT USAGE ON SCHEMA {_quoted(schema)} TO {role};" for schema in schemas),
        *(f"GRANT SELECT ON {_table(one)} TO {role};" for one in named),
        *(_grant(schema, text, role) for schema, text in patterns),
        _publication(publication, named, complete=not patterns),
    ]
    return "\n".join(lines)


def _chosen(params: PostgresParams) -> tuple[list[tuple[str, str]], list[tuple[str | None, str]]]:
    """The tables that are named, and the patterns, each with its schema where that is named."""
    named, patterns = [], []
    for text in params.tables:
        with suppress(ValueError):  # it has a wildcard
            named.append(parse_name(text))
            continue
        patterns.append((split_pattern(text)[0], text))
    return [one for one in named if params.chooses(*one)], patterns


def _grant(schema: str | None, pattern: str, role: str) -> str:
    if schema is not None and split_pattern(pattern)[1] == "*":
        return f"GRANT SELECT ON ALL TABLES IN SCHEMA {_quoted(schema)} TO {role};"
    return f"-- and for every table like {pattern}: GRANT SELECT ON it, and USAGE ON its schema, TO {role};"


def _publication(name: str, tables: Sequence[tuple[str, str]], *, complete: bool) -> str:
    names = ", ".join([*map(_table, tables), *([] if complete else ["..."])])
    statement = f"CREATE PUBLICATION {_quoted(name)} FOR TABLE {names} WITH (publish_via_partition_root = true);"
    return statement if complete else f"-- and for every table that is read and has a key: {statement}"


def _table(name: tuple[str, str]) -> str:
    return ".".join(map(_quoted, name))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
