"""What was created can be removed without a trace, and nothing else ever is."""

import hashlib
import os
import shutil
import subprocess

import pytest
import removing
from faults import FAULTS, failing
from kills import kill_at, verbs_after
from removing import REDIS, create
from root_shapes import SHAPES, VARIANTS, before_and_after
from workspaces import FUSTOR_NEW, fustor_new

from fustor_new.changes.apply import apply, recover
from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.plan import Change
from fustor_new.commands.remove import plan_removal
from fustor_new.errors import EnvironmentProblem, TargetConflict, UsageProblem, WorkspaceError
from fustor_new.package.verdicts import VERDICTS_FILE
from fustor_new.workspace.registration import Registration
from fustor_new.workspace.root import Workspace
from fustor_new.workspace.root_file import plan_in

# Creation refuses a root without a workspace; in the other one the author had registered the driver beforehand.
NOT_REVERSED = {name for name in SHAPES if name.startswith("no workspace")} | {"sources, listed"}
STEPS = [
    "lock the root",
    "create the stage",
    "write the journal",
    "replace pyproject.toml",
    "take away source-redis",
    "remove the stage",
]
DEADLINE_SEC = 60


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Return the files of new drivers, by name."""
    return removing.rendered(tmp_path_factory.mktemp("rendered") / "workspace", "redis", "a", "z")


@pytest.fixture(scope="session")
def few_files(files):
    """Return the files of a driver that is written quickly: its project, and a record of that alone."""
    project, answers = (files["redis"][name] for name in ("pyproject.toml", ".copier-answers.yml"))
    lines = [line for line in answers.data.decode().splitlines(keepends=True) if not line.startswith("  ")]
    digest = hashlib.sha256(project.data).hexdigest()
    record = "".join([*lines, f'  "pyproject.toml": "{digest}"\n'])
    return {"redis": {"pyproject.toml": project, ".copier-answers.yml": FileContent(record.encode())}}


@pytest.fixture
def workspace(tmp_path, files):
    """Return a workspace with a driver."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(removing.ROOT)
    create(folder, files, "redis")
    return folder


def git(root, *arguments):
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def check_leaves_no_trace(root, files, text):
    root.mkdir()
    (root / "pyproject.toml").write_bytes(text)
    git(root, "init", "-q")
    git(root, "add", ".")
    create(root, files, "redis")
    assert (root / REDIS / "pyproject.toml").exists()
    apply(plan_removal([root / REDIS], force=False).plan)
    assert git(root, "status", "--porcelain", "--ignored") == "A  pyproject.toml\n"  # nothing but what was added
    assert (root / "pyproject.toml").read_bytes() == text
    assert sorted(path.name for path in root.iterdir()) == [".git", "pyproject.toml"]


def test_at_least_sixty_shapes_come_back():
    assert len(SHAPES.keys() - NOT_REVERSED) >= 60


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("name", sorted(SHAPES.keys() - NOT_REVERSED))
def test_create_and_remove_leave_git_status_clean(tmp_path, few_files, name):
    text, _ = before_and_after(SHAPES[name], "as is")
    check_leaves_no_trace(tmp_path / "root", few_files, text)


@pytest.mark.full
@pytest.mark.parametrize("variant", sorted(VARIANTS.keys() - {"as is"}))
@pytest.mark.parametrize("name", sorted(SHAPES.keys() - NOT_REVERSED))
def test_create_and_remove_leave_git_status_clean_in_other_encodings(tmp_path, files, name, variant):
    text, _ = before_and_after(SHAPES[name], variant)
    check_leaves_no_trace(tmp_path / "root", files, text)


def test_what_tools_leave_goes_with_it(workspace):
    for litter in (
        "src/fustor_source_redis/__pycache__/driver.pyc",
        ".venv/bin/python",
        "src/fustor.egg-info/PKG-INFO",
    ):
        (workspace / REDIS / litter).parent.mkdir(parents=True, exist_ok=True)
        (workspace / REDIS / litter).write_text("x")
    (workspace / REDIS / VERDICTS_FILE).write_text("{}")
    leaving = plan_removal([workspace / REDIS], force=False)
    assert [one.is_untouched for one in leaving.reviews] == [True]
    apply(leaving.plan)
    assert not (workspace / "extensions").exists()


def append(path):
    with path.open("a") as file:
        file.write("# mine\n")


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine\n")


