"""Random histories, drawn from a seed: the same number gives the same history."""

from __future__ import annotations

import random
from collections import Counter

from fustor_conformance.histories.changes import AT_ONCE, BY_HAND, CHANGES
from fustor_conformance.histories.history import FAULTS, LOSING, POSITIONS, READING, SLOW, STOPPING
from fustor_conformance.histories.step import Step

_LENGTH = 24
_BEFORE = 10
"""What is there before anybody reads takes fewer steps than this."""
_PICKS = 12
_MANY = 20
_SHARE = 0.6
_ALWAYS = ("create", "drain", "snapshot")
_SPECIAL = {"burst": (0, 0, 0, 1), "delete_all": (0,)}
_PREFIXES = ("", "", "told_", "ahead_")
_OTHERS = ("beside_", "", "", "", "", "", "", "")
"""Now and then a change is made in the second source."""


def drawn(seed: int, number: int) -> list[Step]:
    """The history of this number.

    Each history has only some kinds of steps, another choice in each, so that kinds which hide each other's faults
    also come alone. Those that take long come after the twentieth.
    """
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
    kinds = CHANGES + BY_HAND + AT_ONCE + READING + STOPPING + POSITIONS + FAULTS + LOSING
    kinds += SLOW if number >= _MANY else Counter()
    chosen = Counter({name: n for name, n in kinds.items() if name in _ALWAYS or chance.random() < _SHARE})
    names, weights = zip(*chosen.items(), strict=True)
    before = chance.choices([*CHANGES, *BY_HAND, "wide", "odd_all"], k=chance.randrange(_BEFORE))
    steps = [_step(chance, name) for name in (*before, *chance.choices(names, weights, k=_LENGTH))]
    if number < _MANY or number % 2:
        return steps
    return [Step(chance.choice(_OTHERS) + step.name, step.pick) for step in steps]


def _step(chance: random.Random, name: str) -> Step:
    pick = chance.choice(_SPECIAL[name]) if name in _SPECIAL else chance.randrange(_PICKS)
    prefix = chance.choice(_PREFIXES) if name in ("modify", "delete", "rename", "move", "recreate") else ""
    return Step(prefix + name, pick)
