"""The shape of rows: where a thing is, when it changed, how large it is, and its record."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote

NO_SCHEMA = "public"
"""The `event_schema` of what belongs to no schema: it takes a name, and this one exists by default."""
FIELD_TYPES = {
    "path": "string",
    "mtime": "number",
    "size": "integer",
    "record": "object",
    "parent_path": "string",
    "parent_mtime": "number",
    "is_directory": "boolean",
    "audit_skipped": "boolean",
}
ROW_FIELDS = ("path", "mtime", "size", "record")
AUDIT_FIELDS = (*ROW_FIELDS, "parent_path", "parent_mtime")


_NULL = "%00"  # no text of PostgreSQL holds a NUL, so no value is encoded like this
_EMPTY = "%FF"  # no UTF-8 text holds this byte
_DOTS = {".": "%2E", "..": "%2E%2E"}  # a path that is normalised on its way must not climb


def encode(text: str | bytes | None) -> str:
    """One part of a path: percent-encoded, so that it has no `/` and no `,` of its own."""
    return _NULL if text is None else quote(text, safe="")


def _name(text: str) -> str:
    encoded = encode(text)
    return _DOTS.get(encoded, encoded)


def table_path(schema: str, table: str) -> str:
    """The container of a table's rows."""
    return f"/{_name(schema)}/{_name(table)}"


def schema_path(schema: str) -> str:
    """The container of a schema's tables."""
    return f"/{_name(schema)}"


def key_name(key: Iterable[str | bytes | None]) -> str:
    """A row's name in its table: the text values of its key's columns. Never empty, and never `.` or `..`."""
    name = ",".join(map(encode, key))
    return _DOTS.get(name, name) or _EMPTY


def key_of(name: str) -> list[str | None]:
    """The key that `key_name` has made a row's name of."""
    if name == _EMPTY:
        return [""]
    return [None if part == _NULL else unquote(part, errors="strict") for part in name.split(",")]
