"""Which histories a run plays: those written by hand, which meet every ability once, and those drawn from a seed."""

from __future__ import annotations

import random
from collections import Counter

from fustor_conformance.histories.abilities import abilities
from fustor_conformance.histories.changes import AT_ONCE, BY_HAND, CHANGES, Step, parsed
from fustor_conformance.histories.history import FAULTS, LOSING, POSITIONS, READING, SLOW, STOPPING
from fustor_conformance.subject import SourceSubject

_CHANGED_WHILE_LISTED = """
create(0) create(2) create(1) create(3) create(5) create_long(0) create_long(1) snapshot(1) told_delete(0) create(0)
ahead_modify(1) snapshot(1) ahead_delete(0) told_modify(0) told_recreate(0) ahead_rename(1) told_move(1) create(4)
onto(0) finish_snapshot(0) compare(0) recreate(0) recreate(1) hammer(0) onto(1) compare(0) restart(0) delete(0)
modify(1) compare(0)
"""
_MANY = """
burst(1) snapshot(3) told_delete(3) told_delete(9) ahead_delete(5) ahead_modify(7) snapshot(3) told_rename(4)
told_delete(30) snapshot(3) told_delete(150) finish_snapshot(0) compare(0) requeue(1) burst(2) wide(0) modify_all(0)
compare(0) audit(3) audit(3) told_delete(5) ahead_delete(7) create(0) finish_audit(0) compare(0)
"""
_NAMES = """
odd_all(0) values(0) snapshot(2) snapshot(2) finish_snapshot(0) compare(0) run_audit(0) run_pairs(2) modify_all(0)
compare(0) rename(3) rename(9) rename(16) recreate(5) recreate(12) odd_all(0) delete_all(0) values(0) compare(0)
restart(0) delete_all(0) compare(0)
"""
_CONTAINERS = """
deep(3) wide(0) create(2) create(3) kind(0) finish_snapshot(0) kind(0) kind(0) kind(0) compare(0) move(0) move(1)
move(3) rename(2) rename(5) compare(0) kind(1) compare(0) kind(1) kind(0) compare(0) recreate(1) create(2) run_audit(2)
delete(0) delete(0) create(3) compare(0) restart(1) compare(0)
"""
_AUDITS = """
create(0) create(2) create(3) create(5) finish_snapshot(0) settle(0) run_pairs(2) settle(0) run_pairs(1) modify(0)
delete(1) run_pairs(0) compare(0) audit(1) audit(1) create(1) told_delete(0) modify(1) audit(1) ahead_delete(0)
told_recreate(0) kind(0) finish_audit(0) compare(0) pairs(1) pairs(1) delete(0) create(1) break_audit(1) compare(0)
run_pairs(1) compare(0) audit(1) audit(1) delete(0) break_audit(0) run_audit(4) compare(0)
"""
_POSITIONS = """
create(0) create(2) finish_snapshot(0) catch_up(0) remember(0) modify(0) create(1) catch_up(0) remember(0) delete(0)
create(3) hammer(0) drain(1) remember(0) drain(2) remember(0) restart(0) catch_up(0) create(5) catch_up(0) bounded(0)
bounded(3) resume(0) resume(1) resume(2) acknowledge(0) resume(1) elsewhere(0) restart(1) create(4) compare(0)
"""
_FAULTS = """
create(2) create(3) create(0) snapshot(1) refuse_snapshot(1) compare(0) refuse_audit(0) compare(0) refuse_audit(1)
compare(0) refuse_audit(5) refuse_audit(2) compare(0) refuse_pairs(1) compare(0) interrupt(0) create(1) compare(0)
interrupt_snapshot(1) finish_snapshot(0) compare(0) interrupt_audit(1) compare(0) interrupt_pairs(1) compare(0)
"""
_BESIDE = """
create(0) beside_create(0) beside_create(2) finish_snapshot(0) beside_snapshot(1) modify(0) beside_finish_snapshot(0)
beside_modify(0) delete(0) beside_rename(1) create(2) beside_delete(0) compare(0) beside_compare(0) audit(0)
beside_run_audit(0) finish_audit(0) beside_restart(0) modify(0)
"""
_BY_HAND = """
create(0) create(2) create(3) empty(1) move_in(1) move_in_container(1) make_container(1) snapshot(0) finish_snapshot(0)
touch(0) touch(1) touch(2) touch(3) touch(5) touch(7) truncate(0) truncate(3) truncate(6) replace(1) replace(4) swap(0)
swap(3) renew(0) renew(2) empty(3) empty(2) move_in(2) move_in(3) move_in_container(2) move_in_container(3) compare(0)
become_container(1) become_container(4) compare(0) make_container(2) touch(4) touch(6) touch(8) move_out(0) move_out(2)
slowly(0) slowly(1) renew(1) compare(0) run_audit(0) run_pairs(0)
"""
_LOST = """
create(0) create(2) create(3) finish_snapshot(0) settle(0) run_pairs(4) settle(0) modify(0) delete(1) create(1)
arrive(0) lose(0) settle(0) run_pairs(4) settle(0) run_pairs(4) repaired(0) modify(1) create(5) rename(0) arrive(0)
lose(0)
"""
_LENGTH = 24
_BEFORE = 10
"""What is there before anybody reads takes fewer steps than this."""
_PICKS = 12
_QUICK = 20
_SHARE = 0.6
_ALWAYS = ("create", "drain", "snapshot")
_SPECIAL = {"burst": (0, 0, 0, 1), "delete_all": (0,)}
_PREFIXES = ("", "", "told_", "ahead_")
_OTHERS = ("beside_", "", "", "", "", "", "", "")
"""Now and then a change is made in the second source."""


