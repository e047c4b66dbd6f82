"""The columns of a table as events tell them: names, types, the key."""

from __future__ import annotations

from collections.abc import Sequence

from fustor_event_model import TableLayout
from fustor_source_postgres._rows.types import Types

_SYSTEM = "postgresql"


def layout_of(columns: Sequence[tuple[str, int]], key: Sequence[str], types: Types) -> TableLayout:
    """The layout of columns, each a name and the oid of a type that `types` has learned."""
    return TableLayout.model_construct(
        system=_SYSTEM,
        columns={name: types.name(oid) for name, oid in columns},
        key=tuple(key),
        labels={name: labels for name, oid in columns if (labels := types.labels(oid))},
    )
