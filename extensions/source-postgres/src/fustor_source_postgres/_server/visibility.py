"""Whether a moment of the database contains what the stream has told: a commit is streamed before it is visible."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from psycopg2.extensions import connection

from fustor_source_postgres._server.sql import fetch_one

_XID_MASK = 0xFFFFFFFF
_HALF = 1 << 31


def contains(conn: connection, told: AbstractSet[int]) -> bool:
    """Whether the transaction of `conn` sees all these transactions, named by the low 32 bits of their identifiers."""
    if not told:
        return True
    with conn.cursor() as cur:
        cur.execute("select pg_catalog.pg_current_snapshot()::pg_catalog.text")
        _, maximum, running = str(fetch_one(cur)[0]).split(":")
    if any(int(xid) & _XID_MASK in told for xid in running.split(",") if xid):
        return False
    next_xid = int(maximum) & _XID_MASK
    return all((xid - next_xid) & _XID_MASK >= _HALF for xid in told)
