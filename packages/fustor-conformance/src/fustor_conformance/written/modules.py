"""What the modules of a driver do: their imports, their events, their output."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import fustor_event_model
from fustor_conformance._contract import NAMES_IN_EVERY_RELEASE, TOOLS
from fustor_conformance.written.sources import Module, Seen, Sources
from fustor_driver.installed import imports_of
from fustor_event_model import EventBase

__all__ = ["events", "leaves_logging_alone", "no_other_driver", "portable_imports", "prints_nothing"]

_EVENTS = {
    name for name, value in vars(fustor_event_model).items() if isinstance(value, type) and issubclass(value, EventBase)
}
_OF_EVENTS = frozenset({"fustor_event_model", "fustor_core"})


def portable_imports(sources: Sources) -> Iterator[Seen]:
    """P04: of the core only the names that every release has."""
    for kind in {line.kind for line in sources.lineages}:
        known = {f"{module}.{name}" for module, names in NAMES_IN_EVERY_RELEASE[kind].items() for name in names}
        known |= NAMES_IN_EVERY_RELEASE[kind].keys()
        for module in sources.runtime:
            for one in imports_of(module.tree):
                whole = {f"{one.module}.{name}" for name in one.names} or {one.module}
                if one.top == "fustor_core" and not whole <= known:
                    what = f"A {kind} cannot rely on {', '.join(sorted(whole - known))}"
                    yield Seen("P04", module.place, one.line, what)


def no_other_driver(sources: Sources) -> Iterator[Seen]:
    """L08: neither another driver nor a tool is imported at run time."""
    for module in sources.runtime:
        for one in imports_of(module.tree):
            is_driver = one.top.startswith(("fustor_source_", "fustor_pusher_")) and one.top not in sources.packages
            if is_driver or one.top in TOOLS:
                yield Seen("L08", module.place, one.line, f"It imports {one.top!r} at run time")


def events(sources: Sources) -> Iterator[Seen]:
    """L09: made with keywords, and with their source where they carry rows."""
    for module in sources.runtime:
        made = list(_event_calls(module))
        placed = [call for call in made if call.args and not isinstance(call.args[0], ast.Starred)]
        silent = [call for call in made if not call.args and not _says_source(call)]
        for calls, what in ((placed, "Positional arguments"), (silent, "No message_source")):
            if calls:
                yield Seen("L09", module.place, calls[0].lineno, f"{what} {_times(calls)}")


def prints_nothing(sources: Sources) -> Iterator[Seen]:
    """L07: standard output is the host's."""
    for module in sources.runtime:
        printed = [call for call in _calls(module.tree) if _is_print(call)]
        if printed and not module.place.endswith("__main__.py"):
            yield Seen("L07", module.place, printed[0].lineno, f"It calls print {_times(printed)}")


def leaves_logging_alone(sources: Sources) -> Iterator[Seen]:
    """P05: an import does not set logging up."""
    for module in sources.runtime:
        for call in _calls_at_import(module.tree.body):
            if ast.unparse(call.func) in {"logging.basicConfig", "basicConfig"}:
                what = "It sets logging up when it is imported"
                yield Seen("P05", module.place, call.lineno, what, is_sure=False)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _event_calls(module: Module) -> Iterator[ast.Call]:
    imported = (node for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom) and not node.level)
    of_events = (node for node in imported if (node.module or "").partition(".")[0] in _OF_EVENTS)
    names = {alias.asname or alias.name for node in of_events for alias in node.names if alias.name in _EVENTS}
    return (call for call in _calls(module.tree) if isinstance(call.func, ast.Name) and call.func.id in names)


def _says_source(call: ast.Call) -> bool:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    rows = given.get("rows")
    is_empty = "rows" not in given or (isinstance(rows, ast.List) and not rows.elts)
    return "message_source" in given or None in given or is_empty


def _is_print(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Name)
        and call.func.id == "print"
        and not any(keyword.arg in {"file", None} for keyword in call.keywords)
    )


def _calls_at_import(body: list[ast.stmt]) -> Iterator[ast.Call]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(statement, ast.Expr | ast.Assign):
            yield from _calls(statement)
        for name in ("body", "orelse", "finalbody"):
            yield from _calls_at_import(getattr(statement, name, []))


def _times(calls: list[ast.Call]) -> str:
    return "here" if len(calls) == 1 else f"here and {len(calls) - 1} more times in this file"
