import fcntl
import os
import resource
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from faults import FAULTS, Fault, fail, failing
from kills import kill_at, verbs_after

from fustor_new.changes._locks import locked
from fustor_new.changes.apply import abandoned_stages, apply, recover
from fustor_new.changes.content import FileContent, Tree
from fustor_new.changes.plan import Change, Plan, make_plan
from fustor_new.errors import EnvironmentProblem, TargetConflict
from fustor_new.workspace.root import Workspace

CHILD = Path(__file__).with_name("child.py")
STEPS = [
    "lock the root",
    "create the stage",
    "stage source-redis",
    "write source-redis/pyproject.toml",
    "write source-redis/src/x/__init__.py",
    "write source-redis/bin/run",
    "write source-redis/no end",
    "write the journal",
    "create extensions",
    "move source-redis",
    "replace pyproject.toml",
    "remove the stage",
]
DEADLINE_SEC = 60


@pytest.fixture
def child():
    """Return a function that starts child.py; what it starts is gone after the test."""
    started = []

    def start(root, name, mode):
        command = [sys.executable, str(CHILD), str(root), name, str(mode)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def release(process):
    process.stdin.write(b"\n")
    process.stdin.flush()


def stages(root):
    return list(root.rglob(".fustor-new-*"))


def test_everything_is_made_and_nothing_else(root, plan_for, snapshot):
    before = snapshot(root)
    apply(plan_for(root, "redis"))
    after = snapshot(root)
    text = (root / "pyproject.toml").read_text()
    assert text.count("\n") == before["pyproject.toml"][1].decode().count("\n") + 2
    made = {path for path in set(after) - set(before) if (root / path).is_file()}
    assert made == {
        f"extensions/source-redis/{name}" for name in ("pyproject.toml", "src/x/__init__.py", "bin/run", "no end")
    }
    assert os.access(root / "extensions/source-redis/bin/run", os.X_OK)
    assert not os.access(root / "extensions/source-redis/no end", os.X_OK)


def test_the_same_plan_again_changes_nothing(root, plan_for, snapshot):
    apply(plan_for(root, "redis", "my-db"))
    (root / "extensions/source-redis/__pycache__").mkdir()  # what a run of the tests leaves is no difference
    before = snapshot(root)
    plan = plan_for(root, "redis", "my-db")
    assert plan.is_empty
    assert "extensions/source-redis is there already, unchanged" in plan.notes
    apply(plan)
    assert snapshot(root) == before


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("shape", ["plain", "two drivers", "empty target", "linked root file"])
def test_a_fault_at_any_step_leaves_the_tree_as_it_was(root, plan_for, snapshot, kind, shape):
    tmp_path = root.parent
    if shape == "empty target":
        (root / "extensions/source-redis").mkdir(parents=True)
        (root / "extensions/source-redis").chmod(0o700)
    if shape == "linked root file":
        (root / "pyproject.toml").rename(root / "packages/real.toml")
        (root / "pyproject.toml").symlink_to("packages/real.toml")
    names = ("redis", "my-db") if shape == "two drivers" else ("redis",)
    before = snapshot(tmp_path)
    reached = []
    for step in failing(lambda fault: apply(plan_for(root, *names), fault=fault), *FAULTS[kind]):
        assert snapshot(tmp_path) == before, step
        reached.append(step)
    if shape == "plain":
        assert sorted(reached) == sorted(STEPS)
    assert reached[-1] == "remove the stage"
    assert not stages(tmp_path)


def test_a_file_too_large_for_the_disk_leaves_the_tree_as_it_was(root, snapshot, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python leaves cut bytecode behind on a full disk
    before = snapshot(root)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    files = {"a": FileContent(b"a"), "big": FileContent(b"x" * 50_000)}
    big = Change(root / "extensions/source-big", None, Tree(files))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(EnvironmentProblem, match="File too large"):
            apply(make_plan(root, [big]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert snapshot(root) == before


@pytest.mark.parametrize("step", STEPS)
def test_after_kill_9_the_next_run_finishes_or_undoes(root, plan_for, snapshot, step):
    before = snapshot(root)
    kill_at(step, plan_for(root, "redis"))
    left = snapshot(root)
    messages = recover(root)
    if verbs_after(step, STEPS) == ["Finished"]:
        assert "fustor-source-redis" in (root / "pyproject.toml").read_text()
        assert (root / "extensions/source-redis/no end").read_bytes() == b"x\n\ny"
    else:  # up to the journal nothing has been put in place
        assert {name: entry for name, entry in left.items() if not name.startswith(".fustor-new-")} == before
        assert snapshot(root) == before
    assert [message.split()[0] for message in messages] == verbs_after(step, STEPS)
    assert all("extensions/source-redis" in message for message in messages)
    assert recover(root) == []
    assert not stages(root)
    apply(plan_for(root, "redis"))
    assert Workspace.load(root).membership("extensions/source-redis").is_member
    assert (root / "extensions/source-redis/no end").exists()


def test_an_empty_stage_is_a_leftover(root, snapshot):
    before = snapshot(root)
    (root / ".fustor-new-0000").mkdir()
    assert recover(root) == ["Removed '.fustor-new-0000', a leftover of an interrupted run"]
    assert snapshot(root) == before


def test_an_interrupted_run_is_finished_though_the_root_cannot_be_read(root, plan_for):
    kill_at("move source-redis", plan_for(root, "redis"))
    (root / "pyproject.toml").write_text("[tool")
    (message,) = recover(root)
    assert message == (
        "Finished an interrupted run: extensions/source-redis is in place; "
        "pyproject.toml is left as it is, as it has changed since"
    )
    assert (root / "extensions/source-redis/no end").exists()
    assert (root / "pyproject.toml").read_text() == "[tool"


def test_an_interrupted_run_never_overwrites_what_has_come_in_its_place(root, plan_for):
    kill_at("move source-redis", plan_for(root, "redis"))
    (root / "extensions/source-redis").mkdir(exist_ok=True)
    (root / "extensions/source-redis/mine.py").write_text("mine")
    (message,) = recover(root)
    assert message.endswith("extensions/source-redis is left as it is, as it has changed since")
    assert [path.name for path in (root / "extensions/source-redis").iterdir()] == ["mine.py"]
    assert "redis" not in (root / "pyproject.toml").read_text()


def test_an_interrupted_run_does_not_bring_back_what_was_removed_since(root, plan_for):
    before = (root / "pyproject.toml").read_bytes()
    kill_at("replace pyproject.toml", plan_for(root, "redis"))
    shutil.rmtree(root / "extensions/source-redis")
    (message,) = recover(root)
    assert message.endswith("extensions/source-redis is left as it is, as it has changed since")
    assert (root / "pyproject.toml").read_bytes() == before


def test_a_stage_whose_owner_lives_is_left_alone(child, root):
    process = child(root, "redis", "wait")
    assert process.stdout.readline() == b"waiting\n"
    assert abandoned_stages(root) == ([], [])
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(recover, root)  # it waits for the run to end
        assert len(stages(root)) == 1
        release(process)
        assert waiting.result(DEADLINE_SEC) == []
    assert process.wait(DEADLINE_SEC) == 0
    assert not stages(root)
    assert Workspace.load(root).membership("extensions/source-redis").is_member


@pytest.mark.parametrize("count", [4, pytest.param(10, marks=pytest.mark.full)])
def test_parallel_runs_all_succeed_and_all_register(child, root, count):
    names = [f"n{number}" for number in range(count)]
    processes = [child(root, name, "ready") for name in names]
    for process in processes:
        assert process.stdout.readline() == b"waiting\n"  # all are about to begin
    for process in processes:
        release(process)
    assert [process.wait(DEADLINE_SEC) for process in processes] == [0] * count
    workspace = Workspace.load(root)
    assert {f"extensions/source-{name}" for name in names} < set(workspace.members)
    assert {f"fustor-source-{name}" for name in names} < set(workspace.data["tool"]["uv"]["sources"])
    assert not stages(root)


def test_parallel_runs_of_one_command_make_it_once(child, root):
    processes = [child(root, "redis", "ready") for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == b"waiting\n"
    for process in processes:
        release(process)
    assert [process.wait(DEADLINE_SEC) for process in processes] == [0] * 3
    assert (root / "pyproject.toml").read_text().count("extensions/source-redis") == 1


def test_what_changes_after_planning_is_seen(root, plan_for, snapshot):
    plan = plan_for(root, "redis")
    (root / "extensions/source-redis").mkdir(parents=True)
    (root / "extensions/source-redis/mine.py").write_text("mine")
    before = snapshot(root)
    with pytest.raises(TargetConflict, match=r"mine\.py"):
        apply(plan)
    assert snapshot(root) == before


def test_a_root_that_breaks_after_planning_stays_as_it_is(root, plan_for, snapshot):
    plan = plan_for(root, "redis")
    (root / "pyproject.toml").write_text("[tool.uv\n")
    before = snapshot(root)
    with pytest.raises(EnvironmentProblem, match="has changed meanwhile; run again"):
        apply(plan)
    assert snapshot(root) == before


def test_the_root_file_keeps_its_mode_and_its_symlink(root, plan_for):
    real = root / "packages/real.toml"
    (root / "pyproject.toml").rename(real)
    real.chmod(0o640)
    (root / "pyproject.toml").symlink_to("packages/real.toml")
    apply(plan_for(root, "redis"))
    assert (root / "pyproject.toml").readlink() == Path("packages/real.toml")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert "redis" in real.read_text()


def test_new_files_follow_the_umask(root, plan_for):
    before = os.umask(0o027)
    try:
        apply(plan_for(root, "redis"))
    finally:
        os.umask(before)
    target = root / "extensions/source-redis"
    modes = [stat.S_IMODE((target / name).stat().st_mode) for name in (".", "no end", "bin/run")]
    assert modes == [0o750, 0o640, 0o750]


def test_a_root_that_is_not_there_yet_is_made(tmp_path, snapshot):
    plan = make_plan(tmp_path / "a/b", [Change(tmp_path / "a/b/c", None, Tree({"x": FileContent(b"x")}))])
    assert plan.root == tmp_path
    with pytest.raises(Fault):
        apply(plan, fault=lambda step: fail() if step.startswith("move") else None)
    assert snapshot(tmp_path) == {}
    apply(plan)
    assert set(snapshot(tmp_path)) == {"a", "a/b", "a/b/c", "a/b/c/x"}


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no second file system can be mounted here")
def test_a_stage_on_another_file_system_is_beside_the_target(root):
    (root / "extensions").mkdir()
    script = f"""
        mount -t tmpfs none {root}/extensions || exit 77
        {sys.executable} {CHILD} {root} redis ready < /dev/null > /dev/null && ls -A {root}/extensions
    """
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no second file system can be mounted here: {done.stderr}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "source-redis\n", "")
    assert "redis" in (root / "pyproject.toml").read_text()


def test_a_lock_that_is_never_given_back_is_reported(root):
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(EnvironmentProblem, match="end it, or try again later"), locked(root, timeout_sec=0.05):
            pass
    finally:
        os.close(descriptor)


def test_a_lock_that_is_held_is_not_waited_for_within_its_block(root):
    with locked(root), locked(root, timeout_sec=0.05):
        pass
    with locked(root, timeout_sec=0.05):
        pass


def test_an_edited_file_that_has_changed_meanwhile_is_left_alone(root, snapshot):
    path = root / "pyproject.toml"
    plan = Plan(root, (Change(path, FileContent(path.read_bytes()), FileContent(b"new")),))
    path.write_text("[tool]\n")
    before = snapshot(root)
    with pytest.raises(EnvironmentProblem, match="has changed meanwhile"):
        apply(plan)
    assert snapshot(root) == before


def test_what_cannot_be_taken_back_is_finished_by_the_next_run(root, plan_for):
    def fault(step):
        if step == "remove the stage":
            next(root.glob(".fustor-new-*/*.before")).unlink()
            raise Fault

    with pytest.raises(EnvironmentProblem, match="the next run finishes it"):
        apply(plan_for(root, "redis"), fault=fault)
    assert recover(root) == [
        "Finished an interrupted run: extensions/source-redis is in place; pyproject.toml is edited"
    ]
    assert plan_for(root, "redis").is_empty
    assert not stages(root)


def test_a_stage_above_a_directory_that_was_made_on_the_way_is_found(tmp_path):
    root = tmp_path / "a/b"
    kill_at("move c", make_plan(root, [Change(root / "c", None, Tree({"x": FileContent(b"x")}))]))
    assert recover(tmp_path / "a/b") == ["Finished an interrupted run: a/b/c is in place"]
    assert (tmp_path / "a/b/c/x").read_bytes() == b"x"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_stage_of_another_user_is_none_of_ours(root):
    stage = root / ".fustor-new-0"
    stage.mkdir()
    os.chown(stage, 12345, 12345)
    assert recover(root) == []
    assert stage.is_dir()


def test_a_file_that_is_named_like_a_stage_is_none_of_ours(root):
    (root / ".fustor-new-notes").write_text("mine")
    assert recover(root) == []
    assert (root / ".fustor-new-notes").read_text() == "mine"


def test_an_empty_plan_needs_no_writable_disk(tmp_path):
    apply(Plan(tmp_path))
    assert list(tmp_path.iterdir()) == []
