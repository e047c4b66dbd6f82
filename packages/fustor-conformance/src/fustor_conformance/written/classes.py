"""What the class of a driver says: its methods, their form, its constructor."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from packaging.version import InvalidVersion, Version

from fustor_conformance._contract import abstract, form, public, to_define
from fustor_conformance.written.sources import Lineage, Seen, Sources
from fustor_driver.bases import BASES
from fustor_driver.kinds import Kind

__all__ = [
    "abstract_methods",
    "armed_in_the_call",
    "constructor",
    "form_of_methods",
    "new_object",
    "own_methods",
    "stop_event",
    "stubs",
]

Method = ast.FunctionDef | ast.AsyncFunctionDef


def abstract_methods(sources: Sources) -> Iterator[Seen]:
    """C01: what is abstract is defined."""
    return _lacking("C01", sources, abstract, "lacks")


def form_of_methods(sources: Sources) -> Iterator[Seen]:
    """C01: what hosts call keeps its form."""
    for line in sources.lineages:
        wanted = {name: form(attribute) for name, attribute in public(BASES[line.kind])}
        for name, (place, method) in _methods(line).items():
            if name in wanted and (own := _form(method)) != wanted[name]:
                yield Seen("C01", place, method.lineno, f"{name!r} is {own}, and hosts call it as {wanted[name]}")


def constructor(sources: Sources) -> Iterator[Seen]:
    """C02: `id` and `config`, and nothing else that is required."""
    for line in sources.lineages:
        place, method = _methods(line).get("__init__", ("", None))
        if method is None:
            continue
        given = method.args
        required = [one.arg for one in given.args[1 : len(given.args) - len(given.defaults)]]
        more = [one.arg for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is None]
        is_open = bool(given.vararg and given.kwarg and not required)
        if not is_open and (required != ["id", "config"] or more or given.posonlyargs):
            takes = ", ".join([*required, *more]) or "nothing"
            yield Seen("C02", place, method.lineno, f"The constructor of {_name(line)!r} takes {takes}")


def new_object(sources: Sources) -> Iterator[Seen]:
    """C04: an own `__new__` is there to give one object twice."""
    for line in sources.lineages:
        place, method = _methods(line).get("__new__", ("", None))
        if method is not None:
            yield Seen("C04", place, method.lineno, f"Class {_name(line)!r} defines __new__", is_sure=False)


def stop_event(sources: Sources) -> Iterator[Seen]:
    """C05: set somewhere in the class."""
    for line in sources.lineages:
        if line.kind == "source" and line.is_whole and not _sets(line, "_stop_driver_event"):
            yield _at_class("C05", line, "has no _stop_driver_event")


def armed_in_the_call(sources: Sources) -> Iterator[Seen]:
    """M03: a generator function does nothing when it is called."""
    for line in sources.lineages:
        place, method = _methods(line).get("get_message_iterator", ("", None))
        if isinstance(method, ast.FunctionDef) and not method.decorator_list and _yields(method):
            what = "'get_message_iterator' is a generator function: nothing of it runs before the first next()"
            yield Seen("M03", place, method.lineno, what)


def own_methods(sources: Sources) -> Iterator[Seen]:
    """L05: no default of the base class is used."""
    return _lacking("L05", sources, to_define, "leaves to its base:")


def stubs(sources: Sources) -> Iterator[Seen]:
    """L06: no method only raises NotImplementedError from version 1 on."""
    try:
        is_finished = Version(sources.version).major > 0
    except InvalidVersion:
        return
    for module in sources.modules if is_finished else ():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                for stub in (one for one in node.body if isinstance(one, Method) and _is_stub(one)):
                    what = f"Version {sources.version} still has the stub {node.name}.{stub.name}"
                    yield Seen("L06", module.place, stub.lineno, what)


def _lacking(rule_id: str, sources: Sources, wanted: Callable[[Kind], frozenset[str]], what: str) -> Iterator[Seen]:
    for line in sources.lineages:
        missing = sorted(wanted(line.kind) - _members(line))
        if missing and line.is_whole:
            yield _at_class(rule_id, line, f"{what} {', '.join(missing)}")


def _at_class(rule_id: str, line: Lineage, what: str) -> Seen:
    place, node = line.own[0] if line.own else ("", None)
    return Seen(rule_id, place, node.lineno if node else 0, f"Class {_name(line)!r} {what}")


def _name(line: Lineage) -> str:
    return line.own[0][1].name if line.own else "?"


def _methods(line: Lineage) -> dict[str, tuple[str, Method]]:
    found: dict[str, tuple[str, Method]] = {}
    for place, node in line.own:
        for one in node.body:
            if isinstance(one, Method):
                found.setdefault(one.name, (place, one))
    return found


def _members(line: Lineage) -> set[str]:
    """The names that the bodies of the class and of its own bases bind."""
    named = set(_methods(line))
    for _, node in line.own:
        for one in node.body:
            targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
            named |= {target.id for target in targets if isinstance(target, ast.Name)}
    return named


def _sets(line: Lineage, name: str) -> bool:
    nodes = (node for _, own in line.own for node in ast.walk(own))
    return name in _members(line) or any(
        isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store) for node in nodes
    )


def _form(method: Method) -> str:
    """How the method is called, in the words of `_contract.form`."""
    marks = {ast.unparse(mark) for mark in method.decorator_list}
    if "property" in marks or any(mark.endswith("cached_property") for mark in marks):
        return "a property"
    is_async = isinstance(method, ast.AsyncFunctionDef)
    if is_async and any(isinstance(node, ast.Yield) for node in ast.walk(method)):
        return "an async generator"
    return f"{'an async' if is_async else 'a sync'} {'classmethod' if 'classmethod' in marks else 'method'}"


def _yields(method: Method) -> bool:
    """Whether it is a generator itself, and not only a function in it."""
    pending: list[ast.AST] = list(method.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending += ast.iter_child_nodes(node)
    return False


def _is_stub(method: Method) -> bool:
    if any(ast.unparse(mark).endswith("abstractmethod") for mark in method.decorator_list):
        return False
    *before, last = method.body
    raised = last.exc if isinstance(last, ast.Raise) else None
    called = raised.func if isinstance(raised, ast.Call) else raised
    idle = all(isinstance(one, ast.Delete) or _is_text(one) for one in before)
    return idle and isinstance(called, ast.Name) and called.id == "NotImplementedError"


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
