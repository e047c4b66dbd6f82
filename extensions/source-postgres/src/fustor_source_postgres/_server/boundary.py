"""A moment of the database that several readers can see: an exported snapshot, and the transaction that holds it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from psycopg2.extensions import connection

from fustor_source_postgres._server.connection import Address, fetch_one

BEGIN = "begin isolation level repeatable read read only"


@dataclass(slots=True)
class Boundary:
    """An exported snapshot. `index` is below every event that the stream tells from here; `clock` is before it."""

    snapshot: str
    clock: float
    index: int
    _holder: connection

    @classmethod
    def hold(cls, address: Address, clock: float, index: int, seconds: float, snapshot: str | None = None) -> Boundary:
        """Hold `snapshot`, or a new one of this moment, for at most so many seconds; it holds no lock."""
        holder = address.connect()
        try:
            with holder.cursor() as cur:
                cur.execute(BEGIN)
                if snapshot is not None:
                    cur.execute("set transaction snapshot %s", (snapshot,))
                cur.execute("select pg_catalog.pg_export_snapshot()")
                name = str(fetch_one(cur)[0])
                cur.execute(f"set local idle_in_transaction_session_timeout = {int(seconds * 1000)}")
        except BaseException:
            holder.close()
            raise
        return cls(name, clock, index, holder)

    def close(self) -> None:
        """End the transaction."""
        self._holder.close()


def begin_at(conn: connection, snapshot: str | None) -> None:
    """Begin a transaction that sees `snapshot`, or this moment where there is none.

    Raises:
        psycopg2.Error: the snapshot is gone with its holder.
    """
    with conn.cursor() as cur:
        cur.execute(BEGIN)
        if snapshot is not None:
            cur.execute("set transaction snapshot %s", (snapshot,))


def server_clock(conn: connection) -> float:
    """The server's time in seconds since the epoch."""
    with conn.cursor() as cur:
        cur.execute("select extract(epoch from pg_catalog.clock_timestamp())::double precision")
        return float(fetch_one(cur)[0])


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
