"""Checks of imports: every module is valid Python, and what it imports is declared."""

import ast
import sys
from collections.abc import Iterator

from fustor_new.doctor.distributions import Requirements
from fustor_new.doctor.finding import Fault, Severity
from fustor_new.doctor.registry import package_check
from fustor_new.doctor.subject import Subject
from fustor_new.names import normalize
from fustor_new.package.code import Import, Module
from fustor_new.package.metadata import requirement_name

__all__: list[str] = []

_TOOLS = {"fustor_driver", "fustor_conformance", "fustor_new"}
_NEVER_IMPORTED = {"fustor-core", "fustor-event-model"}  # a host needs them beside the driver in any case


@package_check(
    "D40-modules-parse",
    Severity.ERROR,
    rule="Every module is valid Python",
    why="An import ends in a SyntaxError, and what the module holds cannot be judged here",
    fix="Correct the line",
)
def _modules_parse(package: Subject) -> Iterator[Fault]:
    for module in package.code.modules.values():
        if module.fault:
            yield Fault(package.place(module.path), f"It is not valid Python ({module.fault})")


@package_check(
    "D41-imported-and-declared",
    Severity.ERROR,
    rule="Every distribution that a module imports at run time is required; what only `testing` needs, by an extra",
    why="An import that works by luck of a neighbour breaks on the user's machine",
    fix="Add the distribution to `dependencies` with the lowest version that works, or to an extra",
)
def _imported_and_declared(package: Subject) -> Iterator[Fault]:
    always = Requirements(map(requirement_name, package.metadata.dependencies))
    in_tests = Requirements(map(requirement_name, (*package.metadata.dependencies, *package.metadata.extras)))
    imported = {one.top for module in package.code.modules.values() for one in module.imports}
    if always.obscure() & always.unused(imported):  # one of them may well hold what is missing
        return
    seen: set[str] = set()
    for module in package.code.modules.values():
        requirements = always if module in package.runtime else in_tests
        for one in _foreign(package, module):
            needed = not one.is_for_types and not one.is_optional and one.top not in seen
            if needed and one.top not in _TOOLS and not requirements.provides(one.top):
                seen.add(one.top)
                yield Fault(package.place(module.path, one.line), f"It imports {one.top!r}, which is not required")


@package_check(
    "D42-declared-and-imported",
    Severity.WARNING,
    rule="Every distribution that is required is imported somewhere, once the driver is written",
    why="Whoever installs the driver gets it all the same, with its conflicts",
    fix="Take it out of `dependencies`, or move it to the extra that needs it",
)
def _declared_and_imported(package: Subject) -> Iterator[Fault]:
    if package.is_untouched or any(map(_is_to_do, package.runtime)):  # what it requires is for what is still to come
        return
    declared = {normalize(requirement_name(one)) for one in package.metadata.dependencies} - {""}
    requirements = Requirements(declared - _NEVER_IMPORTED)
    foreign = [one for module in package.code.modules.values() for one in _foreign(package, module)]
    imported = {one.top for one in foreign}
    unused = requirements.unused(imported)
    if any(not Requirements(declared).provides(one.top) for one in foreign):  # it may come from the obscure ones
        unused -= requirements.obscure()
    for name in sorted(unused) if package.code.modules else ():
        yield Fault(package.metadata_place, f"It requires {name!r} and never imports it")


def _is_to_do(module: Module) -> bool:
    """Tell whether a method of a stub is still to be written."""
    raised = (node.exc for node in ast.walk(module.tree) if isinstance(node, ast.Raise))
    return any(isinstance(one, ast.Call) and ast.unparse(one.func) == "NotImplementedError" for one in raised)


def _foreign(package: Subject, module: Module) -> Iterator[Import]:
    """Yield the imports that lead out of the package and out of Python."""
    own = {*package.code.packages, *sys.stdlib_module_names, "__main__", ""}
    return (one for one in module.imports if one.top not in own)
