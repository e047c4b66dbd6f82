"""The index serves the command and a third party's driver into empty environments, over loopback."""

import subprocess
import sys

import pytest
from repository import ROOT
from workspaces import environment

from release.alone import Environment
from release.index import write_index
from release.programs import run
from release.projects import pins, projects_of
from release.serving import served

pytestmark = pytest.mark.full

NEW = "source tick --standalone --example --contract-source index --no-git -y"


@pytest.fixture
def index(built):
    """The address of an index of this tree's distributions, and the folder that is served."""
    site = built[0].parents[1]
    write_index(site)
    with served(site) as address:
        yield address, site


@pytest.fixture
def constraints(tmp_path):
    file = tmp_path / "constraints.txt"
    file.write_text("\n".join(pins(ROOT)))
    return file


@pytest.fixture
def made(index, constraints, tmp_path):
    """The project of a third party, made by the command that was installed from the index."""
    tools = Environment(tmp_path / "tools", index[0], constraints)
    tools.install("fustor-new")
    tools.run("fustor-new", *NEW.split(), "--output", tmp_path)
    return tmp_path / "fustor-source-tick"


def test_a_driver_of_a_third_party_is_published_beside_the_command_that_made_it(index, constraints, made, tmp_path):
    address, site = index
    run("uv", "build", "--quiet", "--no-create-gitignore", "--out-dir", site / "packages", made, cwd=made)
    write_index(site)
    users = Environment(tmp_path / "users", address, constraints)
    users.install("fustor-source-tick", "fustor-driver")
    assert "tick" in users.run("fustor-driver", "list")
    assert users.run("python", "-c", "import fustor_core; print(fustor_core.__file__)").startswith(str(tmp_path))


def test_the_tests_of_such_a_driver_pass_with_what_the_index_has(index, made):
    address, _ = index
    variables = {"UV_INDEX": f"{address}/simple/"}
    said = run("uv", "run", "--quiet", "--extra", "test", "pytest", "-q", cwd=made, variables=variables)
    assert " passed" in said
    assert address in (made / "uv.lock").read_text()


def test_pip_installs_from_it_too(index, tmp_path):
    address, _ = index
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env/bin/python"
    pip = [python, "-m", "pip", "install", "-q", "--no-cache-dir", "--no-deps", "--index-url", f"{address}/simple/"]
    done = subprocess.run([*pip, "fustor-core"], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = run(python, "-c", "from importlib.metadata import version; print(version('fustor-core'))", cwd=tmp_path)
    assert said.strip() == next(one.version for one in projects_of(ROOT) if one.name == "fustor-core")
