"""Imports that would fail, found by reading: what a module of the Fustor family takes from one that lacks it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from fustor_driver.installed import unguarded

__all__ = ["Missing", "Modules"]

_FAMILY = "fustor_"


@dataclass(frozen=True)
class Missing:
    """A module, or a name of a module, that is imported and not there."""

    importer: str
    module: str
    name: str

    @property
    def package(self) -> str:
        """The distribution that should have it."""
        return self.module.partition(".")[0].replace("_", "-")

    def __str__(self) -> str:
        what = f"{self.name!r} of {self.module!r}" if self.name else f"the module {self.module!r}"
        return f"{self.importer!r} imports {what}, which is not there"


@dataclass
class Modules:
    """The modules of the Fustor family on a path."""

    path: tuple[str, ...]
    _seen: set[str] = field(default_factory=set)

    def missing_in_package(self, package: str) -> list[Missing]:
        """What fails in any module of a package."""
        root = self._file(package)
        files = sorted(root.parent.rglob("*.py")) if root and root.name == "__init__.py" else []
        names = [".".join((package, *file.relative_to(root.parent).with_suffix("").parts)) for file in files if root]
        return [found for name in names for found in self.missing_of(name.removesuffix(".__init__"))]

    def missing_of(self, module: str) -> list[Missing]:
        """What fails when this module is imported, with all that it imports in turn; each module is looked at once."""
        parts = module.split(".")
        above = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
        new = [name for name in above if name not in self._seen]
        self._seen.update(new)
        return [found for name in new for found in self._missing_in(name)]

    def _missing_in(self, module: str) -> Iterator[Missing]:
        file = self._file(module)
        if file is None or file.suffix != ".py":
            return
        for target, name in _imports(file, module):
            if not target.startswith(_FAMILY):
                continue
            if self._file(target) is None:
                yield Missing(module, target, "")
            elif name and not self._has(target, name):
                yield Missing(module, target, name)
            else:
                yield from self.missing_of(target)
                if name and self._file(f"{target}.{name}"):
                    yield from self.missing_of(f"{target}.{name}")

    def _has(self, module: str, name: str, asked: frozenset[str] = frozenset()) -> bool:
        """Whether a module has a name; also where only running it could say so."""
        file = self._file(module)
        if self._file(f"{module}.{name}") is not None or file is None or file.suffix != ".py":
            return True
        if name == "*" or not _bound(file).isdisjoint({name, "__getattr__"}):
            return True
        stars = {target for target, what in _imports(file, module) if what == "*"} - asked
        return any(self._has(star, name, asked | {module}) for star in stars)

    def _file(self, module: str) -> Path | None:
        """Its file, or its directory where that has no `__init__.py`."""
        bases = (Path(place, *module.split(".")) for place in self.path)
        files = (file for base in bases for file in (base / "__init__.py", base.with_name(f"{base.name}.py"), base))
        return next(filter(Path.exists, files), None)


@cache
def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # of another Python, or broken; whoever loads it says so
        return ast.Module([], [])


def _imports(file: Path, module: str) -> Iterator[tuple[str, str]]:
    """Modules that are imported when this one is, each with a name taken from it, if any."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    # a function's own imports are not run with it, and those that a failure does not stop are left out
    for node in unguarded(_tree(file), outside=(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            target = ".".join([*above, *filter(None, [node.module])])
            yield from ((target, alias.name) for alias in node.names)


def _bound(file: Path) -> frozenset[str]:
    """The names that a module has once it is imported, but for those of a star."""
    definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    found: set[str] = set()
    for statement in _tree(file).body:
        for node in [statement] if isinstance(statement, definitions) else ast.walk(statement):
            if isinstance(node, definitions):
                found.add(node.name)
            elif isinstance(node, ast.alias):
                found.add(node.asname or node.name.partition(".")[0])
            elif isinstance(node, ast.Name):
                found.add(node.id)
    return frozenset(found)
