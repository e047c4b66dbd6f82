"""A moment of the database that several readers can see: an exported snapshot, and the transaction that holds it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import connection

from fustor_source_postgres._server.connection import Address, fetch_one, run

_BEGIN = "begin isolation level repeatable read read only"
_XID_MASK = 0xFFFFFFFF
_HALF = 1 << 31


@dataclass(slots=True)
class Boundary:
    """An exported snapshot. `index` is below every event of the stream from here; `clock` is before it."""

    snapshot: str
    clock: float
    index: int
    _holder: connection

    @classmethod
    def hold(cls, address: Address, clock: float, index: int, seconds: float, snapshot: str | None = None) -> Boundary:
        """Hold `snapshot`, or a new one of this moment, for at most so many seconds; it holds no lock."""
        with address.kept() as holder:
            begin_at(holder, snapshot)
            name = export_snapshot(holder)
            run(holder, f"set local idle_in_transaction_session_timeout = {int(seconds * 1000)}")
            return cls(name, clock, index, holder)

    def close(self) -> None:
        """End the transaction."""
        self._holder.close()


def begin_at(conn: connection, snapshot: str | None) -> None:
    """Begin a transaction that sees `snapshot`, or this moment where there is none.

    Raises:
        psycopg2.Error: the snapshot is gone with its holder.
    """
    for statement in beginning_at(conn, snapshot):
        run(conn, statement)


def beginning_at(conn: connection, snapshot: str | None) -> list[str]:
    """The statements that `begin_at` runs."""
    if snapshot is None:
        return [_BEGIN]
    return [_BEGIN, sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)).as_string(conn)]


def export_snapshot(conn: connection) -> str:
    """The name by which other connections can see what the transaction of `conn` sees, while it lasts."""
    return str(fetch_one(conn, "select pg_catalog.pg_export_snapshot()")[0])


def server_clock(conn: connection) -> float:
    """The server's time in seconds since the epoch."""
    return float(fetch_one(conn, "select extract(epoch from pg_catalog.clock_timestamp())::double precision")[0])


def contains(conn: connection, xids: AbstractSet[int]) -> bool:
    """Whether the transaction of `conn` sees all these transactions, named by the low 32 bits of their identifiers."""
    if not xids:
        return True
    seen = str(fetch_one(conn, "select pg_catalog.pg_current_snapshot()::pg_catalog.text")[0])
    _, maximum, running = seen.split(":")
    if any(int(xid) & _XID_MASK in xids for xid in running.split(",") if xid):
        return False
    next_xid = int(maximum) & _XID_MASK
    return all((xid - next_xid) & _XID_MASK >= _HALF for xid in xids)
