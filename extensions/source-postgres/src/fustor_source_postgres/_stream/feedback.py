"""What a stream tells the server of itself, without psycopg2's help.

psycopg2 confirms more than it was told to: once a message starts below what was confirmed, the next sign of life from
the server moves the slot to the server's end. Messages of a transaction that began early do start there, and what was
committed meanwhile would be lost with the host. So nothing is confirmed through psycopg2, and the message that confirms
is handed to libpq itself.
"""

from __future__ import annotations

import ctypes
import time
from struct import Struct

import psycopg2
from psycopg2 import _psycopg
from psycopg2.extensions import connection

_POSTGRES_EPOCH_SEC = 946_684_800
_status = Struct(">cQQQqB").pack
_libpq = ctypes.CDLL(_psycopg.__file__)  # finds what the extension is linked with
_put, _flush = _libpq.PQputCopyData, _libpq.PQflush
_put.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
_flush.argtypes = [ctypes.c_void_p]
_put.restype = _flush.restype = ctypes.c_int


def send_status(conn: connection, written: int, flushed: int, *, ask: bool) -> None:
    """Confirm everything up to the LSN `flushed`, or nothing where that is 0, and make the server answer if asked to.

    Raises:
        psycopg2.Error: the link is broken.
    """
    if conn.closed:
        raise psycopg2.OperationalError("The connection is closed")
    clock = int((time.time() - _POSTGRES_EPOCH_SEC) * 1e6)
    message = _status(b"r", written, flushed, flushed, clock, ask)
    if _put(conn.pgconn_ptr, message, len(message)) < 0 or _flush(conn.pgconn_ptr) < 0:
        raise psycopg2.OperationalError("The server cannot be told how far its stream was read")
