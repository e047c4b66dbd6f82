"""What many tests begin with: a small workspace, plans of drivers with odd files, a later template than today's."""

import os
import random
import subprocess

import pytest
from installations import Installation
from jinja2 import Environment
from repository import ROOT as REPOSITORY
from sharing import folder_of_run, once
from trees import state
from updates import release_later

from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.plan import Change
from fustor_new.names import derive
from fustor_new.template import history
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in

ROOT = """\
[tool.uv.workspace]
members = [
    "packages/core", # the contract
]

[tool.uv.sources]
fustor-core = { workspace = true }
"""


@pytest.fixture(scope="session", autouse=True)
def _templates_are_compiled_once():
    """Compile a text of a template once in each process: copier makes a new environment for every copy, and tests many.

    What comes of a text depends on its environment's syntax and extensions alone; its file only shows in tracebacks.
    """
    compiled = {}
    compile_anew = Environment.compile

    def compile_once(self, source, name=None, filename=None, **more):
        key = (type(self), self.lexer, *sorted(self.extensions), source, name, *sorted(more.items()))
        if key not in compiled:
            compiled[key] = compile_anew(self, source, name, filename, **more)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield


@pytest.fixture
def rng():
    """Return a random source whose seed is shown when the test fails; FUSTOR_SEED=N repeats a run."""
    seed = int(os.environ.get("FUSTOR_SEED") or random.SystemRandom().randrange(2**32))
    print(f"FUSTOR_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def root(tmp_path):
    """Return a workspace's root with one member."""
    folder = tmp_path / "workspace"
    (folder / "packages/core").mkdir(parents=True)
    (folder / "packages/core/pyproject.toml").write_text('[project]\nname = "fustor-core"\nversion = "1"\n')
    (folder / "pyproject.toml").write_text(ROOT)
    return folder


@pytest.fixture
def plan_for():
    """Return a function that plans drivers with odd files for a workspace."""

    def plan(root, *names):
        derived = [derive("source", name) for name in names]
        return plan_in(
            Workspace.load(root),
            [Change(root / each.directory, None, Tree(files_of(each.distribution))) for each in derived],
            registrations=[Registration(each.directory, each.distribution) for each in derived],
        )

    return plan


def files_of(distribution):
    return {
        "pyproject.toml": FileContent(f'[project]\nname = "{distribution}"\nversion = "1"\n'.encode()),
        "src/x/__init__.py": FileContent(b""),
        "bin/run": FileContent(b"#!/bin/sh\r\n", 0o755),
        "no end": FileContent(b"x\n\ny"),
    }


@pytest.fixture
def snapshot():
    """`trees.state`, for tests of what an engine leaves behind."""
    return state


@pytest.fixture(scope="session")
def later(tmp_path_factory):
    """An installation whose template is one version further."""
    made = Installation(tmp_path_factory.mktemp("later"))
    release_later(made.templates)
    return made


@pytest.fixture
def later_here(later, monkeypatch):
    """Let this process use the later template, as if it were installed here."""
    monkeypatch.setattr(history, "PLACES", (later.templates,))
    return later


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """A folder with the wheel of every distribution, each as it is handed in."""

    def build(folder):
        command = ["uv", "build", "-q", "--wheel", "--all-packages", "--no-create-gitignore", "--out-dir", folder]
        subprocess.run(command, cwd=REPOSITORY, check=True)

    return once(folder_of_run(tmp_path_factory), "wheels", build)
