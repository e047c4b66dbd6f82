"""Code that a driver and its World share: what both take from it, no check can find wrong."""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fustor_conformance.subject import Subject
from fustor_driver import installed


def shared_modules(subject: Subject) -> tuple[str, ...]:
    """The modules of the driver's package that its World's module reaches by imports and the driver reaches too.

    A module that only the World imports is the World's own. The package itself, which every import runs, is left out.
    """
    world = getattr(subject.world_factory, "__module__", None)
    driver = subject.driver_class.__module__
    package = driver.partition(".")[0]
    if world is None or world == driver:
        return (driver,) if world else ()
    own = reached(driver, package)
    return tuple(sorted((reached(world, package) & own) - {package, world}))


def reached(module: str, package: str) -> set[str]:
    """The package's modules that `module` leads to, itself included if it is one of them."""
    seen: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [found for found in _imports(name) if found == package or found.startswith(f"{package}.")]
    return {name for name in seen if name == package or name.startswith(f"{package}.")}


def _imports(module: str) -> tuple[str, ...]:
    """The modules that this one names in imports, relative ones resolved."""
    file = file_of(module)
    return _imports_in(module, file) if file else ()


@cache  # every rule of every driver asks for them
def _imports_in(module: str, file: Path) -> tuple[str, ...]:
    parent = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(installed.parsed(file)):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parent.split(".")[: len(parent.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.append(base)
            found += (f"{base}.{alias.name}" for alias in node.names if file_of(f"{base}.{alias.name}"))
    return tuple(found)


def file_of(module: str) -> Path | None:
    """The source file of a module, whether it is loaded or not."""
    loaded = sys.modules.get(module)
    if loaded is not None:
        origin = getattr(loaded, "__file__", None)
    else:
        try:
            spec = find_spec(module)
        except (ImportError, AttributeError, ValueError):
            return None
        origin = spec.origin if spec else None
    return Path(origin) if origin and origin.endswith(".py") else None