WORK = {
    "edited": (lambda package: append(package / "README.md"), ("README.md",), (), "+# mine\n"),
    "missing": (lambda package: (package / "fustor.yaml").unlink(), ("fustor.yaml",), (), "+++ /dev/null\n"),
    "a file": (lambda package: put(package / "notes.txt"), (), ("notes.txt",), "Not rendered: notes.txt"),
    "a file among others": (lambda package: put(package / "src/x.py"), (), ("src/x.py",), "Not rendered: src/x.py"),
    "a directory": (lambda package: put(package / "docs/a/b.md"), (), ("docs/",), "Not rendered: docs/"),
    "a build": (lambda package: put(package / "dist/x.whl"), (), ("dist/",), "Not rendered: dist/"),
    "a link": (lambda package: (package / "l").symlink_to("README.md"), (), ("l",), "Not rendered: l"),
    "binary": (
        lambda package: (package / "README.md").write_bytes(b"\xff"),
        ("README.md",),
        (),
        "Binary files of README.md differ",
    ),
}


@pytest.mark.parametrize("case", WORK)
def test_an_authors_work_is_seen_and_shown(workspace, case):
    work, modified, foreign, shown = WORK[case]
    work(workspace / REDIS)
    (review,) = plan_removal([workspace / REDIS], force=False).reviews
    assert (review.is_untouched, review.modified, review.foreign) == (False, modified, foreign)
    assert shown in review.as_text().replace(f"{REDIS}/", "")
    assert all(any(name in line for line in review.outcome()) for name in foreign)


@pytest.mark.parametrize("text", [None, "a: [", "template_version: 9.9.9\n"], ids=["none", "broken", "unknown"])
def test_a_record_that_is_of_no_use_keeps_everything(workspace, text):
    answers = workspace / REDIS / ".copier-answers.yml"
    answers.write_text(text) if text else answers.unlink()
    if text:
        with pytest.raises((WorkspaceError, EnvironmentProblem)):
            plan_removal([workspace / REDIS], force=False)
    (review,) = plan_removal([workspace / REDIS], force=True).reviews
    assert not review.is_untouched
    assert "pyproject.toml" in review.foreign


@pytest.mark.parametrize("text", [b"[project", b'name = "\xff"'], ids=["broken", "not a text"])
def test_a_driver_whose_project_file_cannot_be_read_is_removed_by_force(workspace, text):
    (workspace / REDIS / "pyproject.toml").write_bytes(text)
    with pytest.raises(WorkspaceError, match="remove the package unread with --force"):
        plan_removal([workspace / REDIS], force=False)
    apply(plan_removal([workspace / REDIS], force=True).plan)
    assert not (workspace / REDIS).exists()
    assert "redis" not in (workspace / "pyproject.toml").read_text()


def test_only_a_directory_with_a_driver_is_removed(workspace, tmp_path):
    (tmp_path / "link").symlink_to(workspace / REDIS)
    put(tmp_path / "notes/x")
    nested = workspace / "extensions/source-nested"
    put(nested / "x")
    (nested / "pyproject.toml").write_text(
        '[project]\nname = "n"\n[project.entry-points."fustor.drivers.sources"]\nn = "n:N"\n[tool.uv.workspace]\n'
    )
    for path, error in (
        (tmp_path / "link", TargetConflict),
        (tmp_path / "notes", UsageProblem),
        (nested, TargetConflict),
    ):
        with pytest.raises(error):
            plan_removal([path], force=True)


def test_several_go_in_one_plan_and_the_rest_stays(workspace, files):
    create(workspace, files, "a", "z")
    before = (workspace / "pyproject.toml").read_text()
    apply(plan_removal([workspace / "extensions/source-z", workspace / REDIS], force=False).plan)
    assert [path.name for path in (workspace / "extensions").iterdir()] == ["source-a"]
    kept = [line for line in before.splitlines() if "redis" not in line and "source-z" not in line]
    assert (workspace / "pyproject.toml").read_text().splitlines() == kept


def test_removals_side_by_side_all_leave_the_root_file(workspace, files):
    create(workspace, files, "a")
    commands = [[FUSTOR_NEW, "remove", f"extensions/source-{name}"] for name in ("a", "redis")]
    processes = [subprocess.Popen(command, cwd=workspace, stdout=subprocess.DEVNULL) for command in commands]
    assert [process.wait(DEADLINE_SEC) for process in processes] == [0, 0]
    assert (workspace / "pyproject.toml").read_text() == removing.ROOT


def test_a_plan_that_another_run_overtakes_is_refused(workspace, files, snapshot):
    create(workspace, files, "a")
    plans = [plan_removal([workspace / f"extensions/source-{name}"], force=False).plan for name in ("a", "redis")]
    apply(plans[0])
    before = snapshot(workspace)
    with pytest.raises(EnvironmentProblem, match=r"pyproject\.toml' has changed meanwhile; run again"):
        apply(plans[1])
    assert snapshot(workspace) == before


