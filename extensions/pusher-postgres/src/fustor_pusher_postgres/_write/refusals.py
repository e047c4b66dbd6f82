"""Rows that are refused: by what, where they are kept, and when the fault is no longer a row's."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg2
from psycopg2 import sql
from pydantic_core import to_json

from fustor_event_model import EventBase, MessageSource
from fustor_pusher_postgres._server import RetryableError, is_refusal
from fustor_pusher_postgres._tables.paths import RowRefused, parse_row
from fustor_pusher_postgres._tables.schema import DEAD_LETTERS, qualified
from fustor_pusher_postgres._write import statements
from fustor_pusher_postgres._write.rows import Origin, Run
from fustor_pusher_postgres._write.writer import Savepoint, Suppressed, Writer

_log = logging.getLogger(__package__)
_STREAK_MAX = 100
_CAUSES_MAX = 100
_RULES = {"23", "44", "P0"}
"""Classes of errors by which a constraint, a view or a trigger refuses rows."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row is set aside."""

    text: str
    short: str
    """Without the row that the server repeats."""
    cause: tuple[str, ...]
    """The same for all rows that are refused by the same thing."""
    is_rule: bool
    """Whether a constraint or a trigger refuses it, and no form of its values."""

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        """What an error says of a row."""
        text = " ".join(str(error).split())
        if isinstance(error, psycopg2.Error) and error.pgcode is not None:
            said = error.diag
            cause = (error.pgcode, said.schema_name or "", said.table_name or "", said.constraint_name or "")
            short = " ".join((said.message_primary or text).split())
            return cls(text, short, cause, is_rule=error.pgcode[:2] in _RULES)
        return cls(text, text, (type(error).__name__,), is_rule=isinstance(error, Suppressed))


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was set aside."""

    path: object
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Refused:
    """What of a batch was not done."""

    rows: Sequence[Row] = ()
    deletions: int = 0

    @property
    def reason(self) -> str | None:
        """Why one of the rows was refused."""
        return self.rows[0].refusal.short if self.rows else None


@dataclass(frozen=True, slots=True)
class Streak:
    """Rows in a row that one constraint or trigger refused, and nothing was written in between."""

    cause: tuple[str, ...] = ()
    length: int = 0

    def after(self, refused: Sequence[Row], total: int) -> Streak:
        """What it is after a batch of so many rows.

        Raises:
            RetryableError: it refuses everything for too long: that is for the user to mend.
        """
        causes = {row.refusal.cause for row in refused}
        if not total:
            return self
        if len(refused) < total or len(causes) > 1 or not refused[0].refusal.is_rule:
            return Streak()
        (cause,) = causes
        length = total + (self.length if cause == self.cause else 0)
        if length >= _STREAK_MAX:
            raise RetryableError(
                f"The last {length} rows were refused without an exception ({refused[0].refusal.short}); mend the"
                " constraint or the trigger, this push is not committed and can be tried again"
            )
        return Streak(cause, length)


class RefusalLog:
    """Warns of the first row of every cause, and again at every tenth, hundredth, thousandth, ... of them."""

    def __init__(self) -> None:
        self._counts = Counter[tuple[str, ...]]()

    def report(self, task: str, rows: Iterable[Row]) -> None:
        """Take note of rows that were set aside."""
        for row in rows:
            cause = row.refusal.cause
            if cause not in self._counts and len(self._counts) >= _CAUSES_MAX:
                cause = ()
            self._counts[cause] += 1
            count = self._counts[cause]
            if count == 1:
                _log.warning("Set aside %s of task %r: %s", _named(row.path), task, _cut(row.refusal.short))
            elif str(count).strip("0") == "1":
                _log.warning("Set aside %d rows like %s: %s", count, _named(row.path), _cut(row.refusal.short))


def _named(path: object) -> str:
    return f"row {_cut(path)!r}" if isinstance(path, str) else "a row without a path"


def _cut(text: str, longest: int = 300) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


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
    savepoint = Savepoint(writer)
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
        savepoint.go_back()
    else:
        savepoint.release()


_MARK = "UPDATE {t} t SET _refused = pg_catalog.now() WHERE t.path = %(path)s "
_MARKS = {
    MessageSource.REALTIME: _MARK,
    MessageSource.SNAPSHOT: _MARK + statements.YOUNG.replace("{s}.mtime", "%(mtime)s"),
    MessageSource.AUDIT: _MARK + statements.UNMARKED,
}


def _shown(row: Any) -> str:
    """A refused row as a text, in the best form that it has."""
    for form in (partial(json.dumps, default=repr), repr, lambda row: to_json(row, fallback=repr).decode()):
        try:
            return form(row)
        except (TypeError, ValueError, RecursionError):  # a key, a number or a depth that this form cannot have
            continue
    return f"a {type(row).__name__} that no text can show"


def _storable(text: str) -> str:
    """A text with what no text of a database can hold written out."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
