"""What is not written yet, and what a driver does wrong, is one line; a bug of ours keeps its traceback."""

import json
import re

import pytest
import typer
from typer.testing import CliRunner

from fustor_driver.reporting import known_errors

SOURCE = ("try_stub", "--uri", "x")
READ = ("read", *SOURCE, "--phase")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((*READ, "snapshot"), "to do: StubDriver.get_snapshot_iterator: Return an iterator"),
        ((*READ, "realtime"), "to do: StubDriver.get_message_iterator"),
        (("discover", "source", *SOURCE), "to do: StubDriver.get_available_fields: Return the fields"),
        (("bench", "source", *SOURCE), "to do: StubDriver.get_snapshot_iterator: Return an iterator"),
        (("record", *SOURCE, "--to", "r.jsonl"), "to do: StubDriver.get_message_iterator"),
        (("run", "--demo", "try_stub"), "to do: World.demo: Return a context manager"),
    ],
)
def test_what_is_not_written_yet_is_named_in_one_line(arguments, line, cli):
    result = cli(*arguments)
    assert result.exit_code == 11
    assert [said for said in result.stderr.splitlines() if "INFO" not in said] == [line]


def test_a_check_says_what_is_to_do_where_it_is(cli):
    result = cli("check", "source", *SOURCE)
    assert result.exit_code == 11
    assert result.stdout.splitlines()[-1] == "to do  row           StubDriver.get_snapshot_iterator: Return an iterator"
    answers = json.loads(cli("check", "source", *SOURCE, "--json").stdout)
    assert answers[-1]["answer"] == "to do"


def test_a_drivers_own_exception_is_its_fault_at_its_place(cli):
    result = cli(*READ, "audit")
    assert result.exit_code == 8
    assert re.fullmatch(
        r"Error: The source 'try_stub' failed with IndexError: list index out of range "
        r"\(\S+fustor_try/stub\.py:\d+, in StubDriver\._listed\)\n",
        result.stderr,
    )


@pytest.mark.parametrize("phase", ["audit", "snapshot"])
def test_the_traceback_stands_above_the_line_where_it_is_asked_for(phase, cli):
    result = cli(*READ, phase, "--traceback")
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert "in get_snapshot_iterator" in result.stderr or "in _listed" in result.stderr
    assert "stub.py" in result.stderr.splitlines()[-1] or result.stderr.splitlines()[-1].startswith("to do: ")


@pytest.mark.parametrize(("how", "code"), [("exit", 5), ("usage", 2), ("anything", 8)])
def test_a_command_of_a_driver_ends_as_it_says_itself(how, code, cli):
    assert cli("try_stub", "leave", how).exit_code == code


def test_a_bug_of_ours_keeps_its_traceback(installed):  # noqa: ARG001 - drivers are installed, and have no part in it
    app = typer.Typer()

    @app.command()
    @known_errors
    def wrong() -> None:
        raise NotImplementedError("ours")

    with pytest.raises(NotImplementedError, match="ours"):
        CliRunner().invoke(app, [], catch_exceptions=False)
