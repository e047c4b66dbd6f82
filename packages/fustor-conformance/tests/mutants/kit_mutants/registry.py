"""The list of the drivers that each break one rule, and how a class gets into it."""

from collections.abc import Callable
from dataclasses import dataclass

from kit_memory import MemoryWorld


@dataclass(frozen=True)
class Mutant:
    """A driver that breaks `rule_id`; `also` are the rules that fall with it, each for its reason."""

    rule_id: str
    name: str
    driver: type
    world: type
    also: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.rule_id}-{self.name}"


MUTANTS: list[Mutant] = []


def mutant(rule_id: str, *also: str, world: type = MemoryWorld) -> Callable[[type], type]:
    def register(cls: type) -> type:
        MUTANTS.append(Mutant(rule_id, cls.__name__, cls, world, frozenset(also)))
        return cls

    return register
