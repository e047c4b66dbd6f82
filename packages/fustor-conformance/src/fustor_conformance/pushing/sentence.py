"""A sentence of section 8, and a history that shows it and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from fustor_conformance.pushing.steps import Step

__all__ = ["Sentence"]


@dataclass(frozen=True)
class Sentence:
    """What a driver that fails this history does not do."""

    says: str
    steps: tuple[Step, ...]

    def __init__(self, says: str, *steps: Step) -> None:
        object.__setattr__(self, "says", says)
        object.__setattr__(self, "steps", steps)
