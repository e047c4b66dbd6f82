"""Families P and L, each rule broken by a small distribution that is otherwise in order."""

import itertools
import sys

import kit_packages
import pytest

from fustor_conformance import Judge, Kind, Status, find_rule, rules_for, subject_of_distribution

pytestmark = pytest.mark.wide

names = (f"case{number}" for number in itertools.count(1))

PUBLIC = "from {package}.driver import StubDriver\n__all__ = ['StubDriver']\n"
OWN = """
    @property
    def is_transient(self):
        return False

    def is_position_available(self, position):
        return False

    async def close(self):
        pass

    @classmethod
    async def test_connection(cls, **kwargs):
        return False, "Not supported: nothing is tested"

    check_privileges = check_runtime_params = create_agent_user = test_connection

    @classmethod
    async def get_wizard_steps(cls):
        return {"steps": []}
"""
REFUSES = """
    def __init__(self, id, config):
        super().__init__(id, config)
        if config.driver_params:
            from fustor_core.exceptions import ConfigError
            raise ConfigError(f"{text}")
"""
IN_ORDER = OWN + REFUSES.replace("{text}", "Unknown {sorted(config.driver_params)}")
TAKES_ALL = """
    def __init__(self, id, config):
        SourceDriver.__init__(self, id, config)
"""
FORGETS = """
    def __init__(self, id, config):
        super().__init__(id, config.model_copy(update={"uri": "stub://elsewhere"}))
"""
WANTS_A_TUPLE = """
    def __init__(self, id, config):
        super().__init__(id, config)
        if not isinstance(config.driver_params["tables"], tuple):
            raise TypeError(config.driver_params)
"""
GIVES_A_TUPLE = """
    def config(self):
        return {"uri": "stub://localhost", "driver_params": {"tables": ("a",)}}
"""


def verdict(tmp_path, monkeypatch, rule_id, *, lines="", more=IN_ORDER, world=("", ""), public=PUBLIC, **changes):
    """The verdict on a stub source: `lines` above and `more` in its class, `world` around its World, other metadata."""
    name = next(names)
    before, after = world
    modules = {
        "__init__": public.format(package=f"fustor_source_{name}"),
        "driver": lines + kit_packages.STUB_SOURCE + more,
        "testing": before + kit_packages.STUB_SOURCE_WORLD + after,
    }
    distribution = kit_packages.install(tmp_path, "source", modules, name=name, **changes)
    monkeypatch.syspath_prepend(tmp_path)
    subject = subject_of_distribution(Kind.SOURCE, distribution)
    return Judge(subject).verdict(find_rule(rule_id))


READ = [rule.id for rule in rules_for(Kind.SOURCE) if rule.family in "PL" and not rule.opt_in]


@pytest.mark.parametrize("rule_id", READ)
def test_a_package_in_order_passes(tmp_path, monkeypatch, rule_id):
    world = ("import fustor_conformance\n", "")
    found = verdict(tmp_path, monkeypatch, rule_id, world=world, requires=REQUIRES)
    assert found.status is (Status.SKIPPED if rule_id == "L06" else Status.PASSED), found.explained()


@pytest.mark.parametrize("python", [">=3.11", ">=3.12", ">=3.12,<4", "~=3.13"])
def test_an_author_may_ask_for_a_later_python(tmp_path, monkeypatch, python):
    found = verdict(tmp_path, monkeypatch, "L01", metadata=(*ABOUT, f"Requires-Python: {python}"))
    assert found.status is Status.PASSED, found.explained()


REQUIRES = (*kit_packages.REQUIRES, "fustor-conformance>=1; extra == 'test'")
CORE, MODEL = kit_packages.REQUIRES
ABOUT = kit_packages.METADATA[:2]


