"""The template of every version travels in one file, and from each an update leads to today's."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from packaging.version import Version
from repository import REFERENCES, ROOT, name_of
from updates import ANSWERS_FILE, SOURCE, TODAY, contents, write

from fustor_new import __version__
from fustor_new.errors import EnvironmentProblem, UsageProblem
from fustor_new.template.history import History, load_history, record, template_texts
from fustor_new.template.provenance import is_template_owned, modified_files, read_record, rendered_files
from fustor_new.template.revision import Outcome, revise

pytestmark = pytest.mark.wide

TEMPLATES = ROOT / "templates"


def test_the_file_is_what_is_written_for_its_content():
    text = (TEMPLATES / "history.json").read_text()
    assert load_history().dump() == text
    used = {digest for files in load_history().versions.values() for digest in files.values()}
    assert used == load_history().texts.keys()


def test_the_template_is_recorded_under_its_version():
    assert load_history().template(TODAY) == template_texts(TEMPLATES), (
        "The template has changed; raise its version and record it, as CONTRIBUTING.md says"
    )


def test_every_version_is_one_and_none_is_later_than_todays():
    assert max(load_history().versions, key=Version) == TODAY


def test_the_changelog_names_the_version_of_the_tool():
    assert __version__ in re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_recording_is_repeatable_and_refuses_another_text_under_the_same_version(tmp_path):
    templates, history = tmp_path / "templates", tmp_path / "history.json"
    shutil.copytree(TEMPLATES, templates)
    shutil.copy(TEMPLATES / "history.json", history)
    assert record(templates, history) == TODAY
    first = history.read_bytes()
    record(templates, history)
    assert history.read_bytes() == first
    with (templates / "package/README.md.jinja").open("a") as file:
        file.write("# one byte more\n")
    with pytest.raises(UsageProblem, match="give the template a new version"):
        record(templates, history)
    assert history.read_bytes() == first


def test_a_version_that_is_given_is_the_templates_from_then_on(tmp_path):
    templates = shutil.copytree(TEMPLATES, tmp_path / "templates")
    assert record(templates, templates / "history.json", "97.0.0") == "97.0.0"
    assert (templates / "version.jinja").read_text() == "97.0.0"
    before = contents(templates)
    (templates / "package/README.md.jinja").write_text("another")
    with pytest.raises(UsageProblem, match="give the template a new version"):
        record(templates, templates / "history.json", TODAY)
    with pytest.raises(UsageProblem, match=r"'96\.9' is below '97\.0\.0'"):
        record(templates, templates / "history.json", "96.9")
    after = contents(templates)
    assert {path for path in after if after[path] != before[path]} == {"package/README.md.jinja"}


def test_the_documented_command_records_this_template(tmp_path):
    shutil.copytree(ROOT / "src" / "fustor_new", tmp_path / "fustor_new")
    shutil.copytree(TEMPLATES, tmp_path / "fustor_new" / "templates")
    command = [sys.executable, "-m", "fustor_new.template.history"]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": "."}, capture_output=True, text=True, check=True)
    assert done.stdout == f"Recorded {TODAY}\n"
    written = json.loads((tmp_path / "fustor_new" / "templates" / "history.json").read_text())
    assert set(written["versions"]) == set(load_history().versions)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"versions": {}}'])
def test_a_damaged_history_says_so(tmp_path, text):
    (tmp_path / "history.json").write_text(text)
    with pytest.raises(EnvironmentProblem, match="install fustor-new again"):
        record(TEMPLATES, tmp_path / "history.json")


def test_the_template_is_text_without_modes_so_that_nothing_is_lost_in_the_history():
    files = [path for path in TEMPLATES.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert [path for path in files if path.stat().st_mode & 0o111 or b"\r" in path.read_bytes()] == []
    recorded = {TEMPLATES / path for path in template_texts(TEMPLATES)}
    assert set(files) - recorded == {TEMPLATES / "history.json"}


def test_a_text_is_kept_once():
    one = History({}, {}).with_version("1", {"a": "x", "b": "x"}).with_version("2", {"a": "x"})
    assert len(one.texts) == 1
    assert one.template("2") == {"a": "x"}


def as_of(version, driver, folder):
    """A reference driver with what the template owned then, as it was rendered then."""
    shutil.copytree(driver, folder, ignore=shutil.ignore_patterns("__pycache__", ".venv", ".pytest_cache"))
    found = read_record(driver)
    before = rendered_files(type(found)(found.answers, version, {}))
    write(folder, {path: content for path, content in before.items() if is_template_owned(path)})
    return folder


@pytest.mark.parametrize("version", sorted(load_history().versions, key=Version)[:-1])
@pytest.mark.parametrize("driver", REFERENCES, ids=name_of)
def test_every_reference_driver_comes_to_today_without_a_conflict(tmp_path, driver, version):
    revision = revise(as_of(version, driver, tmp_path / "driver"))
    assert revision.before == version
    assert revision.conflicts == ()
    # What came into an author's file, such as a stub's comment, they may have taken out again.
    owned = [file for file in revision.files if is_template_owned(file.path)]
    after = {file.path: file.edit.after.data for file in owned if file.edit}
    assert {path: (driver / path).read_bytes() for path in after} == after
    outcomes = {file.path: file.outcome for file in revision.files}
    assert outcomes[ANSWERS_FILE] is Outcome.REPLACED


@pytest.mark.parametrize("driver", REFERENCES, ids=name_of)
def test_modified_files_of_a_driver_are_the_authors(driver):
    modified = modified_files(driver, read_record(driver))
    assert not [path for path in modified if is_template_owned(path)]


@pytest.mark.usefixtures("later_here")
@pytest.mark.parametrize("driver", REFERENCES, ids=name_of)
def test_what_the_template_owns_of_a_reference_driver_comes_to_a_later_one(tmp_path, driver):
    ignored = shutil.ignore_patterns("__pycache__", ".venv", ".pytest_cache")
    revision = revise(shutil.copytree(driver, tmp_path / "driver", ignore=ignored))
    outcomes = {file.path: file.outcome for file in revision.files if is_template_owned(file.path)}
    assert outcomes == dict.fromkeys((ANSWERS_FILE, "tests/test_conformance.py"), Outcome.REPLACED)


def test_modified_files_are_told_of_every_version(tmp_path):
    for version in load_history().versions:
        files = rendered_files(type(read_record(REFERENCES[0]))(dict(SOURCE), version, {}))
        package = write(tmp_path / version, files)
        found = read_record(package)
        assert found.files.keys() == files.keys() - {ANSWERS_FILE}
        assert modified_files(package, found) == ()
        (package / "README.md").unlink()
        (package / "pyproject.toml").write_text("mine")
        (package / "mine.py").write_text("mine")
        assert modified_files(package, found) == ("README.md", "pyproject.toml")
        assert "mine.py" in contents(package)


def test_a_directory_without_answers_has_no_record(tmp_path):
    assert read_record(tmp_path) is None
