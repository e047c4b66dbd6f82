"""One relation as the stream describes it, and how its tuples become rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from fustor_core.exceptions import DriverError
from fustor_source_postgres._rows import key_name, table_path
from fustor_source_postgres._types import Types

_u16 = Struct(">H").unpack_from
_u32 = Struct(">I").unpack_from
_column_type = Struct(">II").unpack_from
_TEXT, _NULL = ord("t"), ord("n")


class _Unchanged:
    """A value stored out of line that an update did not touch: the log does not repeat it."""


UNCHANGED = _Unchanged()
Raw = bytes | _Unchanged | None


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


@dataclass(slots=True)
class Relation:
    """A chosen table in the stream; `wanted` are the columns that are sent, `key` those that make the path."""

    described: Description
    key: tuple[str, ...]
    wanted: frozenset[str]
    types: Types
    container: str = field(init=False)
    _key_positions: tuple[int, ...] = field(init=False)
    _readers: tuple[tuple[str, Callable[[bytes], Any]] | None, ...] = field(init=False)
    _names_rows: bool = field(init=False)
    _quick_readers: tuple[tuple[str, Callable[[bytes], Any], bool], ...] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        described = self.described
        self.container = table_path(described.schema, described.table)
        self._key_positions = tuple(described.columns.index(name) for name in self.key)
        self._readers = tuple(
            (name, self.types[type_oid].raw) if name in self.wanted else None
            for name, type_oid in zip(described.columns, described.type_oids, strict=True)
        )
        self._names_rows = described.replica_identity == "f" or described.identity.issuperset(self.key)
        if len(self.key) == 1 and None not in self._readers:
            key = self.key[0]
            self._quick_readers = tuple((name, read, name == key) for name, read in filter(None, self._readers))

    def row(self, payload: bytes, pos: int, mtime: float) -> dict[str, Any]:
        """The row of the tuple at `pos`; the quick way where the table has one key column and all are sent."""
        quick = self._quick_readers
        if quick is None:
            return self._any_row(read_tuple(payload, pos)[0], mtime)
        record: dict[str, Any] = {}
        size = 0
        key = b""
        start = pos + 2
        for name, convert, is_key in quick:
            kind = payload[start]
            if kind == _TEXT:
                end = start + 5 + _u32(payload, start + 1)[0]
                value = payload[start + 5 : end]
                size += end - start - 5
                record[name] = convert(value)
                if is_key:
                    key = value
                start = end
            else:
                if kind == _NULL:
                    record[name] = None
                start += 1
        if key.isalnum() and key.isascii():
            return {"path": f"{self.container}/{key.decode()}", "mtime": mtime, "size": size, "record": record}
        return self._any_row(read_tuple(payload, pos)[0], mtime)

    def _any_row(self, values: list[Raw], mtime: float) -> dict[str, Any]:
        record, size = self.record(values)
        return {"path": self.path(values), "mtime": mtime, "size": size, "record": record}

    def require_identity(self) -> None:
        """Raise a DriverError unless the log names the rows that updates and deletes meet."""
        if not self._names_rows:
            name = f"{self.described.schema}.{self.described.table}"
            raise DriverError(
                f"Changes of {name!r} do not name their row any more; run "
                f"`ALTER TABLE ... REPLICA IDENTITY FULL` for it, then take a new snapshot"
            )

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

    def key_record(self, values: list[Raw]) -> dict[str, Any]:
        """What a delete knows of its row: its identity, or all of it under REPLICA IDENTITY FULL."""
        record, _ = self.record(values)
        if self.described.replica_identity == "f":
            return record
        return {name: value for name, value in record.items() if name in self.described.identity}


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
