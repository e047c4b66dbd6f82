"""The server: how it is reached, how a session is set, which faults pass, and connections kept for the next push."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import psycopg2
from psycopg2 import errorcodes
from psycopg2.extensions import connection, cursor, make_dsn, parse_dsn
from pydantic import BaseModel, ConfigDict, Field

import fustor_core.exceptions
from fustor_core.exceptions import ConfigError, DriverError

__all__ = ["Address", "Pool", "RetryableError", "is_refusal", "is_storable", "is_transient", "translated"]

# the fustor-core of agent 0.2.16 has no such class, and its agent stops at any error
RetryableError: type[DriverError] = getattr(fustor_core.exceptions, "RetryableError", DriverError)
_SETTINGS = (
    "search_path=",  # nothing that another user made is ever found in place of the server's own
    "jit=off",  # statements are many and small: compiling one costs more than it
    "synchronous_commit=on",  # an index that was reported must survive a power cut
    "TimeZone=UTC",
    "DateStyle=ISO",
    "IntervalStyle=iso_8601",
    "extra_float_digits=1",
    "bytea_output=hex",
    "lc_monetary=C",
    "array_nulls=on",
    "statement_timeout=0",
    "idle_in_transaction_session_timeout=0",
    "default_transaction_isolation=read\\ committed",  # pushes of one task queue for its row
    "default_transaction_read_only=off",
    "standard_conforming_strings=on",
    "client_min_messages=warning",
)
_SCHEMES = ("postgresql://", "postgres://")
_PORTS = 2**16
_NO_ADDRESS = (
    "The endpoint is not an address like postgresql://host:5432/database; correct it, and write `/`, `@`, `:` and `%`"
    " of a user or a password as %2F, %40, %3A and %25"
)
_PASSING_CLASSES = {"08", "40", "53", "57"}  # connection, rollback, resources, operator intervention
_PASSING_STATES = {errorcodes.LOCK_NOT_AVAILABLE, errorcodes.OBJECT_IN_USE, errorcodes.READ_ONLY_SQL_TRANSACTION}
_REFUSING_CLASSES = {"22", "23", "44"}  # data, constraints, check options
_REFUSING_STATES = {errorcodes.PROGRAM_LIMIT_EXCEEDED, errorcodes.RAISE_EXCEPTION}
_GONE_STATES = {errorcodes.UNDEFINED_TABLE, errorcodes.UNDEFINED_COLUMN, errorcodes.INVALID_SCHEMA_NAME}
_FINAL_TEXT = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|does not exist|permission denied"
    r"|must be superuser|certificate|does not support SSL|SSL off"
)


class _Credential(BaseModel):
    """A user and a password; every form of the hosts' credentials fits that has them."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True, hide_input_in_errors=True)

    user: str | None = None
    passwd: str | None = Field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is and who writes. Never shows the password."""

    dsn: str = field(repr=False)
    shown: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, endpoint: str, credential: object = None, *, timeout_sec: float = 10) -> Self:
        """The address in `endpoint`, with the user and password of `credential` where it has them.

        Raises:
            ConfigError: `endpoint` is not such an address. Its text is not repeated: it may hold a secret.
        """
        given = _Credential.model_validate(credential or {})
        parts = _parts(endpoint)
        named = {"user": given.user, "password": given.passwd}
        parts |= {name: value for name, value in named.items() if value is not None}
        settings = " ".join(f"-c {setting}" for setting in _SETTINGS)
        parts["options"] = f"{parts.get('options', '')} {settings}".strip()
        dsn = make_dsn(
            "",
            **{"connect_timeout": int(timeout_sec), "application_name": "fustor-pusher-postgres"}
            | parts
            | {"client_encoding": "UTF8"},
        )
        host = parts.get("host") or parts.get("hostaddr") or "localhost"
        shown = f"{host}:{parts.get('port', '5432')}/{parts.get('dbname') or parts.get('user') or ''}"
        return cls(dsn, shown, tuple(_forms(parts.get("password"), parts.get("sslpassword"))))

    def clean(self, error: BaseException) -> str:
        """The text of `error` on one line, without the password."""
        text = " ".join(str(error).split()) or type(error).__name__
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def connect(self) -> connection:
        """A new connection; it sends what it is given, transactions are begun and ended in so many words."""
        conn = psycopg2.connect(self.dsn)
        conn.autocommit = True
        return conn


def _parts(endpoint: str) -> dict[str, Any]:
    """What an address names.

    A password with `/` or `@` in it, unescaped, moves its parts into the host, the port and the database: such an
    address is never used, since all of these are shown, and a host is asked for by name.

    Raises:
        ConfigError: it is not an address; without its text and without a cause, which quotes it.
    """
    try:
        parts: dict[str, Any] = parse_dsn(endpoint)
    except (psycopg2.Error, ValueError, TypeError):  # the library takes no text with a NUL
        raise ConfigError(_NO_ADDRESS) from None
    ports = str(parts.get("port", "")).split(",")
    hosts = f"{parts.get('host', '')},{parts.get('hostaddr', '')}".split(",")
    is_split = endpoint.lstrip().startswith(_SCHEMES) and "@" in _path(endpoint)
    is_torn = any("@" in host[1:] and not host.startswith("/") for host in hosts)
    if is_split or is_torn or not all(port == "" or _is_port(port) for port in ports):
        raise ConfigError(_NO_ADDRESS)
    return parts


def _path(uri: str) -> str:
    """What stands between the server and the parameters."""
    return uri.partition("://")[2].partition("/")[2].partition("?")[0]


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < _PORTS


def _forms(*secrets: str | None) -> Iterator[str]:
    """The forms in which secrets may come back in a message, the longest first."""
    forms = {
        form for secret in secrets if secret for form in (secret, quote(secret, safe=""), " ".join(secret.split()))
    }
    yield from sorted(forms - {""}, key=len, reverse=True)


class Pool:
    """Open connections: one for every push at once, kept for the next ones."""

    def __init__(self, address: Address, prepare: Callable[[cursor], None]) -> None:
        """Connections to a server, each prepared when it is opened."""
        self._address = address
        self._prepare = prepare
        self._idle: list[connection] = []
        self._lent = 0
        self._closed = False
        self._changed = threading.Condition()

    @contextmanager
    def lend(self) -> Iterator[connection]:
        """A connection outside any transaction; dropped afterwards unless it is in the same state again."""
        with self._changed:
            if self._closed:
                raise DriverError("The pusher is closed; construct a new one")
            self._lent += 1
            conn = self._idle.pop() if self._idle else None
        try:
            conn = self._open() if conn is None else conn
            yield conn
        finally:
            with self._changed:
                self._lent -= 1
                if conn is not None and not self._closed and _is_clean(conn):
                    self._idle.append(conn)
                elif conn is not None:
                    conn.close()
                self._changed.notify_all()

    def close(self) -> None:
        """Wait for what is under way, then close every connection; none is lent afterwards."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._lent)
            while self._idle:
                self._idle.pop().close()

    def _open(self) -> connection:
        conn = self._address.connect()
        try:
            with conn.cursor() as cur:
                self._prepare(cur)
        except BaseException:
            conn.close()
            raise
        return conn


