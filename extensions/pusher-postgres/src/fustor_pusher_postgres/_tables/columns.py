"""The columns of every table of rows, each declared once: every statement and list that names them is made of these.

A new column is one entry of `COLUMNS`, with the layout that brings it; tables that are there get it when a session
begins. A field of an event's row stands before `record`, which is staged last of them. Values are texts in SQL in which
`s` is the staged row, `t` the row that is there and `excluded` the one that was to be inserted. In braces stands what
the form of the table or of the statement decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_TEXT = 'text COLLATE "C"'


class Act:
    """What is done to the path of a staged row."""

    DELETE, PUT, PATCH, REPLACE, NOTE = range(5)


@dataclass(frozen=True, slots=True)
class Column:
    """One column, and its part in each statement that writes a row."""

    name: str
    kind: str
    """Its type."""
    constraint: str = ""
    new: str | None = None
    """Its value in a row that is inserted; None: NULL."""
    over: str | None = None
    """Its value in a row that is written over; None: it stays."""
    emptied: str | None = None
    """Its value where a row becomes a container that only its contents tell of; None: it stays."""
    implied: str | None = None
    """Its value in the new row of such a container; None: NULL."""
    differs: str | None = None
    """The condition under which a row of an audit differs from the one that is there; None: never."""
    is_told: bool = False
    """Whether it is a field of an event's row."""
    is_optional: bool = False
    """Whether it is one that many rows lack."""
    is_staged: bool = False
    """Whether the staging table has it."""
    since: int = 1
    """The layout of the schema that brought it."""


def _field(name: str, kind: str, constraint: str = "", **more: Any) -> Column:
    """A field of an event's row, stored as it comes."""
    plain: dict[str, Any] = {
        "new": f"s.{name}",
        "over": f"excluded.{name}",
        "emptied": "NULL",
        "differs": f"{{t}}.{name} IS DISTINCT FROM s.{name}",
        "is_told": True,
        "is_staged": True,
    }
    return Column(name, kind, constraint, **plain | more)


COLUMNS = (
    _field("path", _TEXT, "PRIMARY KEY", over=None, emptied=None, implied="path", differs=None),
    # when a record was read makes no difference
    _field(
        "mtime",
        "double precision",
        differs="{t}.mtime IS DISTINCT FROM s.mtime AND (s.record IS NULL OR {t}.mtime IS NULL)",
    ),
    _field("size", "bigint"),
    _field("is_directory", "boolean", "NOT NULL", emptied="true", implied="true"),
    # which container that is, the path says as well
    _field("parent_path", _TEXT, differs="{t}.parent_path <> s.parent_path", is_optional=True),
    _field("parent_mtime", "double precision", differs=None, is_optional=True),
    _field("is_atomic_write", "boolean", is_optional=True),
    _field("audit_skipped", "boolean", is_optional=True),
    _field("record", "jsonb", new="{record}", over="{joined}", differs="{t}.record IS DISTINCT FROM {record}"),
    _field("extra", "jsonb", is_told=False),
    Column(
        "message_source",
        "text",
        "NOT NULL",
        new="%(source)s",
        over="excluded.message_source",
        emptied="%(source)s",
        implied="%(source)s",
    ),
    Column(
        "event_index",
        "bigint",
        "NOT NULL",
        new="s.event_index",
        over="excluded.event_index",
        implied="-1",
        is_staged=True,
    ),
    # a mark: the clock when realtime last reported the path
    Column("_at", "bigint", new="%(clock)s::bigint", over="coalesce(excluded._at, t._at)"),
    # a mark: the clock when realtime last reported all that is below the path
    Column(
        "_below",
        "bigint",
        new=f"CASE WHEN s.act = {Act.REPLACE} OR NOT s.is_directory THEN %(clock)s::bigint END",
        over="greatest(excluded._below, t._below)",
    ),
    # the session that last reported the path
    Column("_session", "integer", new="%(session)s", over="excluded._session"),
    # the youngest `mtime` that was reported of it in that session; NULL: the row's
    Column(
        "_told",
        "double precision",
        new="NULLIF(s.told, s.mtime)",
        over="NULLIF(greatest(coalesce(excluded._told, excluded.mtime),"
        " CASE WHEN t._session = excluded._session THEN coalesce(t._told, t.mtime) END), excluded.mtime)",
        emptied="CASE WHEN _session = %(session)s THEN coalesce(_told, mtime) END",
    ),
    # whether the snapshot of that session could not list it
    Column(
        "_dark",
        "boolean",
        new="s.dark",
        over="coalesce(excluded._dark, CASE WHEN t._session = excluded._session THEN t._dark END)",
    ),
    # the keys of the record that realtime has reported in the session while the snapshot's row, which has the others,
    # is still to come; an array of one NULL: all that are in `record`; NULL: nothing is awaited
    Column("_partial", "text[]", new="{partial}", over="{joined_partial}", emptied="NULL", since=2),
    # when a newer version of the row was refused
    Column("_refused", "timestamptz", over="{refused}", emptied="NULL", differs="{t}._refused IS NOT NULL", since=4),
)
RETIRED = {"_audit": 5, "_seen": 5}
"""Columns that were, with the layout that took each away."""

TOLD = tuple(column.name for column in COLUMNS if column.is_told)
"""The fields of an event's row that have a column of their own."""
OPTIONAL = tuple(column.name for column in COLUMNS if column.is_optional)
PUBLIC = tuple(column.name for column in COLUMNS if not column.name.startswith("_"))
"""Names that no key of a record can have as its column; of those that begin with `_`, none can."""
DEFINITIONS = ", ".join(f"{column.name} {column.kind} {column.constraint}" for column in COLUMNS)
STAGED = "run integer, home integer, act smallint, told double precision, dark boolean, seen smallint, " + ", ".join(
    f"{column.name} {column.kind}" for column in COLUMNS if column.is_staged
)
"""The columns of the staging table: number of the run, number of the table it goes to, `Act`, and what is reported."""
