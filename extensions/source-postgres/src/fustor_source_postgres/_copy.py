"""COPY as an iterator: psycopg2 pushes lines, a snapshot is pulled, and a pipe between them takes what comes."""

from __future__ import annotations

import fcntl
import io
import os
from collections.abc import Generator, Iterable
from contextlib import suppress
from threading import Thread

import psycopg2
from psycopg2.extensions import connection

BUFFER_BYTES = 256 << 10
_PIPE_BYTES = 1 << 20
_MAX_BATCH_BYTES = 4 << 20


def copy_blocks(conn: connection, statement: str) -> Generator[bytes]:
    """What a `COPY ... TO STDOUT` writes, in pieces that end anywhere.

    Abandoning the iterator leaves the transaction of `conn` broken.

    Raises:
        psycopg2.Error: the statement failed; what came before has been given.
    """
    reading, writing = make_pipe()
    faults: list[psycopg2.Error] = []
    target = io.BufferedWriter(io.FileIO(writing, "w"), BUFFER_BYTES)
    thread = Thread(target=_run, args=(conn, statement, target, faults), name="fustor-postgres-copy", daemon=True)
    thread.start()
    try:
        while block := os.read(reading, BUFFER_BYTES):
            yield block
    finally:
        os.close(reading)  # a writer that waits for room wakes up
        if thread.is_alive():
            conn.cancel()
        thread.join()
    if faults:
        raise faults[0]


def line_batches(blocks: Iterable[bytes], batch_size: int) -> Generator[list[str]]:
    """The lines of these blocks, without their ends: `batch_size` in one list, fewer where they are long."""
    lines: list[str] = []
    size = 0
    for text in _whole_lines(blocks):
        lines += text.split("\n")
        size += len(text)
        start = 0
        while len(lines) - start >= batch_size:
            yield lines[start : start + batch_size]
            start += batch_size
            size = 0
        if start:
            lines = lines[start:]
        if size >= _MAX_BATCH_BYTES:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


def make_pipe() -> tuple[int, int]:
    """A pipe with room for what a server sends while a batch is being read, where the system allows that."""
    reading, writing = os.pipe()
    with suppress(AttributeError, OSError):  # not on this system, or not for this user
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return reading, writing


def _whole_lines(blocks: Iterable[bytes]) -> Generator[str]:
    """Texts of one line or more, without the end of the last."""
    parts: list[bytes] = []
    for block in blocks:
        end = block.rfind(b"\n")
        if end < 0:
            parts.append(block)
            continue
        yield b"".join((*parts, block[:end])).decode()
        parts = [block[end + 1 :]]


def _run(conn: connection, statement: str, target: io.BufferedWriter, faults: list[psycopg2.Error]) -> None:
    try:
        with conn.cursor() as cur:
            cur.copy_expert(statement, target)
    except psycopg2.Error as err:
        faults.append(err)
    except BrokenPipeError:  # nobody wants the rest
        pass
    finally:
        with suppress(BrokenPipeError):
            target.close()
