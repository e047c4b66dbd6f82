"""Both PostgreSQL drivers know the same faults that pass by themselves; neither imports the other."""

import psycopg2
import pytest
from psycopg2 import _psycopg, errorcodes, errors

from fustor_pusher_postgres import _server as pusher
from fustor_source_postgres._server import connection as source

ONLY_FOR_THE_PUSHER = {errorcodes.READ_ONLY_SQL_TRANSACTION}
"""Its server has just become a standby: decision 0517."""
STATES = sorted(_psycopg.sqlstate_errors)
TEXTS = [
    'connection to server at "h", port 5432 failed: Connection refused',
    "server closed the connection unexpectedly",
    'could not translate host name "h" to address: Temporary failure in name resolution',
    'FATAL:  password authentication failed for user "u"',
    "fe_sendauth: no password supplied",
    'FATAL:  no pg_hba.conf entry for host "h"',
    'FATAL:  database "d" does not exist',
    'FATAL:  permission denied for database "d"',
    "FATAL:  must be superuser to connect during database shutdown",
    "root certificate file does not exist",
    "server does not support SSL, but SSL was required",
    "FATAL:  no encryption, SSL off",
    "FATAL:  the database system is starting up",
]


def fault(state):
    error = errors.lookup(state)("said by the server")
    error.__setstate__({"pgcode": state})
    assert error.pgcode == state
    return error


def passes_for_the_source(error):
    return source.is_transient(error) and not source.is_final(error)


def test_every_state_of_the_server_passes_for_both_or_for_none():
    passing = {state for state in STATES if passes_for_the_source(fault(state))}
    assert {state for state in STATES if pusher.is_transient(fault(state))} == passing | ONLY_FOR_THE_PUSHER
    assert {errorcodes.DEADLOCK_DETECTED, errorcodes.ADMIN_SHUTDOWN, errorcodes.LOCK_NOT_AVAILABLE} <= passing


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", [psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.DatabaseError])
def test_what_the_client_library_says_passes_for_both_or_for_none(kind, text):
    assert pusher.is_transient(kind(text)) is passes_for_the_source(kind(text))


def test_the_texts_that_are_final_are_the_same():
    assert pusher._FINAL_TEXT.pattern == source._FINAL_TEXT.pattern
