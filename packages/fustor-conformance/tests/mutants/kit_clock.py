"""Worlds for mutants that the tree in memory cannot show: one that other processes see, one with parameters."""

from __future__ import annotations

from typing import Any

from kit_memory import MemoryWorld

from fustor_source_example.testing import World as ClockWorld

__all__ = ["ClockWorld", "ParameterWorld", "TablesWorld"]


class ParameterWorld(MemoryWorld):
    """The tree in memory, for a driver that has a parameter."""

    def config(self) -> dict[str, Any]:
        return {**super().config(), "driver_params": {"known": 1}}


class TablesWorld(MemoryWorld):
    """The tree in memory as one table."""

    operations = frozenset({"create", "modify", "delete"})

    def config(self) -> dict[str, Any]:
        return {**super().config(), "driver_params": {"known": 1, "tables": ["/things"]}}

    def create(self, key: str) -> str:
        return super().create(f"things/{key.replace('/', '-')}")

    def list(self) -> dict[str, dict[str, Any]]:
        return {path: row for path, row in super().list().items() if not row.get("is_directory")}
