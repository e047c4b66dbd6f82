"""What agents read from and write to: trees and tables, logs and databases."""

import itertools
import shutil
from contextlib import closing
from pathlib import Path

import psycopg2
from hosts.tree_and_view import world
from psycopg2 import sql

from fustor_conformance.view import View, replayed
from fustor_pusher_fs import read_events
from fustor_testing_postgres import Server

FEW = 40
SESSION = "session"


class Tree:
    """A directory tree. What is compared is each path with its kind, and of files size and time."""

    driver = "fs"

    def __init__(self, folder):
        self._folder = folder / "tree"
        self._folder.mkdir(parents=True)
        self._serial = 0

    @property
    def source(self):
        params = {"settle_sec": 0.1}
        return {"driver": "fs", "uri": self._folder.as_uri(), "driver_params": params}

    def add(self, count):
        """Add files, a few to a directory."""
        for number in range(self._serial, self._serial + count):
            directory = self._folder / f"dir-{number // 10}"
            directory.mkdir(exist_ok=True)
            (directory / f"file-{number}").write_text("x" * (number % 7))
        self._serial += count

    def take_one(self):
        """Take one file away: a single event, that nothing later makes good if it is lost."""
        min(self._folder.glob("dir-*/file-*")).unlink()

    def change(self):
        """Change, rename and delete some of what is there, and add a little."""
        files = sorted(self._folder.glob("dir-*/file-*"))
        files[0].write_text("changed")
        files[1].rename(files[1].with_name(f"renamed-{self._serial}"))
        files[2].unlink()
        directories = sorted(self._folder.glob("dir-*"))
        directories[-1].rename(self._folder / f"moved-{self._serial}")
        shutil.rmtree(directories[-2])
        self.add(5)

    def look(self):
        """What is there."""
        return {path: seen for path, seen in map(_pictured, world(self._folder).items()) if path != "/"}

    @staticmethod
    def picture(rows):
        """The same of rows that somebody keeps."""
        facts = ((row["path"], (row["is_directory"], row["size"], row["mtime"])) for row in rows)
        return {path: seen for path, seen in map(_pictured, facts) if path != "/"}


def _pictured(thing):
    path, (is_directory, size, mtime) = thing
    return path, True if is_directory else (size, round(mtime, 3))


class Database:
    """A database of its own on a server that a test may end and start."""

    _numbers = itertools.count()

    def __init__(self, server):
        name = f"d{next(self._numbers)}"
        self.server, self.uri = server, server.uri
        self.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self.uri = server.uri.replace("@/postgres?", f"@/{name}?")

    def run(self, statement, *values):
        """What a statement gives."""
        with closing(psycopg2.connect(self.uri)) as conn, conn.cursor() as cur:
            conn.autocommit = True
            cur.execute(statement, values or None)
            return cur.fetchall() if cur.description else []


class Table:
    """A table of a database. What is compared is its rows."""

    driver = "postgres"

    def __init__(self, server):
        self._database = Database(server)
        self._database.run("CREATE TABLE things (id int PRIMARY KEY, word text, number int)")
        self._serial = 0

    @property
    def source(self):
        params = {"tables": ["public.things"]}
        there = {"driver": "postgres", "uri": self._database.uri, "credential": {"user": "postgres"}}
        return {**there, "retry_delay_sec": 1, "driver_params": params}

    def add(self, count):
        """Add rows in one transaction."""
        statement = "INSERT INTO things SELECT n, 'word ' || n, n FROM generate_series(%s, %s) AS n"
        self._database.run(statement, self._serial + 1, self._serial + count)
        self._serial += count

    def take_one(self):
        """Take one row away: a single event, that nothing later makes good if it is lost."""
        self._database.run("DELETE FROM things WHERE id = (SELECT max(id) FROM things)")

    def change(self):
        """Change, re-key and delete some of what is there, and add a little."""
        self._database.run("UPDATE things SET word = word || '!' WHERE id %% 7 = %s", 0)
        self._database.run("UPDATE things SET id = id + 1000000 WHERE id = (SELECT min(id) FROM things)")
        self._database.run("DELETE FROM things WHERE id IN (SELECT id FROM things ORDER BY id LIMIT 5)")
        self.add(1)
        self.add(5)

    def empty(self):
        """Take all rows away at once."""
        self._database.run("TRUNCATE things")

    def look(self):
        """What is there."""
        return {row[0]: row[1:] for row in self._database.run("SELECT id, word, number FROM things")}

    @staticmethod
    def picture(rows):
        """The same of rows that somebody keeps."""
        kept = [row["record"] for row in rows if row.get("record")]
        return {record["id"]: (record["word"], record["number"]) for record in kept}


