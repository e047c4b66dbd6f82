"""What doctor advises does what it says, and doctor runs where uv refuses to."""

import json
import re
import shlex
import shutil
import subprocess

import pytest
from repository import ROOT
from tiers import longer
from workspaces import DRIVER_BY_HAND, environment, fustor_new, small

pytestmark = pytest.mark.wide

REDIS = "extensions/source-redis"
SUITE = f"{REDIS}/tests/test_conformance.py"


def findings(workspace):
    done = fustor_new("doctor", "--json", cwd=workspace)
    return {one["id"]: one for one in json.loads(done.stdout)["findings"]}


def without_suite(workspace):
    (workspace / SUITE).unlink()


def without_record(workspace):
    (workspace / REDIS / ".copier-answers.yml").unlink()


def without_either(workspace):
    without_suite(workspace)
    without_record(workspace)


def with_a_suite_of_its_own(workspace):
    (workspace / SUITE).write_text("# mine\n")


def with_a_broken_record(workspace):
    (workspace / REDIS / ".copier-answers.yml").write_text("[")


@pytest.mark.parametrize(
    ("check", "breaks", "by_hand"),
    [
        ("D51", without_suite, None),
        ("D51", without_either, None),
        ("D51", with_a_suite_of_its_own, without_suite),
        ("D60", without_record, None),
        ("D61", with_a_broken_record, without_record),
    ],
)
def test_the_command_of_a_fix_mends_it(workspace, check, breaks, by_hand):
    breaks(workspace)
    (command,) = re.findall(r"`(fustor-new [^`]*)`", findings(workspace)[check]["fix"])
    if by_hand:
        by_hand(workspace)
    done = fustor_new(*shlex.split(command)[1:], REDIS, cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert check not in findings(workspace)


def test_a_member_that_no_command_installs_is_not_registered_and_doctor_says_how(tmp_path):
    root = small(tmp_path / "workspace")
    text = '[project]\nname = "all"\nversion = "1"\n[project.optional-dependencies]\ndev = []\n'
    (root / "pyproject.toml").write_text((root / "pyproject.toml").read_text() + text)
    folder = root / "extensions" / "source-mine"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(DRIVER_BY_HAND)
    assert "no, not in the dev extra" in fustor_new("list", cwd=root).stdout
    fix = findings(root)["W16"]["fix"]
    assert fix == "Run `fustor-new register extensions/source-mine`"
    assert fustor_new("register", "extensions/source-mine", cwd=root).returncode == 0
    assert "yes, by extensions/*" in fustor_new("list", cwd=root).stdout
    assert "W16" not in findings(root)
    assert '"fustor-source-mine"' in (root / "pyproject.toml").read_text()


def test_a_member_that_another_one_needs_is_installed(tmp_path):
    root = small(tmp_path / "workspace")
    text = '[project]\nname = "all"\nversion = "1"\n[project.optional-dependencies]\ndev = ["other"]\n'
    (root / "pyproject.toml").write_text((root / "pyproject.toml").read_text() + text)
    for name, project in (
        ("source-mine", DRIVER_BY_HAND),
        ("other", '[project]\nname = "other"\nversion = "1"\ndependencies = ["fustor-source-mine"]\n'),
    ):
        (root / "extensions" / name).mkdir(parents=True)
        (root / "extensions" / name / "pyproject.toml").write_text(project)
    assert "yes, by extensions/*" in fustor_new("list", cwd=root).stdout
    assert "W16" not in findings(root)


BROKEN = {
    "no version": '[project]\nname = "x"\n',
    "no TOML": "[project\n",
    "one name twice": '[project]\nname = "fustor-source-example"\nversion = "1"\n',
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what uv reads of the repository."""
    root = tmp_path_factory.mktemp("broken") / "checkout"
    ignored = shutil.ignore_patterns("__pycache__", ".venv", "*_cache", "tests")
    for name in ("src", "templates", "packages", "extensions"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "hatch_build.py", "copier.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("extensions/source-x", "no version"),
        longer("extensions/source-x", "one name twice"),
        longer("packages/x", "no TOML"),
        longer("extensions/source-x", "no TOML"),
        longer("packages/x", "no version"),
        longer("packages/x", "one name twice"),
    ],
)
def test_where_uv_refuses_the_command_of_the_guide_runs_doctor(checkout, fault, where):
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    (command,) = re.findall(r"^(uv run --no-project .* fustor-new doctor)$", guide, re.MULTILINE)
    (checkout / where).mkdir()
    (checkout / where / "pyproject.toml").write_text(BROKEN[fault])
    try:
        plain = run("uv run fustor-new doctor", checkout)
        assert plain.returncode != 0
        assert "examined" not in plain.stdout, "uv has learned to pass by it"
        done = run(command, checkout)
        assert done.returncode == 8, done.stderr
        assert where in done.stdout
        assert run(command.replace("doctor", "list"), checkout).returncode == 0
        assert f"`{command}` runs" in done.stdout
    finally:
        shutil.rmtree(checkout / where)


def run(command, cwd):
    return subprocess.run(shlex.split(command), cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
