"""`fustor-new update`: what the author changed is kept, what the template changed arrives, and nothing is half done."""

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256

import pytest
from updates import ANSWERS_FILE, LATER, TODAY, contents, current, edit, package, rendered
from workspaces import small

from fustor_new.template.provenance import with_address

pytestmark = [pytest.mark.wide, pytest.mark.usefixtures("later_here")]

README = "README.md"
TEST = "tests/test_conformance.py"
DRIVER = "src/fustor_source_redis/driver.py"
CONFIG = "src/fustor_source_redis/config.py"


def todays():
    return {path: content.data for path, content in current().items()}


def test_an_untouched_package_becomes_what_is_rendered_today(update, driver):
    code, out, err = update(driver)
    assert (code, err) == (0, "")
    assert f"from template {TODAY} to {LATER}" in out
    assert contents(driver) == todays()


def test_updating_to_the_same_version_changes_nothing(update, driver):
    update(driver)
    (driver / README).write_text("mine")
    (driver / DRIVER).unlink()
    before = {path: path.stat().st_mtime_ns for path in driver.rglob("*")}
    assert update(driver)[0] == 0
    assert update(driver, "--dry-run") == (0, "", "")
    assert {path: path.stat().st_mtime_ns for path in driver.rglob("*")} == before


def test_what_the_author_changed_is_kept_and_what_the_template_changed_arrives(update, driver):
    edit(driver / README, b"## What it does", b"## What this one does")
    edit(driver / DRIVER, b"class ", b"# mine\nclass ")
    (driver / "notes.txt").write_text("mine")
    mine = contents(driver)
    code, out, err = update(driver)
    assert (code, err) == (0, "")
    assert f"{README}: merged" in out
    after = contents(driver)
    assert after[README] == todays()[README].replace(b"## What it does", b"## What this one does")
    assert after[README] != mine[README]
    assert (after[DRIVER], after["notes.txt"]) == (mine[DRIVER], b"mine")


def test_a_conflict_is_marked_named_and_an_exit_code(update, driver):
    with (driver / README).open("a") as file:
        file.write("\n## Mine\n")
    code, out, err = update(driver)
    assert code == 6
    assert f"{README}: conflict" in out
    assert f"conflict in '{driver / README}'" in err
    text = (driver / README).read_text()
    assert "<<<<<<< yours\n## Mine\n=======\n## Of a later template\n" in text
    assert text.endswith(f">>>>>>> template {LATER}\n")
    code, out, err = update(driver)
    assert (code, out) == (6, "")
    assert f"'{driver / README}' still has the marks of a conflict; resolve it and run again" in err
    (driver / README).write_bytes(todays()[README])
    assert update(driver)[0] == 0


def test_marks_of_an_earlier_conflict_are_refused_before_anything_is_written(update, driver):
    with (driver / DRIVER).open("a") as file:
        file.write("<<<<<<< yours\na\n=======\nb\n>>>>>>> template 0.9\n")
    before = contents(driver)
    code, _, err = update(driver)
    assert code == 6
    assert err.count("\n") == 1
    assert "still has the marks of a conflict; resolve it and run again" in err
    assert contents(driver) == before


def test_a_file_that_the_author_deleted_stays_deleted(update, driver):
    (driver / README).unlink()
    (driver / CONFIG).unlink()
    code, out, _ = update(driver)
    assert code == 0
    assert f"{README}: not brought back, as you deleted it" in out
    assert CONFIG not in out  # the template has not changed it either
    assert {README, CONFIG} & contents(driver).keys() == set()


def test_a_template_owned_file_with_edits_is_merged_and_named(update, driver):
    with (driver / TEST).open("a") as file:
        file.write("\n# mine\n")
    code, out, _ = update(driver)
    assert code == 0
    assert f"{TEST}: merged with your changes, though it is the template's" in out
    assert (driver / TEST).read_bytes() == todays()[TEST] + b"\n# mine\n"


@pytest.mark.parametrize("edited", [False, True])
def test_line_ends_of_the_author_are_kept(update, driver, edited):
    path = driver / README
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    expected = todays()[README].replace(b"\n", b"\r\n")
    if edited:
        edit(path, b"## What it does", b"## Mine")
        expected = expected.replace(b"## What it does", b"## Mine")
    assert update(driver)[0] == 0
    assert path.read_bytes() == expected


