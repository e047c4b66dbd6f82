import re

import pytest

from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.plan import Change, make_plan
from fustor_new.errors import TargetConflict, WorkspaceError
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in

FILES = {"a": FileContent(b"a\n"), "b/run": FileContent(b"b\n", 0o755)}


def creation(target, files=FILES):
    return Change(target, None, Tree(files))


@pytest.fixture
def target(tmp_path):
    """Return a place where the tree FILES lies already."""
    target = tmp_path / "target"
    (target / "b").mkdir(parents=True)
    (target / "a").write_bytes(b"a\n")
    (target / "b/run").write_bytes(b"b\n")
    (target / "b/run").chmod(0o755)
    return target


def test_an_identical_target_needs_nothing_whatever_else_lies_in_it(target):
    (target / ".venv").mkdir()
    plan = make_plan(target.parent, [creation(target)])
    assert plan.is_empty
    assert plan.notes == ("target is there already, unchanged",)


def edit_a(target):
    (target / "a").write_bytes(b"mine")


def drop_a(target):
    (target / "a").unlink()


def link_a(target):
    (target / "a").rename(target / "c")
    (target / "a").symlink_to("c")


def disarm_run(target):
    (target / "b/run").chmod(0o644)


@pytest.mark.parametrize(
    ("change", "named"),
    [(edit_a, ["a"]), (drop_a, ["a"]), (link_a, ["a", "c"]), (disarm_run, ["b/run"])],
)
def test_a_target_with_other_content_is_a_conflict_that_names_the_files(target, change, named):
    change(target)
    with pytest.raises(TargetConflict, match=re.escape(f"({', '.join(map(repr, named))})")):
        make_plan(target.parent, [creation(target)])


def test_a_conflict_names_five_files_and_counts_the_rest(tmp_path):
    for number in range(9):
        (tmp_path / f"f{number}").touch()
    with pytest.raises(TargetConflict, match=r"'f3' and 5 more\)"):
        make_plan(tmp_path, [creation(tmp_path, {"a": FileContent(b"")})])


@pytest.mark.parametrize("kind", ["file", "link to an empty directory", "dangling link", "parent is a file"])
def test_what_is_no_directory_is_a_conflict(tmp_path, kind):
    target = tmp_path / "x"
    if kind == "file":
        target.touch()
    elif kind == "link to an empty directory":
        (tmp_path / "empty").mkdir()
        target.symlink_to("empty")
    elif kind == "dangling link":
        target.symlink_to("nowhere")
    else:
        (tmp_path / "file").touch()
        target = tmp_path / "file/x"
    with pytest.raises(TargetConflict, match="not a directory"):
        make_plan(tmp_path, [creation(target)])


def test_an_empty_directory_is_no_conflict(tmp_path):
    (tmp_path / "x").mkdir()
    assert len(make_plan(tmp_path, [creation(tmp_path / "x")]).changes) == 1


@pytest.mark.parametrize("other", ["x", "x/y"])
def test_two_drivers_in_one_place_are_refused(tmp_path, other):
    with pytest.raises(TargetConflict, match="in each other's way"):
        make_plan(tmp_path, [creation(tmp_path / "x"), creation(tmp_path / other)])


def test_several_drivers_make_one_edit_of_the_root(root, plan_for):
    plan = plan_for(root, "b", "a", "c")
    (edit,) = (change for change in plan.changes if not change.creates_tree)
    assert edit.before.data == (root / "pyproject.toml").read_bytes()
    members = Workspace.parse(root, edit.after.data).members
    assert members == ("packages/core", "extensions/source-b", "extensions/source-a", "extensions/source-c")


def test_notes_say_why_the_root_needs_no_change(root):
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["extensions/*", "./other/x"]\n')
    registrations = [Registration("extensions/a", "a"), Registration("other/x", "x")]
    plan = plan_in(Workspace.load(root), registrations=registrations)
    assert plan.is_empty
    assert plan.notes == ("extensions/a is covered by 'extensions/*'", "other/x is listed as './other/x'")


def test_an_excluded_directory_is_refused_before_its_content_is_looked_at(root, target):
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nexclude = ["extensions"]\n')
    with pytest.raises(WorkspaceError, match="'extensions'"):
        plan_in(
            Workspace.load(root),
            [creation(target, {"a": FileContent(b"other")})],
            registrations=[Registration("extensions", "x")],
        )


def test_a_tree_is_read_as_it_lies_on_disk(target):
    assert Tree.read(target).files == {
        "a": FileContent(b"a\n", (target / "a").stat().st_mode & 0o777),
        "b/run": FileContent(b"b\n", 0o755),
    }
