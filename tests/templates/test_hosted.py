"""A driver follows its own rules in any workspace; a project of its own is published by a job that runs none of it."""

import os
import re
import shutil
import sys

import pytest
import yaml

pytestmark = pytest.mark.wide

STRICT_HOST = """\
[tool.uv.workspace]
members = ["extensions/*"]

[tool.ruff]
line-length = 79
[tool.ruff.lint]
select = ["ALL"]
[tool.ruff.format]
quote-style = "single"

[tool.pytest.ini_options]
addopts = ["--no-such-option"]
timeout = 600
"""


@pytest.fixture
def hosted(installed, tmp_path):
    """Return a driver in a workspace with rules of its own, and a function that runs pytest on it."""
    project, site = installed("source", "example", example=True)
    (tmp_path / "pyproject.toml").write_text(STRICT_HOST)
    shutil.copytree(project, tmp_path / "extensions/source-example")
    return tmp_path / "extensions/source-example", {"PYTHONPATH": os.pathsep.join([str(site), *sys.path])}


@pytest.mark.parametrize("where", [".", "../.."])
def test_pytest_reads_the_drivers_own_rules_wherever_it_is_started(tools, hosted, where):
    project, environment = hosted
    target = [] if where == "." else ["extensions/source-example"]
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", *target)
    report = tools.run(*command, cwd=project / where, env=environment)
    assert re.search(r"rootdir: .*/extensions/source-example\n", report)


def test_ruff_is_clean_in_a_workspace_with_other_rules(tools, hosted):
    for action in (("check",), ("format", "--check")):
        tools.run(sys.executable, "-m", "ruff", *action, "--no-cache", "extensions", cwd=hosted[0].parents[1])


def test_in_the_contracts_own_workspace_its_rules_hold(rendered):
    text = (rendered("source") / "pyproject.toml").read_text()
    assert "[tool.pytest.ini_options]" in text
    assert "[tool.ruff" not in text


def workflow(rendered, name, kind="source"):
    text = (rendered(kind, layout="standalone", contract="index") / ".github/workflows" / name).read_text()
    return text, yaml.safe_load(text)


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_actions_are_pinned_by_commit_and_leave_no_credentials(rendered, name):
    text, parsed = workflow(rendered, name)
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert [one for one in used if not re.fullmatch(r"[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []
    steps = [step for job in parsed["jobs"].values() for step in job["steps"]]
    checkouts = [step for step in steps if "actions/checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert parsed["permissions"] == {"contents": "read"}


def test_only_a_job_that_publishes_may_ask_for_the_token(rendered):
    _, parsed = workflow(rendered, "release.yml")
    able = {name: job for name, job in parsed["jobs"].items() if "id-token" in job.get("permissions", {})}
    assert list(able) == ["publish"]
    assert [step["run"] for step in able["publish"]["steps"] if "run" in step] == [
        "uv publish --trusted-publishing always"
    ]
    assert not any("checkout" in step.get("uses", "") for step in able["publish"]["steps"])
    assert set(able["publish"]["needs"]) == set(parsed["jobs"]) - {"publish"}
    commands = [step.get("run") for name, job in parsed["jobs"].items() if name != "publish" for step in job["steps"]]
    assert {"uv build", "uv run --extra test pytest"} <= set(commands)


def test_nothing_from_a_cache_goes_into_a_release(rendered):
    _, parsed = workflow(rendered, "release.yml")
    steps = [step for job in parsed["jobs"].values() for step in job["steps"] if "setup-uv" in step.get("uses", "")]
    assert steps
    assert all(step["with"]["enable-cache"] is False for step in steps)


@pytest.mark.parametrize("license", ["Apache-2.0", "MIT", "LicenseRef-Own"])
@pytest.mark.parametrize("kind", ["source", "pusher"])
def test_no_file_begins_with_an_empty_line(rendered, kind, license):  # noqa: A002 - the question's name
    for example in (False, True):
        project = rendered(kind, layout="standalone", contract="index", license=license, example=example)
        files = [path for path in project.rglob("*") if path.is_file()]
        assert [path.name for path in files if path.read_bytes()[:1] in b"\r\n" and path.stat().st_size] == []


def test_an_author_may_keep_a_lock_file(rendered):
    project = rendered("source", layout="standalone", contract="index")
    assert "uv.lock" not in (project / ".gitignore").read_text()
    assert "Commit `uv.lock`" in (project / "README.md").read_text()


@pytest.mark.parametrize("contract", ["index", "workspace", "."])
def test_a_requirement_that_is_a_member_is_taken_from_the_workspace(rendered, contract):
    project = rendered("source", contract=contract, member_requirements=("pydantic", "my-library"))
    text = (project / "pyproject.toml").read_text()
    assert text.count("[tool.uv.sources]\n") == 1
    assert "\npydantic = { workspace = true }\nmy-library = { workspace = true }\n" in text
