"""The stubs are the abstract methods of the contract, with its signatures: the template cannot drift from it."""

import ast
import inspect
import textwrap
from itertools import product

import pytest

import fustor_core.drivers
from fustor_event_model import UpdateEvent

BASES = {"source": fustor_core.drivers.SourceDriver, "pusher": fustor_core.drivers.PusherDriver}
MAY_IMPORT = {
    "fustor_core.drivers": {"SourceDriver", "PusherDriver"},
    "fustor_core.models.config": {"SourceConfig", "PusherConfig"},
    "fustor_core.exceptions": {"DriverError", "ConfigError"},
}
RELIED_ON = {
    "source": {
        "is_transient",
        "get_audit_iterator",
        "is_position_available",
        "acknowledge",
        "close",
        "test_connection",
        "check_privileges",
        "check_runtime_params",
        "create_agent_user",
        "get_wizard_steps",
    },
    "pusher": {"get_latest_committed_index", "close", "test_connection", "check_privileges", "get_wizard_steps"},
}
variants = pytest.mark.parametrize(
    ("kind", "options"),
    [
        (kind, dict(zip(("audit", "durable", "example"), flags, strict=True)))
        for kind in BASES
        for flags in product((True, False), repeat=3)
        if kind == "source" or (flags[0] and flags[1])
    ],
)


@pytest.fixture
def driver(tools, rendered, kind, options):
    with tools.imported(rendered(kind, **options), f"fustor_{kind}_my_db") as package:
        yield package.MyDbDriver


def raises_not_implemented(function) -> bool:
    return any(
        isinstance(node, ast.Raise) and "NotImplementedError" in ast.unparse(node)
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
    )


@variants
def test_a_stub_shows_an_event_that_can_be_made_and_links_the_contract(driver, kind, options):
    text = inspect.getsource(inspect.getmodule(driver))
    assert options["example"] or "docs/contract.md" in text
    if not options["example"]:
        shown = "\n".join(line[5:] for line in text.splitlines() if line.startswith("#  | "))
        event = eval(shown, {"UpdateEvent": UpdateEvent})  # noqa: S307 - our own template
        assert set(event.rows[0]) == set(event.fields)
        assert (event.index == -1) == (kind == "source" and not options["durable"])
        assert event.model_dump(mode="json")


@variants
def test_driver_is_complete(driver, kind):
    assert issubclass(driver, BASES[kind])
    assert not inspect.isabstract(driver)


@variants
def test_stubs_are_the_abstract_methods(driver, kind, options):
    abstract = set(BASES[kind].__abstractmethods__)
    stubs = {name for name, value in vars(driver).items() if is_stub(value)}
    expected = abstract | ({"get_audit_iterator"} if kind == "source" and options["audit"] else set())
    assert stubs == (set() if options["example"] else expected)


def is_stub(value) -> bool:
    function = value.__func__ if isinstance(value, classmethod) else value
    return inspect.isfunction(function) and raises_not_implemented(function)


@variants
def test_signatures_are_those_of_the_contract(driver, kind):
    for name in [name for name in dir(BASES[kind]) if name in vars(driver) and not name.startswith("_")]:
        ours, contract = getattr(driver, name), getattr(BASES[kind], name)
        if callable(contract):
            assert [*inspect.signature(ours).parameters.values()] == [
                *inspect.signature(contract).parameters.values()
            ], name
        assert type(inspect.getattr_static(driver, name)) is type(inspect.getattr_static(BASES[kind], name)), name
        assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(contract), name


@variants
def test_driver_relies_on_no_default_of_the_released_bases(driver, kind):
    assert RELIED_ON[kind] - set(vars(driver)) == set()


@variants
def test_driver_imports_only_what_every_host_has(rendered, kind, options):
    imported = set()
    for path in (rendered(kind, **options) / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fustor_core"):
                imported |= {(node.module, alias.name) for alias in node.names}
    assert {(module, name) for module, name in imported if name not in MAY_IMPORT.get(module, ())} == set()
