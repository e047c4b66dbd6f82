"""What makes a row of an audit differ from the one that is known: rows that do not differ write nothing."""

from __future__ import annotations

from psycopg2 import sql

from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.records import key_of, rest_of, value_of

__all__ = ["differing"]

_DIFFERING = """
{t}.is_directory <> s.is_directory OR {t}.size IS DISTINCT FROM s.size
OR {t}.parent_path <> s.parent_path OR {t}.audit_skipped IS DISTINCT FROM s.audit_skipped
OR {t}.is_atomic_write IS DISTINCT FROM s.is_atomic_write OR {t}.extra IS DISTINCT FROM s.extra
OR {t}.record IS DISTINCT FROM {record}
OR {t}.mtime IS DISTINCT FROM s.mtime AND (s.record IS NULL OR {t}.mtime IS NULL)
OR {t}._refused IS NOT NULL{columns}
"""
# as its type prints it: not every type has an equality
_COLUMN = """
OR pg_catalog.num_nulls({known}) <> pg_catalog.num_nulls({told})
OR pg_catalog.concat({known}) <> pg_catalog.concat({told})"""


def differing(table: Table, name: str) -> sql.Composable:
    """The condition that a staged row `s` tells something else than the row of this table that goes by a name.

    When a record was read, and when its container changed, is nothing that the row itself tells; which container that
    is, the path tells as well.
    """
    row = sql.Identifier(name)
    columns = [
        sql.SQL(_COLUMN).format(known=sql.Identifier(name, column), told=value_of(key_of(column), kind))
        for column, kind in table.columns
    ]
    return sql.SQL(_DIFFERING).format(t=row, record=rest_of(table), columns=sql.SQL("").join(columns))
