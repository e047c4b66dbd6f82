"""What the monitor has to say of a driver, and what a driver told, as the predicates look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from fustor_conformance.outcome import as_evidence
from fustor_event_model import MessageSource

__all__ = ["Finding", "Predicate", "Told"]


@dataclass(frozen=True, init=False)
class Finding:
    """One breach that was observed.

    Args:
        rule_id: the rule that is broken.
        seen: what was seen, in one sentence.
        evidence: what shows it; kept as text at once, since the host may change the objects.
    """

    rule_id: str
    seen: str
    evidence: tuple[str, ...]

    def __init__(self, rule_id: str, seen: str, *evidence: object) -> None:
        object.__setattr__(self, "rule_id", rule_id)
        object.__setattr__(self, "seen", seen)
        object.__setattr__(self, "evidence", tuple(map(as_evidence, evidence)))

    def __str__(self) -> str:
        return "\n".join([self.seen, *(f"  {line}" for line in self.evidence)])


@dataclass(frozen=True)
class Told:
    """An event as it was yielded.

    Args:
        event: whatever the driver yielded as an event.
        phase: the phase of the iterator that yielded it.
        where: how messages call it: `realtime event 3`.
        batch_size: the limit of rows that was asked for; None where it was not.
        may_be_empty: whether an event without rows and signal is in order here.
    """

    event: Any
    phase: MessageSource
    where: str
    batch_size: int | None = None
    may_be_empty: bool = False

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each row that is a dict, with where it stands."""
        for number, row in enumerate(self.event.rows):
            if isinstance(row, dict):
                yield f"{self.where}, row {number}", row


Predicate: TypeAlias = Callable[[Told], Iterator[Finding]]
"""A pure look at one event; says nothing where it cannot be sure."""
