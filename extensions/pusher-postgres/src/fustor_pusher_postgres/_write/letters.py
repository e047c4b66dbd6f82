"""Dead letters: what is refused is kept beside, once, and an older version of it is marked as such."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2 import sql
from pydantic_core import to_json

from fustor_event_model import EventBase, MessageSource
from fustor_pusher_postgres._server.errors import is_refusal
from fustor_pusher_postgres._tables.schema import DEAD_LETTERS, qualified
from fustor_pusher_postgres._write import statements
from fustor_pusher_postgres._write.refusals import Refusal
from fustor_pusher_postgres._write.rows import Origin, RowRefused, Run, parse_row
from fustor_pusher_postgres._write.writer import Writer

__all__ = ["set_aside"]

_TIMES = ("mtime", "parent_mtime")
_AGAIN = sql.SQL(
    "UPDATE {} SET times = times + 1, last_refused_at = pg_catalog.now(), reason = %s WHERE task = %s AND digest = %s"
)
_KEEP = sql.SQL(
    "INSERT INTO {} (task, session_id, event_schema, event_table, event_type, message_source, event_index, path, row,"
    " reason, digest) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def set_aside(writer: Writer, event: EventBase, row: Any, refusal: Refusal) -> None:
    """Keep a refused row; its path counts as reported, so that what is known of it does not go."""
    letters, state = qualified(writer.schema, DEAD_LETTERS), writer.state
    digest = _digest(event, row)
    writer.cur.execute(_AGAIN.format(letters), [_storable(refusal.text), state.task, digest])
    if not writer.cur.rowcount:
        path = row.get("path") if isinstance(row, dict) else None
        names = (state.task, state.session_id, event.event_schema, event.table)
        kinds = (event.event_type.value, event.message_source.value, event.index)
        texts = (path if isinstance(path, str) else None, _shown(row), refusal.text, digest)
        values = [_storable(value) if isinstance(value, str) else value for value in (*names, *kinds, *texts)]
        writer.cur.execute(_KEEP.format(letters), values)
    _note(writer, event, row)


def _digest(event: EventBase, row: Any) -> str:
    """The same for what is the same row: one with a record is, whatever the times that it was read at."""
    if isinstance(row, Mapping) and row.get("record") is not None:
        row = {name: value for name, value in row.items() if name not in _TIMES}
    told = "\0".join((event.event_schema, event.table, event.event_type.value, _shown(row)))
    return hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()


def _note(writer: Writer, event: EventBase, row: Any) -> None:
    """Let the path count as reported, and mark what is known of it as older than what was refused."""
    try:
        path, mtime = parse_row(row)
        path.encode()
    except (RowRefused, UnicodeEncodeError):
        return
    source = event.message_source
    run = Run(source)
    run.take(Origin.of(event), row, path, mtime)
    before = copy.copy(writer.state), writer.tables.all()
    writer.cur.execute("SAVEPOINT fustor_note")
    try:
        entries = list(run.entries.values())
        writer.note(entries, source)
        if source is MessageSource.AUDIT:
            writer.run(statements.REPORT_REFUSED, path=path, seen=entries[0].seen)
        for table in writer.tables.overlapping(path):
            writer.run(_MARKS[source], table, source=source, path=path, mtime=mtime)
    except psycopg2.Error as error:
        if not is_refusal(error):  # the user's trigger may refuse the mark as well
            raise
        writer.cur.execute("ROLLBACK TO SAVEPOINT fustor_note")
        writer.restore(*before)
    else:
        writer.cur.execute("RELEASE SAVEPOINT fustor_note")


_MARK = "UPDATE {t} t SET _refused = pg_catalog.now() WHERE t.path = %(path)s "
_MARKS = {
    MessageSource.REALTIME: _MARK,
    MessageSource.SNAPSHOT: _MARK + statements.YOUNG.replace("{s}.mtime", "%(mtime)s"),
    MessageSource.AUDIT: _MARK + statements.UNMARKED,
}


def _shown(row: Any) -> str:
    """A refused row as a text, in the best form that it has."""
    for form in (_as_json, repr, _as_lenient_json):
        try:
            return form(row)
        except (TypeError, ValueError, RecursionError):  # a key, a number or a depth that this form cannot have
            continue
    return f"a {type(row).__name__} that no text can show"


def _as_json(row: Any) -> str:
    return json.dumps(row, default=repr)


def _as_lenient_json(row: Any) -> str:
    return to_json(row, fallback=repr).decode()


def _storable(text: str) -> str:
    """A text with what no text of a database can hold written out."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
