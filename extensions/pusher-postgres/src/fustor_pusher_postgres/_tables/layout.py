"""Which columns a typed table gets: what its source has declared of it, and what the values need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import TypeAdapter

from fustor_event_model import TableLayout
from fustor_pusher_postgres._tables.columns import PUBLIC
from fustor_pusher_postgres._tables.types import Native, native_of

_SYSTEM = "postgresql"


@dataclass(frozen=True, slots=True)
class Layout:
    """The last layout that was declared of a table, and what was made of it."""

    declared: Mapping[str, str] = field(default_factory=dict)
    """Types by column, of a source that is PostgreSQL."""
    key: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    session: int | None = None
    """The session in which realtime declared it; its snapshot may know an older one."""
    index: tuple[str, ...] | None = None
    """The columns that the key's index has; none where it had to give way, None where there was no try."""
    checks: tuple[str, ...] | None = None
    """The columns whose labels are checked; None where there was no try."""

    @classmethod
    def of(cls, layout: TableLayout, session: int | None) -> Self:
        """What an event declares."""
        if layout.system != _SYSTEM:
            return cls(key=layout.key, session=session)
        return cls(
            dict(layout.columns), layout.key, {name: tuple(some) for name, some in layout.labels.items()}, session
        )

    @classmethod
    def read(cls, stored: Mapping[str, Any] | None) -> Layout:
        """What is kept in the table of tables."""
        return _STORED.validate_python(stored or {})

    def stored(self) -> str:
        """What is to be kept, as JSON."""
        return _STORED.dump_json(self).decode()

    def says_the_same(self, other: Layout) -> bool:
        """Whether nothing about the table has changed."""
        return (self.declared, self.key, self.labels) == (other.declared, other.key, other.labels)

    def native(self, name: str) -> Native | None:
        """The type that a column is to have, where the source has declared it."""
        declared = self.declared.get(name)
        return None if declared is None else native_of(declared)


NO_LAYOUT = Layout()
_STORED = TypeAdapter(Layout)


_RESERVED = {*PUBLIC, "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}
_NUMBERS = {"bigint", "numeric", "double precision"}
GIVEN = _NUMBERS | {"boolean", "text", "jsonb"}
"""Types that columns are given by the values in them."""
_BIGINT_MAX = 2**63
_COLUMNS_MAX = 1_000
_NUMBERS_MAX = 1_590  # the server has 1,600, dropped columns among them
_NAME_MAX_BYTES = 63
_WIDTH_MAX = 7_500  # a row has to fit into a page of 8 kB, with what every row has
_WIDTHS = {"boolean": 1, "smallint": 3, "integer": 6, "date": 6, "oid": 6, "real": 6}
_WIDTHS |= dict.fromkeys(("bigint", "double precision", "money", "pg_lsn", "macaddr", "macaddr8"), 15)
_WIDTHS |= dict.fromkeys(("uuid", "interval", "point", "time with time zone"), 23)
_WIDTHS |= dict.fromkeys(("lseg", "box", "line", "circle"), 39)
_WIDTHS |= dict.fromkeys(("name",), 64)
_WIDTH = 18  # of a value that is stored elsewhere; the shorter ones of such a type are no wider


class Room:
    """The columns that a table can still be given: a row in which all are filled has to fit into a page."""

    def __init__(self, columns: Mapping[str, str], last_number: int = 0) -> None:
        """Of a table with these columns, the last of which has this number."""
        self._count = len(columns)
        self._last_number = last_number
        self._width = sum(_WIDTHS.get(kind, _WIDTH) for kind in columns.values())

    def take(self, kind: str) -> bool:
        """Make room for a column of this type; False, and nothing is taken, where there is none."""
        width = _WIDTHS.get(kind, _WIDTH)
        if self._count >= _COLUMNS_MAX or self._last_number >= _NUMBERS_MAX or self._width + width > _WIDTH_MAX:
            return False
        self._count, self._last_number, self._width = self._count + 1, self._last_number + 1, self._width + width
        return True


def wider_columns(
    columns: Mapping[str, str], records: Iterable[object], natives: Mapping[str, Native], last_number: int = 0
) -> dict[str, str]:
    """The columns that are missing, or too narrow, for these records, with the types that they need.

    A key that cannot have a column of its own is left out: it stays in `record`. A column that somebody gave another
    type keeps it. One that has the type its source declared (`natives`) takes what is meant for that type.
    """
    room = Room(columns, last_number)
    found: dict[str, str] = {}
    for record in records:
        if not isinstance(record, Mapping):
            continue
        for key, value in record.items():
            if value is None or not can_be_column(key):
                continue
            known = found.get(key) or columns.get(key)
            if key in natives and key not in found:
                if natives[key].takes(value):
                    continue
                found[key] = wider_type(natives[key], value)
            elif known is None:
                kind = _type_of(value)
                if room.take(kind):
                    found[key] = kind
            elif (kind := joined_type(known, _type_of(value))) != known:
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


def wider_type(native: Native, value: object) -> str:
    """What a column of a declared type becomes for a value that it cannot hold."""
    are_numbers = native.kinds is not None and native.kinds <= {int, float} and not native.sql.endswith("[]")
    return "numeric" if are_numbers and isinstance(value, int | float) and not isinstance(value, bool) else "text"


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "bigint" if -_BIGINT_MAX <= value < _BIGINT_MAX else "numeric"
    if isinstance(value, float):
        return "double precision"
    return "text" if isinstance(value, str) else "jsonb"


def joined_type(known: str, new: str) -> str:
    """The type that holds what both of these hold; one that somebody chose stays."""
    if known in (new, "text") or known not in GIVEN:
        return known
    if known in _NUMBERS and new in _NUMBERS:
        return "numeric"
    return "text"
