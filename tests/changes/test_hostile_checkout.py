"""A checkout that wants to be recovered from, or to lead a run elsewhere: nothing outside is written or removed."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from kills import kill_at
from workspaces import DRIVER_BY_HAND, answer

from fustor_new.changes._journal import Journal, drop_journal
from fustor_new.changes.apply import apply, recover
from fustor_new.changes.content import FileContent, Tree, digest
from fustor_new.changes.plan import Change, Plan, make_plan
from fustor_new.errors import EnvironmentProblem, FustorNewError, TargetConflict, WorkspaceError

STAGE = ".fustor-new-0123456789abcdef"
DEADLINE_SEC = 60


@pytest.fixture
def outside(tmp_path):
    """A directory beside the workspace, with a file that nobody may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("mine")
    return folder


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A state directory of this test's own."""
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def journal(version, **said):
    data = {"version": version, "homes": [], "steps": [], **said}
    return data | ({"committing": True} if version == 1 else {"phase": "committing", "stage": STAGE})


def deletes(outside):
    return {"homes": [str(outside)]}


def deletes_above(outside):
    return {"homes": [f"../{outside.name}"]}


def step(path, staged, before, after):
    return {"steps": [{"path": path, "staged": f"{STAGE}/{staged}", "before": before, "after": after, "litter": []}]}


def writes(outside):
    return step(str(outside / "made"), "0.after", None, digest(b"evil"))


def moves(outside):
    return step(f"../{outside.name}/made", "0.tree", None, {"x": [digest(b"x"), "file"]})


def takes_away(outside):
    return step(str(outside), "0.removed", {"precious": [digest(b"mine"), "file"]}, None)


def plant(folder, said):
    """Put a stage with a journal into a checkout."""
    stage = folder / STAGE
    (stage / "0.tree").mkdir(parents=True)
    (stage / "0.tree/x").write_text("x")
    (stage / "0.after").write_text("evil")
    (stage / "journal.json").write_text(said if isinstance(said, str) else json.dumps(said))
    return stage


def register(root):
    """Run a command that writes, and return its exit code."""
    mine = root / "extensions/source-mine"
    mine.mkdir(parents=True, exist_ok=True)
    (mine / "pyproject.toml").write_text(DRIVER_BY_HAND)
    return answer("register", "extensions/source-mine", cwd=root)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("harm", [deletes, deletes_above, writes, moves, takes_away])
def test_a_journal_that_came_with_the_checkout_is_left_alone(root, outside, snapshot, harm, version):
    plant(root, journal(version, root=str(root), **harm(outside)))
    before = snapshot(root)
    assert recover(root) == []
    assert os.listdir(outside) == ["precious"]  # noqa: PTH208 - names are enough
    assert snapshot(root) == before


def test_a_journal_that_came_with_the_checkout_is_named_and_stops_nothing(root, outside, capsys):
    plant(root, journal(1, **deletes(outside)))
    assert register(root) == 0
    assert f"{STAGE!r} in {str(root)!r} is named like a run of yours, but is not one" in capsys.readouterr().err
    assert "extensions/source-mine" in (root / "pyproject.toml").read_text()


@pytest.mark.parametrize("said", ["[]", "{", '{"homes": 3}', "[" * 100_000, "\x1b]0;x\x07", '"\u202e"'])
def test_a_journal_of_nonsense_stops_nothing(root, said):
    plant(root, said)
    assert register(root) == 0


@pytest.mark.parametrize("kind", ["pipe", "link", "directory", "endless"])
def test_a_journal_that_is_no_file_stops_nothing(root, kind):
    path = plant(root, "") / "journal.json"
    path.unlink()
    make = {"pipe": os.mkfifo, "directory": os.mkdir}
    make.get(kind, lambda path: path.symlink_to("/dev/zero" if kind == "endless" else "0.after"))(path)
    assert register(root) == 0


def test_a_name_of_a_stage_is_made_safe_for_the_terminal(root, capsys):
    (root / ".fustor-new-\x1b[31m\u202e").mkdir()
    (root / ".fustor-new-\x1b[31m\u202e/x").touch()
    assert register(root) == 0
    assert ".fustor-new-\\x1b[31m\\u202e" in capsys.readouterr().err


def test_nothing_above_the_workspace_is_looked_at(root, outside, capsys):
    plant(root.parent, journal(1, **deletes(outside)))
    assert register(root) == 0
    assert (outside / "precious").exists()
    assert capsys.readouterr().err == ""


def journals():
    return sorted((Path(os.environ["XDG_STATE_HOME"]) / "fustor-new").glob("*"))


