"""`fustor-new adopt` on packages that were written by hand, in every shape that they come in."""

import json
import re
import shutil
import subprocess
import tomllib

import pytest
from repository import ROOT
from specs import spec_of
from tapes import CORE_METADATA, ENTRY_POINTS, POINT, PROJECT, PUSHER, READER, SETUP_CFG, write
from trees import contents
from workspaces import environment, fustor_new, small

from fustor_new.commands.adopt import plan_adoption
from fustor_new.doctor.examination import examine, find_subjects
from fustor_new.errors import FustorNewError
from fustor_new.kinds import Kind
from fustor_new.options import AdoptOptions
from fustor_new.template.contract_source import CONTRACT_PACKAGES, ContractSource
from fustor_new.template.history import template_version
from fustor_new.template.provenance import (
    ANSWERS_FILE,
    is_adopted,
    modified_files,
    parse_record,
    read_record,
)
from fustor_new.template.questions import questions_about
from fustor_new.template.render import render
from fustor_new.template.revision import Outcome, revise
from fustor_new.template.wheels import contract_wheels

pytestmark = pytest.mark.wide


def record_of(folder, **options):
    """What the record of the package says, in this process, nothing written."""
    own = {name: options.pop(name) for name in ("kind", "name", "contract_source") if name in options}
    adoption = plan_adoption(folder, AdoptOptions(folder, options, **own))
    return parse_record(adoption.record.after.data, folder)


def git_apply(folder, patch):
    subprocess.run(["git", "apply", "-"], cwd=folder, input=patch.encode(), check=True, env=environment())


@pytest.fixture
def tape(tmp_path):
    """A package in a git repository of its own."""
    files = {
        "pyproject.toml": PROJECT,
        "src/fustor_source_tape/__init__.py": "",
        "src/fustor_source_tape/reader.py": READER,
        "tests/test_mine.py": "",
    }
    folder = write(tmp_path / "tape", files)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def test_the_record_is_written_and_the_rest_is_proposed_as_a_patch(tape):
    before = contents(tape)
    done = fustor_new("adopt", ".", cwd=tape)
    assert done.returncode == 0, done.stderr
    assert set(contents(tape)) - set(before) == {ANSWERS_FILE}
    git_apply(tape, done.stdout)
    after = contents(tape)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {
        ANSWERS_FILE,
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
        "src/fustor_source_tape/py.typed",
        "tests/test_conformance.py",
        "vendor/wheels/README.md",
        *(f"vendor/wheels/{name}" for name in contract_wheels()),
    }
    assert b"class TestTapeReader(SourceConformance)" in after["tests/test_conformance.py"]


def test_the_record_says_what_the_metadata_say(tape):
    record = record_of(tape)
    assert record.template_version == template_version()
    asked = [one for one in questions_about(Kind.SOURCE) if one.layout in {"", "standalone"}]
    assert dict(record.answers) == {one.name: one.default for one in asked} | {
        "audit": False,
        "author": "The tape people",
        "class_name": "TapeReader",
        "contract_source": "vendor",
        "dependencies": ["pyserial>=3"],
        "description": "Reads tapes",
        "distribution": "fustor-source-tape",
        "durable": False,
        "email": "tape@example.org",
        "entry_point": "tape",
        "example": False,
        "kind": "source",
        "layout": "standalone",
        "license": "MIT",
        "name": "tape",
        "package": "fustor_source_tape",
    }


WAITS = """
from fustor_core.drivers import SourceDriver


class TapeReader(SourceDriver):
    @property
    def is_transient(self):
        return False

    def get_message_iterator(self, start_position=-1, **kwargs):
        return iter(())
"""
ASKED = "\n    def is_position_available(self, position):\n"


@pytest.mark.parametrize(
    ("positions", "durable"),
    [
        ("", False),
        (f"{ASKED}        self._asked = position\n        return False\n", False),
        (f"{ASKED}        if position < 1:\n            return False\n        return self._log.has(position)\n", True),
    ],
    ids=["the base's", "none", "some"],
)
def test_a_source_is_durable_that_says_of_a_position_that_it_is_available(tape, positions, durable):
    (tape / "src/fustor_source_tape/reader.py").write_text(WAITS + positions)
    assert record_of(tape).answers["durable"] is durable


