"""Updates over several versions of a template that gains, loses and moves files and questions."""

import pytest
import yaml
from installations import Installation
from updates import ANSWERS_FILE, TODAY, contents, current, package, release, write

from fustor_new import __version__

pytestmark = pytest.mark.wide

NEW_QUESTION = """
colour:
  type: str
  default: blue
"""
ANSWERS = "package/{{ _copier_conf.answers_file }}.jinja"


def with_notes(templates):
    """Release a template that has another question and another file."""
    files = (templates / ANSWERS).read_text()
    changed = files.replace("  'README.md',\n", "  'NOTES.md',\n  'README.md',\n")
    assert files != changed
    questions = (templates / "copier.yml").read_text() + NEW_QUESTION
    notes = "First of {{ name }}\n"
    release(templates, "97.0.0", {"package/NOTES.md.jinja": notes, "copier.yml": questions, ANSWERS: changed})


def without_sample(templates):
    """Release a template that has one file less, and more in another."""
    files = (templates / ANSWERS).read_text()
    changed = files.replace("  'fustor.yaml',\n", "")
    assert files != changed
    notes = "First of {{ name }}\nSecond, {{ colour }}\n"
    lost = {"package/fustor.yaml.jinja": None, ANSWERS: changed}
    release(templates, "97.1.0", {"package/NOTES.md.jinja": notes, **lost})


@pytest.fixture(scope="module")
def next_one(tmp_path_factory):
    """An installation one version from now."""
    made = Installation(tmp_path_factory.mktemp("next"))
    with_notes(made.templates)
    return made


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """An installation two versions from now."""
    made = Installation(tmp_path_factory.mktemp("later"))
    with_notes(made.templates)
    without_sample(made.templates)
    return made


def update(installation, driver, code=0):
    return installation.python("-m", "fustor_new", "update", driver, code=code)


def rendered_by(installation, folder):
    """What today's template of that installation makes."""
    code = (
        "import sys; from pathlib import Path; from fustor_new.template.render import rendered_again;"
        "from fustor_new.template.history import templates_directory;"
        "given = dict(kind='source', name='redis', layout='workspace', contract_source='index');"
        "files = rendered_again(templates_directory(), given);"
        "places = {Path(sys.argv[1], path): content.data for path, content in files.items()};"
        "[place.parent.mkdir(parents=True, exist_ok=True) for place in places];"
        "[place.write_bytes(data) for place, data in places.items()]"
    )
    installation.python("-c", code, folder)
    return contents(folder)


def test_files_come_and_go_and_new_questions_take_their_defaults(later, tmp_path):
    driver = package(tmp_path / "driver")
    out = update(later, driver).stdout
    assert "NOTES.md: created" in out
    assert "fustor.yaml: removed" in out
    assert contents(driver) == rendered_by(later, tmp_path / "expected")
    assert (driver / "NOTES.md").read_text() == "First of redis\nSecond, blue\n"
    assert yaml.safe_load((driver / ANSWERS_FILE).read_text())["colour"] == "blue"


def test_an_edited_file_that_the_template_no_longer_has_is_kept_and_named(later, tmp_path):
    driver = write(tmp_path / "driver", current())
    (driver / "fustor.yaml").write_text("mine")
    assert "fustor.yaml: kept, though the template no longer has it" in update(later, driver).stdout
    assert (driver / "fustor.yaml").read_text() == "mine"


def test_a_file_of_the_author_where_the_template_gains_one_is_a_conflict(later, tmp_path):
    driver = write(tmp_path / "driver", current())
    (driver / "NOTES.md").write_text("First of redis\nMine\n")
    assert "conflict in" in update(later, driver, code=6).stderr
    expected = "First of redis\n<<<<<<< yours\nMine\n=======\nSecond, blue\n>>>>>>> template 97.1.0\n"
    assert (driver / "NOTES.md").read_text() == expected


def test_the_same_file_of_the_author_where_the_template_gains_one_is_none(later, tmp_path):
    driver = write(tmp_path / "driver", current())
    (driver / "NOTES.md").write_text("First of redis\nSecond, blue\n")
    assert "NOTES.md" not in update(later, driver).stdout


def test_answers_that_no_longer_give_what_they_gave_are_refused(later, tmp_path):
    driver = write(tmp_path / "driver", current())
    answers = (driver / ANSWERS_FILE).read_text()
    (driver / ANSWERS_FILE).write_text(answers.replace('license: "Apache-2.0"', 'license: "MIT"'))
    before = contents(driver)
    message = update(later, driver, code=5).stderr
    assert "no longer give the files that they gave ('README.md' first); put that file back" in message
    assert contents(driver) == before


def test_one_update_or_two_give_the_same(later, next_one, tmp_path):
    first, both = package(tmp_path / "first"), package(tmp_path / "both")
    edited = first / "README.md", both / "README.md"
    for path in edited:
        path.write_text(path.read_text().replace("## What it does", "## Mine"))
    update(next_one, both)
    assert (both / "NOTES.md").read_text() == "First of redis\n"
    assert (both / "fustor.yaml").exists()
    update(later, both)
    update(later, first)
    assert contents(first) == contents(both)
    assert "## Mine" in edited[0].read_text()


def test_a_package_of_a_later_template_says_which_version_it_needs(later, tmp_path):
    driver = write(tmp_path / "driver", current())
    update(later, driver)
    message = update(Installation(tmp_path / "today"), driver, code=7).stderr
    assert f"'97.1.0' is not known here; it is newer than {TODAY}, the template of this fustor-new" in message


def test_another_version_of_the_tool_is_no_other_version_of_the_template(tmp_path):
    newer, driver = Installation(tmp_path / "newer"), package(tmp_path / "driver")
    module = newer.folder / "fustor_new/__init__.py"
    module.write_text(module.read_text().replace(f'"{__version__}"', '"98.0.0"'))
    before = contents(driver)
    assert newer.python("-m", "fustor_new", "--version").stdout == "fustor-new 98.0.0\n"
    assert update(newer, driver).stdout.endswith(f"is of template {TODAY} already\n")
    assert contents(driver) == before