def test_the_users_own_journal_is_private_and_gone_after_the_recovery(root, plan_for):
    kill_at("move source-redis", plan_for(root, "redis"))
    (written,) = journals()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (written.parent, written)] == [0o700, 0o600]
    assert stat.S_IMODE(next(root.glob(".fustor-new-*")).stat().st_mode) == 0o700
    (message,) = recover(root / "packages/core")  # a run is found from below too
    assert message.startswith("Finished an interrupted run: extensions/source-redis is in place")
    assert journals() == []


def test_a_stage_of_another_users_run_is_no_business_of_this_one(root, tmp_path, monkeypatch, snapshot, plan_for):
    kill_at("move source-redis", plan_for(root, "redis"))
    before = snapshot(root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    assert recover(root) == []
    assert snapshot(root) == before


def test_a_draft_that_was_exchanged_since_is_not_put_in_place(root, plan_for):
    kill_at("move source-redis", plan_for(root, "redis"))
    (driver,) = root.glob(".fustor-new-*/*.tree/no end")
    driver.write_text("evil")
    (message,) = recover(root)
    assert message.endswith("extensions/source-redis is left as it is, as it has changed since")
    assert not (root / "extensions/source-redis").exists()


def test_a_link_that_came_into_the_way_since_is_not_followed(root, outside, plan_for):
    kill_at("move source-redis", plan_for(root, "redis"))
    (root / "extensions").rmdir()
    (root / "extensions").symlink_to(outside)
    (message,) = recover(root)
    assert message.endswith("extensions/source-redis is left as it is, as it has changed since")
    assert os.listdir(outside) == ["precious"]  # noqa: PTH208 - names are enough


FORGED = {
    "another root": lambda said: said | {"root": "/"},
    "a home elsewhere": lambda said: said | {"homes": ["../outside"]},
    "a home of another name": lambda said: said | {"homes": ["packages"]},
    "a list": lambda _: [],
    "a phase": lambda said: said | {"phase": "x"},
    "a key too many": lambda said: said | {"x": 1},
    "a newer version": lambda said: said | {"version": 9},
    "an absolute target": lambda said: said | {"steps": [said["steps"][0] | {"path": "/tmp/x"}]},  # noqa: S108
}


@pytest.mark.parametrize("case", FORGED)
def test_a_damaged_journal_of_the_user_is_named_and_changes_nothing(root, outside, capsys, case, plan_for):
    kill_at("move source-redis", plan_for(root, "redis"))
    (written,) = journals()
    written.write_text(json.dumps(FORGED[case](json.loads(written.read_text()))))
    assert register(root) == 0
    assert f"Cannot read {str(written)!r} of an interrupted run" in capsys.readouterr().err
    assert (outside / "precious").exists()
    assert list(root.glob(".fustor-new-*"))


def unwritable(state):
    state.mkdir()
    (state / "fustor-new").write_text("a file")


def open_to_others(state):
    (state / "fustor-new").mkdir(parents=True)
    (state / "fustor-new").chmod(0o777)


@pytest.mark.parametrize("spoil", [unwritable, open_to_others])
def test_without_a_place_of_ones_own_nothing_is_begun(root, plan_for, state, snapshot, spoil):
    spoil(state)
    before = snapshot(root)
    with pytest.raises(EnvironmentProblem, match="XDG_STATE_HOME"):
        apply(plan_for(root, "redis"))
    assert snapshot(root) == before


def test_a_state_directory_within_the_checkout_is_not_taken_nor_made(root, plan_for, monkeypatch, snapshot):
    monkeypatch.setenv("XDG_STATE_HOME", str(root / "state"))
    before = snapshot(root)
    with pytest.raises(EnvironmentProblem, match="which others may have filled; set XDG_STATE_HOME"):
        apply(plan_for(root, "redis"))
    assert snapshot(root) == before
    assert not (root / "state").exists()


def test_a_journal_has_gone_with_its_directory(root, state, plan_for):
    kill_at("move source-redis", plan_for(root, "redis"))
    (written,) = journals()
    interrupted = Journal.parse(json.loads(written.read_text()))
    shutil.rmtree(state)
    drop_journal(interrupted)
    assert not state.exists()


def test_a_relative_state_directory_is_no_answer(root, plan_for, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    apply(plan_for(root, "redis"))
    assert (tmp_path / "home/.local/state/fustor-new").is_dir()


@pytest.mark.parametrize("link", ["extensions", "extensions/source-x"])
def test_a_new_tree_never_goes_through_a_link_that_leads_out(root, outside, link):
    (root / link).parent.mkdir(exist_ok=True)
    (root / link).symlink_to(outside)
    with pytest.raises(FustorNewError):
        apply(make_plan(root, [Change(root / "extensions/source-x", None, Tree({"a": FileContent(b"x")}))]))
    assert os.listdir(outside) == ["precious"]  # noqa: PTH208 - names are enough


def test_a_root_file_that_leads_out_is_refused(root, plan_for, outside):
    (root / "pyproject.toml").rename(outside / "pyproject.toml")
    (root / "pyproject.toml").symlink_to(outside / "pyproject.toml")
    before = (outside / "pyproject.toml").read_bytes()
    with pytest.raises(WorkspaceError, match="put the file itself in its place"):
        plan_for(root, "redis")
    assert (outside / "pyproject.toml").read_bytes() == before


MINE, EVIL = FileContent(b"mine"), FileContent(b"evil")
SWAPPED = {
    "an edit": lambda root: Change(root / "a/precious", MINE, EVIL),
    "a deletion": lambda root: Change(root / "a/precious", MINE, None),
    "a creation": lambda root: Change(root / "a/made", None, EVIL),
    "a removal": lambda root: Change(root / "a/b", Tree({"precious": MINE}), None),
    "a tree": lambda root: Change(root / "a/made", None, Tree({"x": EVIL})),
}


@pytest.mark.parametrize("kind", SWAPPED)
def test_a_directory_that_becomes_a_link_while_the_run_is_on_is_not_followed(tmp_path, outside, snapshot, kind):
    root = tmp_path / "project"
    (root / "a/b").mkdir(parents=True)
    for folder in (root / "a", root / "a/b", outside / "b"):
        folder.mkdir(exist_ok=True)
        (folder / "precious").write_text("mine")
    before = snapshot(outside)

    def swap(step):
        if step.startswith(("replace", "take away", "move")):
            (root / "a").rename(root / "was")
            (root / "a").symlink_to(outside)

    with pytest.raises((TargetConflict, EnvironmentProblem)):
        apply(Plan(root, (SWAPPED[kind](root),)), fault=swap)
    assert snapshot(outside) == before


@pytest.mark.parametrize("path", ["../outside/made", "a/../../outside/made"])
def test_a_plan_stays_below_its_root(tmp_path, outside, path):
    root = tmp_path / "project"
    (root / "a").mkdir(parents=True)
    with pytest.raises(TargetConflict, match="outside"):
        apply(Plan(root, (Change(root / path, None, EVIL),)))
    assert os.listdir(outside) == ["precious"]  # noqa: PTH208 - names are enough


def edit_of(path):
    return Change(path, FileContent(b"a"), FileContent(b"b"))


def test_drafts_of_a_private_file_are_never_wider_than_it(tmp_path, monkeypatch):
    path, seen = tmp_path / "secret", []
    path.write_text("a")
    path.chmod(0o600)
    opened = os.open

    def watched(name, flags, mode=0o777, **where):
        if flags & os.O_CREAT:
            seen.append(mode)
        return opened(name, flags, mode, **where)

    monkeypatch.setattr(os, "open", watched)
    apply(Plan(tmp_path, (edit_of(path),)), fault=lambda _: check_stage(tmp_path, seen))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {mode & 0o077 for mode in seen} == {0}


def check_stage(folder, seen):
    for stage in folder.glob(".fustor-new-*"):
        seen.append(stat.S_IMODE(stage.stat().st_mode))


def test_a_mode_that_runs_as_somebody_else_is_not_given_to_a_new_file(tmp_path):
    path = tmp_path / "tool"
    path.write_text("a")
    path.chmod(0o6755)
    apply(Plan(tmp_path, (edit_of(path),)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_owner_and_mode_go_to_the_draft_and_never_to_what_a_link_leads_to(tmp_path, outside, monkeypatch):
    path, secret, chown = tmp_path / "mine/file", outside / "precious", os.chown
    path.parent.mkdir()
    path.write_text("a")
    chown(path, 12345, 12345)
    secret.chmod(0o600)

    def swapped(draft, *owner, **where):
        Path(draft).unlink()
        Path(draft).symlink_to(secret)
        chown(draft, *owner, **where)

    monkeypatch.setattr(os, "chown", swapped)
    apply(Plan(path.parent, (edit_of(path),)))
    assert (path.stat().st_uid, secret.stat().st_uid, stat.S_IMODE(secret.stat().st_mode)) == (12345, 0, 0o600)
