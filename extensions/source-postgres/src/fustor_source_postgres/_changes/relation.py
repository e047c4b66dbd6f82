"""One relation as the stream describes it, and how its tuples become rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Any

from psycopg2.extensions import connection

from fustor_core.exceptions import DriverError
from fustor_event_model import EventType, MessageSource, TableLayout
from fustor_source_postgres._fast.making import FIRST, ReadRow, event_maker, row_reader
from fustor_source_postgres._names import written
from fustor_source_postgres._rows.shape import ROW_FIELDS, Row, key_name, layout_of, table_path
from fustor_source_postgres._rows.types import PLAIN_KEYS, Types
from fustor_source_postgres._server.catalog import Table, find_table
from fustor_source_postgres._source import Source

_u16 = Struct(">H").unpack_from
_u32 = Struct(">I").unpack_from
_column_type = Struct(">II").unpack_from
_TEXT, _NULL = ord("t"), ord("n")


class _Unchanged:
    """A value stored out of line that an update did not touch: the log does not repeat it."""


UNCHANGED = _Unchanged()
Raw = bytes | _Unchanged | None
NO_IDENTITY = "they do not name their row; run `ALTER TABLE ... REPLICA IDENTITY FULL` for it and its partitions"


def _read_nothing(_message: bytes, _mtime: float) -> None:
    """The quick way to read a relation that has none."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a Relation message says."""

    oid: int
    schema: str
    table: str
    replica_identity: str
    columns: tuple[str, ...]
    type_oids: tuple[int, ...]
    identity: frozenset[str]


def read_description(payload: bytes) -> Description:
    """The content of a Relation message. Source: PostgreSQL manual, "Logical Replication Message Formats"."""
    (oid,) = _u32(payload, 1)
    schema, pos = _text(payload, 5)
    table, pos = _text(payload, pos)
    replica_identity = chr(payload[pos])
    (count,) = _u16(payload, pos + 1)
    pos += 3
    names, types, identity = [], [], set()
    for _ in range(count):
        is_identity = payload[pos] & 1
        name, pos = _text(payload, pos + 1)
        type_oid, _ = _column_type(payload, pos)
        pos += 8
        names.append(name)
        types.append(type_oid)
        if is_identity:
            identity.add(name)
    return Description(
        oid, schema or "pg_catalog", table, replica_identity, tuple(names), tuple(types), frozenset(identity)
    )


def _text(payload: bytes, pos: int) -> tuple[str, int]:
    end = payload.index(0, pos)
    return payload[pos:end].decode(), end + 1


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """A chosen table whose rows the stream cannot name, and why: its changes are left out, those of others are not."""

    qualified: str
    reason: str


class Relation:
    """A chosen table in the stream; `wanted` are the columns that are sent, `key` those that make the path.

    `layout` is what an event is to say of the columns, until one has said it.
    """

    __slots__ = (
        *("described", "key", "wanted", "container", "names_rows", "layout", "inserts", "updates", "deletes", "read"),
        *("_key_positions", "_readers", "_width"),
    )

    def __init__(self, described: Description, key: tuple[str, ...], wanted: frozenset[str], types: Types) -> None:
        self.described, self.key, self.wanted = described, key, wanted
        self.container = table_path(described.schema, described.table)
        self.names_rows = described.replica_identity == "f" or described.identity.issuperset(key)
        self._key_positions = tuple(described.columns.index(name) for name in key)
        typed = list(zip(described.columns, described.type_oids, strict=True))
        self._readers = [(name, types[oid].converter.raw) if name in wanted else None for name, oid in typed]
        self._width = len(self._readers) - self._readers.count(None)
        self.layout: TableLayout | None = layout_of([column for column in typed if column[0] in wanted], key, types)
        self.inserts, self.updates, self.deletes = (
            event_maker(kind, MessageSource.REALTIME, described.schema, described.table, ROW_FIELDS)
            for kind in (EventType.INSERT, EventType.UPDATE, EventType.DELETE)
        )
        self.read: ReadRow = _read_nothing
        if self._width == len(typed):
            columns = [(name, types[oid].converter.raw, oid in PLAIN_KEYS) for name, oid in typed]
            self.read = row_reader(self.container, columns, key)

    def any_row(self, message: bytes, mtime: float) -> Row:
        """The row of a message that has a new tuple and no old one; `read` is the quick way to it."""
        return self.row(read_tuple(message, FIRST - 2)[0], mtime)

    def row(self, values: list[Raw], mtime: float) -> Row:
        """The row of a tuple."""
        record, size = self.record(values)
        return {"path": self.path(values), "mtime": mtime, "size": size, "record": record}

    def gone(self, old: list[Raw], mtime: float) -> Row:
        """The row of a delete: its record is its identity, or all of it under REPLICA IDENTITY FULL."""
        record, _ = self.record(old)
        if self.described.replica_identity != "f":
            record = {name: value for name, value in record.items() if name in self.described.identity}
        return {"path": self.path(old), "mtime": mtime, "size": None, "record": record}

    def is_partial(self, row: Row) -> bool:
        """Whether the log has left columns of this row out."""
        return len(row["record"]) < self._width

    def left_out(self, row: Row) -> tuple[tuple[str, int], ...]:
        """The columns that the log has left out of this row, and their types."""
        described, record = self.described, row["record"]
        return tuple(
            (name, type_oid)
            for name, type_oid in zip(described.columns, described.type_oids, strict=True)
            if name in self.wanted and name not in record
        )

    def is_like(self, other: Relation) -> bool:
        """Whether the other one makes the same rows of the same messages."""
        return (self.described, self.key, self.wanted) == (other.described, other.key, other.wanted)

    @property
    def qualified(self) -> str:
        """`schema.table`, as in configuration and messages."""
        return written(self.described.schema, self.described.table)

    def names(self, old: list[Raw]) -> bool:
        """Whether an old tuple has the row's whole key: a partition can have another identity than its root."""
        is_full = self.described.replica_identity == "f"
        return is_full or all(old[position] is not None for position in self._key_positions)

    def path(self, values: list[Raw]) -> str:
        """The row's path, from the raw values of one tuple."""
        key = [values[position] for position in self._key_positions]
        if UNCHANGED in key:
            raise DriverError(f"The log does not repeat the key of a row below {self.container!r}; report this")
        return f"{self.container}/{key_name(key)}"  # type: ignore[arg-type] # none of them is UNCHANGED

    def record(self, values: list[Raw]) -> tuple[dict[str, Any], int]:
        """The columns that are sent and the bytes of their texts; a value that was not repeated has no key."""
        record: dict[str, Any] = {}
        size = 0
        for reader, value in zip(self._readers, values, strict=True):
            if reader is None:
                continue
            if value is None:
                record[reader[0]] = None
            elif type(value) is bytes:
                size += len(value)
                record[reader[0]] = reader[1](value)
        return record, size


