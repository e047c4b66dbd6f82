"""A package's own modules, read within bounds and never imported: what they define, and what they import."""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fustor_new._reading import read_bytes, walk

__all__ = [
    "Class",
    "Code",
    "External",
    "Import",
    "Missing",
    "Module",
    "SourceError",
    "Unknown",
    "parse_python",
    "read_code",
]

_NO_PACKAGES = {"tests", "test", "docs", "doc", "examples", "benchmarks", "build", "dist", "scripts", "tools"}
_LIMIT_BYTES = 2 * 1024 * 1024
_DEEPEST = 300
"""So deep a tree may be: what walks it later does so step by step down Python's stack."""
_DEPTH = 20  # a name that is passed on more often than that goes in a circle


class SourceError(ValueError):
    """A source file that cannot be read; the message says why."""


@dataclass(frozen=True)
class Import:
    """One imported name: `from module import name`, or `import module` (then `name` is empty)."""

    module: str
    name: str
    line: int
    is_for_types: bool = False
    """Below `if TYPE_CHECKING`, so never there at run time."""
    is_optional: bool = False
    """Inside a `try` that goes on without it."""

    @property
    def top(self) -> str:
        """The top-level module."""
        return self.module.partition(".")[0]


@dataclass(frozen=True)
class Module:
    """One source file by its dotted name; `fault` says why it cannot be read, and then there is no code in it."""

    name: str
    path: Path
    is_package: bool
    tree: ast.Module
    fault: str = ""

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """What it imports, anywhere in it, with relative names made absolute."""
        return tuple(_imports(self, self.tree.body))

    @cached_property
    def bindings(self) -> Mapping[str, ast.AST]:
        """The names that its top level binds, each with the statement that binds it last."""
        return dict(_bindings(self.tree.body))

    def absolute(self, level: int, module: str | None) -> str:
        """The absolute name of `from <level dots><module> import ...` in this module."""
        if not level:
            return module or ""
        parts = self.name.split(".")
        parts = parts[: len(parts) - level + (1 if self.is_package else 0)]
        return ".".join([*parts, *([module] if module else [])])


@dataclass(frozen=True)
class Class:
    """A class of the package, with the module that defines it."""

    module: Module
    node: ast.ClassDef


@dataclass(frozen=True)
class External:
    """A name that another distribution defines."""

    module: str
    name: str


@dataclass(frozen=True)
class Unknown:
    """A name that is there, but only a run would tell what it is."""


@dataclass(frozen=True)
class Missing:
    """A name that is not there: the module, or the attribute in it."""

    what: str


Target = Class | External | Unknown | Missing


@dataclass(frozen=True)
class Code:
    """All modules of a package by dotted name."""

    modules: Mapping[str, Module]

    @property
    def packages(self) -> list[str]:
        """The names of its top-level packages and modules."""
        return sorted({name.partition(".")[0] for name in self.modules})

    def resolve(self, module: str, name: str, depth: int = _DEPTH) -> Target:
        """Return what `name` in `module` is."""
        here = self.modules.get(module)
        if module.partition(".")[0] not in self.packages:
            return External(module, name)
        if here is None:
            return Missing(f"module {module!r}")
        return Unknown() if here.fault or not depth else self._bound(here, name, depth)

    def bases(self, found: Class) -> Iterator[Target]:
        """Yield what each base of a class is."""
        for base in found.node.bases:
            expression = base.value if isinstance(base, ast.Subscript) else base
            if isinstance(expression, ast.Name):
                target = self.resolve(found.module.name, expression.id)
                # A name that nothing binds is one of Python's own.
                yield External("builtins", expression.id) if isinstance(target, Missing) else target
            elif isinstance(expression, ast.Attribute):
                yield self._dotted(found.module, expression)
            else:
                yield Unknown()

    def ancestry(self, found: Class) -> list[Target]:
        """Return the class and everything that it inherits from, as far as it is the package's own, nearest first."""
        seen: list[Target] = []
        waiting: list[Target] = [found]
        while waiting:
            one = waiting.pop(0)
            if one not in seen:
                seen.append(one)
                waiting += self.bases(one) if isinstance(one, Class) else ()
        return seen

    def reached_from(self, starts: set[str]) -> set[str]:
        """Return the modules that importing `starts` can bring in, themselves and their packages included."""
        reached: set[str] = set()
        waiting = [name for name in starts if name in self.modules]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                named = {parent for parent in (name.rpartition(".")[0],) if parent}
                for one in self.modules[name].imports:
                    named |= {one.module, f"{one.module}.{one.name}"}
                waiting += [found for found in named if found in self.modules]
        return reached

    def _bound(self, here: Module, name: str, depth: int) -> Target:
        bound = here.bindings.get(name)
        match bound:
            case ast.ClassDef():
                return Class(here, bound)
            case ast.ImportFrom():
                return self._imported(here, bound, name, depth)
            case ast.Assign(value=ast.Name(id=other)) | ast.AnnAssign(value=ast.Name(id=other)):
                return self.resolve(here.name, other, depth - 1)
        if bound is not None or "__getattr__" in here.bindings or f"{here.name}.{name}" in self.modules:
            return Unknown()
        return self._starred(here, name, depth)

    def _imported(self, here: Module, bound: ast.ImportFrom, name: str, depth: int) -> Target:
        alias = next(alias for alias in bound.names if (alias.asname or alias.name) == name)
        origin = here.absolute(bound.level, bound.module)
        if f"{origin}.{alias.name}" in self.modules:
            return Unknown()
        return self.resolve(origin, alias.name, depth - 1)

    def _starred(self, here: Module, name: str, depth: int) -> Target:
        for statement in here.tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                target = self.resolve(here.absolute(statement.level, statement.module), name, depth - 1)
                if isinstance(target, External):  # whether another distribution has it, only a run would tell
                    return Unknown()
                if not isinstance(target, Missing):
                    return target
        return Missing(f"{name!r} in module {here.name!r}")

    def _dotted(self, here: Module, expression: ast.Attribute) -> Target:
        head, *rest = ast.unparse(expression).split(".")
        bound = here.bindings.get(head)
        if isinstance(bound, ast.Import):
            alias = next(alias for alias in bound.names if (alias.asname or alias.name.partition(".")[0]) == head)
            parts = [*(alias.name if alias.asname else head).split("."), *rest]
        elif isinstance(bound, ast.ImportFrom):
            alias = next(alias for alias in bound.names if (alias.asname or alias.name) == head)
            parts = [*here.absolute(bound.level, bound.module).split("."), alias.name, *rest]
        else:
            return Unknown()
        return self.resolve(".".join(parts[:-1]), parts[-1])


