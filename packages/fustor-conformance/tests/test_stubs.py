import json
import os
import subprocess
import sys
from collections import Counter

import kit_packages
import pytest

pytestmark = pytest.mark.wide

MODULES = {
    "source": {
        "__init__": "",
        "driver": kit_packages.STUB_SOURCE,
        "testing": kit_packages.STUB_SOURCE_WORLD,
    },
    "pusher": {
        "__init__": "",
        "driver": kit_packages.STUB_PUSHER,
        "testing": kit_packages.STUB_PUSHER_WORLD,
    },
}

# a package of two modules says no __all__, and a source leaves to its base what no host asks of a stub
ADVICE = {"source": {"L03", "L05"}, "pusher": {"L03", "L05"}}


def run_suite(tmp_path, kind, *options):
    name = kit_packages.install(tmp_path / "site", kind, MODULES[kind])
    suite = tmp_path / "test_suite.py"
    suite.write_text(
        f"from fustor_conformance import {kind.capitalize()}Conformance\n"
        f"class TestStub({kind.capitalize()}Conformance):\n"
        f"    distribution = {name!r}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(suite), *options]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("kind", ["source", "pusher"])
def test_a_stub_package_is_green_and_reads_as_a_checklist(tmp_path, kind):
    done = run_suite(tmp_path, kind, f"--fustor-report={tmp_path / 'report.json'}")
    assert done.returncode == 0, done.stdout
    (report,) = json.loads((tmp_path / "report.json").read_text())["reports"]
    counts = Counter(verdict["status"] for verdict in report["verdicts"])
    assert counts["passed"] >= {"source": 13, "pusher": 11}[kind]
    assert {v["id"] for v in report["verdicts"] if v["status"] == "failed"} == ADVICE[kind]
    assert not report["conformant"]
    behaviour = {v["id"]: v["status"] for v in report["verdicts"] if v["id"][0] in "EIMSAUR" and v["id"] != "A01"}
    assert set(behaviour.values()) <= {"to do", "skipped"}, behaviour
    assert "to do       " in done.stdout
    assert f"{kind} stub: not conformant (guide, kit" in done.stdout


def test_strict_makes_what_is_to_do_red(tmp_path):
    done = run_suite(tmp_path, "pusher", "--fustor-strict")
    assert done.returncode == 1
    assert "U01-session-is-mapping" in done.stdout
