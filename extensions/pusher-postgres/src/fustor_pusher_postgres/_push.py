"""Transactions on one server: sessions are opened and batches pushed, again where a link or a lock failed."""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import psycopg2
from psycopg2.extensions import cursor

from fustor_core.exceptions import DriverError
from fustor_pusher_postgres._batch import REFUSALS, Batch, write_batch
from fustor_pusher_postgres._fast.copying import Copier
from fustor_pusher_postgres._fast.known import Forecast, Memory, Mistaken
from fustor_pusher_postgres._server import Address, Pool, is_refusal, is_storable, is_transient, translated
from fustor_pusher_postgres._tables.schema import prepare_schema
from fustor_pusher_postgres._tables.state import State, begin_session, load, lock, save
from fustor_pusher_postgres._tables.switch import settle
from fustor_pusher_postgres._tables.tables import Tables, load_tables
from fustor_pusher_postgres._write.refusals import RefusalLog, Refused
from fustor_pusher_postgres._write.stage import prepare_stage
from fustor_pusher_postgres._write.writer import Writer
from fustor_pusher_postgres.config import PostgresParams

_T = TypeVar("_T")
_FIRST_PAUSE_SEC = 0.05
_COUNTED = ("batches", "events", "rows", "refused_batches", "refused_rows", "refused_deletions", "retries")


class Store:
    """A schema of one database, written by this process and maybe by others. Every method blocks.

    `counts` says what was done since construction.
    """

    def __init__(self, address: Address, params: PostgresParams, retry_delay_sec: float) -> None:
        self._address = address
        self._params = params
        self._pool = Pool(address, prepare_stage)
        self._retry_delay_sec = retry_delay_sec
        self._closing = threading.Event()
        self._memories = defaultdict[int, Memory](Memory)
        self._refusals = RefusalLog()
        self._counting = threading.Lock()
        self.counts = dict.fromkeys(_COUNTED, 0)

    def begin(self, task: str) -> tuple[str, int]:
        """Open a session of a task; return its id and the committed index."""
        if not is_storable(task):
            raise DriverError(f"Task {task!r} is not a text that a database can hold; choose another name")
        schema = self._params.schema_name

        def work(cur: cursor) -> tuple[str, int]:
            cur.execute("BEGIN")
            prepare_schema(cur, schema)
            opened = begin_session(cur, schema, task)
            settle(cur, self._params, opened[0])
            cur.execute("COMMIT")
            return opened

        return self._transaction(work)

    def state(self, session_id: object) -> State:
        """How far the task of a session has come."""
        return self._transaction(lambda cur: load(cur, self._params.schema_name, session_id))

    def push(self, session_id: object, batch: Batch) -> tuple[State, Refused]:
        """Write a batch and its index, durably; what the database refuses is set aside."""
        try:
            state, refused = self._written(session_id, batch, carefully=False)
        except REFUSALS as error:
            if isinstance(error, psycopg2.Error) and not is_refusal(error):
                raise
            self._count(refused_batches=1)
            state, refused = self._push_carefully(session_id, batch)
        self._count(
            batches=1,
            events=len(batch.events),
            rows=batch.row_count,
            refused_rows=len(refused.rows),
            refused_deletions=refused.deletions,
        )
        self._refusals.report(state.task, refused.rows)
        return state, refused

    def _written(self, session_id: object, batch: Batch, *, carefully: bool) -> tuple[State, Refused]:
        """Write as is remembered of the task; where that was mistaken, once more without."""
        push = partial(self._push, session_id=session_id, batch=batch, carefully=carefully)
        try:
            return self._transaction(partial(push, remembers=True))
        except Mistaken:
            return self._transaction(partial(push, remembers=False))

    def _push_carefully(self, session_id: object, batch: Batch) -> tuple[State, Refused]:
        try:
            return self._written(session_id, batch, carefully=True)
        except psycopg2.Error as error:  # no row, but what is stored beside them: an index that no bigint can hold
            raise self._translated(error) from None

    def close(self) -> None:
        """Wait for what is under way and close every connection."""
        self._closing.set()
        self._pool.close()

    def _push(
        self, cur: cursor, session_id: object, batch: Batch, *, carefully: bool, remembers: bool
    ) -> tuple[State, Refused]:
        schema = self._params.schema_name
        state, changed_by, own = lock(cur, schema, session_id)
        before = copy.copy(state)
        memory = self._memories[state.number] if remembers else Memory(forecast=Forecast.none())
        version, known = memory.tables
        if version != state.tables_version:
            known = load_tables(cur, schema, state)
        written_by, sure = memory.sure
        writer = Writer(cur, self._params, state, Tables(cur, schema, state, known))
        copier = Copier(writer, memory.forecast, sure if written_by == changed_by else None)
        try:
            refused = write_batch(writer, batch, None if carefully else copier)
        except psycopg2.errors.DatatypeMismatch as error:
            if remembers:  # somebody has given a column another type
                raise Mistaken(str(error)) from None
            raise
        lasting = self._memories[state.number]
        streak = lasting.streak.after(refused.rows, batch.row_count)
        save(cur, schema, before, state)
        lasting.streak = streak
        lasting.tables = state.tables_version, writer.tables.all()
        lasting.sure = own, copier.sure
        return state, refused

    def _transaction(self, work: Callable[[cursor], _T]) -> _T:
        """What `work` returns; it ends what it begins, and is tried again a few times where the link or a lock failed.

        Raises:
            DriverError: what became of an error of the database, unless it is one that refuses a row.
        """
        for attempt in range(1, self._params.attempts + 1):
            try:
                return self._attempt(work)
            except psycopg2.Error as error:
                if is_refusal(error):
                    raise
                if not is_transient(error) or attempt == self._params.attempts or self._closing.is_set():
                    raise self._translated(error) from None
                self._count(retries=1)
                self._closing.wait(min(_FIRST_PAUSE_SEC * 4 ** (attempt - 1), self._retry_delay_sec))
        raise DriverError("No attempt was made; `attempts` must be above 0")

    def _count(self, **counts: int) -> None:
        with self._counting:
            for name, count in counts.items():
                self.counts[name] += count

    def _translated(self, error: psycopg2.Error) -> DriverError:
        return translated(f"{self._address.shown}: {self._address.clean(error)}", error)

    def _attempt(self, work: Callable[[cursor], _T]) -> _T:
        with self._pool.lend() as conn, conn.cursor() as cur:
            try:
                return work(cur)
            except BaseException:
                if not conn.closed:
                    _roll_back(cur)
                raise


def _roll_back(cur: cursor) -> None:
    try:
        cur.execute("ROLLBACK")
    except psycopg2.Error:  # the link is gone, and the transaction with it
        cur.connection.close()
