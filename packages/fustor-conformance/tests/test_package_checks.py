"""Family P, each rule broken by a small distribution that is otherwise in order."""

import itertools
import sys

import kit_packages
import pytest

from fustor_conformance import Judge, Kind, Status, find_rule, subject_of_distribution

pytestmark = pytest.mark.wide

names = (f"case{number}" for number in itertools.count(1))


def verdict(tmp_path, monkeypatch, rule_id, *, lines="", world_lines="", **changes):
    """The verdict on a stub source with `lines` at the top of its module, or other metadata."""
    name = next(names)
    modules = {
        "__init__": "",
        "driver": lines + kit_packages.STUB_SOURCE,
        "testing": world_lines + kit_packages.STUB_SOURCE_WORLD,
    }
    distribution = kit_packages.install(tmp_path, "source", modules, name=name, **changes)
    monkeypatch.syspath_prepend(tmp_path)
    subject = subject_of_distribution(Kind.SOURCE, distribution)
    return Judge(subject).verdict(find_rule(rule_id))


@pytest.mark.parametrize("rule_id", ["P01", "P02", "P03", "P04", "P05"])
def test_a_package_in_order_passes(tmp_path, monkeypatch, rule_id):
    found = verdict(tmp_path, monkeypatch, rule_id, world_lines="import fustor_conformance\n", requires=REQUIRES)
    assert found.status is Status.PASSED, found.explained()


REQUIRES = (*kit_packages.REQUIRES, "fustor-conformance>=1; extra == 'test'")
CORE, MODEL = kit_packages.REQUIRES


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
