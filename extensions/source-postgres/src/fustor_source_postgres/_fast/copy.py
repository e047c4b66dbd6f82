"""COPY as an iterator: psycopg2 pushes lines, a snapshot is pulled, and a pipe between them takes what comes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import suppress
from threading import Thread

from psycopg2.extensions import connection

from fustor_source_postgres._fast.copier import FrameWriter
from fustor_source_postgres._fast.frames import Frame, read_frames

_PIPE_BYTES = 1 << 20


def copied_here(conn: connection, statement: str, batch_size: int) -> Generator[Frame]:
    """What a `COPY ... TO STDOUT` writes.

    Abandoning the iterator leaves the transaction of `conn` broken.

    Raises:
        psycopg2.Error: the statement failed; what came before has been given.
    """
    reading, writing = make_pipe()
    faults: list[Exception] = []
    arguments = (conn, statement, writing, batch_size, faults)
    thread = Thread(target=_run, args=arguments, name="fustor-postgres-copy", daemon=True)
    with os.fdopen(reading, "rb") as source:
        thread.start()
        try:
            yield from read_frames(source)
        except EOFError:
            thread.join()
            raise faults[0] from None
        finally:
            source.close()  # a writer that waits for room wakes up
            if thread.is_alive():
                conn.cancel()
            thread.join()


def make_pipe() -> tuple[int, int]:
    """A pipe with room for what a server sends while a batch is being read, where the system allows that."""
    reading, writing = os.pipe()
    with suppress(AttributeError, OSError):  # not on this system, or not for this user
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return reading, writing


def _run(conn: connection, statement: str, writing: int, batch_size: int, faults: list[Exception]) -> None:
    try:
        writer = FrameWriter(writing, batch_size)
        with conn.cursor() as cur:
            cur.copy_expert(statement, writer.file)
        writer.end()
    except Exception as err:  # noqa: BLE001 - handed to whoever reads; of a broken pipe nobody does
        faults.append(err)
    finally:
        os.close(writing)
