"""The tables of the page on migration name every method of the contract, and what each release has of it."""

import ast
import asyncio
import inspect
import re
import subprocess
import sys

import pytest
from repository import ROOT

from fustor_core.drivers import PusherDriver, SourceDriver

PAGE = (ROOT / "docs/how-to/migrate-a-driver.md").read_text()
ABSENT = {"is not there", "are not there"}
SAYS_YES = "the base says that all is well"
RELEASES = ["0.2.16", "0.8.17"]


def rows_of(heading):
    """What the first table below a heading says, by what stands in its first column."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in section.splitlines() if line.startswith("| `")]
    return {name: row for first, *row in cells for name in re.findall(r"`(\w+)`", first)}


def public(driver):
    return {name for name, _ in inspect.getmembers(driver) if not name.startswith("_")} | {"__init__"}


SOURCE, PUSHER = rows_of("What changes in a source"), rows_of("What changes in a pusher")


def test_every_method_of_a_source_has_a_row_and_nothing_else():
    assert set(SOURCE) == public(SourceDriver) - {"capabilities"}


def test_every_method_of_a_pusher_has_a_row():
    of_both = {"__init__", "get_wizard_steps", "statistics"}
    assert set(PUSHER) >= public(PusherDriver) - of_both
    assert of_both <= set(SOURCE)


@pytest.fixture(scope="module", params=RELEASES)
def released(request, tmp_path_factory):
    """A release, and the methods of its base classes with their code."""
    folder = tmp_path_factory.mktemp("core")
    requirement = f"fustor-core=={request.param}"
    command = ("uv", "pip", "install", "-q", "--no-deps", "--python", sys.executable, "--target", folder, requirement)
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    tree = ast.parse((folder / "fustor_core/drivers.py").read_text())
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef)]
    return RELEASES.index(request.param), {one.name: methods_of(one) for one in classes}


def methods_of(model):
    found = [one for one in model.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {one.name: ast.unparse(one) for one in found}


@pytest.mark.hosts
def test_what_the_releases_have_is_what_the_tables_say(released):
    column, classes = released
    pusher = classes.get("PusherDriver") or classes["SenderDriver"]
    not_in_the_base = {"scan_path"}  # agent 0.8 calls it where it is there
    for table, methods in ((SOURCE, classes["SourceDriver"]), (PUSHER, pusher)):
        for name, row in table.items():
            if name in not_in_the_base or (table is PUSHER and name in {"push", "audits"}):
                continue
            assert (row[column] not in ABSENT) == (name in methods), (name, row[column])
            assert (row[column] == SAYS_YES) == ("return (True," in methods.get(name, "")), (name, row[column])


@pytest.mark.hosts
def test_what_stands_in_a_pusher_s_place_is_there(released):
    column, classes = released
    rows = [
        re.split(r" \| ", line.strip("| ")) for line in PAGE.splitlines() if line.startswith(("| `push`", "| audits"))
    ]
    named = {name for row in rows for name in re.findall(r"`(\w+)(?:`|\()", row[column + 1])}
    assert named <= {0: {"push"}, 1: set(classes.get("SenderDriver", ()))}[column]
    assert len(named) == column * 3


def test_what_the_contract_says_of_a_check_is_what_its_base_class_answers():
    for table, base in ((SOURCE, SourceDriver), (PUSHER, PusherDriver)):
        for name in ("test_connection", "check_privileges", "check_runtime_params", "create_agent_user"):
            if name in table:
                passed, text = asyncio.run(getattr(base, name)())
                assert f'({passed}, "{text.partition(":")[0]}: ...")' in table[name][2], name


def test_what_the_contract_wants_of_a_signature_is_there():
    assert SOURCE["get_message_iterator"][0] == "`(start_position=-1, **kwargs)`"
    parameters = inspect.signature(SourceDriver.get_message_iterator).parameters
    assert (parameters["start_position"].default, "kwargs" in parameters) == (-1, True)
    assert SOURCE["__init__"][0] == f"`({', '.join(inspect.signature(SourceDriver.__init__).parameters)})`"
    assert asyncio.run(SourceDriver.get_wizard_steps()) == {"steps": []}
    assert '`{"steps": []}`' in SOURCE["get_wizard_steps"][2]
    for keyword in re.findall(r"`(\w+)`", PUSHER["push"][2]):
        assert f"`{keyword}`" in PusherDriver.push.__doc__