def read_tuple(payload: bytes, pos: int) -> tuple[list[Raw], int]:
    """The raw values of the tuple at `pos`, and where it ends."""
    (count,) = _u16(payload, pos)
    pos += 2
    values: list[Raw] = []
    for _ in range(count):
        kind = payload[pos]
        if kind == _TEXT:
            start = pos + 5
            pos = start + _u32(payload, pos + 1)[0]
            values.append(payload[start:pos])
        else:
            pos += 1
            values.append(None if kind == _NULL else UNCHANGED)
    return values, pos


class Resolver:
    """Resolves what one stream describes."""

    def __init__(self, source: Source, require_whole: Callable[[connection, Table], None]) -> None:
        self._require_whole = require_whole
        self._address, self._params = source.address, source.params
        self._types = Types()

    def __call__(self, described: Description) -> Relation | Unfollowed | None:
        """The relation; None where it is not part of this source.

        A partition is described beside its root, and its rows are sent as the root's: nothing is asked of it before.
        """
        if not self._params.chooses(described.schema, described.table):
            return None
        with self._address.session() as conn:
            self._types.learn(conn, described.type_oids)
            table = find_table(conn, described.oid, self._params)
            if table is not None:
                self._require_whole(conn, table)
        qualified = written(described.schema, described.table)
        key = self._key(described, table)
        if not key:
            return Unfollowed(qualified, "it has no key; add a primary key, name its `key_columns`, or `exclude` it")
        missing = [name for name in key if name not in described.columns]
        if missing:
            return Unfollowed(
                qualified,
                f"they lack the key columns {missing!r}; look at `key_columns` and at the publication's columns",
            )
        wanted = frozenset(self._params.columns_of(described.schema, described.table) or described.columns)
        if table is not None:
            wanted -= table.generated  # sent where the publication says so, and in no other phase
        if table is not None and not table.log_names_rows and table.leaf_identities:
            return Unfollowed(qualified, NO_IDENTITY)
        return Relation(described, key, wanted, self._types)

    def _key(self, described: Description, table: Table | None) -> tuple[str, ...]:
        """The key's columns by the names they had then; none where there was no key, and is none today."""
        configured = self._params.key_columns_of(described.schema, described.table)
        if configured is not None:
            return configured
        keys = list(_keys_then(described, table)) if table is not None else []
        for key in keys:
            if described.identity.issuperset(key):
                return key
        if described.replica_identity != "f" and described.identity:
            return tuple(name for name in described.columns if name in described.identity)
        return keys[0] if keys else ()  # rows that were inserted before their table had its key


def _keys_then(described: Description, table: Table) -> Iterator[tuple[str, ...]]:
    """What the key of today can have been: the same names, or other ones at their places, if columns were renamed."""
    if table.key and set(table.key).issubset(described.columns):
        yield table.key
    if table.key and len(table.all_columns) == len(described.columns):
        then = dict(zip(table.all_columns, described.columns, strict=True))
        yield tuple(then[name] for name in table.key)
