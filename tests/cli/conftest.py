"""What many tests of the command line begin with."""

import shutil
import signal

import pytest
from repository import ROOT
from updates import package
from workspaces import done, small

from fustor_new.cli import run


@pytest.fixture
def workspace(tmp_path):
    """A workspace with nothing in it."""
    return small(tmp_path / "workspace")


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A workspace with a source and a pusher; copied, never changed."""
    root = small(tmp_path_factory.mktemp("made") / "workspace")
    (root / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = []\n")
    for kind, name in (("pusher", "my-db"), ("source", "redis")):
        done(root, kind, name, "--contract-source", ROOT, "-q")
    return root


@pytest.fixture
def populated(made, tmp_path):
    """A workspace with `source-redis` and `pusher-my-db`, both listed."""
    return shutil.copytree(made, tmp_path / "workspace")


@pytest.fixture
def update(capfd):
    """Run the command in this process: (code, standard output, standard error)."""
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments):
        code = run(["update", *map(str, arguments)])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def driver(tmp_path):
    """A package of today's template."""
    return package(tmp_path / "redis")
