"""The page about hosts is what the last run has seen, and every row of it has a test."""

import ast
import json
from pathlib import Path

from hosts.matrix import RESULTS, note, render
from repository import ROOT

HERE = Path(__file__).parent


def test_the_page_is_of_the_last_run():
    assert (ROOT / "docs" / "hosts.md").read_text() == render(), "uv run python tests/hosts/matrix.py > docs/hosts.md"


def test_every_row_has_a_test_and_every_test_has_run():
    calls = [node for file in HERE.glob("test_*.py") for node in ast.walk(ast.parse(file.read_text()))]
    named = {
        call.args[0].value
        for call in calls
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("proves", "all_of")
        and isinstance(call.args[0], ast.Constant)
    }
    rows = {what for told in json.loads(RESULTS.read_text()).values() for what in told}
    assert rows == named


def test_a_row_holds_only_if_all_of_its_tests_have_passed(tmp_path, monkeypatch):
    monkeypatch.setattr("hosts.matrix.RESULTS", tmp_path / "results.json")
    row = ("source-fs", "agent 1", "all of it")
    note([(*row, "passed"), (*row, "failed"), ("pusher-fs", "agent 1", "all of it", "passed")])
    note([("pusher-fs", "agent 1", "all of it", "skipped")])
    assert json.loads((tmp_path / "results.json").read_text()) == {
        "agent 1": {"all of it": {"pusher-fs": "passed", "source-fs": "failed"}}
    }
    assert "| all of it | **no** | yes |" in render()
