"""What a forge reads of this repository calls the same checks as a person does, and asks for what is needed."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml
from repository import ROOT

CI = (ROOT / ".ci/run").read_text()
WORKFLOW = ROOT / ".github/workflows/ci.yml"
JOBS = yaml.safe_load(WORKFLOW.read_text())["jobs"]
FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]


def actions(text):
    return set(re.findall(r"uses: (.+)", text))


def test_the_workflow_runs_the_script_that_anybody_runs():
    assert JOBS["everything"]["steps"][-1] == {"run": "bash .ci/run"}


def test_each_night_it_runs_the_long_form_of_that_script():
    triggers = yaml.safe_load(WORKFLOW.read_text())[True]  # YAML takes the key `on` for a yes
    assert [entry.keys() for entry in triggers["schedule"]] == [{"cron"}]
    assert "github.event_name" in yaml.safe_load(WORKFLOW.read_text())["concurrency"]["group"], "a push would end it"
    assert JOBS["everything"]["env"] == {"FULL": "${{ github.event_name == 'schedule' && '1' || '' }}"}


def test_its_actions_are_those_of_the_template_by_commit():
    (template,) = (ROOT / "templates/package").glob("*/workflows/ci.yml.jinja")
    assert actions(WORKFLOW.read_text())
    assert actions(WORKFLOW.read_text()) <= actions(template.read_text())


def test_it_may_only_read_and_leaves_no_credentials():
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {"contents": "read"}
    steps = [step for job in JOBS.values() for step in job["steps"]]
    checkouts = [step for step in steps if "actions/checkout" in step.get("uses", "")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(JOBS)


def test_every_interpreter_that_the_script_looks_for_is_installed_and_has_a_job():
    (wanted,) = re.findall(r"^ *for version in ([\d. ]+);", CI, re.MULTILINE)
    assert f"uv python install {wanted}" in WORKFLOW.read_text()
    (job,) = (job for job in JOBS.values() if "strategy" in job)
    assert job["strategy"]["matrix"] == {"python": wanted.split()}
    assert job["steps"][-1]["run"].split(" }} ")[-1] == "--extra dev pytest"


def test_the_script_collects_every_test_with_faults():
    (places,) = re.findall(r'-m "chaos and not full" (.+)$', CI, re.MULTILINE)
    tests = [path for base in ("tests", "packages", "extensions") for path in (ROOT / base).rglob("test_*.py")]
    marked = [path for path in tests if "pytest.mark.chaos" in path.read_text() and path != Path(__file__)]
    assert len(marked) > 1
    assert [path for path in marked if not any(path.is_relative_to(ROOT / place) for place in places.split())] == []


def test_the_script_finds_every_module_of_the_tiers_that_it_runs():
    (found,) = re.findall(r'grep .*"mark\\.\((.+)\)\\b" tests packages extensions', CI)
    (run,) = re.findall(r'-m "\((.+)\) and not full"', CI)
    assert found.split("|") == run.split(" or ")
    files = [path for base in ("tests", "packages", "extensions") for path in (ROOT / base).rglob("*.py")]
    marking = [path for path in files if re.search(rf"mark\.({found})\b", path.read_text())]
    assert len(marking) > 1
    assert [path for path in marking if not path.name.startswith("test_")] == [], "their tests do not say it themselves"


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_form_has_what_a_forge_demands(form):
    said = yaml.safe_load(form.read_text())
    assert said.keys() == {"name", "description", "labels", "body"}
    asked = [part for part in said["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in asked}) == len(asked)
    assert all(part["attributes"]["label"] for part in asked)
    assert any(part.get("validations", {}).get("required") for part in asked)


def test_the_hooks_are_the_tools_of_the_project():
    assert [repo["repo"] for repo in HOOKS] == ["local"]
    for hook in HOOKS[0]["hooks"]:
        words = shlex.split(hook["entry"])
        words = shlex.split(words[-1].removeprefix("exec ")) if words[0] == "bash" else words
        assert words[:2] == ["uv", "run"]
        assert Path(sys.executable).with_name(words[2]).exists()


def test_the_hooks_check_no_less_than_the_script():
    entries = [hook["entry"] for hook in HOOKS[0]["hooks"]]
    assert any(entry.startswith("uv run ruff check") for entry in entries)
    assert any(entry.startswith("uv run ruff format") for entry in entries)
    (types,) = re.findall(r"^step (uv run mypy .*)$", CI, re.MULTILINE)
    assert f"bash -c 'exec {types}'" in entries


@pytest.mark.parametrize("page", ["SECURITY.md", "CODE_OF_CONDUCT.md", ".github/pull_request_template.md"])
def test_pages_for_people_name_nobody_and_no_address(page):
    assert not re.search(r"://|\S@\S", (ROOT / page).read_text())


@pytest.mark.parametrize("page", ["SECURITY.md", ".github/pull_request_template.md", *(f"{form}" for form in FORMS)])
def test_every_file_that_they_name_is_there(page):
    named = re.findall(r"(?:docs|\.ci)/[\w./]*|[A-Z]+\.md", (ROOT / page).read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_pages_are_there_that_forges_look_for():
    assert all((ROOT / name).is_file() for name in ("LICENSE", "README.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md"))
