"""What reading alone finds broken, in code that nobody imports: as `fustor-new doctor` asks."""

import ast

import pytest

from fustor_conformance import find_rule
from fustor_conformance.written.doctor import RULES, examine

SOURCE = """
import threading

from fustor_core.drivers import SourceDriver
from fustor_event_model import UpdateEvent


class Driver(SourceDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._stop_driver_event = threading.Event()

    @property
    def is_transient(self):
        return False

    def get_snapshot_iterator(self, **kwargs):
        yield UpdateEvent(rows=[{}], message_source="snapshot")

    def get_message_iterator(self, start_position=-1, **kwargs):
        return iter([UpdateEvent(rows=[{}], message_source="realtime")])

    def get_audit_iterator(self, **kwargs):
        return iter(())

    def is_position_available(self, position):
        return False

    @classmethod
    async def get_available_fields(cls, **kwargs):
        return {"properties": {}}

    @classmethod
    async def test_connection(cls, **kwargs):
        return True, "reached"

    check_privileges = check_runtime_params = create_agent_user = test_connection

    @classmethod
    async def get_wizard_steps(cls):
        return {"steps": []}

    async def close(self):
        pass
"""


def found(text, *, version="1.0.0", base="fustor_core.drivers", runtime=("driver.py",)):
    """The ids of the rules that the driver of this module breaks."""
    tree = ast.parse(text)
    (driver,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    drivers = [("source", [("driver.py", driver)], [base])]
    return examine({"driver.py": tree}, runtime, drivers, ["fustor_source_x"], version)


def test_a_driver_in_order_breaks_nothing():
    assert found(SOURCE) == []


BREAKS = [
    ("C01", "def get_snapshot_iterator", "def get_snapshots"),
    ("C01", "    def get_message_iterator", "    async def get_message_iterator"),
    ("C01", "    @classmethod\n    async def get_available_fields", "    async def get_available_fields"),
    ("C01", "    @property\n    def is_transient", "    def is_transient"),
    ("C02", "(self, id, config):", "(self, name, config):"),
    ("C02", "(self, id, config):", "(self, id, config, *, more):"),
    ("C04", "    async def close", "    def __new__(cls, id, config):\n        return None\n\n    async def close"),
    ("C05", "self._stop_driver_event", "self._stopped"),
    ("L05", "    async def close", "    async def shut"),
    ("L06", "        return iter(())", "        raise NotImplementedError"),
    ("L07", "        return False", "        print(self)"),
    ("L08", "import threading", "import threading\nimport fustor_driver"),
    ("L08", "import threading", "import threading\nfrom fustor_source_y import Y"),
    ("L09", '(rows=[{}], message_source="snapshot")', "(rows=[{}])"),
    ("L09", '(rows=[{}], message_source="snapshot")', '("fs", [{}])'),
    ("M03", 'return iter([UpdateEvent(rows=[{}], message_source="realtime")])', "yield from ()"),
    ("P04", "import SourceDriver", "import PusherDriver, SourceDriver"),
    ("P04", "import threading", "import threading\nfrom fustor_core.exceptions import RetryableError"),
    ("P05", "import threading", "import logging\nimport threading\nlogging.basicConfig()"),
]


@pytest.mark.parametrize(("rule_id", "old", "new"), BREAKS)
def test_what_breaks_a_rule_is_found_and_nothing_else(rule_id, old, new):
    assert old in SOURCE
    (finding,) = found(SOURCE.replace(old, new, 1))
    assert finding["id"] == rule_id
    assert finding["fix"] == find_rule(rule_id).fix
    assert (finding["place"], finding["line"] > 0) == ("driver.py", True)


def test_each_rule_that_reading_can_judge_is_broken_once():
    assert {rule_id for rule_id, _, _ in BREAKS} == set(RULES)


@pytest.mark.parametrize("rule_id", ["C04", "P05"])
def test_what_may_be_otherwise_is_advice(rule_id):
    old, new = next((old, new) for known, old, new in BREAKS if known == rule_id)
    assert [finding["level"] for finding in found(SOURCE.replace(old, new, 1))] == ["SHOULD"]


def test_what_an_unknown_base_may_define_is_not_missing():
    text = SOURCE.replace("def get_snapshot_iterator", "def get_snapshots").replace("_stop_driver_event", "_stopped")
    assert found(text, base="") == []


def test_imports_that_no_host_runs_are_free():
    guarded = "import threading\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import fustor_driver"
    assert found(SOURCE.replace("import threading", guarded, 1)) == []
    assert found(SOURCE.replace("import threading", "import threading\nimport fustor_driver", 1), runtime=()) == []
