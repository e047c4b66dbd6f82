"""The server that source-postgres is measured on, and how two things are compared on it."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2.extensions import connection

from fustor_core.models.config import SourceConfig
from fustor_source_postgres import PostgresDriver
from fustor_source_postgres._server.connection import Address
from fustor_source_postgres._server.ownership import Owner
from fustor_source_postgres._source import Shared
from fustor_source_postgres._stream.opening import Opener
from fustor_source_postgres.config import PostgresParams
from fustor_testing_postgres import Server

SETTINGS = {"shared_buffers": "'1GB'", "max_wal_size": "'8GB'", "jit": "off"}
MEBIBYTE = 1 << 20


@dataclass(slots=True)
class Bench:
    """A server with data, and what was measured on it."""

    server: Server
    rows: int
    rounds: int
    results: dict[str, dict[str, float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def connect(self) -> connection:
        """A connection that commits every statement."""
        conn = psycopg2.connect(self.server.uri)
        conn.autocommit = True
        return conn

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """What one statement answers."""
        conn = self.connect()
        try:
            with conn.cursor() as cur:
                cur.execute(statement)
                return cur.fetchall() if cur.description else []
        finally:
            conn.close()

    @contextmanager
    def driver(self, *tables: str, **params: Any) -> Iterator[PostgresDriver]:
        """A driver of these tables, for the length of a block."""
        params |= {"tables": list(tables)}
        config = SourceConfig(driver="postgres", uri=self.server.uri, driver_params=params)
        driver = PostgresDriver("benchmark", config)
        try:
            yield driver
        finally:
            asyncio.run(driver.close())

    def opener(self, *tables: str) -> Opener:
        """What the driver of these tables opens its streams with."""
        params = PostgresParams(tables=tables)
        owner = Owner.of("benchmark", "postgres")
        return Opener(Address.parse(self.server.uri), params, Shared(), owner.default_slot, owner)

    def tool(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs, its output thrown away."""
        command = [str(self.server.binaries / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def compare(self, case: str, floor: Callable[[], None], ours: Callable[[], int], target: float) -> None:
        """Medians of interleaved rounds, and the ratio of the floor's time to ours."""
        times: tuple[list[float], list[float]] = ([], [])
        count = 0
        for _ in range(self.rounds):
            times[0].append(timed(floor)[0])
            seconds, count = timed(ours)
            times[1].append(seconds)
        base, own = (statistics.median(values) for values in times)
        self.results[case] = {"floor_sec": base, "own_sec": own, "rows": count, "ratio": base / own, "target": target}


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """How many seconds something takes, and what it returns."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result
