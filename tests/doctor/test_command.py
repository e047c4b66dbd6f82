"""`fustor-new doctor` as a user meets it: the installed program, exit codes, repairs."""

import json
import subprocess
import sys

import pytest
from repository import ROOT
from trees import contents
from workspaces import fustor_new

from fustor_new.doctor.document import document

pytestmark = pytest.mark.wide

PAGE = ROOT / "docs" / "doctor.md"


def driver(workspace):
    return workspace / "extensions" / "source-redis"


def ids(done):
    return [finding["id"] for finding in json.loads(done.stdout)["findings"]]


def test_a_healthy_workspace_is_said_to_be_one(workspace):
    done = fustor_new("doctor", cwd=driver(workspace) / "src")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 package examined: nothing to fix\n", "")


def test_an_error_ends_with_its_code_and_says_what_and_how_to_mend_it(workspace):
    path = driver(workspace) / "pyproject.toml"
    path.write_text(path.read_text().replace('version = "0.1.0"', 'version = "first"'))
    done = fustor_new("doctor", cwd=workspace)
    assert done.returncode == 8
    assert (
        "error D04-version extensions/source-redis/pyproject.toml\n    Version 'first' is not a valid PEP 440 version\n"
        in done.stdout
    )
    assert done.stderr == "Error: Found 1 error and 0 warnings\n"


@pytest.mark.parametrize(
    ("text", "expected", "place"),
    [
        (b'[project]\nname = "\xff"\n', "D01", "(at line 2, column 9)"),
        (b"[project]\nname =", "D01", "line 2"),
        (None, "W02", "without a pyproject.toml"),
    ],
    ids=["bytes", "broken", "missing"],
)
def test_a_source_of_a_member_that_cannot_be_read_is_not_a_finding(workspace, text, expected, place):
    (workspace / "pyproject.toml").write_text(
        '[project]\nname = "all"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["fustor-source-redis"]\n[tool.uv.workspace]\nmembers = ["extensions/*"]\n'
        "[tool.uv.sources]\nfustor-source-redis = { workspace = true }\n"
    )
    path = driver(workspace) / "pyproject.toml"
    path.write_bytes(text) if text else path.unlink()
    done = fustor_new("doctor", "--json", cwd=workspace)
    assert ids(done) == [expected]
    (finding,) = json.loads(done.stdout)["findings"]
    assert place in finding["what"]
    assert finding["place"].endswith("pyproject.toml:2") is (expected == "D01")


def test_a_fixable_finding_that_fix_leaves_is_said(workspace):
    (driver(workspace) / "pyproject.toml").unlink()
    done = fustor_new("doctor", "--fix", cwd=workspace)
    assert done.returncode == 8
    assert "--fix left W02-member-without-project: " in done.stderr
    assert "--fix left" not in fustor_new("doctor", cwd=workspace).stderr


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--strict"], 8)], ids=["", "strict"])
def test_a_warning_fails_only_when_it_is_to(workspace, arguments, code):
    (driver(workspace) / "fustor.yaml").unlink()
    done = fustor_new("doctor", *arguments, cwd=workspace)
    assert done.returncode == code
    assert "warning D52" in done.stdout


def test_json_has_a_schema_and_counts(workspace):
    (driver(workspace) / "fustor.yaml").unlink()
    report = json.loads(fustor_new("doctor", "--json", cwd=workspace).stdout)
    assert report["schema"] == 1
    assert report["packages"] == [
        {"place": "extensions/source-redis", "distribution": "fustor-source-redis", "version": "0.1.0"}
    ]
    assert (report["errors"], report["warnings"], report["done"]) == (0, 1, [])


def test_without_fix_nothing_is_written(workspace):
    break_what_can_be_mended(workspace)
    before = contents(workspace)
    done = fustor_new("doctor", "--json", cwd=workspace)
    assert ids(done) == ["W01", "W02", "W06", "D12", "D50", "D51", "D55"]
    assert all(finding["fixable"] for finding in json.loads(done.stdout)["findings"])
    assert contents(workspace) == before


