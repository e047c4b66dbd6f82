"""Small helpers around cursors."""

from __future__ import annotations

from typing import Any

from psycopg2.extensions import connection, cursor

from fustor_core.exceptions import DriverError


def fetch_one(cur: cursor) -> tuple[Any, ...]:
    """The row of a query that always has one."""
    row = cur.fetchone()
    if row is None:
        raise DriverError("The server answered without a row; look at its log")
    return row


def run(conn: connection, statement: str) -> None:
    """Run a statement that answers nothing, such as `commit`: connections here never begin by themselves."""
    with conn.cursor() as cur:
        cur.execute(statement)
