"""The plugin in real pytest runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

pytestmark = pytest.mark.wide

HELPERS = [str(Path(__file__).parent), str(Path(__file__).parent / "mutants")]

ADOPTION = """
from kit_memory import MemoryWorld
from kit_source import MemoryDriver
import pytest

from fustor_conformance import SourceConformance


class TestMemory(SourceConformance):
    driver_class = MemoryDriver

    @pytest.fixture
    def world(self):
        return MemoryWorld
"""


def run(tmp_path, text, *options):
    (tmp_path / "test_it.py").write_text(dedent(text))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(HELPERS)}
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_file_that_does_not_load_is_pytests_to_report(tmp_path):
    done = run(tmp_path, "import no_such_module")
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "No module named 'no_such_module'" in done.stdout
    assert "INTERNALERROR" not in done.stdout + done.stderr


def test_it_does_nothing_in_other_runs(tmp_path):
    text = """
    import sys

    def test_nothing_of_the_kit_is_loaded():
        loaded = {name for name in sys.modules if name.startswith("fustor_conformance")}
        assert loaded == {"fustor_conformance", "fustor_conformance.plugin"}
        assert "hypothesis" not in sys.modules or "hypothesis.stateful" not in sys.modules
    """
    done = run(tmp_path, text)
    assert done.returncode == 0, done.stdout
    assert "Fustor" not in done.stdout


def test_ids_can_be_chosen_and_verdicts_are_words(tmp_path):
    done = run(tmp_path, ADOPTION, "-v", "-k", "C06 or P01 or A10")
    assert done.returncode == 0, done.stdout
    assert "test_conforms[C06-is-transient-bool-property] PASSED" in done.stdout
    assert "test_conforms[P01-both-entry-point-groups] NOT JUDGED" in done.stdout
    assert "test_conforms[A10-unreadable-directory] PASSED" in done.stdout
    assert "1 not judged" in done.stdout


def test_a_failure_is_red_and_explains_itself(tmp_path):
    text = ADOPTION.replace("MemoryDriver", "NoRowForUnreadable").replace("kit_source", "kit_mutants.audit")
    done = run(tmp_path, text, "-k", "A10")
    assert done.returncode == 1
    for said in (
        "seen    guide: no row for '/kit-refused'",
        "why     At the end of an audit",
        "fix     ",
        "source  driver",
    ):
        assert said in done.stdout, done.stdout


@pytest.mark.mutants
def test_a_broken_should_is_advice(tmp_path):
    text = ADOPTION.replace("MemoryDriver", "NoStopEvent").replace("kit_source", "kit_mutants.shape")
    done = run(tmp_path, text, "-v", "-k", "C05")
    assert done.returncode == 0
    assert "test_conforms[C05-stop-driver-event] ADVICE" in done.stdout


@pytest.mark.mutants
def test_the_profile_decides_what_is_a_must(tmp_path):
    text = ADOPTION.replace("MemoryDriver", "NoStopEvent").replace("kit_source", "kit_mutants.shape")
    assert run(tmp_path, text, "-k", "C05", "--fustor-profile=agent-0.2").returncode == 1


def test_reports_of_parallel_runs_are_whole(tmp_path):
    done = run(tmp_path, ADOPTION, "-q", "-n", "2", "-k", "C0", "--fustor-report=r.json", "--fustor-report=r.md")
    assert done.returncode == 0, done.stdout
    (report,) = json.loads((tmp_path / "r.json").read_text())["reports"]
    assert [verdict["id"] for verdict in report["verdicts"]] == [f"C0{n}" for n in range(1, 10)]
    assert "| C09-checks-answer | MUST | passed |" in (tmp_path / "r.md").read_text()


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (ADOPTION, ["--fustor-report=r.txt"], "end the name with .json, .xml or .md"),
        (ADOPTION.replace("driver_class = MemoryDriver", "pass"), ["-k", "C01"], "set `distribution`"),
        (
            ADOPTION.replace("driver_class = MemoryDriver", 'distribution = "nobody"'),
            ["-k", "C01"],
            "Distribution 'nobody' is not installed",
        ),
    ],
)
def test_a_wrong_use_says_what_to_do(tmp_path, text, options, said):
    done = run(tmp_path, text, *options)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
