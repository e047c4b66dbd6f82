"""What can go wrong with a database, classed by what the caller does next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import errorcodes

from fustor_core.exceptions import ConfigError, DriverError

if TYPE_CHECKING:
    from fustor_core.exceptions import RetryableError
else:
    try:
        from fustor_core.exceptions import RetryableError
    except ImportError:  # the fustor-core of agent 0.2.16 has no such class, and its agent stops at any error

        class RetryableError(DriverError):
            """The other side may recover."""


__all__ = ["ConfigError", "DriverError", "RetryableError", "is_refusal", "is_storable", "is_transient", "translated"]

_PASSING_CLASSES = {"08", "40", "53", "57"}  # connection, rollback, resources, operator intervention
_PASSING_STATES = {errorcodes.LOCK_NOT_AVAILABLE, errorcodes.OBJECT_IN_USE, errorcodes.READ_ONLY_SQL_TRANSACTION}
_REFUSING_CLASSES = {"22", "23", "44"}  # data, constraints, check options
_REFUSING_STATES = {errorcodes.PROGRAM_LIMIT_EXCEEDED, errorcodes.RAISE_EXCEPTION}
_GONE_STATES = {errorcodes.UNDEFINED_TABLE, errorcodes.UNDEFINED_COLUMN, errorcodes.INVALID_SCHEMA_NAME}
_FINAL_TEXT = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|does not exist|permission denied"
    r"|must be superuser|certificate|does not support SSL|SSL off"
)


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
        return RetryableError(f"No commit is known of: {text}; it is tried again when the server answers")
    if error.pgcode in _GONE_STATES:
        return ConfigError(f"A table is gone: {text}; bring it back, or drop the schema to begin anew")
    if error.pgcode is None or error.pgcode[:2] in {"28", "3D", "42"}:
        return ConfigError(f"The server refuses: {text}; correct `endpoint`, `credential` or the privileges")
    return DriverError(f"The server refuses: {text}; nothing was committed")
