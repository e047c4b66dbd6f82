"""Fustor pusher driver `postgres`."""

from .config import PostgresParams
from .driver import PostgresDriver

__all__ = ["PostgresDriver", "PostgresParams"]
