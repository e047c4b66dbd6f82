"""What `fustor-new doctor` asks: rules about code that it has parsed and that is not installed, and may not be run.

`fustor-new` imports none of Fustor's packages, so it finds this by the entry-point group `fustor_new.doctor`, and both
sides speak in values of Python's own.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from fustor_conformance.rules import Kind, Level, find_rule
from fustor_conformance.written import classes, modules
from fustor_conformance.written.sources import Lineage, Module, Seen, Sources

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
        "P04": (modules.portable_imports,),
        "P05": (modules.leaves_logging_alone,),
    }
)
"""The rules that reading alone can find broken, each with what reads."""


def examine(
    trees: Mapping[str, ast.Module],
    runtime: Collection[str],
    drivers: Iterable[tuple[str, Sequence[tuple[str, ast.ClassDef]], bool]],
    packages: Iterable[str],
    version: str,
) -> list[dict[str, object]]:
    """What the code of a package breaks.

    Args:
        trees: its modules by their places.
        runtime: the places of those that hosts import.
        drivers: for each class of an entry point its kind; the class and the bases that are the package's own, nearest
            first, each with its place; and whether all other bases are the contract's or Python's.
        packages: the top-level names of its modules.
        version: of the distribution.

    Returns:
        For each finding `id`, `name`, `level` (MUST or SHOULD), `place`, `line`, `what` and `fix`.
    """
    sources = Sources(
        tuple(Module(place, tree, place in runtime) for place, tree in trees.items()),
        tuple(Lineage(Kind(kind), tuple(own), is_whole) for kind, own, is_whole in drivers),
        frozenset(packages),
        version,
    )
    return [_told(seen) for readers in RULES.values() for read in readers for seen in read(sources)]


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
