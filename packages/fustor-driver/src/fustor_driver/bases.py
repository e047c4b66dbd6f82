"""The classes of `fustor_core` that drivers inherit from."""

from __future__ import annotations

from typing import TypeAlias

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.kinds import Kind

__all__ = ["BASES", "DriverClass"]

DriverClass: TypeAlias = type[SourceDriver] | type[PusherDriver]
BASES: dict[Kind, type[SourceDriver | PusherDriver]] = {Kind.SOURCE: SourceDriver, Kind.PUSHER: PusherDriver}
"""The base class of each kind."""
