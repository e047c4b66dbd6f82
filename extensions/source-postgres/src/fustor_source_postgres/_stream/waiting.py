"""What a new slot waits for, said: it can be made only when every transaction that is open has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psycopg2

from fustor_source_postgres._server.connection import Address

_log = logging.getLogger(__name__)
_FIRST_SEC = 1.0
_PAUSE_SEC = 1.0
_AGAIN_SEC = 60.0
# a prepared transaction holds its lock without a process
_HOLDERS = """
select w.transactionid::pg_catalog.text, h.pid, a.usename, a.application_name, a.xact_start::pg_catalog.text,
       p.gid, p.owner, p.database, p.prepared::pg_catalog.text
  from pg_catalog.pg_locks w
  left join pg_catalog.pg_locks h on h.locktype = 'transactionid' and h.granted and h.transactionid = w.transactionid
  left join pg_catalog.pg_stat_activity a on a.pid = h.pid
  left join pg_catalog.pg_prepared_xacts p on p.transaction = w.transactionid
 where w.pid = %s and not w.granted and w.locktype = 'transactionid'
"""


@contextmanager
def said_while_waiting(address: Address, pid: int, slot: str) -> Iterator[None]:
    """Log which transaction the making of a slot waits for, soon and every minute, while the block lasts."""
    done = Event()
    watcher = Thread(target=_watch, args=(address, pid, slot, done), name="fustor-postgres-wait", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()


def _watch(address: Address, pid: int, slot: str, done: Event) -> None:
    said: dict[str, float] = {}
    pause = _FIRST_SEC
    while not done.wait(pause):
        pause = _PAUSE_SEC
        try:
            holders = _holders(address, pid)
        except psycopg2.Error as err:
            _log.info("What slot %s waits for cannot be seen: %s", slot, address.clean(err))
            continue
        for xid, holder in holders.items():
            if not done.is_set() and time.monotonic() - said.get(xid, -_AGAIN_SEC) >= _AGAIN_SEC:
                said[xid] = time.monotonic()
                _log.warning("Slot %s waits for the end of transaction %s, %s", slot, xid, holder)


def _holders(address: Address, pid: int) -> dict[str, str]:
    with address.session() as conn, conn.cursor() as cur:
        cur.execute(_HOLDERS, (pid,))
        return {
            xid: f"prepared as {gid!r} by {owner!r} in database {database!r} at {prepared}: commit it or roll it back"
            if gid is not None
            else f"open in process {holder} of user {user!r}, application {application!r}, since {since or 'long'}"
            for xid, holder, user, application, since, gid, owner, database, prepared in cur
        }
