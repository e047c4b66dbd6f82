"""The guide's dialect of an audit."""

from __future__ import annotations

from collections.abc import Iterator

from fustor_driver.errors import NotConformant
from fustor_event_model import AuditItem, EventBase

__all__ = ["guide_dialect"]


def guide_dialect(items: Iterator[AuditItem]) -> Iterator[EventBase]:
    """The events of an audit that was asked for without `mtime_cache`.

    Raises:
        NotConformant: it yields the pairs of agent 0.8 all the same.
    """
    for item in items:
        if isinstance(item, tuple):
            raise NotConformant(
                "An audit without mtime_cache yielded a pair; it must yield plain events (driver contract, section 4)"
            )
        yield item
