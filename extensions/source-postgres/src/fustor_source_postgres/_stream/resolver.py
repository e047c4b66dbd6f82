"""What a relation that the stream describes is to this source; the catalog helps where the stream says too little."""

from __future__ import annotations

from collections.abc import Iterator

from fustor_core.exceptions import DriverError
from fustor_source_postgres._names import written
from fustor_source_postgres._rows.types import Types
from fustor_source_postgres._server.catalog import Table, load_tables
from fustor_source_postgres._server.connection import Address
from fustor_source_postgres._stream.relation import Description, Relation
from fustor_source_postgres.config import PostgresParams


class Resolver:
    """Resolves what one stream describes."""

    def __init__(self, address: Address, params: PostgresParams) -> None:
        self._address = address
        self._params = params
        self._types = Types()

    def __call__(self, described: Description) -> Relation | None:
        """The relation; None where it is not part of this source.

        Raises:
            DriverError: its rows cannot be named any more.
        """
        if not self._params.chooses(described.schema, described.table):
            return None
        with self._address.session() as conn:
            self._types.learn(conn, described.type_oids)
            table = next((table for table in load_tables(conn, self._params) if table.oid == described.oid), None)
        wanted = frozenset(self._params.columns_of(described.schema, described.table) or described.columns)
        qualified = written(described.schema, described.table)
        key = self._key(described, qualified, table)
        missing = [name for name in key if name not in described.columns]
        if missing:
            raise DriverError(
                f"The stream tells {qualified!r} without its key columns {missing!r}; look at `key_columns` and at the "
                "columns of the publication, then take a new snapshot"
            )
        return Relation(described, key, wanted, self._types)

    def _key(self, described: Description, qualified: str, table: Table | None) -> tuple[str, ...]:
        """The key's columns by the names they had then."""
        configured = self._params.key_columns_of(described.schema, described.table)
        if configured is not None:
            return configured
        for key in _keys_then(described, table) if table is not None else ():
            if described.identity.issuperset(key):
                return key
        if described.replica_identity == "f" or not described.identity:
            raise DriverError(f"Table {qualified!r} has no key any more; name its `key_columns` or `exclude` it")
        return tuple(name for name in described.columns if name in described.identity)


def _keys_then(described: Description, table: Table) -> Iterator[tuple[str, ...]]:
    """What the key of today can have been: the same names, or other ones at their places, if columns were renamed."""
    if table.key and set(table.key).issubset(described.columns):
        yield table.key
    if table.key and len(table.all_columns) == len(described.columns):
        then = dict(zip(table.all_columns, described.columns, strict=True))
        yield tuple(then[name] for name in table.key)
