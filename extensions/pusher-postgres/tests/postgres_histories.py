"""Random histories: pushes of three streams in one order, repeated and cut off, told to a pusher and to a view."""

import json
from collections.abc import Sequence
from contextlib import closing, contextmanager
from random import Random

import psycopg2
from psycopg2 import sql

from fustor_conformance.view import View
from fustor_event_model import DeleteEvent, EventBase, InsertEvent, LifecycleSignal, MessageSource, UpdateEvent

REALTIME, SNAPSHOT, AUDIT = MessageSource.REALTIME, MessageSource.SNAPSHOT, MessageSource.AUDIT
NAMES = ("a", "b", "a-b")  # `-` sorts before `/`
MANY_NAMES = (*NAMES, *(f"n{number}" for number in range(20)), "back\\slash", "tab\t", "line\n", "return\r", 'quo"te')
LONG_NAMES = (*NAMES, "long" + "".join(Random(0).choices("0123456789abcdef\u00e9", k=1_300)))
"""Two of the last are a path that is too long for an index."""
NEW_NAMES = tuple(f"n{number}" for number in range(400))
"""So many that a path is hardly ever drawn twice: with few deletes, one push of new rows follows the other."""
MAX_DEPTH = 4
VALUES = (None, None, 0, False, "", "null", [], {}, {"t": None}, 1.5, 2**63, "long" * 9, 'q"\\\t\n', "\u00e9\u2028")
COLUMNS = ("v", "n", "t", 'k"\\,{}')
"""Of records; a realtime update may leave some out."""
KINDS = ("realtime", "snapshot", "mixed", "end", "start", "audit", "finish", "again", "session")
WEIGHTS = (30, 20, 12, 8, 10, 20, 8, 8, 3)


class History:
    """What a host pushes, drawn from a seed; knows as much of the task's state as a host does."""

    def __init__(self, seed: int, length: int, names: Sequence[str] = NAMES) -> None:
        self.random = Random(seed)
        self.names = names
        self.length = length
        self.rarely = 0.1 if names is NEW_NAMES else 1.0
        self.layout = self.random.choice(("files", "tables", "wild"))
        self.has_index = self.random.random() < 0.5
        self.has_records = self.random.random() < 0.6
        self.index = 0
        self.is_complete = False
        self.is_auditing = False
        self.has_snapshot_rows = False
        self.last: dict[str, list[EventBase]] = {}

    def begin(self, committed: int) -> None:
        """A new session; one that resumes needs no snapshot."""
        self.is_complete = committed >= 0
        self.is_auditing = self.has_snapshot_rows = False
        self.last.clear()

    def actions(self):
        """Pairs of a kind of action and its events."""
        for _ in range(self.length):
            (kind,) = self.random.choices(KINDS, WEIGHTS)
            events = self._events(kind)
            if events is not None:
                yield kind, events

    def _events(self, kind):
        if kind in ("end", "session"):
            return []
        if kind == "again":
            return self.last.get(self.random.choice(("realtime", "compensation")))
        if kind == "start":
            may = self.is_complete and not (self.has_snapshot_rows and not self._ended)
            return self._remember("compensation", [signal(LifecycleSignal.AUDIT_START)]) if may else None
        if kind == "finish":
            return self._remember("compensation", [signal(LifecycleSignal.AUDIT_END)])
        sources = {"realtime": [REALTIME], "snapshot": [SNAPSHOT], "audit": [AUDIT]}.get(
            kind, [REALTIME, SNAPSHOT, AUDIT]
        )
        events = [self._event(self.random.choice(sources)) for _ in range(self.random.randrange(1, 6))]
        self.has_snapshot_rows = self.has_snapshot_rows or any(e.message_source is SNAPSHOT for e in events)
        return self._remember("realtime" if kind in ("realtime", "mixed") else "compensation", events)

    _ended = False

    def end_snapshot(self) -> None:
        self.is_complete = self._ended = True

    def _remember(self, phase, events):
        self.last[phase] = events
        return events

    def _event(self, source):
        random = self.random
        is_delete = random.random() < (0.3 if source is REALTIME else 0.03) * self.rarely
        if self.has_records and source is SNAPSHOT:
            is_delete = False  # no source tells one, and what it says of a partial record is nobody's rule
        paths = [self._path() for _ in range(random.randrange(1, 4))]
        if self.layout == "files":
            home = ("fs", "")
        elif self.layout == "tables":
            table = paths[0].split("/")[1]
            if self.names is NEW_NAMES:
                table = table[:2]  # more tables than one DROP SCHEMA has locks for
            home = ("fs", table) if paths[0].count("/") > 1 else ("fs", "")
        else:
            home = (random.choice(("fs", "x")), random.choice(("", "a")))
        rows = [self._row(path, source, is_delete=is_delete) for path in paths]
        model = DeleteEvent if is_delete else random.choice((UpdateEvent, InsertEvent))
        index = -1
        if source is REALTIME and self.has_index:
            self.index += 1
            index = self.index
        fields = ["path", "mtime", "size", "parent_mtime"]
        return model(fields=fields, rows=rows, index=index, event_schema=home[0], table=home[1], message_source=source)

    def _path(self):
        depth = self.random.choices(range(MAX_DEPTH + 1), (1, 10, 12, 12, 6))[0]
        return "/" + "/".join(self.random.choice(self.names) for _ in range(depth))

    def _row(self, path, source, *, is_delete):
        random = self.random
        row = {"path": path, "mtime": float(random.randrange(20)), "size": random.randrange(100)}
        if is_delete:
            return row | {"size": None}
        if path == "/" or random.random() < 0.45 * self.rarely:
            row["is_directory"] = True
            if source is not REALTIME and random.random() < 0.25:
                row["audit_skipped"] = True
        if random.random() < (0.85 if self.has_records else 0.1):
            row["record"] = {name: random.choice(VALUES) for name in COLUMNS if random.random() < 0.6}
        if random.random() < 0.2:
            row["name"] = random.choice(("x", "\\N", 'tab\tnew\nline "q"', "é\u2028"))
        return row