def test_fix_mends_what_is_safe_and_the_second_run_finds_it_gone(workspace):
    healthy = contents(driver(workspace))
    break_what_can_be_mended(workspace)
    done = fustor_new("doctor", "--fix", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert "Edited extensions/source-redis/pyproject.toml\n" in done.stdout
    assert "Created extensions/source-redis/tests/test_conformance.py\n" in done.stdout
    assert "leftover" in done.stdout
    assert "Removed more/old\n" in done.stdout
    assert fustor_new("doctor", cwd=workspace).stdout == "1 package examined: nothing to fix\n"
    mended = contents(driver(workspace))
    assert mended.keys() == healthy.keys()
    assert {name for name in healthy if healthy[name] != mended[name]} == {"pyproject.toml"}
    assert [path.name for path in workspace.iterdir() if path.name.startswith(".")] == []


def break_what_can_be_mended(workspace):
    (workspace / ".fustor-new-0123456789abcdef").mkdir()
    (workspace / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["more/*"]\n')
    (workspace / "more" / "old" / "__pycache__").mkdir(parents=True)
    (workspace / "more" / "old" / "__pycache__" / "old.cpython-311.pyc").write_bytes(b"\0")
    (driver(workspace) / ".fustor-new-0123456789abcdef").mkdir()
    project = driver(workspace) / "pyproject.toml"
    table = '[project.entry-points."fustor.drivers.sources"]\nredis = "fustor_source_redis:RedisDriver"\n'
    project.write_text(project.read_text().replace(table, ""))
    (driver(workspace) / "src" / "fustor_source_redis" / "py.typed").unlink()
    (driver(workspace) / "tests" / "test_conformance.py").unlink()


def test_fix_leaves_alone_what_it_cannot_mend_and_says_so(workspace):
    path = driver(workspace) / "tests" / "test_conformance.py"
    mine = f"{path.read_text()}# mine\n"
    path.write_text(mine)
    done = fustor_new("doctor", "--fix", "--strict", cwd=workspace)
    assert done.returncode == 8
    assert path.read_text() == mine


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ('"fustor.drivers.sources" = { redis = "fustor_source_redis:RedisDriver" }', True),
        ('fustor_other.x = "y"', True),
    ],
)
def test_an_entry_point_is_only_added_where_nothing_else_changes(workspace, text, mended):
    path = driver(workspace) / "pyproject.toml"
    tables = path.read_text().partition('[project.entry-points."fustor.drivers.sources"]')
    rest = tables[2].partition("[dependency-groups]")
    path.write_text(f"{tables[0]}[project.entry-points]\n{text}\n\n[dependency-groups]{rest[2]}")
    done = fustor_new("doctor", "--fix", "--json", cwd=workspace)
    assert ("D12" not in ids(done)) == mended


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 2, "holds no package"),
        (["src"], 2, "holds no package"),
        (["--no-such"], 2, "No such option"),
    ],
)
def test_a_refusal_is_one_line(workspace, arguments, code, words):
    done = fustor_new("doctor", *arguments, cwd=workspace)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("text", ["[tool.uv.workspace\n", '[tool.uv.workspace]\nmembers = "x"\n'])
def test_a_root_that_cannot_be_read_is_an_error_of_the_workspace(workspace, text):
    (workspace / "pyproject.toml").write_text(text)
    for arguments in ([], ["."]):
        done = fustor_new("doctor", *arguments, cwd=workspace)
        assert (done.returncode, done.stdout) == (5, "")
        assert "pyproject.toml" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_name_that_is_no_text_is_spelled_out(workspace, arguments):
    other = workspace / "extensions" / "source-\udcff"
    driver(workspace).rename(other)
    (other / "pyproject.toml").write_bytes(b"[")
    done = fustor_new("doctor", *arguments, cwd=workspace)
    assert done.returncode == 8, done.stderr
    assert "extensions/source-\\udcff" in done.stdout
    assert "Traceback" not in done.stderr


def test_no_workspace_and_no_package_leads_to_the_choices(tmp_path):
    done = fustor_new("doctor", cwd=tmp_path)
    assert done.returncode == 5


def test_the_driver_is_never_imported(workspace):
    code = driver(workspace) / "src" / "fustor_source_redis" / "__init__.py"
    code.write_text(code.read_text() + "\nraise SystemExit('imported')\n")
    assert fustor_new("doctor", cwd=workspace).returncode == 0


def test_the_table_in_the_documentation_is_the_table_of_checks():
    assert PAGE.read_text() == document(), "run python -m fustor_new.doctor.document > docs/doctor.md"


def test_the_module_prints_the_documentation():
    command = [sys.executable, "-m", "fustor_new.doctor.document"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == document()