def test_dry_run_and_apply_and_the_default_with_its_patch_come_to_the_same(tape, tmp_path):
    copies = [shutil.copytree(tape, tmp_path / name) for name in ("dry", "applied", "default")]
    patch = fustor_new("adopt", ".", "--dry-run", cwd=copies[0]).stdout
    assert contents(copies[0]) == contents(tape)
    git_apply(copies[0], patch)
    assert fustor_new("adopt", ".", "--apply", cwd=copies[1]).stdout == ""
    git_apply(copies[2], fustor_new("adopt", ".", cwd=copies[2]).stdout)
    assert contents(copies[0]) == contents(copies[1]) == contents(copies[2])


def test_an_adopted_package_is_not_adopted_again(tape):
    fustor_new("adopt", ".", "--apply", cwd=tape)
    before = contents(tape)
    done = fustor_new("adopt", ".", cwd=tape)
    assert (done.returncode, done.stdout.startswith("Nothing to do")) == (0, True)
    assert contents(tape) == before


def test_what_was_proposed_first_is_written_by_apply_afterwards(tape, tmp_path):
    at_once = shutil.copytree(tape, tmp_path / "at once")
    fustor_new("adopt", ".", "--apply", cwd=at_once)
    fustor_new("adopt", ".", cwd=tape)
    again = fustor_new("adopt", ".", cwd=tape)
    assert "9 files are proposed; --apply writes them" in again.stderr
    done = fustor_new("adopt", ".", "--apply", cwd=tape)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Wrote tests/test_conformance.py" in done.stderr
    assert contents(tape) == contents(at_once)


def test_in_a_flat_package_apply_afterwards_finds_the_same_places(tape):
    (tape / "src" / "fustor_source_tape").rename(tape / "fustor_source_tape")
    (tape / "src").rmdir()
    fustor_new("adopt", ".", cwd=tape)
    fustor_new("adopt", ".", "--apply", cwd=tape)
    assert (tape / "fustor_source_tape" / "py.typed").is_file()


def test_after_it_the_doctor_misses_nothing_of_the_template(tape):
    fustor_new("adopt", ".", "--apply", cwd=tape)
    ids = {finding.id for finding in examine(find_subjects([tape]))}
    assert not ids & {"D16", "D17", "D50", "D51", "D60", "D61", "D62", "D63", "D64"}
    assert modified_files(tape, read_record(tape)) == ()


def test_a_file_of_the_author_is_never_overwritten_and_is_named(tape):
    write(tape, {"tests/test_conformance.py": "# mine\n"})
    done = fustor_new("adopt", ".", "--apply", cwd=tape)
    assert (tape / "tests" / "test_conformance.py").read_text() == "# mine\n"
    assert "tests/test_conformance.py is there already and stays as it is" in done.stderr


def test_a_single_module_has_no_place_for_types(tape):
    shutil.rmtree(tape / "src" / "fustor_source_tape")
    write(tape, {"src/fustor_source_tape.py": READER})
    (tape / "pyproject.toml").write_text(PROJECT.replace(".reader:", ":"))
    adoption = plan_adoption(tape, AdoptOptions(tape))
    assert "py.typed" not in {edit.path.name for edit in adoption.proposals}
    assert not [path for path in parse_record(adoption.record.after.data, tape).files if path.endswith("py.typed")]


@pytest.mark.parametrize("is_link", [False, True], ids=["file", "symlink"])
def test_nothing_is_written_through_what_is_no_directory(tape, tmp_path, is_link):
    shutil.rmtree(tape / "tests")
    if is_link:
        (tmp_path / "elsewhere").mkdir()
        (tape / "tests").symlink_to(tmp_path / "elsewhere")
    else:
        (tape / "tests").write_text("mine\n")
    adoption = plan_adoption(tape, AdoptOptions(tape))
    assert not [edit for edit in adoption.proposals if "tests" in edit.path.parts]
    assert "tests/test_conformance.py has no place, as tests is not a directory" in adoption.notes


