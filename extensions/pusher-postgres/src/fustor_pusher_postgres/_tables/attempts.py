"""What may fail without the transaction in which it is tried."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2
from psycopg2.extensions import cursor

from fustor_pusher_postgres._server import is_transient

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Attempt:
    """What has become of it."""

    is_done: bool = False


@contextmanager
def attempt(cur: cursor, otherwise: str | None) -> Iterator[Attempt]:
    """Do what may fail; then the transaction is as before, and a warning says `otherwise`.

    Raises:
        psycopg2.Error: the fault is transient.
    """
    tried = Attempt()
    cur.execute("SAVEPOINT fustor_attempt")
    try:
        yield tried
    except psycopg2.Error as error:
        if is_transient(error):
            raise
        cur.execute("ROLLBACK TO SAVEPOINT fustor_attempt")
        if otherwise:
            _log.warning("%s: %s", otherwise, " ".join(str(error).split()))
    else:
        tried.is_done = True
    cur.execute("RELEASE SAVEPOINT fustor_attempt")