def test_a_missing_end_of_the_last_line_is_kept(update, driver):
    (driver / TEST).write_bytes((driver / TEST).read_bytes().rstrip(b"\n"))
    assert update(driver)[0] == 0
    assert (driver / TEST).read_bytes() == todays()[TEST].rstrip(b"\n")


def test_a_conflict_beside_a_missing_end_keeps_its_marks_on_lines_of_their_own(update, driver):
    with (driver / README).open("a") as file:
        file.write("\nmine")
    assert update(driver)[0] == 6
    assert b"\nmine\n=======\n" in (driver / README).read_bytes()


def test_modes_are_the_authors(update, driver):
    (driver / README).chmod(0o600)
    (driver / TEST).chmod(0o755)
    assert update(driver)[0] == 0
    assert [(driver / name).stat().st_mode & 0o777 for name in (README, TEST)] == [0o600, 0o755]


def test_a_file_that_is_no_text_is_left_and_reported(update, driver):
    (driver / README).write_bytes(b"\0binary")
    code, _, err = update(driver)
    assert code == 6
    assert "conflict in" in err
    assert "a file that is not text gets no marks and stays as you have it" in err
    assert (driver / README).read_bytes() == b"\0binary"


def test_several_packages_are_updated_together_or_not_at_all(update, driver):
    other = package(driver.parent / "other")
    (driver / ANSWERS_FILE).write_text("- a")
    before = contents(driver.parent)
    assert update(other, driver)[0] == 5
    assert contents(driver.parent) == before
    (driver / ANSWERS_FILE).write_bytes(rendered()[ANSWERS_FILE].data)
    assert update(other, driver, other)[0] == 0
    assert [contents(folder) == todays() for folder in (other, driver)] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "code"), [(["nowhere"], 2), (["é" * 300], 2), ([""], 2), (["--all", "."], 2), (["--all"], 5), ([], 2)]
)
def test_a_path_that_makes_no_sense_is_refused(update, tmp_path, monkeypatch, arguments, code):
    monkeypatch.chdir(tmp_path)
    got, out, err = update(*arguments)
    assert (got, out, err.count("\n")) == (code, "", 1)


def test_without_a_path_it_is_this_directory(update, driver, monkeypatch):
    monkeypatch.chdir(driver)
    assert update()[0] == 0
    assert contents(driver) == todays()


def test_all_means_every_driver_of_the_workspace_that_has_answers(update, tmp_path, monkeypatch):
    root = small(tmp_path / "workspace")
    drivers = [package(root / "extensions" / name) for name in ("source-a", "source-b", "source-c")]
    (drivers[1] / ANSWERS_FILE).unlink()
    before = contents(drivers[1])
    monkeypatch.chdir(drivers[0])
    code, out, _ = update("--all")
    assert code == 0
    assert "source-b" not in out
    assert [contents(driver) == todays() for driver in drivers] == [True, False, True]
    assert contents(drivers[1]) == before
    assert list(root.glob(".fustor-new-*")) == []


def test_all_conflicts_that_are_left_are_named_and_the_others_wait(update, tmp_path, monkeypatch):
    workspace = small(tmp_path / "workspace")
    drivers = [package(workspace / "extensions" / f"source-{name}") for name in ("one", "two")]
    for driver in drivers:
        with (driver / README).open("a") as file:
            file.write("\n## Mine\n")
    monkeypatch.chdir(workspace)
    assert update("--all")[0] == 6
    code, _, err = update("--all")
    assert code == 6
    assert [line for line in err.splitlines() if "still has the marks" in line] == err.splitlines()
    assert len(err.splitlines()) == 2


def test_the_answers_keep_the_address_that_copier_updates_from(update, driver):
    given = b'_commit: "v%s"\n_src_path: "https://example.org/x.git"\ntemplate_version' % TODAY.encode()
    edit(driver / ANSWERS_FILE, b"template_version", given)
    assert update(driver)[0] == 0
    lines = given.replace(TODAY.encode(), LATER.encode()).removesuffix(b"template_version")
    expected = with_address(todays()[ANSWERS_FILE], lines)
    assert expected.count(b"_src_path") == 1
    assert (driver / ANSWERS_FILE).read_bytes() == expected


