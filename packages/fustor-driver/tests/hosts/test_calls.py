"""What a run, `check`, `read`, `push`, `replay` and `bench` ask of a driver is written once."""

import ast
from pathlib import Path

import fustor_driver

SOURCES = Path(fustor_driver.__file__).parent
METHODS = {
    "create_session",
    "get_audit_iterator",
    "get_latest_committed_index",
    "get_message_iterator",
    "get_snapshot_iterator",
}
KEYWORDS = {"required_fields_tracker", "source_type"}
PASS_ON = {"_demo.py", "receiver.py"}  # a pusher around a pusher: what it is asked, it asks


def calls_of(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            yield from METHODS & {name}
            yield from KEYWORDS & {keyword.arg for keyword in node.keywords}


def test_a_driver_is_called_in_one_place():
    places = {
        (found, file.name) for file in SOURCES.rglob("*.py") if file.name not in PASS_ON for found in calls_of(file)
    }
    assert places == {(found, "calls.py") for found in METHODS | KEYWORDS}
