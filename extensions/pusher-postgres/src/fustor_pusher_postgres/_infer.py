"""Columns for the keys of records: which type each needs so that every value fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["can_be_column", "wider_columns"]

_RESERVED = frozenset(
    [
        "path",
        "mtime",
        "size",
        "is_directory",
        "parent_path",
        "parent_mtime",
        "is_atomic_write",
        "audit_skipped",
        "record",
        "extra",
        "message_source",
        "event_index",
        "tableoid",
        "xmin",
        "cmin",
        "xmax",
        "cmax",
        "ctid",
    ]
)
_NUMBERS = {"bigint", "numeric", "double precision"}
_GIVEN = _NUMBERS | {"boolean", "text", "jsonb"}
_BIGINT_MAX = 2**63
_COLUMNS_MAX = 1_000  # a table can have 1,600, among them those that were dropped
_NAME_MAX_BYTES = 63


def wider_columns(columns: Mapping[str, str], records: Iterable[object]) -> dict[str, str]:
    """The columns that are missing, or too narrow, for these records, with the types that they need.

    A key that cannot have a column of its own is left out: it stays in `record`. A column that somebody gave another
    type keeps it.
    """
    found: dict[str, str] = {}
    for record in records:
        if not isinstance(record, Mapping):
            continue
        for key, value in record.items():
            if value is None or not can_be_column(key):
                continue
            known = found.get(key) or columns.get(key)
            kind = _type_of(value) if known is None else _joined(known, _type_of(value))
            has_room = known is not None or len(columns.keys() | found.keys()) < _COLUMNS_MAX
            if kind != known and has_room:
                found[key] = kind
    return found


def can_be_column(key: object) -> bool:
    """Whether a key of a record can name a column of its own."""
    return (
        isinstance(key, str)
        and key not in _RESERVED
        and not key.startswith("_")
        and "%" not in key  # the client library reads it as a placeholder, also in a name
        and 0 < len(key.encode("utf-8", "surrogatepass")) <= _NAME_MAX_BYTES
        and key.isprintable()
    )


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "bigint" if -_BIGINT_MAX <= value < _BIGINT_MAX else "numeric"
    if isinstance(value, float):
        return "double precision"
    return "text" if isinstance(value, str) else "jsonb"


def _joined(known: str, new: str) -> str:
    if known in (new, "text") or known not in _GIVEN:
        return known
    if known in _NUMBERS and new in _NUMBERS:
        return "numeric"
    return "text"
