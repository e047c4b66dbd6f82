"""Checks of the driver's class: what hosts call, and in which form."""

import ast
from collections.abc import Iterator

from packaging.version import InvalidVersion, Version

from fustor_new.doctor.finding import Fault, Severity
from fustor_new.doctor.registry import package_check
from fustor_new.doctor.subject import Package
from fustor_new.package.code import Class, External

__all__: list[str] = []

Method = ast.FunctionDef | ast.AsyncFunctionDef

_ABSTRACT = {
    "source": ("get_snapshot_iterator", "get_message_iterator", "get_available_fields"),
    "pusher": ("push", "heartbeat", "create_session", "get_needed_fields"),
}
_OWN = {
    "source": (
        "is_transient",
        "get_audit_iterator",
        "is_position_available",
        "close",
        "test_connection",
        "check_privileges",
        "check_runtime_params",
        "create_agent_user",
        "get_wizard_steps",
    ),
    "pusher": ("get_latest_committed_index", "close", "test_connection", "check_privileges", "get_wizard_steps"),
}
_ASYNC_OF_CLASS = {
    "get_available_fields",
    "get_needed_fields",
    "test_connection",
    "check_privileges",
    "check_runtime_params",
    "create_agent_user",
    "get_wizard_steps",
}
_ASYNC = {"push", "heartbeat", "create_session", "get_latest_committed_index", "close"}
_SYNC = {
    "get_snapshot_iterator",
    "get_message_iterator",
    "get_audit_iterator",
    "is_position_available",
    "acknowledge",
    "get_latest_position",
    "get_snapshot_partitions",
    "statistics",
}


@package_check(
    "D20-abstract-methods",
    Severity.ERROR,
    rule="The class defines every abstract method of its base",
    why="A class with one left cannot be constructed: the host fails when the task starts",
    fix="Define the method; the contract, sections 4 and 5, says what it returns",
)
def _abstract_methods(package: Package) -> Iterator[Fault]:
    for kind, found in package.classes:
        if _is_wholly_known(package, found):
            missing = [name for name in _ABSTRACT[kind] if name not in _members(package, found)]
            if missing:
                yield Fault(_place(package, found), f"Class {found.node.name!r} lacks {', '.join(missing)}")


@package_check(
    "D21-form-of-methods",
    Severity.ERROR,
    rule="Methods that hosts call keep their form: plain, async, classmethod, property",
    why="A host that iterates over a coroutine, or awaits what is none, fails at the first call",
    fix="Take the first line of the method from the base class",
)
def _form_of_methods(package: Package) -> Iterator[Fault]:
    for _, found in package.classes:
        for name, (owner, method) in _methods(package, found).items():
            wanted = _form_wanted(name)
            if wanted and _form(method) != wanted:
                place = package.place(owner.module.path, method.lineno)
                yield Fault(place, f"{name!r} is {_form(method)}, and hosts call it as {wanted}")


@package_check(
    "D22-constructor",
    Severity.ERROR,
    rule="The constructor takes exactly `id` and `config`",
    why="Agent 0.2 passes them by position, agent 0.8 by these names",
    fix="def __init__(self, id, config): super().__init__(id, config)",
)
def _constructor(package: Package) -> Iterator[Fault]:
    for _, found in package.classes:
        owner, method = _methods(package, found).get("__init__", (found, None))
        if method is None:
            continue
        arguments = method.args
        required = [one.arg for one in arguments.args[1 : len(arguments.args) - len(arguments.defaults)]]
        more = [
            one.arg for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None
        ]
        is_open = bool(arguments.vararg and arguments.kwarg and not required)
        if not is_open and (required != ["id", "config"] or more or arguments.posonlyargs):
            place = package.place(owner.module.path, method.lineno)
            yield Fault(
                place, f"The constructor of {found.node.name!r} takes {', '.join([*required, *more]) or 'nothing'}"
            )


@package_check(
    "D23-one-object-a-call",
    Severity.WARNING,
    rule="Constructing a driver makes a new object",
    why="With one object for an address a second construction runs the constructor of the first again, "
    "while it streams: its stop event and its queue are replaced, and its events are lost",
    fix="Take `__new__` out, and share what must be shared in an object of its own",
)
def _one_object_a_call(package: Package) -> Iterator[Fault]:
    for _, found in package.classes:
        owner, method = _methods(package, found).get("__new__", (found, None))
        if method is not None:
            yield Fault(package.place(owner.module.path, method.lineno), f"Class {found.node.name!r} defines __new__")


