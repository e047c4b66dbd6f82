"""The histories that every run begins with: short, written by hand, and together they meet every ability once."""

from __future__ import annotations

from dataclasses import dataclass

from fustor_conformance.histories.abilities import abilities
from fustor_conformance.histories.changes import BY_HAND
from fustor_conformance.histories.step import Step, parsed
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


@dataclass(frozen=True)
class Seed:
    """A history, and what World and driver must have for it to be worth its time."""

    steps: list[Step]
    needs: frozenset[str] = frozenset()


SEEDS: tuple[Seed, ...] = tuple(
    Seed(parsed(text), frozenset(needs))
    for text, needs in (
        (_CHANGED_WHILE_LISTED, {"create"}),
        (_CONTAINERS, {"create", "nest"}),
        (_AUDITS, {"create", "get_audit_iterator"}),
        (_LOST, {"create", "get_audit_iterator"}),
        (_POSITIONS, {"create"}),
        (_FAULTS, {"create"}),
        (_NAMES, {"create", "odd"}),
        (_BY_HAND, {"create", "hands"}),
        (_BESIDE, {"create"}),
        (_MANY, {"create"}),
    )
)


def seeds_for(subject: SourceSubject) -> list[list[Step]]:
    """The histories that every run of this subject begins with."""
    able = abilities(subject)
    has = {*subject.capabilities, *able.operations, *(("odd",) if able.odd else ())}
    if able.tree or any(hasattr(subject.world_factory, name) for name in BY_HAND):
        has.add("hands")
    return [seed.steps for seed in SEEDS if seed.needs <= has]
