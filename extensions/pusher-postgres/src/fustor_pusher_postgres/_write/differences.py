"""What makes a row of an audit differ from the one that is known: rows that do not differ write nothing."""

from __future__ import annotations

from psycopg2 import sql

from fustor_pusher_postgres._tables.tables import Table
from fustor_pusher_postgres._write.records import key_of, rest_of, value_of
from fustor_pusher_postgres._write.statements import DIFFERING

__all__ = ["differing"]

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
    return sql.SQL(DIFFERING + "{columns}").format(t=row, record=rest_of(table), columns=sql.SQL("").join(columns))
