"""Fustor pusher driver `postgres`."""

from fustor_pusher_postgres.config import PostgresParams
from fustor_pusher_postgres.driver import PostgresDriver

__all__ = ["PostgresDriver", "PostgresParams"]