def test_a_commit_that_is_no_release_stays_where_copier_left_it(update, driver):
    edit(driver / ANSWERS_FILE, b"template_version", b'_commit: "abc"\n_src_path: "https://x.org/x"\ntemplate_version')
    assert update(driver)[0] == 0
    assert b'\n_commit: "abc"\n' in (driver / ANSWERS_FILE).read_bytes()


@pytest.mark.parametrize("version", [TODAY.encode(), b"9.9.9"])
def test_a_project_of_a_fork_is_sent_to_copier(update, driver, version):
    """Its template has our name and other texts, or versions that are not ours: copier knows where it is."""
    fork = b'_commit: "v1"\n_src_path: "https://example.org/fork.git"\n'
    edit(driver / ANSWERS_FILE, b'template_version: "%s"' % TODAY.encode(), fork + b'template_version: "%s"' % version)
    edit(driver / ANSWERS_FILE, sha256(rendered()[README].data).hexdigest().encode(), b"0" * 64)
    before = contents(driver)
    code, _, said = update(driver)
    assert code in {5, 7}
    assert "https://example.org/fork.git" in said
    assert "run `copier update`" in said
    assert "put that file back" not in said
    assert contents(driver) == before


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_apply_of_the_dry_run_equals_the_run_conflicts_and_all(update, tmp_path, monkeypatch):
    worlds = [tmp_path / "ran", tmp_path / "patched"]
    for world in worlds:
        driver = package(small(world) / "extensions/source-redis")
        edit(driver / README, b"## What it does", b"## Mine")
        (driver / TEST).write_bytes((driver / TEST).read_bytes().replace(b"\n", b"\r\n").rstrip())
        with (driver / "fustor.yaml").open("a") as file:
            file.write("# mine")
        with (driver / README).open("a") as file:
            file.write("\nmine")
        subprocess.run(["git", "init", "-q"], cwd=world, check=True)
    monkeypatch.chdir(worlds[1] / "extensions")
    before = contents(worlds[1])
    code, patch, err = update("source-redis", "--dry-run")
    assert (code, contents(worlds[1])) == (6, before)
    assert "nothing was changed" in err
    subprocess.run(["git", "apply", "-"], cwd=worlds[1], input=patch.encode(), check=True)
    assert update(worlds[0] / "extensions/source-redis")[0] == 6
    assert contents(worlds[0]) == contents(worlds[1])


def test_without_room_for_rendering_nothing_is_written(driver, later):
    before = contents(driver)
    # Python leaves cut bytecode behind on a full disk.
    command = f"'{sys.executable}' -m fustor_new update '{driver}'"
    limited = f"ulimit -f 1 && PYTHONPATH='{later.folder}' PYTHONDONTWRITEBYTECODE=1 exec {command}"
    done = subprocess.run(["sh", "-c", limited], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (7, "", 1), done.stderr
    assert "make room or set TMPDIR" in done.stderr
    assert contents(driver) == before


def test_two_updates_at_once_are_one(driver, later):
    command, environment = [sys.executable, "-m", "fustor_new", "update", driver], {"PYTHONPATH": str(later.folder)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": os.environ | environment}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes
    assert all(
        code == 0 or b"has changed meanwhile; run again" in error for code, error in zip(codes, errors, strict=True)
    )
    assert contents(driver) == todays()


def test_a_killed_run_is_finished_or_undone_first(update, tmp_path):
    root = small(tmp_path / "workspace")
    driver = package(root / "source-redis")
    stage = driver / ".fustor-new-0"
    stage.mkdir()
    code, _, err = update(driver)
    assert (code, err) == (0, "Removed '.fustor-new-0', a leftover of an interrupted run\n")
    assert not stage.exists()


def test_json_says_what_becomes_of_each_file(update, driver):
    (driver / DRIVER).unlink()
    with (driver / TEST).open("a") as file:
        file.write("# mine\n")
    code, out, _ = update(driver, "--dry-run", "--json")
    data = json.loads(out)
    assert (code, data["schema"]) == (0, 1)
    (described,) = data["packages"]
    assert (described["before"], described["after"]) == (TODAY, LATER)
    outcomes = {file["path"]: (file["outcome"], file["template_owned"]) for file in described["files"]}
    assert outcomes[TEST] == ("merged", True)
    assert outcomes[README] == ("replaced", False)
    assert {edited["path"] for edited in data["edited"]} == set(outcomes)


def test_a_new_project_needs_no_update(update, driver):
    update(driver)
    assert contents(driver).keys() == rendered().keys()
