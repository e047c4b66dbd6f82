"""What psycopg2 does not do for a stream, done with libpq: confirm, and hear notices.

psycopg2 confirms more than it was asked to: once a message starts below what was confirmed, the next sign of life from
the server moves the slot to the server's end. Messages of a transaction that began early do start there, and what was
committed meanwhile would be lost with the host. So nothing is confirmed through psycopg2, and the message that confirms
is handed to libpq itself.


It collects no notices of a connection that streams either, so libpq is asked to hand them over: since PostgreSQL 18 a
server only warns of a publication that is not there.
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
        raise psycopg2.OperationalError("The server did not take how far its stream was read")


_SQLSTATE = ord("C")
_NOT_IN_PREREQUISITE_STATE = b"55000"  # of "skipped loading publication", in whatever language it is said
_Receiver = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
_set_receiver, _field_of = _libpq.PQsetNoticeReceiver, _libpq.PQresultErrorField
_set_receiver.argtypes = [ctypes.c_void_p, _Receiver, ctypes.c_void_p]
_set_receiver.restype = ctypes.c_void_p
_field_of.argtypes = [ctypes.c_void_p, ctypes.c_int]
_field_of.restype = ctypes.c_char_p


class Notices:
    """Listens to a connection; lives at least as long.

    `has_skipped` is whether the server has passed over changes, since there was no publication to say whose they are.
    """

    def __init__(self, conn: connection) -> None:
        self.has_skipped = False
        self._receiver = _Receiver(self._receive)
        _set_receiver(conn.pgconn_ptr, self._receiver, None)

    def _receive(self, _argument: int | None, result: int | None) -> None:
        if _field_of(result, _SQLSTATE) == _NOT_IN_PREREQUISITE_STATE:
            self.has_skipped = True
