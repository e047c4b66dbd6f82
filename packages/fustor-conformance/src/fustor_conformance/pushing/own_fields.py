"""Fields that the contract does not name: what a World does not give back, the destination's files must hold."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fustor_conformance.durability.roots import roots_of
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.pushing.play import Player, Refused
from fustor_conformance.pushing.seen import Shelf
from fustor_conformance.pushing.steps import Row, Step
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    END,
    audit,
    found,
    new,
    now,
    realtime,
    snapshot,
)
from fustor_conformance.subject import PusherSubject
from fustor_conformance.worlds import PusherWorld

__all__ = ["own_fields_kept"]

_FIELD = "kit_owner"
_PHASES = ("snapshot", "insert", "update", "audit")
_EACH = 2
"""Rows a phase: of one the text may be torn apart, where a file goes on at another place."""
_TOKEN_BYTES = 8


@dataclass(frozen=True)
class _Marked:
    """A row whose record and whose own field hold texts that are nowhere else."""

    phase: str
    path: str
    in_record: str
    in_field: str

    def row(self) -> Row:
        return Row(self.path, 5, record={"kit": self.in_record}, more={_FIELD: self.in_field})


def own_fields_kept(subject: PusherSubject) -> int:
    """How many phases were looked at; 0 where neither the World nor the destination's files can tell.

    Raises:
        Broken: such a field of a phase is stored nowhere, though the record beside it is.
    """
    if asyncio.run(subject.driver_class.get_needed_fields()):
        return 0  # it says which fields it needs, and hosts leave out the others
    marked = [_marked(phase, number) for phase in _PHASES for number in range(_EACH)]
    with subject.world() as world:
        player = Player(subject, world, Shelf(world), task="kit:own", root="/kit")
        try:
            asyncio.run(player.play(list(_steps(marked))))
            held = _held(world)
        except (Refused, NotApplicable):
            return 0
    for phase in _PHASES:
        of_phase = [one for one in marked if one.phase == phase]
        if all(one.in_record in held for one in of_phase) and not any(one.in_field in held for one in of_phase):
            raise Broken(
                f"The field {_FIELD!r}, which rows of their own source have, is stored nowhere in the phase {phase!r}:"
                " neither does the World give it back nor do the files of the destination hold it"
            )
    return len(_PHASES)


def _marked(phase: str, number: int) -> _Marked:
    tokens = (secrets.token_hex(_TOKEN_BYTES) for _ in range(2))
    return _Marked(phase, f"{phase}-{number}", *tokens)


def _steps(marked: list[_Marked]) -> Iterator[Step]:
    rows: Mapping[str, list[Row]] = {phase: [one.row() for one in marked if one.phase == phase] for phase in _PHASES}
    yield BEGIN
    yield snapshot(*rows["snapshot"])
    yield END
    yield realtime(new(*rows["insert"]))
    yield realtime(now(*rows["update"]))
    yield audit(AUDIT_START, found(*rows["audit"]), AUDIT_END)


def _held(world: PusherWorld) -> str:
    """All that the World gives back, where it gives such a field; otherwise what is in the destination's files.

    Raises:
        NotApplicable: it is none of this machine's files.
    """
    rows: list[dict[str, Any]] = world.stored()
    if any(_FIELD in row for row in rows):
        return repr(rows)
    return "\n".join(Path(path).read_bytes().decode("latin-1") for path in roots_of(world).files())