def read_code(package: Path) -> Code:
    """Return the modules of the package in the directory `package`: those below `src`, else those beside it."""
    source = package / "src"
    root = source if source.is_dir() else package
    modules: dict[str, Module] = {}
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if path.is_dir() and path.name.isidentifier() and (root == source or path.name not in _NO_PACKAGES):
            modules |= {module.name: module for module in _below(path, root)}
        elif path.suffix == ".py" and root == source:
            modules[path.stem] = _module(path, root)
    return Code(modules)


def _below(folder: Path, root: Path) -> Iterator[Module]:
    found = (folder / name for name, _ in walk(folder, lambda _: True) if name.endswith(".py"))
    for path in sorted(found):
        if all(part.isidentifier() for part in path.relative_to(root).with_suffix("").parts):
            yield _module(path, root)


def _module(path: Path, root: Path) -> Module:
    parts = path.relative_to(root).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    try:
        return Module(name, path, is_package, parse_python(path))
    except SourceError as err:
        return Module(name, path, is_package, ast.Module([], []), str(err))


def parse_python(path: Path) -> ast.Module:
    """Return the tree of the source file at `path`. Raises SourceError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python says of the text is the author's business
            tree = ast.parse(read_bytes(path, limit_bytes=_LIMIT_BYTES))
    except SyntaxError as err:
        raise SourceError(f"line {err.lineno}: {err.msg}" if err.lineno else err.msg) from err
    except OSError as err:
        raise SourceError(err.strerror or str(err)) from err
    except (RecursionError, MemoryError) as err:  # the parser's own limits
        raise SourceError("it is nested too deeply") from err
    except (ValueError, OverflowError) as err:
        raise SourceError(str(err)) from err
    _check_depth(tree)
    return tree


def _check_depth(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise SourceError("it is nested too deeply")


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the blocks of a compound statement that run where it stands."""
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for handler in getattr(statement, "handlers", []):
        yield handler.body
    for case in getattr(statement, "cases", []):
        yield case.body


def _bindings(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    for statement in body:
        match statement:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield statement.name, statement
            case ast.Import():
                yield from ((alias.asname or alias.name.partition(".")[0], statement) for alias in statement.names)
            case ast.ImportFrom():
                yield from ((alias.asname or alias.name, statement) for alias in statement.names)
            case ast.If() | ast.Try() | ast.TryStar() | ast.With() | ast.For() | ast.While() | ast.Match():
                for block in _blocks(statement):
                    yield from _bindings(block)
            case _:
                names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
                yield from ((node.id, statement) for node in names if isinstance(node.ctx, ast.Store))


def _imports(module: Module, body: list[ast.stmt], *, types: bool = False, optional: bool = False) -> Iterator[Import]:
    for statement in body:
        flags = (statement.lineno, types, optional)
        match statement:
            case ast.Import():
                yield from (Import(alias.name, "", *flags) for alias in statement.names)
            case ast.ImportFrom():
                origin = module.absolute(statement.level, statement.module)
                yield from (Import(origin, alias.name, *flags) for alias in statement.names)
            case _:
                for block in _blocks(statement):
                    inner = (
                        types or (block is getattr(statement, "body", None) and _is_type_checking(statement)),
                        optional or _tolerates_missing(statement, block),
                    )
                    yield from _imports(module, block, types=inner[0], optional=inner[1])


def _is_type_checking(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test).rpartition(".")[2] == "TYPE_CHECKING"


def _tolerates_missing(statement: ast.stmt, block: list[ast.stmt]) -> bool:
    if not isinstance(statement, ast.Try) or block is not statement.body:
        return False
    caught = {name for handler in statement.handlers for name in _caught(handler)}
    return bool(caught & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def _caught(handler: ast.ExceptHandler) -> set[str]:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(kind) if kind else "BaseException" for kind in kinds}
