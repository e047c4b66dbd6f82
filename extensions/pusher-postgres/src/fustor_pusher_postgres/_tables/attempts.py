"""What may fail without the transaction in which it is tried."""

from __future__ import annotations

import logging
from collections.abc import Callable

import psycopg2
from psycopg2.extensions import cursor

from fustor_pusher_postgres._server import is_transient

_log = logging.getLogger(__name__)


def attempt(cur: cursor, otherwise: str | None, work: Callable[..., object], *arguments: object) -> bool:
    """Whether the work was done; if not, the transaction is as before, and a warning says `otherwise`.

    Raises:
        psycopg2.Error: the fault is transient.
    """
    cur.execute("SAVEPOINT fustor_attempt")
    try:
        work(*arguments)
    except psycopg2.Error as error:
        if is_transient(error):
            raise
        cur.execute("ROLLBACK TO SAVEPOINT fustor_attempt; RELEASE SAVEPOINT fustor_attempt")
        if otherwise:
            _log.warning("%s: %s", otherwise, " ".join(str(error).split()))
        return False
    cur.execute("RELEASE SAVEPOINT fustor_attempt")
    return True