@pytest.mark.parametrize(
    "shape",
    [
        {"setup.cfg": SETUP_CFG},
        {"PKG-INFO": CORE_METADATA, "src/fustor_source_tape.egg-info/PKG-INFO": CORE_METADATA}
        | {"src/fustor_source_tape.egg-info/entry_points.txt": ENTRY_POINTS},
    ],
    ids=["setup.cfg", "sdist"],
)
def test_other_metadata_say_the_same(tape, shape):
    (tape / "pyproject.toml").unlink()
    write(tape, shape)
    answers = record_of(tape).answers
    assert (answers["class_name"], answers["license"], answers["dependencies"]) == (
        "TapeReader",
        "MIT",
        ["pyserial>=3"],
    )


def test_an_unpacked_wheel_gets_its_types_where_its_package_is(tmp_path):
    info = "fustor_source_tape-2.0.dist-info"
    files = {f"{info}/METADATA": CORE_METADATA, f"{info}/entry_points.txt": ENTRY_POINTS}
    wheel = write(tmp_path / "wheel", files | {"fustor_source_tape/reader.py": READER})
    done = fustor_new("adopt", ".", "--apply", cwd=wheel)
    assert done.returncode == 0, done.stderr
    assert (wheel / "fustor_source_tape" / "py.typed").is_file()
    assert not (wheel / "src").exists()


def test_in_a_workspace_a_driver_with_the_contracts_names_is_recorded_as_a_member(tmp_path):
    root = small(tmp_path / "workspace")
    spec = spec_of("source", "redis", contract=ContractSource(kind="index"), audit=False)
    driver = root / "extensions" / "source-redis"
    render(spec, driver)
    rendered = read_record(driver)
    (driver / ANSWERS_FILE).unlink()
    done = fustor_new("adopt", driver, cwd=root)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    # What only the first rendering knew: a rendered package has these two in its pyproject.toml and its code.
    known = {key: value for key, value in read_record(driver).answers.items() if key not in {"dependencies", "audit"}}
    assert known == {key: rendered.answers[key] for key in known}
    assert set(read_record(driver).files) == {
        "src/fustor_source_redis/py.typed",
        "tests/test_conformance.py",
    }
    assert examine(find_subjects([root])) == []


def test_a_member_with_names_of_its_own_gets_no_workflows(tmp_path, tape):
    root = small(tmp_path / "workspace")
    driver = shutil.copytree(tape, root / "extensions" / "tape", ignore=shutil.ignore_patterns(".git"))
    assert fustor_new("adopt", driver, "--apply", cwd=root).returncode == 0
    assert not (driver / ".github").exists()
    assert modified_files(driver, read_record(driver)) == ()


def test_without_a_licence_none_is_claimed(tape):
    (tape / "pyproject.toml").write_text(PROJECT.replace('license = "MIT"\n', ""))
    done = fustor_new("adopt", ".", cwd=tape)
    assert "--license" in done.stderr
    assert read_record(tape).answers["license"] == "LicenseRef-Unknown"


def test_json_is_the_plan_with_a_schema(tape):
    plan = json.loads(fustor_new("adopt", ".", "--json", cwd=tape).stdout)
    assert plan["schema"] == 1
    assert plan["written"] == [ANSWERS_FILE]
    assert "tests/test_conformance.py" in {created["path"] for created in plan["created"]}
    assert plan["names"]["class_name"] == "TapeReader"


