"""What a source has declared of a table, as it is kept beside the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from fustor_event_model import TableLayout
from fustor_pusher_postgres._tables.types import Native, native_of

__all__ = ["NO_LAYOUT", "Layout"]

_SYSTEM = "postgresql"


@dataclass(frozen=True, slots=True)
class Layout:
    """The last layout that was told of a table, and what was made of it."""

    declared: Mapping[str, str] = field(default_factory=dict)
    """Types by column, of a source that is PostgreSQL."""
    key: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    session: int | None = None
    """The session in which realtime told it; its snapshot may know an older one."""
    index: tuple[str, ...] | None = None
    """The columns that the key's index has; none where it had to give way, None where there was no try."""
    checks: tuple[str, ...] | None = None
    """The columns whose labels are checked; None where there was no try."""

    @classmethod
    def told(cls, layout: TableLayout, session: int | None) -> Self:
        """What an event tells."""
        if layout.system != _SYSTEM:
            return cls(key=layout.key, session=session)
        return cls(
            dict(layout.columns), layout.key, {name: tuple(some) for name, some in layout.labels.items()}, session
        )

    @classmethod
    def read(cls, stored: Mapping[str, Any] | None) -> Self:
        """What is kept in the table of tables."""
        known = stored or {}
        index, checks = known.get("index"), known.get("checks")
        return cls(
            dict(known.get("declared", {})),
            tuple(known.get("key", ())),
            {name: tuple(some) for name, some in known.get("labels", {}).items()},
            known.get("session"),
            None if index is None else tuple(index),
            None if checks is None else tuple(checks),
        )

    def stored(self) -> dict[str, Any]:
        """What is to be kept, as JSON has it."""
        return {
            "declared": dict(self.declared),
            "key": list(self.key),
            "labels": {name: list(some) for name, some in self.labels.items()},
            "session": self.session,
            "index": None if self.index is None else list(self.index),
            "checks": None if self.checks is None else list(self.checks),
        }

    def says_the_same(self, other: Layout) -> bool:
        """Whether nothing about the table has changed."""
        return (self.declared, self.key, self.labels) == (other.declared, other.key, other.labels)

    def native(self, name: str) -> Native | None:
        """The type that a column is to have, where the source has declared it."""
        declared = self.declared.get(name)
        return None if declared is None else native_of(declared)

    def natives(self, columns: Mapping[str, str]) -> dict[str, Native]:
        """The columns, given with the types they have, that have the type that was declared."""
        return {
            name: native
            for name, kind in columns.items()
            if (native := self.native(name)) is not None and native.sql == kind
        }


NO_LAYOUT = Layout()
