"""Every check against a workspace that has just that fault, and against those that have none."""

import json
import shutil
import subprocess

import doctor_code_faults  # noqa: F401 - it fills FAULTS
import doctor_faults  # noqa: F401 - the same
import pytest
from doctor_breaking import FAULTS
from repository import ROOT

from fustor_conformance.written.doctor import RULES
from fustor_new.doctor.code_findings import code_findings, is_judged
from fustor_new.doctor.examination import examine, find_subjects
from fustor_new.doctor.finding import Fault
from fustor_new.doctor.registry import all_checks


def found(*paths):
    return examine(find_subjects(paths))


def test_the_workspace_that_is_to_be_broken_is_healthy(workspace):
    assert found(workspace) == []


@pytest.mark.parametrize(
    ("check", "seen_by", "breaks"), FAULTS, ids=[f"{check} {breaks.__name__}" for check, _, breaks in FAULTS]
)
def test_a_fault_is_found_and_nothing_else(workspace, rendered, check, seen_by, breaks):
    assert check in seen_by
    breaks(workspace, rendered)
    findings = found(workspace)
    assert {finding.id for finding in findings} == seen_by, findings
    assert all(finding.what and finding.fix and finding.place for finding in findings)


def test_every_check_has_a_fault_that_it_finds():
    assert {check for check, _, _ in FAULTS} == {check.id for check in all_checks()} | set(RULES)


def test_there_are_as_many_checks_as_promised_and_no_id_twice():
    checks = all_checks()
    assert len(checks) >= 25
    assert len({check.id for check in checks}) == len({check.name for check in checks}) == len(checks)


def test_this_repository_is_healthy():
    assert found(ROOT) == []


@pytest.mark.parametrize("layout", ["workspace", "standalone"])
@pytest.mark.parametrize("example", [False, True], ids=["stub", "example"])
@pytest.mark.parametrize("kind", ["source", "pusher"])
def test_a_rendered_driver_is_healthy(rendered, kind, example, layout):
    assert found(rendered(kind, "my-db", example=example, layout=layout)) == []


@pytest.mark.parametrize("options", [{"audit": False}, {"durable": False}], ids=["no audit", "transient"])
def test_a_rendered_source_of_another_nature_is_healthy(rendered, options):
    assert found(rendered("source", **options)) == []


@pytest.mark.parametrize("example", [False, True], ids=["stub", "example"])
def test_what_is_required_need_not_be_imported_before_the_driver_is_written(rendered, example):
    assert found(rendered("source", dependencies=("redis>=5",), example=example)) == []


def test_a_half_written_driver_may_come_to_its_requirements_later(rendered, tmp_path):
    folder = shutil.copytree(rendered("source", dependencies=("redis>=5",)), tmp_path / "source-redis")
    module = folder / "src" / "fustor_source_redis" / "driver.py"
    module.write_text(f"{module.read_text()}# begun\n")
    assert found(folder) == []


def test_names_of_a_standalone_driver_are_free(rendered):
    names = {"distribution": "my-driver", "package": "mine", "entry_point": "own", "class_name": "OwnDriver"}
    assert found(rendered("pusher", layout="standalone", **names)) == []


def test_the_same_is_found_in_a_package_alone_as_in_its_workspace(workspace):
    driver = workspace / "extensions" / "source-redis"
    (driver / "fustor.yaml").unlink()
    assert [one.id for one in found(driver)] == [one.id for one in found(workspace)] == ["D52"]


def test_an_unpacked_wheel_is_examined_by_its_metadata(workspace, tmp_path):
    driver, wheel = workspace / "extensions" / "source-redis", tmp_path / "wheel"
    command = ["uv", "pip", "install", "-q", "--no-deps", "--offline", "--target", wheel, driver]
    built = subprocess.run([*command], capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"no build backend in the cache: {built.stderr.strip().splitlines()[-1]}")
    shutil.rmtree(wheel / "bin", ignore_errors=True)
    ids = {one.id for one in found(wheel)}
    assert ids == {"D51", "D52", "D60"}  # what a wheel never holds


def test_findings_as_json_say_everything():
    check = all_checks()[0]
    (finding,) = check.report(iter([Fault("here", "It is so")]))
    data = json.loads(json.dumps(finding.as_json()))
    assert data == {
        "id": "W01",
        "name": "W01-leftovers",
        "severity": "error",
        "place": "here",
        "what": "It is so",
        "fix": check.fix,
        "fixable": False,
    }


def test_code_is_judged_where_somebody_judges_it(workspace):
    assert is_judged()
    assert not is_judged("fustor_new.no_such_group")
    (package,) = find_subjects([workspace / "extensions" / "source-redis"]).packages
    assert code_findings(package, "fustor_new.no_such_group") == []
