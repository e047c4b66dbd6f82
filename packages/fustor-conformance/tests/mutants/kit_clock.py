"""Worlds for mutants that the tree in memory cannot show: one that other processes see, one with parameters."""

from __future__ import annotations

from typing import Any

from kit_memory import MemoryWorld

from fustor_source_example.testing import World as ClockWorld

__all__ = ["ClockWorld", "ParameterWorld"]


class ParameterWorld(MemoryWorld):
    """The tree in memory, for a driver that has a parameter."""

    def config(self) -> dict[str, Any]:
        return {**super().config(), "driver_params": {"known": 1}}
