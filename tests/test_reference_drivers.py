"""Reference drivers keep the templates true: rendered again from their answers, template-owned files are equal."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch

import pytest
import yaml
from copier import run_copy
from repository import REFERENCE_DRIVERS, REFERENCES, ROOT, name_of

from fustor_conformance import Judge, Kind, Status, find_subject, rules_for
from fustor_driver.params import params_model

TODAY = (ROOT / "templates" / "version.jinja").read_text().strip()
OWNED = yaml.safe_load((ROOT / "templates" / "manifest.yml").read_text())["template_owned"]


def answers_of(driver):
    recorded = yaml.safe_load((driver / ".copier-answers.yml").read_text())
    return {question: answer for question, answer in recorded.items() if question != "template_version"}


def differing(driver, scratch):
    """Template-owned files of `driver` that are not what its answers render, or are there on one side only."""
    rendered = scratch / "rendered"
    run_copy(str(ROOT / "templates"), rendered, data=answers_of(driver), defaults=True, quiet=True)
    names = {
        path.relative_to(folder).as_posix()
        for folder in (rendered, driver)
        for path in folder.rglob("*")
        if path.is_file() and any(fnmatch(path.relative_to(folder).as_posix(), pattern) for pattern in OWNED)
    }
    return {name for name in names if content(rendered / name) != content(driver / name)}


def content(path):
    return path.read_bytes() if path.is_file() else None


@pytest.mark.parametrize("driver", REFERENCES, ids=name_of)
def test_every_template_owned_file_is_what_the_answers_render(driver, tmp_path):
    assert differing(driver, tmp_path) == set()


@pytest.mark.parametrize("driver", REFERENCES, ids=name_of)
def test_the_answers_are_of_todays_template(driver):
    assert yaml.safe_load((driver / ".copier-answers.yml").read_text())["template_version"] == TODAY


@pytest.mark.parametrize("name", [".copier-answers.yml", "tests/test_conformance.py"])
def test_one_changed_byte_is_seen(name, tmp_path):
    copy = tmp_path / "driver"
    shutil.copytree(REFERENCES[0], copy, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    (copy / name).write_bytes((copy / name).read_bytes() + b"\n")
    assert differing(copy, tmp_path) == {name}


SLOW = dict.fromkeys(("pusher-fs", "pusher-postgres", "source-fs", "source-postgres"), pytest.mark.matrix)


@pytest.mark.parametrize("driver", [pytest.param(one, marks=SLOW.get(one.name, ()), id=one.name) for one in REFERENCES])
@pytest.mark.wide
def test_its_suite_is_found_in_its_own_directory_by_its_own_rules(driver):
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=driver, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_registered_as_a_reference_driver_exists():
    assert {driver.name for driver in REFERENCES} == set(REFERENCE_DRIVERS)


@pytest.mark.parametrize("driver", REFERENCES, ids=name_of)
def test_its_readme_names_every_parameter(driver):
    kind, _, name = driver.name.partition("-")
    table = (driver / "README.md").read_text().partition("| parameter |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    fields = params_model(find_subject(Kind(kind), name).driver_class).model_fields
    assert sorted(named) == sorted(field.alias or name for name, field in fields.items())


@pytest.mark.parametrize("driver", REFERENCES, ids=name_of)
@pytest.mark.wide
def test_it_follows_what_the_kit_only_advises_on_packages(driver):
    kind, _, name = driver.name.partition("-")
    judge = Judge(find_subject(Kind(kind), name))
    advice = [rule for rule in rules_for(judge.subject.kind, judge.profile) if rule.family == "L" and not rule.requires]
    assert {rule.id for rule in advice} >= {"L01", "L02", "L03", "L05", "L07"}
    verdicts = judge.verdicts(advice)
    assert [found.explained() for found in verdicts if found.status not in (Status.PASSED, Status.SKIPPED)] == []
