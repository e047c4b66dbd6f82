"""A host that is killed a lot: one source into a durable keyed store, by the rules of the driver contract.

Run as `python sqlite_host.py STORE CONFIG`. The store is a database of the standard library; a batch of events and its
last index are one transaction. Prints nothing; what it did is in the store.
"""

import json
import queue
import sqlite3
import sys
import threading
from pathlib import Path

from fustor_core.models.config import SourceConfig
from fustor_event_model import EventType
from fustor_source_postgres import PostgresDriver

_SCHEMA = """
create table if not exists things (path text primary key, record text, session int, is_realtime int);
create table if not exists gone (path text, session int, primary key (path, session));
create table if not exists state (one int primary key check (one = 1), committed int, session int, is_complete int);
create table if not exists counts (name text primary key, value int);
insert or ignore into state values (1, -1, 0, 0);
"""
_QUEUED_EVENTS = 200


class Store:
    """What is known, durably."""

    def __init__(self, path):
        self.boundary = -1
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript("pragma journal_mode = wal; pragma synchronous = full;" + _SCHEMA)
        self.committed, self.session, self.is_complete = self.db.execute(
            "select committed, session, is_complete from state"
        ).fetchone()

    @property
    def start(self):
        """The index to resume from: none before a complete snapshot."""
        return self.committed if self.is_complete else -1

    def begin_session(self):
        """A session that starts from nothing."""
        self.session += 1
        self.committed, self.is_complete = -1, 0
        with self.transaction():
            self.db.execute("update state set session = ?, committed = -1, is_complete = 0", (self.session,))
            self.db.execute("delete from gone")
            self.count("snapshots")

    def transaction(self):
        return _Transaction(self.db)

    def count(self, name, by=1):
        self.db.execute(
            "insert into counts values (?, ?) on conflict (name) do update set value = value + excluded.value",
            (name, by),
        )

    def push(self, batch):
        """Everything in a batch, or nothing of it."""
        with self.transaction():
            for phase, event in batch:
                if phase == "realtime":
                    self._push_realtime(event)
                elif event is None:
                    self._end_snapshot()
                else:
                    self._push_snapshot(event)
            self.db.execute("update state set is_complete = ?, committed = ?", (self.is_complete, self.committed))

    def _push_realtime(self, event):
        if event.index <= self.committed:
            self.count("repeated events")
        for row in event.rows:
            if event.event_type is EventType.DELETE:
                self._delete(row["path"])
            else:
                self._upsert(row, is_realtime=1)
        self.committed = event.index
        self.count("realtime rows", len(event.rows))

    def _push_snapshot(self, event):
        for row in event.rows:
            if not self._has_mark(row["path"]):
                self._upsert(row, is_realtime=0)
        self.boundary = event.index
        self.count("snapshot rows", len(event.rows))

    def _end_snapshot(self):
        """What no event of this session reported was deleted while nobody watched."""
        self.db.execute("delete from things where session < ?", (self.session,))
        self.db.execute("delete from gone")
        self.committed, self.is_complete = max(self.committed, self.boundary), 1

    def _upsert(self, row, *, is_realtime):
        self.db.execute(
            "insert or replace into things values (?, ?, ?, ?)",
            (row["path"], json.dumps(row["record"]), self.session, is_realtime),
        )

    def _delete(self, path):
        # what is below a path lies between "/" and the character after it
        self.db.execute("delete from things where path = ? or (path > ? and path < ?)", (path, f"{path}/", f"{path}0"))
        if not self.is_complete:
            self.db.execute("insert or replace into gone values (?, ?)", (path, self.session))

    def _has_mark(self, path):
        above = path.rpartition("/")[0]
        found = self.db.execute(
            "select 1 from things where path = ? and session = ? and is_realtime = 1"
            " union all select 1 from gone where path in (?, ?) and session = ?",
            (path, self.session, path, above, self.session),
        )
        return found.fetchone() is not None


class _Transaction:
    def __init__(self, db):
        self.db = db

    def __enter__(self):
        self.db.execute("begin immediate")

    def __exit__(self, kind, error, trace):
        self.db.execute("rollback" if kind else "commit")


def run(store, driver):
    """Read the source into the store, until killed."""
    start = store.start
    if not driver.is_position_available(start):
        start = -1
        store.begin_session()
    events = queue.Queue(_QUEUED_EVENTS)
    stream = driver.get_message_iterator(start)
    threading.Thread(target=_read, args=(stream, events, "realtime"), daemon=True).start()
    if start == -1:
        snapshot = driver.get_snapshot_iterator()
        threading.Thread(target=_read, args=(snapshot, events, "snapshot"), daemon=True).start()
    while True:
        store.push(_batch(events))
        if store.is_complete:
            driver.acknowledge(store.committed)


def _batch(events):
    """What waits in the queue, at least one thing."""
    batch = [events.get()]
    while len(batch) < _QUEUED_EVENTS and not events.empty():
        batch.append(events.get())
    errors = [event for _, event in batch if isinstance(event, Exception)]
    if errors:
        raise errors[0]
    return batch


def _read(iterator, events, phase):
    try:
        for event in iterator:
            events.put((phase, event))
    except Exception as error:  # noqa: BLE001 - it ends the process, in the thread that waits
        events.put((phase, error))
    else:
        events.put((phase, None))


def main():
    store = Store(sys.argv[1])
    config = SourceConfig.model_validate_json(Path(sys.argv[2]).read_text())
    run(store, PostgresDriver("chaos", config))


if __name__ == "__main__":
    main()
