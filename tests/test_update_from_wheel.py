"""The wheel alone, in an empty environment, without network and git, updates what an earlier template made."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from repository import ROOT
from updates import LATER, contents, current, package, release_later

pytestmark = [pytest.mark.matrix, pytest.mark.usefixtures("later_here")]

README, DRIVER = "README.md", "src/fustor_source_redis/driver.py"
OFFLINE = ["unshare", "--net"]
REACH_OUT = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"


def run(*command, cwd, code=0, **environment):
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment or None, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """An environment that holds the wheel, with a later template, and what it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    checkout = folder / "checkout"
    for name in ("src", "templates", "packages"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("hatch_build.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    release_later(checkout / "templates")
    run("uv", "build", "--quiet", "--wheel", "--out-dir", folder, checkout, cwd=checkout)
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["constraint-dependencies"]
    (folder / "pins.txt").write_text("\n".join(pins))
    run("uv", "venv", "--quiet", "--python", sys.executable, folder / "env", cwd=folder)
    (wheel,) = folder.glob("*.whl")
    python = folder / "env/bin/python"
    run("uv", "pip", "install", "--quiet", "--python", python, "-c", folder / "pins.txt", wheel, cwd=folder)
    return folder / "env/bin"


@pytest.fixture
def offline(environment, tmp_path):
    """A function that runs a command of that environment, without network, git, or any other command on PATH."""
    unshare = shutil.which(OFFLINE[0])
    if unshare is None or os.geteuid() != 0:
        pytest.skip("Only root can take the network away from a process")
    if subprocess.run([*OFFLINE, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("This machine does not let a process give up its network")

    def call(name, *arguments, code=0):
        bare = {"PATH": str(tmp_path / "no-commands"), "HOME": str(tmp_path / "home"), "NO_COLOR": "1"}
        return run(unshare, *OFFLINE[1:], environment / name, *arguments, cwd=tmp_path, code=code, **bare)

    assert "Network is unreachable" in call("python", "-c", REACH_OUT, code=1).stderr
    assert call("python", "-c", "import shutil; print(shutil.which('git'))").stdout == "None\n"
    assert Path(call("python", "-c", "import fustor_new as m; print(m.__file__)").stdout).is_relative_to(
        environment.parent
    )
    return call


def test_both_edits_are_kept_and_the_templates_change_arrives(offline, tmp_path):
    driver = package(tmp_path / "redis")
    for path, old, new in ((README, "## What it does", "## What mine does"), (DRIVER, "class ", "# mine\nclass ")):
        text = (driver / path).read_text()
        assert old in text
        (driver / path).write_text(text.replace(old, new, 1))
    before = contents(driver)
    done = offline("fustor-new", "update", driver)
    assert done.stderr == ""
    after, today = contents(driver), {path: content.data for path, content in current().items()}
    assert after[README] != before[README]
    assert after[README] == today[README].replace(b"## What it does", b"## What mine does")
    assert after[DRIVER] == today[DRIVER].replace(b"class ", b"# mine\nclass ", 1)
    assert {path: data for path, data in after.items() if path not in {README, DRIVER}} == {
        path: data for path, data in today.items() if path not in {README, DRIVER}
    }


def test_a_conflicting_edit_gives_marks_and_an_exit_code(offline, tmp_path):
    driver = package(tmp_path / "redis")
    changed = [path for path, content in current().items() if path.endswith((".py", ".md"))]
    path = next(path for path in changed if (driver / path).read_bytes() != current()[path].data)
    lines = [b"mine\n"] * len((driver / path).read_bytes().splitlines())
    (driver / path).write_bytes(b"".join(lines))
    done = offline("fustor-new", "update", driver, code=6)
    assert f"conflict in {path!r}" in done.stderr.replace("redis/", "")
    text = (driver / path).read_text()
    marks = [text.index(mark) for mark in ("<<<<<<< yours\nmine\n", "\n=======\n", f"\n>>>>>>> template {LATER}\n")]
    assert marks == sorted(marks)


def test_the_patch_of_a_dry_run_needs_no_more_than_the_run(offline, tmp_path):
    driver = package(tmp_path / "redis")
    before = contents(driver)
    patch = offline("fustor-new", "update", "--dry-run", driver).stdout
    assert contents(driver) == before
    if shutil.which("git"):
        subprocess.run(["git", "apply", "-"], cwd=driver, input=patch.encode(), check=True)
        assert contents(driver) == {path: content.data for path, content in current().items()}
