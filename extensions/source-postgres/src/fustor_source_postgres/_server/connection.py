"""Connections to one server: how they are opened and set, and which of their faults pass by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg2
from psycopg2 import errorcodes
from psycopg2.extensions import connection, make_dsn
from psycopg2.extras import LogicalReplicationConnection
from pydantic import BaseModel, ConfigDict, Field

from fustor_core.exceptions import ConfigError
from fustor_source_postgres._server.uri import SECRETS, parse_uri

_PASSING_CLASSES = {"08", "40", "53", "57"}  # connection, rollback, resources, operator intervention
_PASSING_STATES = {errorcodes.OBJECT_IN_USE, errorcodes.LOCK_NOT_AVAILABLE}
_INTERVALS = "iso_8601"
_SETTINGS = (
    "search_path=",  # no function, operator or type of another user is ever taken for one of the server's
    "TimeZone=UTC",
    "DateStyle=ISO",
    f"IntervalStyle={_INTERVALS}",
    "extra_float_digits=1",
    "bytea_output=hex",
    "lc_monetary=C",
    "row_security=off",  # a policy that hides rows must be an error, never a smaller table
    "synchronous_commit=local",  # a heartbeat is decoded once it is flushed
    "wal_sender_timeout=60s",
    "statement_timeout=0",
    "idle_in_transaction_session_timeout=0",
)
_KEEPALIVE = {
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""A link that breaks without a word is noticed within half a minute, not within the system's two hours."""
_FINAL_STATES = {
    errorcodes.INVALID_PASSWORD,
    errorcodes.INVALID_AUTHORIZATION_SPECIFICATION,
    errorcodes.INVALID_CATALOG_NAME,
    errorcodes.INSUFFICIENT_PRIVILEGE,
}
_FINAL_TEXT = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|does not exist|permission denied"
    r"|must be superuser|certificate|does not support SSL|SSL off",
)


class _Credential(BaseModel):
    """A user and a password; every form of the hosts' credentials fits that has them."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    user: str | None = None
    passwd: str | None = Field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is and who asks. Never shows the password."""

    dsn: str = field(repr=False)
    shown: str
    database: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, uri: str, credential: Any = None, **options: Any) -> Self:
        """The address in `uri`, with the user and password of `credential` (a mapping or None) where it has them.

        Raises:
            ConfigError: `uri` is no address of a PostgreSQL server. Its text is not repeated: it may hold a secret.
        """
        given = _Credential.model_validate(credential or {})
        parts = parse_uri(uri)
        named = {"user": given.user, "password": given.passwd}
        parts |= {name: value for name, value in named.items() if value is not None}
        if any("\0" in value for value in parts.values()):
            raise ConfigError("The user or the password has a NUL; no server takes one")
        settings = " ".join(f"-c {setting}" for setting in _SETTINGS)
        dsn = make_dsn(
            "",
            **_KEEPALIVE
            | parts
            | {"options": f"{parts.get('options', '')} {settings}".strip(), "client_encoding": "UTF8"},
            **options,
        )
        host = parts.get("host") or parts.get("hostaddr") or "localhost"
        database = parts.get("dbname") or parts.get("user") or ""
        shown = f"{host}:{parts.get('port', '5432')}/{database}"
        return cls(dsn, shown, database, tuple(parts[name] for name in SECRETS if parts.get(name)))

    def clean(self, err: BaseException) -> str:
        """The text of `err` on one line, without a secret."""
        text = " ".join(str(err).split()) or type(err).__name__
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def connect(self, *, replication: bool = False) -> connection:
        """A new connection that begins no transaction by itself; `replication` makes one that can stream.

        Raises:
            ConfigError: something between here and the server kept the session's settings from it.
        """
        conn: connection
        if replication:
            conn = psycopg2.connect(self.dsn, connection_factory=LogicalReplicationConnection)
        else:
            conn = psycopg2.connect(self.dsn)
            conn.autocommit = True
        if conn.get_parameter_status("IntervalStyle") != _INTERVALS:
            conn.close()
            raise ConfigError(
                f"The server at {self.shown!r} did not get the settings of the session; connect to it directly, "
                "without a pooler that drops `options`"
            )
        return conn

    @contextmanager
    def session(self) -> Iterator[connection]:
        """A connection for the length of a block."""
        conn = self.connect()
        try:
            yield conn
        finally:
            conn.close()


def is_transient(err: psycopg2.Error) -> bool:
    """Whether the fault may pass by itself: a broken link, a server that restarts or lacks room just now."""
    if isinstance(err, psycopg2.InterfaceError) or type(err) is psycopg2.DatabaseError:
        return True  # a stream that ends reports that with the bare base class
    if not isinstance(err, psycopg2.OperationalError):
        return False
    return err.pgcode is None or err.pgcode[:2] in _PASSING_CLASSES or err.pgcode in _PASSING_STATES


def is_final(err: BaseException) -> bool:
    """Whether trying again cannot help, although psycopg2 classes the error with broken links."""
    if not isinstance(err, psycopg2.Error):
        return False
    if err.pgcode is not None:
        return err.pgcode in _FINAL_STATES
    return bool(_FINAL_TEXT.search(str(err)))
