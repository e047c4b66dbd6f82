"""What the doctor calls an error in a workspace, uv refuses, and the other way round."""

import subprocess
import sys

import pytest
from workspaces import environment, member

from fustor_new.doctor.examination import examine, find_subjects
from fustor_new.doctor.finding import Severity


def replaced(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def requires(root, line):
    replaced(root / "p" / "alpha" / "pyproject.toml", "version =", f"{line}\nversion =")


def adds(root, text):
    path = root / "pyproject.toml"
    path.write_text(path.read_text() + text)


def holds(root, *names, ignored=False):
    for name in names:
        path = root / "p" / "x" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    if ignored:
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        (root / ".gitignore").write_text("__pycache__/\n.venv/\n")


FROM_WORKSPACE = "[tool.uv.sources]\n{} = {{ workspace = true }}\n"
SHAPES = {
    "healthy": lambda _: None,
    "empty directories": lambda root: (root / "p" / "x" / "sub").mkdir(parents=True),
    "a file": lambda root: holds(root, "notes.txt"),
    "a hidden file": lambda root: holds(root, ".notes"),
    "a file in a hidden directory": lambda root: holds(root, ".venv/notes"),
    "compiled code": lambda root: holds(root, "__pycache__/x.pyc"),
    "ignored by git": lambda root: holds(root, "__pycache__/x.pyc", ".venv/y", ignored=True),
    "ignored by git but for one": lambda root: holds(root, "__pycache__/x.pyc", "y", ignored=True),
    "listed and missing": lambda root: replaced(root / "pyproject.toml", '"p/*"', '"p/*", "q/gone"'),
    "listed twice": lambda root: replaced(root / "pyproject.toml", '"p/*"', '"p/*", "p/alpha", "./p/alpha"'),
    "unused source": lambda root: adds(root, FROM_WORKSPACE.format("gone")),
    "used source of no member": lambda root: (
        requires(root, 'dependencies = ["gone"]'),
        adds(root, FROM_WORKSPACE.format("gone")),
    ),
    "member without source": lambda root: requires(root, 'dependencies = ["beta"]'),
    "member with source": lambda root: (
        requires(root, 'dependencies = ["beta"]'),
        adds(root, FROM_WORKSPACE.format("beta")),
    ),
    "one name twice": lambda root: replaced(root / "p" / "beta" / "pyproject.toml", '"beta"', '"Alpha"'),
    "member without a version": lambda root: replaced(root / "p/beta/pyproject.toml", 'version = "0.8.17"\n', ""),
    "member without a name": lambda root: replaced(root / "p" / "beta" / "pyproject.toml", 'name = "beta"\n', ""),
    "member without a project": lambda root: (root / "p" / "beta" / "pyproject.toml").write_text("[tool.x]\n"),
    "no common python": lambda root: replaced(root / "p" / "beta" / "pyproject.toml", ">=3.11", "<3.11"),
    "broken member": lambda root: replaced(root / "p" / "beta" / "pyproject.toml", "[project]", "[project"),
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_the_doctor_and_uv_agree_on_what_resolves(tmp_path, shape):
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["p/*"]\n')
    for name in ("alpha", "beta"):
        member(tmp_path / "p" / name, name)
    SHAPES[shape](tmp_path)
    findings = [finding for finding in examine(find_subjects([tmp_path])) if finding.severity is Severity.ERROR]
    command = ["uv", "lock", "--offline", "--python", sys.executable]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert bool(findings) == bool(done.returncode), (findings, done.stderr)
