"""The steps of a history, and the text in which they are printed and replayed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FORM = re.compile(r"([a-z_]+)\((\d+)\)")


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and a number that picks what to do it to."""

    name: str
    pick: int = 0

    def __str__(self) -> str:
        return f"{self.name}({self.pick})"


def written(steps: Iterable[Step]) -> str:
    """The steps as one line: `create(3) drain(0)`."""
    return " ".join(map(str, steps))


def parsed(text: str) -> list[Step]:
    """The steps that `written` wrote.

    Raises:
        ValueError: the text holds something else.
    """
    steps = []
    for word in text.split():
        if (found := _FORM.fullmatch(word)) is None:
            raise ValueError(f"{word!r} is not a step of a history; a step looks like 'create(3)'")
        steps.append(Step(found[1], int(found[2])))
    return steps