@pytest.mark.parametrize(
    ("rule_id", "changes"),
    [
        ("P01", {"groups": ("fustor.drivers",)}),
        ("P01", {"groups": ("fustor_agent.drivers",)}),
        ("P02", {"lines": "import tomlkit\n"}),
        ("P02", {"lines": "import no_such_module_anywhere\n"}),
        ("P03", {"lines": "import pydantic\n"}),
        ("P03", {"requires": (CORE,)}),
        ("P04", {"requires": ("fustor-core<2", MODEL)}),
        ("P04", {"requires": ("fustor-core>=0.3", MODEL)}),
        ("P04", {"requires": (CORE, "fustor-event-model")}),
        ("P04", {"requires": (MODEL,)}),
        ("P04", {"lines": "from fustor_core import NotSupported\n"}),
        ("P04", {"lines": "from fustor_core.exceptions import RetryableError\n"}),
        ("P05", {"lines": "print('hello')\n"}),
        ("P05", {"lines": "import threading\nthreading.Thread(target=int).start()\n"}),
        ("P05", {"lines": "import pathlib, tempfile\npathlib.Path(tempfile.gettempdir(), 'kit-x').write_text('')\n"}),
        ("P05", {"lines": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''], check=True)\n"}),
        ("L01", {"metadata": ("Summary: A stub", "Requires-Python: >=3.11")}),
        ("L01", {"metadata": ("License-Expression: Apache-2.0", "Requires-Python: >=3.11")}),
        ("L01", {"metadata": (*ABOUT, "Requires-Python: >=3.10")}),
        ("L01", {"metadata": (*ABOUT, "Requires-Python: >=3.9")}),
        ("L01", {"metadata": (*ABOUT, "Requires-Python: new")}),
        ("L01", {"metadata": ABOUT}),
        ("L02", {"typed": False}),
        ("L03", {"public": ""}),
        ("L03", {"public": f"{PUBLIC}__all__ += ['Gone']\n"}),
        ("L04", {"more": OWN + FORGETS}),
        ("L04", {"more": OWN + WANTS_A_TUPLE, "world": ("", GIVES_A_TUPLE)}),
        ("L05", {"more": ""}),
        ("L05", {"more": OWN.replace("get_wizard_steps", "get_steps")}),
        ("L06", {"version": "1.0.0"}),
        ("L07", {"lines": "def show(row):\n    print(row)\n"}),
        ("L08", {"lines": "def other():\n    import fustor_source_other\n"}),
        ("L08", {"lines": "def tool():\n    from fustor_conformance import Kind\n"}),
        ("L09", {"lines": "def made(rows):\n    return EventBase('fs', '', rows)\n"}),
        ("L09", {"lines": "from fustor_event_model import UpdateEvent\ndef made(rows):\n    UpdateEvent(rows=rows)\n"}),
        ("L10", {"more": OWN + TAKES_ALL}),
        ("L10", {"more": OWN + REFUSES.replace("{text}", "no such parameter")}),
        ("L10", {"more": OWN + REFUSES.replace("{text}", "{config.driver_params}")}),
    ],
)
def test_a_package_out_of_order_fails(tmp_path, monkeypatch, rule_id, changes):
    if "no_such_module" in changes.get("lines", ""):
        changes = {"lines": f"import sys\nif sys.flags.isolated:\n    {changes['lines']}"}
    found = verdict(tmp_path, monkeypatch, rule_id, **changes)
    assert found.status is Status.FAILED, found


def test_a_dependency_that_does_things_is_not_the_drivers_doing(tmp_path, monkeypatch):
    (tmp_path / "noisy_neighbour.py").write_text("import threading\nthreading.Thread(target=int).start()\n")
    found = verdict(tmp_path, monkeypatch, "P05", lines="import noisy_neighbour\n")
    assert found.status is Status.PASSED, found.explained()
    assert "noisy_neighbour" in sys.modules


def test_type_checking_and_fallback_imports_need_no_declaration(tmp_path, monkeypatch):
    lines = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tomlkit\n"
    lines += "try:\n    import uvloop\nexcept ImportError:\n    uvloop = None\n"
    found = verdict(tmp_path, monkeypatch, "P03", lines=lines)
    assert found.status is Status.PASSED, found.explained()
