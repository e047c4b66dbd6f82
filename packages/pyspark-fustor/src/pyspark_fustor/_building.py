"""Drivers, built where they are used: a driver is never pickled, a task builds its own from the options."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fustor_core.drivers import SourceDriver
from fustor_core.exceptions import NotSupported
from fustor_driver.engines import source_of
from fustor_driver.hosts.heap import calm_collector
from pyspark_fustor._options import Secrets, SourceOptions
from pyspark_fustor._redacting import redacted

__all__ = ["build_source", "reading", "require", "source"]


@redacted()
def build_source(options: SourceOptions) -> SourceDriver:
    """The source that the options describe, for this process.

    Raises:
        ConfigError: the driver refuses its parameters.
        FustorDriverError: it is not installed, or a reference has no value on this machine.
    """
    return source_of(options.entry(), Secrets(options.secrets_dir))


@contextmanager
def source(options: SourceOptions) -> Iterator[SourceDriver]:
    """The same, closed at the end; no error lets a secret out."""
    with redacted():
        built = build_source(options)
        try:
            yield built
        finally:
            asyncio.run(built.close())


@contextmanager
def reading() -> Iterator[threading.Event]:
    """While a source is read: what it is stopped by, set at the end, which may come before the source's own."""
    stop = threading.Event()
    with calm_collector():
        try:
            yield stop
        finally:
            stop.set()


def require(built: SourceDriver, names: set[str], purpose: str) -> None:
    """Return if a source honours all of these optional names.

    Raises:
        NotSupported: it lacks some.
    """
    if missing := names - built.capabilities:
        raise NotSupported(
            f"Source {built.id!r} cannot be {purpose}: it does not declare {', '.join(sorted(missing))} "
            "(driver contract, section 4)"
        )
