"""One source: where its database is, what of it is wanted, and what its instances in this process share."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2.extensions import connection

from fustor_source_postgres._server.connection import Address
from fustor_source_postgres._server.ownership import Owner
from fustor_source_postgres._server.publication import publication_for
from fustor_source_postgres._shared import Shared
from fustor_source_postgres.config import PostgresParams


@dataclass(frozen=True, slots=True)
class Source:
    """What snapshots, audits and streams of one source have in common. `slot` is the name of its own slot."""

    address: Address
    params: PostgresParams
    shared: Shared
    slot: str
    owner: Owner

    def publication(self, conn: connection) -> str:
        """The name of the publication that streams read."""
        return publication_for(conn, self.params.publication, self.slot)
