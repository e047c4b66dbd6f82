"""Environments as users make them: from an index, and from the wheels of this project."""

import json
import subprocess
import sys

import pytest
from beside.readme import documented

RELEASES = ["0.8.17", "0.2.16"]
_STARTS = """
from importlib.metadata import entry_points
import fustor_agent.app
for entry in (*entry_points(group="fustor_agent.drivers.sources"), *entry_points(group="fustor_agent.drivers.senders")):
    entry.load()
print("starts")
"""


def run(*command, code=0, cwd=None):
    """What a command prints on stdout; it has to end with this code."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


class Place:
    """An environment."""

    def __init__(self, folder):
        """Make an empty one, with pip."""
        run("uv", "venv", "-q", "--seed", "--python", sys.executable, folder)
        self.bin = folder / "bin"
        self.python = self.bin / "python"

    def install(self, *requirements, wheels=None):
        """Install by uv, which is quick, and outside of this workspace, whose constraints would hold."""
        links = ("--find-links", wheels) if wheels else ()
        run("uv", "pip", "install", "-q", "--python", self.python, *links, *requirements, cwd=self.bin)

    def version(self, name):
        """The version of a distribution."""
        return run(self.python, "-c", f"import importlib.metadata as m; print(m.version({name!r}))").strip()

    def findings(self, code):
        """What the doctor of this project says from outside, as level, subject and command."""
        command = (sys.executable, "-m", "fustor_driver", "doctor", "--python", self.python, "--json")
        return [
            (one["level"], one["subject"], one["command"]) for one in json.loads(run(*command, code=code))["findings"]
        ]

    def require_start(self):
        """See to it that the agent, and what it loads, imports."""
        assert run(self.python, "-c", _STARTS).endswith("starts\n")


@pytest.fixture
def place(tmp_path):
    """An empty environment."""
    return Place(tmp_path / "env")


@pytest.fixture(scope="module", params=RELEASES)
def documented_place(request, wheels, tmp_path_factory):
    """An environment that the command of the README made, and the agent's release."""
    folder = tmp_path_factory.mktemp("documented")
    made = Place(folder / "env")
    (folder / "dist").symlink_to(wheels)
    text = f'PATH="{made.bin}:$PATH"; {documented(request.param)} -q --disable-pip-version-check'
    run("sh", "-c", text, cwd=folder)
    return request.param, made
