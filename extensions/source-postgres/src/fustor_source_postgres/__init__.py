"""Read a PostgreSQL database: its state, its changes and what they missed, as Fustor events."""

from fustor_source_postgres.config import PostgresParams
from fustor_source_postgres.driver import PostgresDriver

__all__ = ["PostgresDriver", "PostgresParams"]
