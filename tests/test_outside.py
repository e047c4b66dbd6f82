"""The path of a third party, where this repository is not and in a home in which nothing is: from the wheel to a run.

What the project's README and its workflow say is what is run. Sessions share one cache of packages, empty at first.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from repository import ROOT
from workspaces import install_command, with_tools_of

pytestmark = pytest.mark.wide

HIDE = 'mount -t tmpfs tmpfs "$1" && shift && exec "$@"'
KEPT = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
KEPT_OF_PIP = ("PIP_INDEX_URL", "PIP_CERT", "PIP_COMPILE")


def run(*command, cwd, env=None):
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def program(name):
    """The program itself, where PATH may have a script that chooses one by what is in the home."""
    candidates = [Path(found) for found in (shutil.which(name), f"{sys.base_prefix}/bin/{name}") if found]
    return next(path for path in candidates if path.is_file() and path.read_bytes()[:2] != b"#!")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with an empty home, and with uv and git on a PATH of its own."""
    folder = tmp_path_factory.mktemp("outside")
    for name in ("home", "bin"):
        (folder / name).mkdir()
    for name in ("uv", "uvx"):
        shutil.copy(program(name), folder / "bin" / name)
    return folder


@pytest.fixture(scope="module")
def outside(place):
    """A function that runs a command there; this repository is hidden from it where the machine allows that."""
    proxies = [key for key in os.environ if key.lower().endswith("_proxy")]
    kept = {key: value for key, value in os.environ.items() if key in (*KEPT, *KEPT_OF_PIP, *proxies)}
    env = kept | {
        "HOME": str(place / "home"),
        "PATH": f"{place}/bin:/usr/local/bin:/usr/bin:/bin",
        "UV_PYTHON": f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}",
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_COLOR": "1",
    }
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", HIDE, "sh", ROOT]
    able = shutil.which("unshare") and subprocess.run([*unshare, "true"], check=False, capture_output=True)
    hidden = unshare if able and able.returncode == 0 else []

    def call(*command, cwd=place):
        return run(*hidden, *command, cwd=cwd, env=env)

    if hidden:
        assert call("sh", "-c", f"ls {ROOT}") == ""
    return call


@pytest.fixture(scope="module")
def fustor_new(place, outside, wheels):
    """The command, installed from its wheel alone."""
    (wheel,) = wheels.glob("fustor_new-*.whl")
    shutil.copy(wheel, place)
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["constraint-dependencies"]
    (place / "pins.txt").write_text("\n".join(pins))
    outside("uv", "venv", "-q", "tool")
    outside("uv", "pip", "install", "-q", "--python", "tool/bin/python", "-c", "pins.txt", wheel.name)
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        outside("git", "config", "--global", key, value)
    return lambda *arguments: outside(place / "tool/bin/fustor-new", *arguments)


@pytest.fixture(scope="module", params=["source", pytest.param("pusher", marks=pytest.mark.full)])
def project(request, place, outside, fustor_new):
    """A clone of a project; the one that it was cloned from is gone."""
    kind = request.param
    fustor_new(kind, "tick", "--example", "--standalone", "--output", "made", "-q")
    clone = place / "cloned" / f"{kind}-elsewhere"
    outside("git", "clone", "-q", f"made/fustor-{kind}-tick", clone)
    shutil.rmtree(place / "made")
    return clone


def commands_of(project, workflow):
    jobs = yaml.safe_load((project / ".github/workflows" / workflow).read_text())["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def test_its_continuous_integration_passes(project, outside):
    commands = commands_of(project, "ci.yml")
    assert {"uv run --extra test pytest", "uv build"} < set(commands)
    said = {command: outside("sh", "-c", command, cwd=project) for command in commands}
    assert re.search(r"\d+ passed", said["uv run --extra test pytest"])
    assert outside("git", "status", "--porcelain", cwd=project) in {"", "?? uv.lock\n"}


def test_its_wheel_installs_beside_nothing_else_and_runs(project, place, outside):
    kind = project.name.partition("-")[0]
    outside("uv", "build", "-q", cwd=project)
    fresh = place / f"fresh-{kind}"
    outside(f"{sys.base_prefix}/bin/python3", "-m", "venv", fresh)
    outside(*with_tools_of(fresh, install_command(project)), cwd=project)
    outside(
        fresh / "bin/python",
        "-m",
        "pip",
        "install",
        "-q",
        "--find-links",
        "vendor/wheels",
        "fustor-driver",
        cwd=project,
    )
    shown = outside(fresh / "bin/fustor-driver", "list")
    assert re.search(rf"{kind}\s+tick", shown)
    assert str(fresh) in outside(fresh / "bin/python", "-c", f"import fustor_{kind}_tick as m; print(m.__file__)")
    read = {
        "source": ("read", "tick", "--phase", "snapshot", "--limit", "3"),
        "pusher": ("check", "pusher", "tick"),
    }[kind]
    assert outside(fresh / "bin/fustor-driver", *read, cwd=project)


@pytest.mark.full
def test_pip_alone_tests_it(project, place, outside):
    fresh = place / f"pip-{project.name}"
    outside(f"{sys.base_prefix}/bin/python3", "-m", "venv", fresh)
    (line,) = re.findall(r"^Without uv: `(.*)`, then `(.*)`\.$", (project / "README.md").read_text(), re.MULTILINE)
    installed, tested = (outside(*with_tools_of(fresh, command), cwd=project) for command in line)
    assert "Successfully installed" in installed
    assert re.search(r"\d+ passed", tested)


def test_an_update_from_the_wheel_leaves_it_as_it_is(project, outside, fustor_new):
    before = outside("git", "status", "--porcelain", cwd=project)
    assert "already" in fustor_new("update", project)
    assert outside("git", "status", "--porcelain", cwd=project) == before