@package_check(
    "D24-stop-event",
    Severity.ERROR,
    rule="A source sets `self._stop_driver_event` itself",
    why="Both agents read it at every event, and no base class that is released declares it: "
    "without it agent 0.8 fails the stream and takes snapshots without end",
    fix="Write `self._stop_driver_event = threading.Event()` in the constructor, and set it in `close`",
)
def _stop_event(package: Package) -> Iterator[Fault]:
    for kind, found in package.classes:
        if kind == "source" and _is_wholly_known(package, found) and not _sets(package, found, "_stop_driver_event"):
            yield Fault(_place(package, found), f"Class {found.node.name!r} has no _stop_driver_event")


@package_check(
    "D25-no-default-of-the-base",
    Severity.WARNING,
    rule="The class itself defines all that hosts may call",
    why="Under an agent the base class is the released one, whose defaults are others or missing",
    fix="Define the method, even if it only says `return False, 'Not supported: ...'`, `iter(())` or nothing",
)
def _no_default_of_the_base(package: Package) -> Iterator[Fault]:
    for kind, found in package.classes:
        missing = [name for name in _OWN[kind] if name not in _members(package, found)]
        if missing and _is_wholly_known(package, found):
            yield Fault(_place(package, found), f"Class {found.node.name!r} leaves to its base: {', '.join(missing)}")


@package_check(
    "D26-no-stub-in-a-release",
    Severity.ERROR,
    rule="From version 1.0 on no method is a stub that only raises NotImplementedError",
    why="The version says that it is finished, and the first host that calls the method finds out",
    fix="Implement the method, or release it as 0.*",
)
def _no_stub_in_a_release(package: Package) -> Iterator[Fault]:
    try:
        is_finished = Version(package.metadata.version).major > 0
    except InvalidVersion:
        return
    for module in package.code.modules.values() if is_finished else ():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                stubs = [one for one in node.body if isinstance(one, Method) and _is_stub(one)]
                for stub in stubs:
                    what = f"Version {package.metadata.version} still has the stub {node.name}.{stub.name}"
                    yield Fault(package.place(module.path, stub.lineno), what)


def _place(package: Package, found: Class) -> str:
    return package.place(found.module.path, found.node.lineno)


def _own_classes(package: Package, found: Class) -> list[Class]:
    return [one for one in package.code.ancestry(found) if isinstance(one, Class)]


def _members(package: Package, found: Class) -> set[str]:
    """The names that the bodies of the class and of its own bases bind."""
    named = set(_methods(package, found))
    for owner in _own_classes(package, found):
        for node in owner.node.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            named |= {target.id for target in targets if isinstance(target, ast.Name)}
    return named


def _methods(package: Package, found: Class) -> dict[str, tuple[Class, Method]]:
    methods: dict[str, tuple[Class, Method]] = {}
    for owner in _own_classes(package, found):
        for node in owner.node.body:
            if isinstance(node, Method):
                methods.setdefault(node.name, (owner, node))
    return methods


def _is_wholly_known(package: Package, found: Class) -> bool:
    """Tell whether everything that it inherits is its own, the contract's base or Python's."""
    return all(
        isinstance(one, Class) or (isinstance(one, External) and _is_harmless(one))
        for one in package.code.ancestry(found)
    )


def _is_harmless(base: External) -> bool:
    return base.module.partition(".")[0] in {"fustor_core", "builtins", "abc", "typing"}


def _sets(package: Package, found: Class, name: str) -> bool:
    nodes = (node for owner in _own_classes(package, found) for node in ast.walk(owner.node))
    return name in _members(package, found) or any(
        isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store) for node in nodes
    )


def _form(method: Method) -> str:
    marks = {ast.unparse(mark) for mark in method.decorator_list}
    if "property" in marks or any(mark.endswith("cached_property") for mark in marks):
        return "a property"
    words = ["an async" if isinstance(method, ast.AsyncFunctionDef) else "a plain"]
    return " ".join([*words, "classmethod" if "classmethod" in marks else "method"])


def _form_wanted(name: str) -> str:
    if name in _ASYNC_OF_CLASS:
        return "an async classmethod"
    if name in _ASYNC:
        return "an async method"
    if name in _SYNC:
        return "a plain method"
    return "a property" if name == "is_transient" else ""


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