_SEEDS = {
    _CHANGED_WHILE_LISTED: {"create"},
    _CONTAINERS: {"create", "nest"},
    _AUDITS: {"create", "get_audit_iterator"},
    _LOST: {"create", "get_audit_iterator"},
    _POSITIONS: {"create"},
    _FAULTS: {"create"},
    _NAMES: {"create", "odd"},
    _BY_HAND: {"create", "hands"},
    _BESIDE: {"create"},
    _MANY: {"create"},
}
"""Histories, each with what World and driver must have for it to be worth its time."""


def seeds_for(subject: SourceSubject) -> list[list[Step]]:
    """The histories that every run of this subject begins with."""
    able = abilities(subject)
    has = {*subject.capabilities, *able.operations, *(("odd",) if able.odd else ())}
    if able.tree or any(hasattr(subject.world_factory, name) for name in BY_HAND):
        has.add("hands")
    return [parsed(text) for text, needs in _SEEDS.items() if needs <= has]


def drawn(seed: int, number: int) -> list[Step]:
    """The history of this number.

    Each history has only some kinds of steps, another choice in each, so that kinds which hide each other's faults
    also come alone. Those that take long come after the twentieth.
    """
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
    kinds = CHANGES + BY_HAND + AT_ONCE + READING + STOPPING + POSITIONS + FAULTS + LOSING
    kinds += SLOW if number >= _QUICK else Counter()
    chosen = Counter({name: n for name, n in kinds.items() if name in _ALWAYS or chance.random() < _SHARE})
    names, weights = zip(*chosen.items(), strict=True)
    before = chance.choices([*CHANGES, *BY_HAND, "wide", "odd_all"], k=chance.randrange(_BEFORE))
    steps = [_step(chance, name) for name in (*before, *chance.choices(names, weights, k=_LENGTH))]
    if number < _QUICK or number % 2:
        return steps
    return [Step(chance.choice(_OTHERS) + step.name, step.pick) for step in steps]


def _step(chance: random.Random, name: str) -> Step:
    pick = chance.choice(_SPECIAL[name]) if name in _SPECIAL else chance.randrange(_PICKS)
    prefix = chance.choice(_PREFIXES) if name in ("modify", "delete", "rename", "move", "recreate") else ""
    return Step(prefix + name, pick)
