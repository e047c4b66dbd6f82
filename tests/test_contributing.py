"""What CONTRIBUTING.md says is done to the letter, in a copy of the repository."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml
from repository import PACKAGES, REFERENCES, ROOT, name_of
from updates import contents

LEFT_OUT = shutil.ignore_patterns("__pycache__", ".venv", ".pytest_cache", "*_cache")


def steps(heading):
    """The numbered steps below a heading, each in one line."""
    found = re.findall(r"^\d\. ((?:.+\n)+?)(?=\d\. |\n)", section(heading), re.MULTILINE)
    return [" ".join(step.split()) for step in found]


def commands(step):
    """The commands of a step, for this interpreter."""
    found = [shlex.split(command) for command in re.findall(r"`uv run ([^`]+)`", step)]
    return [[sys.executable, *({"python": [], "fustor-new": ["-m", "fustor_new"]}[one[0]]), *one[1:]] for one in found]


@pytest.fixture
def checkout(tmp_path):
    """What the steps need of the repository."""
    root = tmp_path / "checkout"
    for name in ("src", "templates", *(str(driver.relative_to(ROOT)) for driver in REFERENCES)):
        shutil.copytree(ROOT / name, root / name, ignore=LEFT_OUT)
    for file in (ROOT / "pyproject.toml", *ROOT.glob("packages/*/pyproject.toml")):
        (root / file.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, root / file.relative_to(ROOT))
    return root


@pytest.mark.wide
def test_a_change_of_the_template_is_these_steps(checkout):
    before = contents(checkout)
    first, *others = (step.replace("VERSION", "97.0.0") for step in steps("Change the template"))
    assert not commands(first)
    changed = checkout / "templates/package/tests/test_conformance.py.jinja"
    changed.write_text(f"# New.\n{changed.read_text()}")
    assert [bool(commands(step)) for step in others] == [True, True, False]
    for command in (command for step in others for command in commands(step)):
        environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True, text=True)
    after = contents(checkout)
    expected = {"templates/version.jinja", "templates/history.json", changed.relative_to(checkout).as_posix()}
    for driver in map(name_of, REFERENCES):
        expected |= {f"extensions/{driver}/.copier-answers.yml", f"extensions/{driver}/tests/test_conformance.py"}
        answers = yaml.safe_load(after[f"extensions/{driver}/.copier-answers.yml"])
        assert answers["template_version"] == "97.0.0"
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == expected


def section(heading):
    """What stands below a heading."""
    return (ROOT / "CONTRIBUTING.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]


def paths(text):
    """The paths of the repository that a text names."""
    return re.findall(r"`((?:templates|src|packages|tests|docs|[A-Z]+\.md)[^`*]*)`", text)


@pytest.mark.parametrize("heading", ["Change the template", "Add a question to the template", "Add a kind of driver"])
def test_every_path_that_is_named_is_there(heading):
    assert paths(section(heading))
    assert [path for path in paths(section(heading)) if not (ROOT / path).exists()] == []


def test_whatever_knows_a_kind_is_named_where_one_is_added():
    named = [ROOT / path for path in paths(section("Add a kind of driver"))]
    files = [
        file
        for folder in ("src", "templates", *(f"packages/{one.name}/src" for one in PACKAGES))
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".py", ".jinja"} or file.name == "copier.yml"
    ]
    code = re.compile(r"""["']pushers?["']|Kind\.PUSHER|Pusher(Driver|Config|Conformance)\b""")
    knowing = [file for file in files if code.search(file.read_text())]
    assert len(knowing) > 20
    assert [file for file in knowing if not any(file.is_relative_to(place) for place in named)] == []
