"""What a server says beside its stream: since PostgreSQL 18 it only warns of a publication that is not there.

psycopg2 collects no notices of a connection that streams, so libpq is asked to hand them over.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any

from psycopg2 import _psycopg
from psycopg2.extensions import connection

_SQLSTATE = ord("C")
_NOT_IN_PREREQUISITE_STATE = b"55000"  # of "skipped loading publication", in whatever language it is said
_libpq = ctypes.CDLL(_psycopg.__file__)  # finds what the extension is linked with
_Receiver = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
_set_receiver, _field_of = _libpq.PQsetNoticeReceiver, _libpq.PQresultErrorField
_set_receiver.argtypes = [ctypes.c_void_p, _Receiver, ctypes.c_void_p]
_set_receiver.restype = ctypes.c_void_p
_field_of.argtypes = [ctypes.c_void_p, ctypes.c_int]
_field_of.restype = ctypes.c_char_p


@dataclass(slots=True)
class Notices:
    """Listens to a connection; lives at least as long."""

    has_skipped: bool = False
    """Whether the server has passed over changes, since there was no publication to say whose they are."""
    _receiver: Any = field(init=False)

    def __post_init__(self) -> None:
        self._receiver = _Receiver(self._receive)

    def listen(self, conn: connection) -> None:
        """Have the notices of a connection handed over."""
        _set_receiver(conn.pgconn_ptr, self._receiver, None)

    def _receive(self, _argument: int | None, result: int | None) -> None:
        if _field_of(result, _SQLSTATE) == _NOT_IN_PREREQUISITE_STATE:
            self.has_skipped = True
