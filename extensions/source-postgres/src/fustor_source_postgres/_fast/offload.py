"""COPY in a process of its own: another core receives the lines of a large table while this one makes rows of them."""

from __future__ import annotations

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
from typing import Any

import psycopg2
from psycopg2 import errors

from fustor_source_postgres._fast.copier import FAULT
from fustor_source_postgres._fast.copy import make_pipe
from fustor_source_postgres._fast.frames import Frame, read_frames
from fustor_source_postgres._server.connection import Address

_log = logging.getLogger(__name__)
_NO_LINES = Frame(array("I"), b"")
_PROGRAM = Path(__file__).with_name("copier.py")


def copied_elsewhere(address: Address, before: list[str], statement: str, batch_size: int) -> Generator[Frame] | None:
    """What `statement` copies; None where no other process can do that.

    `before` are statements that lead there: they take every lock, so that nothing is waited for once they are done.

    Raises:
        psycopg2.Error: by the iterator: the statement failed, or the process did; what came before has been given.
    """
    reading, writing = make_pipe()
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
                yield _NO_LINES
                yield from read_frames(source)
                return
            raise _fault(process)
        except EOFError:
            raise _fault(process) from None
        finally:
            process.kill()


def _ask(process: subprocess.Popen[bytes], asked: bytes) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin as pipe:  # the end of the process tells why
            pipe.write(asked)


def _fault(process: subprocess.Popen[bytes]) -> psycopg2.Error:
    """What the process says of its failure."""
    told = process.stderr.read() if process.stderr is not None else b""
    process.wait()
    last = told.split(b"\n")[-1]
    if not last.startswith(FAULT):  # the status tells nothing where a host collects the ends of all its processes
        return psycopg2.OperationalError(f"The process that copies a table ended with status {process.returncode}")
    fault = json.loads(last.removeprefix(FAULT))
    try:
        kind = errors.lookup(fault["pgcode"])
    except KeyError:
        kind = psycopg2.OperationalError
    err: psycopg2.Error = kind(fault["text"])
    err.__setstate__({"pgcode": fault["pgcode"]})  # type: ignore[no-untyped-call] # no stubs
    return err