class Log:
    """What pusher-fs has written."""

    driver = "fs"

    def __init__(self, folder):
        self._folder = folder / "log"
        self.pusher = {"driver": "fs", "endpoint": str(self._folder)}

    def batches(self):
        """The committed batches."""
        tasks = [path for path in Path(self._folder).glob("*") if path.is_dir()]
        return [batch for task in tasks for batch in read_events(task)]

    def rows(self):
        """What a consumer of the contract holds of them."""
        return list(replayed(self.batches()).rows().values())

    def audits(self):
        """How many audits have ended."""
        return sum(event.signal == "Audit-End" for batch in self.batches() for event in batch.events)

    def sources(self):
        """The phases of which something is stored."""
        return {event.message_source for batch in self.batches() for event in batch.events if event.rows}


class Tables:
    """What pusher-postgres has written; many attempts, since agent 0.2 gives up after the first error of a push."""

    driver = "postgres"
    _FIELDS = ("path", "is_directory", "size", "mtime", "record", "message_source")

    def __init__(self, server):
        self._database = Database(server)
        params = {"attempts": 1000}
        there = {"driver": "postgres", "endpoint": self._database.uri, "credential": {"user": "postgres"}}
        self.pusher = {**there, "retry_delay_sec": 1, "driver_params": params}

    def rows(self):
        """All rows of its tables."""
        if self._database.run("SELECT to_regclass('fustor._fustor_tables')") == [(None,)]:
            return []
        relations = self._database.run("SELECT relation FROM fustor._fustor_tables")
        return [row for (relation,) in relations for row in self._of(relation)]

    def _of(self, relation):
        columns = sql.SQL(", ").join(map(sql.Identifier, self._FIELDS))
        found = self._database.run(sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier("fustor", relation)))
        return [dict(zip(self._FIELDS, row, strict=True)) for row in found]

    def audits(self):
        """How many audits have begun."""
        ((count,),) = self._database.run("SELECT sum(audits) FROM fustor._fustor_tasks")
        return count

    def sources(self):
        """The phases of which something is stored."""
        return {row["message_source"] for row in self.rows()}


class Record:
    """What the kit's sender has noted for agent 0.8, which tells no consumer of the contract when an audit begins."""

    def __init__(self, running):
        self._running = running

    def rows(self):
        """What a consumer holds by snapshots and realtime alone."""
        view = View()
        for number, batch in enumerate(self._running.batches()):
            if batch.source_type == SESSION:
                view.begin_session(str(number))
            elif batch.source_type in ("snapshot", "realtime"):
                for event in batch.events:
                    view.apply(event)
                if batch.is_end and batch.source_type == "snapshot":
                    view.snapshot_end()
        return list(view.rows().values())

    def count(self, source_type, *, is_end):
        """How many batches there are of one kind."""
        return sum((batch.source_type, batch.is_end) == (source_type, is_end) for batch in self._running.batches())

    def indexes(self):
        """The indexes of realtime events since the last session began."""
        found = []
        for batch in self._running.batches():
            if batch.source_type == SESSION:
                found = []
            if batch.source_type == "realtime":
                found += [event.index for event in batch.events]
        return found


def new_server():
    """A server that a test may end and start."""
    return Server.started()
