"""Rendering writes a new directory, or says what the machine refused."""

import os
import subprocess
import sys

import pytest
from specs import spec_of

from fustor_new.errors import EnvironmentProblem
from fustor_new.template.contract_source import ContractSource
from fustor_new.template.history import templates_directory
from fustor_new.template.render import render

SPEC = spec_of("source", "my-db", contract=ContractSource(kind="index"))


def test_templates_are_those_of_this_checkout(tools):
    assert templates_directory() == tools.TEMPLATES


def test_place_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match="file"):
        render(SPEC, tmp_path / "file" / "x")


def test_no_program_is_started(tmp_path):
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\nexit 1\n")
    git.chmod(0o755)
    script = (
        "from pathlib import Path; from fustor_new.template.contract_source import ContractSource;"
        "from fustor_new.template.render import render; from specs import spec_of;"
        "render(spec_of('source', 'x', contract=ContractSource(kind='index')), Path('made'))"
    )
    environment = {**os.environ, "PATH": str(git.parent), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "made" / "pyproject.toml").is_file()
    assert not (tmp_path / "started").exists()


def test_nothing_is_printed(tmp_path, capfd):
    render(SPEC, tmp_path / "x")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("module", ["spec", "contract_source", "questions", "render"])
def test_copier_is_loaded_only_by_rendering(module):
    script = (
        f"import sys, fustor_new.template.{module}; print(sorted({{'copier', 'jinja2', 'yaml'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