def signal(which):
    return UpdateEvent(fields=[], rows=[], event_schema="fs", table="", message_source=AUDIT, signal=which)


async def play(driver, stored, seed: int, length: int, *, task: str, names: Sequence[str]) -> None:
    """Play a history on both; raises AssertionError where they differ."""
    history, view = History(seed, length, names), View()
    told: list[str] = []
    session, floor = None, -1

    async def begin():
        nonlocal session, floor
        reply = await driver.create_session(task)
        session, floor = reply["session_id"], -1
        history.begin(reply["committed_index"])
        history._ended = False
        view.begin_session(session, reply["committed_index"])
        told.append(f"session {reply['committed_index']}")

    await begin()
    for kind, events in history.actions():
        if kind == "session":
            await begin()
            continue
        told.append(f"{kind} {json.dumps([short(event) for event in events])}")
        fresh = [e for e in events if not (e.message_source is REALTIME and -1 < e.index <= floor)]
        floor = max([floor, *(e.index for e in events if e.message_source is REALTIME)])
        for event in fresh:
            view.apply(event)
        await driver.push(events, session_id=session, is_snapshot_end=kind == "end")
        if kind == "end":
            view.snapshot_end()
            history.end_snapshot()
        expected, found = expected_rows(view), stored(task)
        for path, row in expected.items():
            keep_times(row, found.get(path, {}))
        if expected != found:
            differing = {p: (expected.get(p), found.get(p)) for p in expected.keys() | found.keys()}
            wrong = {path: pair for path, pair in differing.items() if pair[0] != pair[1]}
            raise AssertionError(f"Seed {seed}: {wrong} (view, table) after\n" + "\n".join(told))


def short(event):
    rows = [{key: value for key, value in row.items() if key not in ("size", "name")} for row in event.rows]
    return [
        event.message_source[0],
        event.event_type[0],
        event.event_schema,
        event.table,
        event.signal,
        event.index,
        rows,
    ]


def keep_times(expected, found):
    """An audit row that tells nothing but other times than those that are known is not written."""
    for name in ("mtime", "parent_mtime") if "record" in expected else ("parent_mtime",):
        if name in found or name == "parent_mtime":
            expected.pop(name, None)
            found.pop(name, None)


def expected_rows(view):
    """What the view holds, as the tables can tell it; `/` is above everything, told or not."""
    return {
        path: {key: value for key, value in row.items() if value is not None}
        | {"is_directory": row.get("is_directory") is True}
        for path, row in view.rows().items()
        if not (path == "/" and row.get("mtime") is None)
    }


@contextmanager
def reader(database):
    """Reads a task's rows by path, over one connection."""
    with closing(psycopg2.connect(database.dsn)) as conn, conn.cursor() as cur:
        conn.autocommit = True

        def read(task):
            cur.execute(
                "SELECT relation FROM fustor._fustor_tables t JOIN fustor._fustor_tasks k ON k.number = t.task"
                " WHERE k.task = %s",
                (task,),
            )
            rows = {}
            for (name,) in cur.fetchall():
                cur.execute(
                    sql.SQL(
                        "SELECT path, mtime, size, is_directory, audit_skipped, record, parent_mtime, extra FROM {}"
                    ).format(sql.Identifier("fustor", name))
                )
                for path, mtime, size, is_directory, skipped, record, parent_mtime, extra in cur.fetchall():
                    assert path not in rows, f"{path!r} is in two tables"
                    row = {"path": path, "mtime": mtime, "size": size, "is_directory": is_directory}
                    row |= {"audit_skipped": skipped, "record": record, "parent_mtime": parent_mtime, **(extra or {})}
                    rows[path] = {key: value for key, value in row.items() if value is not None}
            return {path: row for path, row in rows.items() if not (path == "/" and "mtime" not in row)}

        yield read
