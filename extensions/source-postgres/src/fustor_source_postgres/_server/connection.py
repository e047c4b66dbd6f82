"""Connections to one server: its address, how they are set and asked, and which of their faults may pass."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg2
from psycopg2 import errorcodes, sql
from psycopg2.extensions import connection, make_dsn, parse_dsn
from psycopg2.extras import LogicalReplicationConnection
from pydantic import BaseModel, ConfigDict, Field

from fustor_core.exceptions import ConfigError, DriverError

SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
"""Parameters of libpq whose values are nobody else's business."""
_URI = re.compile(r"postgres(?:ql)?://(?P<authority>[^/]*)/?(?P<path>[^?]*)", re.DOTALL)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_NO_CHARACTER = "it has a character that no address has"
_FORM = "write it like postgresql://host:5432/database"
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
Statement = str | sql.Composable
Arguments = Sequence[Any] | Mapping[str, Any] | None


class Credential(BaseModel):
    """A user and a password; every form of the hosts' credentials fits that has them."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True, hide_input_in_errors=True)

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
        """The address in `uri`, with the user and password of `credential` (in any form, or None) where it has them.

        Raises:
            ConfigError: `uri` is not an address of a PostgreSQL server. Its text is not repeated: it may hold a secret.
        """
        given = Credential.model_validate(credential or {})
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
        return clean(err, self.secrets)

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
    def kept(self, *, replication: bool = False) -> Iterator[connection]:
        """A connection that outlives the block, unless that fails."""
        conn = self.connect(replication=replication)
        try:
            yield conn
        except BaseException:
            conn.close()
            raise

    def session(self) -> closing[connection]:
        """A connection for the length of a block."""
        return closing(self.connect())


def clean(err: BaseException, secrets: Iterable[str] = ()) -> str:
    """The text of `err` on one line, without these secrets."""
    text = " ".join(str(err).split()) or type(err).__name__
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def is_transient(err: psycopg2.Error) -> bool:
    """Whether the fault may pass: a broken link, a server that restarts or lacks room just now."""
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


class Link:
    """The connection of one reader: opened when it is first needed, and again once it was lost."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._conn: connection | None = None

    def get(self) -> connection:
        """The connection, open."""
        if self._conn is None or self._conn.closed:
            self._conn = self._address.connect()
        return self._conn

    def rollback(self) -> None:
        """End the transaction, if there is one."""
        if self._conn is not None and not self._conn.closed:
            run(self._conn, "rollback")

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def run(conn: connection, statement: Statement, arguments: Arguments = None) -> None:
    """Run a statement that answers nothing, such as `commit`: connections here begin no transaction by themselves."""
    with conn.cursor() as cur:
        cur.execute(statement, arguments)


def fetch_all(conn: connection, statement: Statement, arguments: Arguments = None) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with conn.cursor() as cur:
        cur.execute(statement, arguments)
        return cur.fetchall()


def fetch_first(conn: connection, statement: Statement, arguments: Arguments = None) -> tuple[Any, ...] | None:
    """The first row of a query; None where it has none."""
    return next(iter(fetch_all(conn, statement, arguments)), None)


def fetch_one(conn: connection, statement: Statement, arguments: Arguments = None) -> tuple[Any, ...]:
    """The row of a query that always has one."""
    row = fetch_first(conn, statement, arguments)
    if row is None:
        raise DriverError("The server answered without a row; look at its log")
    return row


def parse_uri(uri: str) -> dict[str, str]:
    """The parameters of a `postgresql://` uri, or of libpq's `host=... dbname=...`.

    Raises:
        ConfigError: says what is wrong with the address without repeating any of it.
    """
    try:
        parts: dict[str, str] = parse_dsn(uri)
        fault = _fault_of_text(uri) or _fault_of_parts(parts)
    except (psycopg2.Error, ValueError) as err:  # the latter of half a surrogate pair
        fault = _fault_of_text(uri) or _fault_of(err)
    if fault is not None:
        # without a cause, which would quote the text
        raise ConfigError(f"The uri is not an address: {fault}; {_FORM}")
    return parts


def _fault_of_text(uri: str) -> str | None:
    """What libpq would read otherwise than it was meant."""
    if "\0" in uri:
        return _NO_CHARACTER
    if not uri.startswith(("postgresql://", "postgres://")):
        return None
    found = _URI.match(uri)
    authority, path = (found["authority"], found["path"]) if found else ("", "")
    if authority.count("@") > 1:
        return "an '@' in the user or the password is written %40"
    if "@" in path:
        return "a '/' in the user or the password is written %2F, an '@' in the database's name %40"
    if _BAD_ESCAPE.search(uri):
        return "a '%' is written %25"
    return None


def _fault_of(err: Exception) -> str:
    """The kind of fault that libpq found, without what it quotes."""
    if isinstance(err, ValueError):
        return _NO_CHARACTER
    text = str(err)
    if "invalid URI query parameter" in text or "invalid connection option" in text:
        return "it has a parameter that libpq does not know"
    if "missing key/value separator" in text or 'missing "="' in text:
        return "a parameter has no '='"
    if "unterminated quoted string" in text:
        return "a quotation has no end"
    return "libpq cannot read it"


def _fault_of_parts(parts: dict[str, str]) -> str | None:
    ports = parts.get("port", "").split(",")
    if not all(port == "" or (port.isascii() and port.isdecimal()) for port in ports):
        return "the port is not a number, or a '/' in the password is not written %2F"
    # '@' opens the name of an abstract socket, and a directory may have any name
    if any("@" in host[1:] for host in parts.get("host", "").split(",") if not host.startswith("/")):
        return "an '@' in the user or the password is written %40"
    return None
