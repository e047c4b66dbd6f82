"""Files created, replaced and deleted, directories taken away: whole or not at all, and nothing that has changed."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import changing as changes
import pytest
from changing import MINE, OLD
from faults import FAULTS, Fault, failing
from kills import kill_at, verbs_after

from fustor_new.changes.apply import apply, recover
from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.patch import as_patch
from fustor_new.changes.plan import Change, Plan
from fustor_new.errors import EnvironmentProblem, TargetConflict

STEPS = [
    "lock the root",
    "create the stage",
    "stage source-new",
    "write source-new/driver.py",
    "write the journal",
    "create new",
    "create dir",
    "move source-new",
    "replace pyproject.toml",
    "replace edited.py",
    "replace run",
    "replace only.py",
    "replace made.py",
    "replace empty",
    "take away source-old",
    "remove the stage",
]


@pytest.fixture
def world(tmp_path):
    root = tmp_path / "workspace"
    changes.world(root)
    return root


@pytest.fixture
def done(tmp_path, snapshot):
    """What the world looks like when the plan has been carried out."""
    root = tmp_path / "done"
    changes.world(root)
    apply(changes.plan_for(root))
    return snapshot(root)


def test_every_change_is_made(world, snapshot):
    before = snapshot(world)
    apply(changes.plan_for(world))
    after = snapshot(world)
    assert "extensions/source-new" in (world / "pyproject.toml").read_text()
    assert after[f"{MINE}/edited.py"] == (0o640, b"one\n2\nthree")
    assert after[f"{MINE}/run"][0] & 0o111 == 0o111
    assert os.access(world / MINE / "new/dir/made.py", os.X_OK)
    assert after[f"{MINE}/new/empty"][1] == b""
    assert not {name for name in after if name.startswith((OLD, f"{MINE}/gone"))}
    assert after[f"{MINE}/same.py"] == before[f"{MINE}/same.py"]


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_at_any_step_leaves_everything_as_it_was(world, snapshot, kind):
    before = snapshot(world)
    reached = []
    for step in failing(lambda fault: apply(changes.plan_for(world), fault=fault), *FAULTS[kind]):
        assert snapshot(world) == before, step
        reached.append(step)
    assert reached == STEPS


@pytest.mark.parametrize("step", STEPS)
def test_after_kill_9_the_next_run_finishes_or_undoes(world, snapshot, done, step):
    before = snapshot(world)
    kill_at(step, changes.plan_for(world))
    messages = recover(world)
    is_finished = verbs_after(step, STEPS) == ["Finished"]
    assert snapshot(world) == (done if is_finished else before)
    assert [message.split()[0] for message in messages] == verbs_after(step, STEPS)
    assert recover(world) == []


AUTHORS_WORK = {
    f"{MINE}/edited.py": "the author's",
    f"{MINE}/run": None,
    f"{MINE}/gone/deep/only.py": "the author's",
    f"{MINE}/new/dir/made.py": "the author's",
    f"{OLD}/src/driver.py": "the author's",
    f"{OLD}/new.py": "the author's",
}


@pytest.mark.parametrize("name", AUTHORS_WORK)
def test_a_killed_run_never_overwrites_or_deletes_what_has_changed_since(world, name):
    kill_at("move source-new", changes.plan_for(world))
    path = world / name
    if AUTHORS_WORK[name] is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(AUTHORS_WORK[name])
    (message,) = recover(world)
    assert (path.read_text() if path.exists() else None) == AUTHORS_WORK[name]
    assert "is left as it is, as it has changed since" in message
    assert (name if MINE in name else OLD) in message.partition("is left")[0].rpartition(";")[2]
    assert list(world.glob(".fustor-new-*")) == []


@pytest.mark.parametrize("name", AUTHORS_WORK)
def test_what_changes_after_planning_stops_the_run(world, snapshot, name):
    plan = changes.plan_for(world)
    path = world / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("the author's")
    before = snapshot(world)
    with pytest.raises(EnvironmentProblem, match="has changed meanwhile; run again"):
        apply(plan)
    assert snapshot(world) == before


@pytest.mark.parametrize("name", AUTHORS_WORK)
def test_what_changes_during_the_run_stops_it_and_stays(world, snapshot, name):
    def fault(step):
        if step == f"replace {Path(name).name}" or (step.startswith("take away") and OLD in name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("the author's")

    before, path = snapshot(world), world / name
    with pytest.raises(EnvironmentProblem, match="has changed meanwhile; run again"):
        apply(changes.plan_for(world), fault=fault)
    assert path.read_text() == "the author's"
    after = snapshot(world)
    parents = {str(parent) for parent in Path(name).parents}
    assert {key: value for key, value in after.items() if key != name and key not in parents} == {
        key: value for key, value in before.items() if key != name and key not in parents
    }


def test_a_file_that_is_edited_in_the_moment_before_the_undoing_keeps_the_edit(world):
    path = world / MINE / "edited.py"

    def fault(step):
        if step == "replace run":
            path.write_text("the author's")
            raise Fault

    with pytest.raises(Fault):
        apply(changes.plan_for(world), fault=fault)
    assert path.read_text() == "the author's"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("place", ["in git", "not in git"])
def test_git_apply_of_the_patch_equals_the_run(world, snapshot, done, place):
    shutil.rmtree(world / OLD / "src/__pycache__")  # what tools make again is in no patch
    if place == "in git":
        subprocess.run(["git", "init", "-q"], cwd=world, check=True)
    patch = as_patch(changes.plan_for(world))
    subprocess.run(["git", "apply", "-"], cwd=world, input=patch, check=True)
    patched = snapshot(world)
    assert patched.keys() == done.keys()
    assert {name: contents(entry) for name, entry in patched.items()} == {
        name: contents(entry) for name, entry in done.items()
    }


def contents(entry):
    """What git knows of an entry: bytes and the executable bit."""
    return (bool(entry[0] & 0o100), entry[1]) if isinstance(entry, tuple) else None


PAIRS = {
    "emptied": (b"a\nb\n", b""),
    "filled": (b"", b"a\n"),
    "CRLF": (b"a\r\nb\r\n", b"a\r\nB\r\n"),
    "end added": (b"a", b"a\n"),
    "end taken": (b"a\n", b"a"),
    "NUL": (b"\0a\n", b"\0b\n"),
    "deleted": (b"x\0", None),
    "deleted without an end": (b"a\nb", None),
    "deleted when empty": (b"", None),
    "created": (None, b"x\r"),
}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("modes", [(0o644, 0o644), (0o755, 0o644), (0o755, 0o755), (0o644, 0o755)])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_single_edit_is_the_same_as_a_patch(tmp_path, snapshot, pair, modes):
    before, after = PAIRS[pair]
    mode, becomes = modes
    worlds = [tmp_path / "run", tmp_path / "patched"]
    for root in worlds:
        (root / "sub dir").mkdir(parents=True)
        (root / "stays").touch()
        if before is not None:
            (root / "sub dir/a file").write_bytes(before)
            (root / "sub dir/a file").chmod(mode)
    contents = (
        before if before is None else FileContent(before, mode),
        None if after is None else FileContent(after, becomes),
    )
    plans = [Plan(root, (Change(root / "sub dir/a file", *contents),)) for root in worlds]
    apply(plans[0])
    subprocess.run(["git", "apply", "-"], cwd=worlds[1], input=as_patch(plans[1]), check=True)
    assert snapshot(worlds[0]) == snapshot(worlds[1])


def test_a_directory_with_a_special_file_is_not_taken_away(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TargetConflict, match="neither a file nor a symlink"):
        Tree.read(tmp_path)


def test_an_edit_never_writes_through_a_symlink(tmp_path):
    (tmp_path / "real").write_text("a")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(EnvironmentProblem, match="has changed meanwhile"):
        apply(Plan(tmp_path, (Change(tmp_path / "link", FileContent(b"a"), FileContent(b"b")),)))
    assert (tmp_path / "real").read_text() == "a"


def test_a_new_file_follows_the_umask_and_an_old_one_keeps_its_mode(tmp_path):
    (tmp_path / "old").write_text("a")
    (tmp_path / "old").chmod(0o604)
    made = Change(tmp_path / "new", None, FileContent(b"x", 0o755))
    edited = Change(tmp_path / "old", FileContent(b"a", 0o604), FileContent(b"b", 0o755))
    before = os.umask(0o027)
    try:
        apply(Plan(tmp_path, (made, edited)))
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "old")] == [0o750, 0o705]
