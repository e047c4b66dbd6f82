"""What there is to read of a driver's package."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fustor_conformance._shared_code import file_of, reached
from fustor_conformance.subject import Subject
from fustor_driver import installed
from fustor_driver.kinds import Kind

_HARMLESS = frozenset({"fustor_core", "builtins", "abc", "typing"})


@dataclass(frozen=True)
class Seen:
    """A rule that the code breaks, and where."""

    rule_id: str
    place: str
    line: int
    what: str
    is_sure: bool = True
    """Whether it cannot be otherwise; else it is advice."""


@dataclass(frozen=True)
class Module:
    """One file. `place` is how findings name it; hosts import it if `is_runtime`, else only tests and the World do."""

    place: str
    tree: ast.Module
    is_runtime: bool = True


@dataclass(frozen=True)
class Lineage:
    """A driver's class and the classes of its own package that it inherits from, nearest first.

    Args:
        kind: which base it is meant to have.
        own: each with the place of its module.
        is_whole: whether all else that it inherits from is the contract's or Python's.
    """

    kind: Kind
    own: tuple[tuple[str, ast.ClassDef], ...]
    is_whole: bool


@dataclass(frozen=True)
class Sources:
    """A package: its modules, its drivers, the names it is imported by, and its version."""

    modules: tuple[Module, ...]
    lineages: tuple[Lineage, ...]
    packages: frozenset[str]
    version: str

    @property
    def runtime(self) -> Iterator[Module]:
        """The modules that hosts import."""
        return (module for module in self.modules if module.is_runtime)


def sources_of(subject: Subject) -> Sources:
    """The code of an installed driver."""
    package = subject.driver_class.__module__.partition(".")[0]
    of_world, of_driver = getattr(subject.world_factory, "__module__", ""), subject.driver_class.__module__
    world = {file_of(name) for name in reached(of_world, package) - reached(of_driver, package)}
    trees = {file: installed.parsed(file) for file in installed.package_files(package)}
    modules = tuple(Module(file.name, tree, file not in world) for file, tree in trees.items())
    return Sources(modules, (_lineage(subject, package, trees),), frozenset({package}), subject.version)


def _lineage(subject: Subject, package: str, trees: dict[Path, ast.Module]) -> Lineage:
    line = subject.driver_class.__mro__
    own = [cls for cls in line if cls.__module__.partition(".")[0] == package]
    others = [cls.__module__ for cls in line if cls not in own]
    files = ((file_of(cls.__module__), cls) for cls in own)
    nodes = [(file.name, _class_in(trees[file], cls)) for file, cls in files if file in trees]
    return Lineage(subject.kind, tuple((place, node) for place, node in nodes if node), is_whole(others))


def is_whole(modules: Iterable[str]) -> bool:
    """Whether classes of these modules define nothing that a driver may have from them without its text being here."""
    return {module.partition(".")[0] for module in modules} <= _HARMLESS


def _class_in(tree: ast.Module, cls: type) -> ast.ClassDef | None:
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return next((node for node in nodes if node.name == cls.__name__), None)
