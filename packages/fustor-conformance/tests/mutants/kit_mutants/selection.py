"""Sources that break the rule of what they name as selected."""

# ruff: noqa: ARG003 - a mutant keeps the signature that it breaks

from __future__ import annotations

import itertools

from kit_clock import ClockWorld
from kit_memory import SYSTEMS
from kit_source import MemoryDriver

from fustor_source_example import ExampleDriver
from kit_mutants.registry import mutant


class Selecting(MemoryDriver):
    """Keeps the rule: what is excluded says what is selected."""

    @classmethod
    async def get_available_fields(cls, **kwargs):
        answer = await super().get_available_fields(**kwargs)
        return answer | ({"selection": cls.chosen(**kwargs)} if "driver_params" in kwargs else {})

    @classmethod
    def chosen(cls, **kwargs):
        return {"exclude": kwargs["driver_params"].get("exclude")}


@mutant("C25")
class CountsWhatIsThere(Selecting):
    @classmethod
    def chosen(cls, **kwargs):
        return super().chosen(**kwargs) | {"things": len(SYSTEMS[kwargs["uri"]].nodes)}


@mutant("C25")
class SelectsAnewEachTime(Selecting):
    times = itertools.count()

    @classmethod
    def chosen(cls, **kwargs):
        return super().chosen(**kwargs) | {"asked": next(cls.times)}


@mutant("C25")
class SelectsTheSameWhateverIsExcluded(Selecting):
    @classmethod
    def chosen(cls, **kwargs):
        return ["everything"]


@mutant("C25")
class SelectionIsASet(Selecting):
    @classmethod
    def chosen(cls, **kwargs):
        return {"everything"}


@mutant("C25", world=ClockWorld)
class SelectionInTheOrderOfHash(ExampleDriver):
    @classmethod
    async def get_available_fields(cls, **kwargs):
        return await super().get_available_fields(**kwargs) | {"selection": list(set("abcdefgh"))}
