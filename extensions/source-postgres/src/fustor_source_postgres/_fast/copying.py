"""COPY as an iterator of frames: psycopg2 pushes lines, a snapshot is pulled, and a pipe between them takes what comes.

The lines are received by a thread, or, of a large table, by a process of its own on another core.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import subprocess
import sys
from array import array
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from threading import Thread
from typing import Any, BinaryIO, NamedTuple

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection

from fustor_source_postgres._fast.copier import FAULT, HEAD, LENGTHS, FrameWriter
from fustor_source_postgres._server.connection import Address

_log = logging.getLogger(__name__)
_PROGRAM = Path(__file__).with_name("copier.py")
_PIPE_BYTES = 1 << 20


class Frame(NamedTuple):
    """The bytes of each line, ends and separators included, and the fields of all, a tab behind each."""

    lengths: array[int]
    fields: bytes


def copied_here(conn: connection, statement: str, batch_size: int) -> Generator[Frame]:
    """What a `COPY ... TO STDOUT` writes.

    Abandoning the iterator leaves the transaction of `conn` broken.

    Raises:
        psycopg2.Error: the statement failed; what came before has been given.
    """
    reading, writing = _make_pipe()
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


def copied_elsewhere(address: Address, before: list[str], statement: str, batch_size: int) -> Generator[Frame] | None:
    """What `statement` copies; None where no other process can do that.

    `before` are statements that lead there: they take every lock, so that nothing is waited for once they are done.

    Raises:
        psycopg2.Error: by the iterator: the statement failed, or the process did; what came before has been given.
    """
    reading, writing = _make_pipe()
    try:
        process = _start(writing)
    except (OSError, ValueError) as err:  # no such program, or no room for one
        _log.info("No other process can copy: %s", err)
        os.close(reading)
        return None
    finally:
        os.close(writing)
    asked = {
        "path": [*map(str, sys.path)],
        "dsn": address.dsn,
        "before": before,
        "statement": statement,
        "batch_size": batch_size,
    }
    frames = _frames(process, reading, asked)
    try:
        next(frames)
    except psycopg2.Error as err:
        _log.info("No other process can copy: %s", address.clean(err))
        return None
    return frames


def read_frames(file: BinaryIO) -> Generator[Frame]:
    """Every whole frame of a buffered file, whose `read` gives less than was asked for only at its end.

    Raises:
        EOFError: the writer did not come to its end; what came before has been given.
    """
    while True:
        head = file.read(HEAD.size)
        count, size = HEAD.unpack(head) if len(head) == HEAD.size else (1, 0)
        if not count:
            return
        lengths = array(LENGTHS)
        described = file.read(count * lengths.itemsize)
        fields = file.read(size)
        if not described or len(fields) < size:
            raise EOFError("COPY broke off")
        lengths.frombytes(described)
        yield Frame(lengths, fields)


def _make_pipe() -> tuple[int, int]:
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


def _start(writing: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", str(_PROGRAM)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE, cwd="/", process_group=0
    )


def _frames(process: subprocess.Popen[bytes], reading: int, asked: dict[str, Any]) -> Generator[Frame]:
    """An empty frame when the process is about to copy, then what it copies.

    It says so in words that no other program would use, whatever this one's executable is.
    """
    ready = token_hex(8)
    with process, os.fdopen(reading, "rb") as source:
        try:
            _ask(process, json.dumps(asked | {"ready": ready}).encode())
            if source.read(len(ready)) == ready.encode():
                yield Frame(array(LENGTHS), b"")
                yield from read_frames(source)
                return
            raise _fault(process)
        except EOFError:
            raise _fault(process) from None
        finally:
            process.kill()


def _ask(process: subprocess.Popen[bytes], asked: bytes) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin as pipe:  # the end of the process shows why
            pipe.write(asked)


def _fault(process: subprocess.Popen[bytes]) -> psycopg2.Error:
    """What the process says of its failure."""
    said = process.stderr.read() if process.stderr is not None else b""
    process.wait()
    last = said.split(b"\n")[-1]
    if not last.startswith(FAULT):  # the status means nothing where a host collects the ends of all its processes
        return psycopg2.OperationalError(f"The process that copies a table ended with status {process.returncode}")
    fault = json.loads(last.removeprefix(FAULT))
    try:
        kind = errors.lookup(fault["pgcode"])
    except KeyError:
        kind = psycopg2.OperationalError
    err: psycopg2.Error = kind(fault["text"])
    err.__setstate__({"pgcode": fault["pgcode"]})  # type: ignore[no-untyped-call] # no stubs
    return err