@pytest.mark.parametrize(
    ("change", "options", "code", "words"),
    [
        ((POINT, ""), {}, 2, "--kind, --entry-point, --package, --class-name"),
        ((POINT, ""), {"kind": "source"}, 2, "add --entry-point, --package, --class-name"),
        (('name = "fustor-source-tape"\n', ""), {}, 2, "--distribution"),
        ((POINT, POINT + PUSHER), {}, 2, "source 'tape', pusher 'punch'"),
        ((POINT, POINT + PUSHER), {"kind": "sink"}, 2, "--entry-point"),
        ((POINT, ""), {"entry_point": "none"}, 2, "--kind"),
        (("fustor-source-tape", "fustor-source-" + "x" * 50), {}, 3, "--name"),
        (("[project]", "[project"), {}, 5, "pyproject.toml"),
        (("", ""), {"license": "none such"}, 2, "SPDX"),
        (("", ""), {"contract_source": "nowhere"}, 2, "'nowhere'"),
        (("", ""), {"contract_source": "workspace"}, 2, "outside a workspace"),
        (("", ""), {"class_name": "class"}, 3, "'class'"),
    ],
)
def test_a_refusal_names_the_option_that_helps(tape, change, options, code, words):
    (tape / "pyproject.toml").write_text(PROJECT.replace(*change, 1))
    with pytest.raises(FustorNewError, match=re.escape(words)) as refused:
        record_of(tape, **options)
    assert refused.value.exit_code == code


def test_a_package_of_its_own_carries_the_wheels_and_its_author_learns_what_names_them(tape):
    done = fustor_new("adopt", ".", "--apply", "--contract-source", "vendor", cwd=tape)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tape / "vendor/wheels").glob("*.whl")} == set(contract_wheels())
    _, _, said = done.stderr.partition("it needs:\n")
    lines = said[: said.index("Wrote ")]
    added = tomllib.loads(lines)
    assert added["tool"]["uv"]["sources"].keys() == set(CONTRACT_PACKAGES)
    (tape / "pyproject.toml").write_text(PROJECT + lines)
    again = fustor_new("adopt", ".", "--apply", cwd=tape)
    assert (again.returncode, again.stderr, again.stdout.count("Nothing to do")) == (0, "", 1)
    (tape / "vendor/wheels" / min(contract_wheels())).unlink()
    assert f"Wrote vendor/wheels/{min(contract_wheels())}\n" == fustor_new("adopt", ".", "--apply", cwd=tape).stderr


@pytest.mark.parametrize("arguments", [["--dry-run", "--apply"], ["--kind", "sink"]])
def test_a_refusal_is_one_line_and_nothing_is_written(tape, arguments):
    before = contents(tape)
    done = fustor_new("adopt", ".", *arguments, cwd=tape)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert contents(tape) == before


@pytest.mark.parametrize(
    ("path", "words"), [("nowhere", "not a directory"), ("é" * 300, "not a directory"), ("empty", "holds no package")]
)
def test_a_path_without_a_package_is_refused(tmp_path, path, words):
    (tmp_path / "empty").mkdir()
    done = fustor_new("adopt", path, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr


def test_several_drivers_are_told_apart_by_the_kind(tape):
    (tape / "pyproject.toml").write_text(PROJECT.replace(POINT, POINT + PUSHER))
    answers = record_of(tape, kind="pusher").answers
    assert (answers["kind"], answers["entry_point"], answers["name"]) == ("pusher", "punch", "punch")


def test_what_cannot_be_derived_can_be_said(tape):
    (tape / "pyproject.toml").write_text(PROJECT.replace(POINT, ""))
    said = {"kind": "source", "entry_point": "tape", "package": "fustor_source_tape", "class_name": "TapeReader"}
    assert record_of(tape, **said).answers["name"] == "tape"


def test_an_update_of_an_adopted_package_touches_only_what_the_template_owns(tape, later_here):
    fustor_new("adopt", ".", "--apply", "--contract-source", ROOT, cwd=tape)
    before = contents(tape)
    revision = revise(tape)
    assert is_adopted(read_record(tape))
    assert revision.conflicts == ()
    changed = {file.path for file in revision.files if file.outcome is not Outcome.ABSENT}
    workflows = {".github/workflows/ci.yml", ".github/workflows/release.yml"}
    assert changed == {ANSWERS_FILE, "tests/test_conformance.py", *workflows}
    later_here.python("-m", "fustor_new", "update", cwd=tape)
    after = contents(tape)
    assert {name for name in before if before[name] != after[name]} == changed
    assert set(before) == set(after)
    assert is_adopted(read_record(tape))
    assert modified_files(tape, read_record(tape)) == ()
