"""What a relation that the stream describes is to this source; the catalog helps where the stream says too little."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from psycopg2.extensions import connection

from fustor_source_postgres._changes.relation import NO_IDENTITY, Description, Relation, Unfollowed
from fustor_source_postgres._names import written
from fustor_source_postgres._rows.types import Types
from fustor_source_postgres._server.catalog import Table, find_table
from fustor_source_postgres._server.connection import Address
from fustor_source_postgres.config import PostgresParams


class Resolver:
    """Resolves what one stream describes."""

    def __init__(
        self, address: Address, params: PostgresParams, require_whole: Callable[[connection, Table], None]
    ) -> None:
        self._require_whole = require_whole
        self._address = address
        self._params = params
        self._types = Types()

    def __call__(self, described: Description) -> Relation | Unfollowed | None:
        """The relation; None where it is not part of this source.

        A partition is described beside its root, which its rows are told of: nothing is asked of it unless a row is.
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
            wanted -= table.generated  # told where the publication says so, and in no other phase
        if table is not None and not table.tells_its_keys and table.leaf_identities:
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
