"""The classes of `fustor_core` that drivers inherit from, and are configured by."""

from __future__ import annotations

from typing import TypeAlias

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.kinds import Kind

__all__ = ["BASES", "CONFIGS", "DriverClass"]

DriverClass: TypeAlias = type[SourceDriver] | type[PusherDriver]
BASES: dict[Kind, type[SourceDriver | PusherDriver]] = {Kind.SOURCE: SourceDriver, Kind.PUSHER: PusherDriver}
"""The base class of each kind."""
CONFIGS: dict[Kind, type[SourceConfig | PusherConfig]] = {Kind.SOURCE: SourceConfig, Kind.PUSHER: PusherConfig}
"""The model of an entry of each kind."""
