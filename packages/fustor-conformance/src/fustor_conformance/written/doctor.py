"""What `fustor-new doctor` asks: rules about code that it has parsed and that is not installed, and may not be run.

`fustor-new` imports none of Fustor's packages, so it finds this by the entry-point group `fustor_new.doctor`, and both
sides speak in values of Python's own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from fustor_conformance.rules import Kind, Level, find_rule
from fustor_conformance.written import classes, modules
from fustor_conformance.written.sources import Lineage, Module, Seen, Sources, is_whole

__all__ = ["RULES", "examine"]

RULES = MappingProxyType(
    {
        "C01": (classes.abstract_methods, classes.form_of_methods),
        "C02": (classes.constructor,),
        "C04": (classes.new_object,),
        "C05": (classes.stop_event,),
        "L05": (classes.own_methods,),
        "L06": (classes.stubs,),
        "L07": (modules.prints_nothing,),
        "L08": (modules.no_other_driver,),
        "L09": (modules.events,),
        "M03": (classes.armed_in_the_call,),
        "P04": (modules.portable_imports,),
        "P05": (modules.leaves_logging_alone,),
    }
)
"""The rules that reading alone can find broken, each with what reads."""


def examine(
    trees: Mapping[str, ast.Module],
    runtime: Collection[str],
    drivers: Iterable[tuple[str, Sequence[tuple[str, ast.ClassDef]], Iterable[str]]],
    packages: Iterable[str],
    version: str,
) -> list[dict[str, object]]:
    """What the code of a package breaks.

    Args:
        trees: its modules by their places.
        runtime: the places of those that hosts import.
        drivers: for each class of an entry point its kind; the class and the bases that are the package's own, nearest
            first, each with its place; and the modules of all other bases, empty where that is unknown.
        packages: the top-level names of its modules.
        version: of the distribution.

    Returns:
        For each finding `id`, `name`, `level` (MUST or SHOULD), `place`, `line`, `what` and `fix`.
    """
    sources = Sources(
        tuple(Module(place, tree, place in runtime) for place, tree in trees.items()),
        tuple(Lineage(Kind(kind), tuple(own), is_whole(others)) for kind, own, others in drivers),
        frozenset(packages),
        version,
    )
    asked = ((rule_id, read) for rule_id, readers in RULES.items() for read in readers)
    return [_told(seen) for rule_id, read in asked for seen in _seen(rule_id, read, sources)]


def _seen(rule_id: str, read: Callable[[Sources], Iterator[Seen]], sources: Sources) -> list[Seen]:
    try:
        return list(read(sources))
    except RecursionError:
        return [Seen(rule_id, "", 0, "It cannot be judged: something in it is nested too deeply")]


def _told(seen: Seen) -> dict[str, object]:
    rule = find_rule(seen.rule_id)
    levels = {level for kind in Kind for level in rule.levels(kind).values()}
    level = Level.MUST if Level.MUST in levels and seen.is_sure else Level.SHOULD
    return {
        "id": rule.id,
        "name": rule.name,
        "level": str(level),
        "place": seen.place,
        "line": seen.line,
        "what": seen.what,
        "fix": rule.fix,
    }
