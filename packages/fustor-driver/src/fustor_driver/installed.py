"""What an installed distribution declares, contains and reaches; works for editable installs too."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions, packages_distributions
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def requirements(dist: Distribution, extras: frozenset[str] = frozenset()) -> list[Requirement]:
    """The requirements that hold here, with those of `extras`."""
    environments = [{"extra": extra} for extra in ("", *extras)]
    parsed = map(Requirement, dist.requires or [])
    return [req for req in parsed if req.marker is None or any(req.marker.evaluate(env) for env in environments)]


def declared_names(dist: Distribution, *, with_extras: bool = False) -> frozenset[str]:
    """Canonical names of the distributions that it depends on, itself included."""
    extras = frozenset(dist.metadata.get_all("Provides-Extra") or ()) if with_extras else frozenset[str]()
    return frozenset({canonical(dist), *(canonicalize_name(req.name) for req in requirements(dist, extras))})


def closure(dist: Distribution) -> frozenset[str]:
    """Canonical names of all that is installed with it: itself and, recursively, what it requires."""
    reached: set[str] = {canonical(dist)}
    todo = requirements(dist)
    while todo:
        req = todo.pop()
        name = canonicalize_name(req.name)
        if name not in reached:
            reached.add(name)
            with suppress(PackageNotFoundError):
                todo += requirements(distribution(name), frozenset(req.extras))
    return frozenset(reached)


def canonical(dist: Distribution) -> str:
    """The distribution's name as indexes compare it."""
    return canonicalize_name(dist.metadata["Name"])


def owners() -> dict[str, frozenset[str]]:
    """Canonical names of the distributions that provide each importable top-level name."""
    return _owners(tuple(sys.path))


@cache
def _owners(path: tuple[str, ...]) -> dict[str, frozenset[str]]:
    del path  # what is installed depends on it, through sys.path
    found: dict[str, set[str]] = {}
    for top, names in packages_distributions().items():
        found.setdefault(top, set()).update(map(canonicalize_name, names))
    for dist in distributions():
        for top in _editable_tops(dist):
            found.setdefault(top, set()).add(canonical(dist))
    return {top: frozenset(names) for top, names in found.items()}


def _editable_tops(dist: Distribution) -> Iterator[str]:
    for file in dist.files or ():
        if file.suffix != ".pth" or not Path(str(file.locate())).is_file():  # a record may name what is gone
            continue
        for line in file.read_text().splitlines():
            directory = Path(line)
            if line and directory.is_dir():
                yield from (child.stem for child in directory.iterdir() if _is_importable(child))


def _is_importable(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").is_file()


@dataclass(frozen=True)
class Import:
    """One imported module, with the names taken from it, at one line of a file."""

    module: str
    names: tuple[str, ...]
    line: int

    @property
    def top(self) -> str:
        """The top-level name."""
        return self.module.partition(".")[0]


def package_files(module: str) -> list[Path]:
    """The Python files of the top-level package (or the one module) that `module` belongs to."""
    spec = find_spec(module.partition(".")[0])
    if spec is None or spec.origin is None:
        return []
    roots = spec.submodule_search_locations
    return sorted(file for root in roots for file in Path(root).rglob("*.py")) if roots else [Path(spec.origin)]


def parsed(file: Path) -> ast.Module:
    """The tree of a source file."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """The absolute imports of a module, except for type checkers only and those with a fallback for ImportError."""
    for node in unguarded(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, (), node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield Import(node.module, tuple(alias.name for alias in node.names), node.lineno)


def unguarded(node: ast.AST, outside: tuple[type[ast.AST], ...] = ()) -> Iterator[ast.AST]:
    """What a module consists of, except for type checkers only and behind ImportError, and not within `outside`."""
    for child in ast.iter_child_nodes(node):
        yield from _unguarded(child, outside)


def _unguarded(node: ast.AST, outside: tuple[type[ast.AST], ...]) -> Iterator[ast.AST]:
    if isinstance(node, outside):
        return
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        parts: list[ast.AST] = [*node.orelse]
    elif isinstance(node, ast.Try) and any("ImportError" in ast.dump(handler) for handler in node.handlers):
        parts = [*node.handlers, *node.finalbody]
    else:
        yield node
        parts = list(ast.iter_child_nodes(node))
    yield from (found for part in parts for found in _unguarded(part, outside))


def is_standard(top: str) -> bool:
    """Whether this top-level name comes with Python."""
    return top in sys.stdlib_module_names
