"""Checks of what a driver does with events and with the output of its host."""

import ast
from collections.abc import Iterator

from fustor_new.doctor.finding import Fault, Severity
from fustor_new.doctor.registry import package_check
from fustor_new.doctor.subject import Package
from fustor_new.package.code import Module

__all__: list[str] = []

_EVENTS = {"EventBase", "InsertEvent", "UpdateEvent", "DeleteEvent"}
_OF_EVENTS = {"fustor_event_model", "fustor_event_model.models", "fustor_core.event", "fustor_core.models.event"}


@package_check(
    "D30-events-say-where-they-come-from",
    Severity.ERROR,
    rule="Every event that carries rows is given its `message_source`",
    why="A consumer reads a missing source as realtime, and turns an old row of a snapshot into the truth",
    fix="Add message_source='snapshot', 'realtime' or 'audit' where the event is made",
)
def _events_say_where_they_come_from(package: Package) -> Iterator[Fault]:
    for module in package.runtime:
        silent = [call for call in _event_calls(module) if not call.args and not _says_source(call)]
        if silent:
            yield Fault(package.place(module.path, silent[0].lineno), f"No message_source {_times(silent)}")


@package_check(
    "D31-events-take-keywords",
    Severity.ERROR,
    rule="Events are made with keywords",
    why="The released classes of agent 0.8 take no positional arguments: the stream ends with a TypeError",
    fix="Name every argument: event_type, fields, rows, index, event_schema, table, message_source",
)
def _events_take_keywords(package: Package) -> Iterator[Fault]:
    for module in package.runtime:
        placed = [call for call in _event_calls(module) if call.args and not isinstance(call.args[0], ast.Starred)]
        if placed:
            yield Fault(package.place(module.path, placed[0].lineno), f"Positional arguments {_times(placed)}")


@package_check(
    "D32-prints-nothing",
    Severity.WARNING,
    rule="A driver prints nothing to standard output",
    why="It belongs to the host: `fustor-driver read` writes events there, line by line",
    fix="Log it with `logging.getLogger(__name__)`, or give `print` a `file`",
)
def _prints_nothing(package: Package) -> Iterator[Fault]:
    for module in package.runtime:
        printed = [call for call in _calls(module) if _is_print(call)]
        if printed and module.name.rpartition(".")[2] != "__main__":
            yield Fault(package.place(module.path, printed[0].lineno), f"It calls print {_times(printed)}")


@package_check(
    "D33-leaves-logging-alone",
    Severity.WARNING,
    rule="Importing a driver does not set logging up",
    why="Hosts import every installed driver to list them: whoever comes first decides on the log of all",
    fix="Take `logging.basicConfig` out; the host sets logging up",
)
def _leaves_logging_alone(package: Package) -> Iterator[Fault]:
    for module in package.runtime:
        for call in _calls_at_import(module.tree.body):
            if ast.unparse(call.func) in {"logging.basicConfig", "basicConfig"}:
                yield Fault(package.place(module.path, call.lineno), "It sets logging up when it is imported")


def _calls(module: Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))


def _event_calls(module: Module) -> Iterator[ast.Call]:
    names = {one.name for one in module.imports if one.module in _OF_EVENTS and one.name in _EVENTS}
    return (call for call in _calls(module) if isinstance(call.func, ast.Name) and call.func.id in names)


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
            yield from (node for node in ast.walk(statement) if isinstance(node, ast.Call))
        for name in ("body", "orelse", "finalbody"):
            yield from _calls_at_import(getattr(statement, name, []))


def _times(calls: list[ast.Call]) -> str:
    return "here" if len(calls) == 1 else f"here and {len(calls) - 1} more times in this file"