def test_what_changes_after_planning_stays(workspace, snapshot):
    plan = plan_removal([workspace / REDIS], force=False).plan
    put(workspace / REDIS / "notes.txt")
    before = snapshot(workspace)
    with pytest.raises(EnvironmentProblem, match=r"'notes\.txt' in .* has changed meanwhile"):
        apply(plan)
    assert snapshot(workspace) == before


def test_a_fault_at_any_step_leaves_everything_as_it_was(workspace, snapshot):
    before = snapshot(workspace)
    reached = []

    def run(fault):
        apply(plan_removal([workspace / REDIS], force=False).plan, fault=fault)

    for step in failing(run, *FAULTS["exception"]):
        assert snapshot(workspace) == before, step
        reached.append(step)
    assert reached == STEPS
    assert not (workspace / "extensions").exists()


@pytest.mark.parametrize("step", STEPS)
def test_after_kill_9_the_next_run_finishes_or_undoes(workspace, snapshot, step):
    before = snapshot(workspace)
    kill_at(step, plan_removal([workspace / REDIS], force=False).plan)
    messages = recover(workspace)
    assert [message.split()[0] for message in messages] == verbs_after(step, STEPS)
    if verbs_after(step, STEPS) == ["Finished"]:
        assert messages[0].startswith(f"Finished an interrupted run: {REDIS} is removed")
        assert snapshot(workspace).keys() == {"pyproject.toml"}
        assert (workspace / "pyproject.toml").read_text() == removing.ROOT
    else:
        assert snapshot(workspace) == before
    assert recover(workspace) == []
    assert not list(workspace.glob(".fustor-new-*"))


@pytest.mark.parametrize(
    "command",
    [*(f"{word} redis" for word in ("remove", "update", "adopt", "doctor --fix", "unregister")), f"register {REDIS}"],
)
def test_a_removal_that_was_killed_is_finished_by_a_command_that_looks_for_the_driver(workspace, command):
    kill_at("remove the stage", plan_removal([workspace / REDIS], force=False).plan)
    done = fustor_new(*command.split(), cwd=workspace)
    assert done.stderr.startswith(f"Finished an interrupted run: {REDIS} is removed")
    assert os.listdir(workspace) == ["pyproject.toml"]  # noqa: PTH208 - names are enough
    assert fustor_new(*command.split(), cwd=workspace).returncode == done.returncode


@pytest.mark.parametrize("place", ["", "workspace"], ids=["above", "in the workspace"])
def test_a_creation_that_was_killed_is_removed_whole(workspace, files, place):
    apply(plan_removal([workspace / REDIS], force=False).plan)
    before = (workspace / "pyproject.toml").read_text()
    changes = [Change(workspace / REDIS, None, Tree(files["redis"]))]
    driver = Registration(REDIS, "fustor-source-redis")
    kill_at("move source-redis", plan_in(Workspace.load(workspace), changes, registrations=[driver]))
    word = "redis" if place else f"workspace/{REDIS}"
    assert fustor_new("remove", "--dry-run", word, cwd=workspace.parent / place).returncode == 2
    assert len(list(workspace.glob(".fustor-new-*"))) == 1  # it only reads
    done = fustor_new("remove", word, cwd=workspace.parent / place)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"Finished an interrupted run: {REDIS} is in place")
    assert (workspace / "pyproject.toml").read_text() == before
    assert os.listdir(workspace) == ["pyproject.toml"]  # noqa: PTH208 - names are enough


@pytest.mark.parametrize("step", ["replace pyproject.toml", "take away source-redis"])
def test_what_an_author_did_after_the_kill_stays(workspace, step):
    """Before the root file is replaced, and after it."""
    kill_at(step, plan_removal([workspace / REDIS], force=False).plan)
    put(workspace / REDIS / "notes.txt")
    append(workspace / "pyproject.toml")
    (message,) = recover(workspace)
    assert message.endswith(f"{REDIS} is left as it is, as it has changed since")
    assert (workspace / REDIS / "notes.txt").read_text() == "mine\n"
    assert (workspace / REDIS / "README.md").exists()
    assert (workspace / "pyproject.toml").read_text().endswith("# mine\n")


def test_a_standalone_project_goes_and_its_neighbours_stay(tmp_path, files):
    for name in ("one", "two"):
        for path, content in files["redis"].items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(content.data)
    leaving = plan_removal([tmp_path / "one"], force=False)
    apply(leaving.plan)
    assert os.listdir(tmp_path) == ["two"]  # noqa: PTH208 - names are enough