def _is_clean(conn: connection) -> bool:
    """Whether a connection is open, and outside any transaction."""
    return not conn.closed and conn.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE


def is_transient(error: psycopg2.Error) -> bool:
    """Whether the fault is transient: a broken link, a deadlock, a server that restarts or lacks room."""
    if error.pgcode is not None:
        return error.pgcode[:2] in _PASSING_CLASSES or error.pgcode in _PASSING_STATES
    # a link that broke between two statements says no more than the bare base class
    is_of_the_link = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    return (is_of_the_link or type(error) is psycopg2.DatabaseError) and not _FINAL_TEXT.search(str(error))


def is_storable(text: str) -> bool:
    """Whether a database can hold the text: it has neither a NUL nor half a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def is_refusal(error: Exception) -> bool:
    """Whether the database refuses a row, or text that no database can hold was to be sent."""
    if isinstance(error, UnicodeEncodeError):  # an unpaired surrogate
        return True
    if not isinstance(error, psycopg2.Error) or error.pgcode is None:
        return False
    return error.pgcode[:2] in _REFUSING_CLASSES or error.pgcode in _REFUSING_STATES


def translated(text: str, error: psycopg2.Error) -> DriverError:
    """The error to raise for `error`, whose cleaned text is `text`."""
    if is_transient(error):
        return RetryableError(f"No commit is known of: {text}")
    if error.pgcode in _GONE_STATES:
        return ConfigError(f"A table is gone: {text}; bring it back, or drop the schema to begin anew")
    if error.pgcode is None or error.pgcode[:2] in {"28", "3D", "42"}:
        return ConfigError(f"The server refuses: {text}; correct `endpoint`, `credential` or the privileges")
    return DriverError(f"The server refuses: {text}; nothing was committed")
