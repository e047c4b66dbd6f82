"""What the destination's files show: whether a log says what happened to a row, and fields that no World gives back.

Rows alone do not say what kind of event told them, since a World need not read it. So the bytes are compared that the
same pushes leave, in systems of their own, where one event is of another kind. What differs between two equal runs
(ids, times) and what looks like a digest does not count.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fustor_conformance.durability.roots import Roots, roots_of
from fustor_conformance.outcome import Broken, NotApplicable
from fustor_conformance.pushing.play import Player, Refused
from fustor_conformance.pushing.steps import Push, Row, Step, Told
from fustor_conformance.pushing.words import (
    AUDIT_END,
    AUDIT_START,
    BEGIN,
    END,
    audit,
    found,
    listed,
    new,
    now,
    realtime,
    snapshot,
)
from fustor_conformance.subject import PusherSubject
from fustor_conformance.worlds import PusherWorld
from fustor_event_model import EventType, MessageSource, TableLayout

__all__ = ["own_fields_kept", "told_apart"]

_TOKEN = re.compile(rb"[A-Za-z0-9]+|[^A-Za-z0-9]")
_DIGEST = re.compile(rb"(?=.*[0-9])[0-9a-fA-F]{16,}|[0-9]{8,}|[A-Za-z0-9]{40,}")
_NAME = "kittrace"
_LAYOUT = TableLayout(system="kit", columns={"n": "integer"})
_ROWS = (Row(_NAME, None),)
_FIELD = "kit_owner"
_PHASES = ("snapshot", "insert", "update", "audit")
_EACH = 2
"""Rows a phase: of one the text may be torn apart, where a file goes on at another place."""
_TOKEN_BYTES = 8


def _told(kind: EventType) -> Push:
    return Push((Told(MessageSource.REALTIME, _ROWS, kind, 7),))


_PAIRS = (
    ("a delete from an update", _told(EventType.UPDATE), _told(EventType.DELETE)),
    ("an insert from an update", _told(EventType.UPDATE), _told(EventType.INSERT)),
    ("Audit-End from Audit-Start", Push((AUDIT_START,), "audit"), Push((AUDIT_END,), "audit")),
    (
        "a layout from none",
        _told(EventType.UPDATE),
        Push((Told(MessageSource.REALTIME, _ROWS, index=7, layout=_LAYOUT),)),
    ),
    ("Audit-Start from nothing", Push((Told(MessageSource.AUDIT),), "audit"), Push((AUDIT_START,), "audit")),
)


def told_apart(subject: PusherSubject) -> int:
    """How many kinds of events are told apart; 0 where the destination is none of this machine's files.

    Raises:
        Broken: two are written alike.
    """
    written: dict[str, list[bytes]] = {}
    try:
        for what, one, other in _PAIRS:
            if str(one) not in written:
                written[str(one)] = _masked(_written(subject, one), _written(subject, one))
            if written[str(one)] and not _differ(written[str(one)], _written(subject, other)):
                raise Broken(f"Nothing in the log names {what}: who reads it cannot know what happened", f"{other}")
    except (NotApplicable, Refused):
        return 0
    return len(_PAIRS)


def _written(subject: PusherSubject, push: Push) -> list[bytes]:
    """What the destination's files hold after a snapshot, this push and another one."""
    with subject.world() as world:
        player = Player(subject, world, task="kit:trace", root="/kit")
        steps: list[Step] = [BEGIN, Push((listed(Row(f"{_NAME}-before")),), "snapshot"), END, push]
        asyncio.run(player.play(steps))
        roots = roots_of(world)
        files = sorted(roots.files(), key=lambda path: _below(path, roots))
        return _TOKEN.findall(b"\n".join(path.read_bytes() for path in files))


def _below(path: Path, roots: Roots) -> str:
    """The path without the part that is another one in each system."""
    root = next(root for root in roots.names if str(path).startswith(root))
    return str(path).removeprefix(root)


def _masked(one: list[bytes], again: list[bytes]) -> list[bytes]:
    """The tokens that two equal runs share, the others empty; none where they cannot be laid beside each other."""
    if len(one) != len(again) or not any(_NAME.encode() in token for token in one):
        return []
    return [
        token if token == same and not _DIGEST.fullmatch(token) else b"" for token, same in zip(one, again, strict=True)
    ]


def _differ(masked: list[bytes], other: list[bytes]) -> bool:
    return len(masked) != len(other) or any(
        token and token != there for token, there in zip(masked, other, strict=True)
    )


@dataclass(frozen=True)
class _Marked:
    """A row whose record and whose own field hold texts that are nowhere else."""

    phase: str
    path: str
    in_record: str = field(default_factory=lambda: secrets.token_hex(_TOKEN_BYTES))
    in_field: str = field(default_factory=lambda: secrets.token_hex(_TOKEN_BYTES))

    def row(self) -> Row:
        return Row(self.path, 5, record={"kit": self.in_record}, more={_FIELD: self.in_field})


def own_fields_kept(subject: PusherSubject) -> int:
    """How many phases were looked at; 0 where neither the World nor the destination's files can tell.

    Raises:
        Broken: such a field of a phase is stored nowhere, though the record beside it is.
    """
    if asyncio.run(subject.driver_class.get_needed_fields()):
        return 0  # it says which fields it needs, and hosts leave out the others
    marked = [_Marked(phase, f"{phase}-{number}") for phase in _PHASES for number in range(_EACH)]
    with subject.world() as world:
        player = Player(subject, world, task="kit:own", root="/kit")
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
