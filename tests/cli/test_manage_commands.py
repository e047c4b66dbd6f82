"""`remove`, `register` and `unregister`, as the installed command."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from repository import ROOT
from root_shapes import SHAPES, before_and_after
from tiers import sampled
from trees import contents, state
from workspaces import (
    FUSTOR_NEW,
    NAMED_BY_HAND,
    UPSTREAM_ROOT,
    answer,
    done,
    environment,
    fustor_new,
    listed,
    small,
    upstream,
    write_project,
)

from fustor_new.cli import run
from fustor_new.package.verdicts import VERDICTS_FILE

pytestmark = pytest.mark.wide

REDIS = "extensions/source-redis"
# Creation refuses a root without a workspace; in the other one the author had registered the driver beforehand.
NOT_REVERSED = {name for name in SHAPES if name.startswith("no workspace")} | {"sources, listed"}


def git(folder, *arguments, **options):
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment(), capture_output=True, check=True, **options
    )


@pytest.fixture
def at_once(capfd):
    """As `done`, within this process."""

    def call(folder, *arguments):
        assert answer(*arguments, cwd=folder) == 0
        return capfd.readouterr().out

    return call


def check_git_status_is_clean(root, name, do):
    text, _ = before_and_after(SHAPES[name], "as is")
    root.mkdir()
    (root / "pyproject.toml").write_bytes(text)
    git(root, "init", "-q")
    git(root, "add", ".")
    do(root, "source", "redis", "--contract-source", ROOT, "-q")
    assert f"{REDIS}: removed" in do(root, "remove", "source-redis")
    assert git(root, "status", "--porcelain", "--ignored").stdout == b"A  pyproject.toml\n"
    assert [path.name for path in root.iterdir() if path.name != ".git"] == ["pyproject.toml"]


@pytest.mark.parametrize("name", ["empty", "lines, comma first"])
def test_create_and_remove_leave_git_status_clean(tmp_path, name):
    check_git_status_is_clean(tmp_path / "root", name, done)


@pytest.mark.matrix
@pytest.mark.parametrize("name", sampled(sorted(SHAPES.keys() - NOT_REVERSED)))
def test_create_and_remove_leave_git_status_clean_for_every_shape(tmp_path, name, at_once):
    check_git_status_is_clean(tmp_path / "root", name, at_once)


def test_a_shape_that_looks_like_upstream_comes_back_after_both_are_gone(tmp_path):
    root = upstream(tmp_path / "platform")
    before = contents(root)
    done(root, "source", "redis", "--contract-source", ROOT, "-q")
    done(root, "pusher", "kafka", "--contract-source", ROOT, "-q")
    assert (root / "pyproject.toml").read_text().count("\n") == UPSTREAM_ROOT.count("\n") + 4
    done(root, "remove", "source-redis", "extensions/pusher-kafka")
    assert contents(root) == before


def test_several_names_are_removed_together_or_not_at_all(populated):
    (populated / REDIS / "notes.txt").write_text("mine")
    before = contents(populated)
    done(populated, "remove", "pusher-my-db", "source-redis", code=4)
    assert contents(populated) == before
    out = done(populated, "remove", "pusher-my-db", "source-redis", "--force")
    assert "not rendered: notes.txt" in out
    assert [path.name for path in populated.iterdir()] == ["pyproject.toml"]


def test_a_refusal_shows_the_difference(populated):
    with (populated / REDIS / "README.md").open("a") as file:
        file.write("mine\n")
    result = fustor_new("remove", "source-redis", cwd=populated)
    assert result.returncode == 4
    assert re.search(r"^\+mine$", result.stdout, re.MULTILINE)
    assert result.stderr.count("\n") == 1
    assert "--force" in result.stderr
    answer = json.loads(fustor_new("remove", "source-redis", "--json", cwd=populated).stdout)
    (refused,) = answer["refused"]
    assert (answer["schema"], refused["modified"], "+mine\n" in refused["diff"]) == (1, ["README.md"], True)


@pytest.mark.parametrize(
    "arguments", [("remove", "source-redis"), ("unregister", REDIS)], ids=lambda arguments: arguments[0]
)
def test_git_apply_of_the_dry_run_is_the_real_run(populated, tmp_path, arguments):
    patched = shutil.copytree(populated, tmp_path / "patched")
    patch = done(patched, *arguments, "--dry-run")
    assert state(patched).keys() == state(populated).keys()
    done(populated, *arguments)
    git(patched, "apply", "-", input=patch.encode())
    assert contents(patched) == contents(populated)
    assert (patched / REDIS).exists() == (populated / REDIS).exists()


def test_json_of_a_removal_is_the_plan(populated):
    plan = json.loads(done(populated, "remove", "source-redis", "--dry-run", "--json"))
    assert plan["schema"] == 1
    assert f"{REDIS}/pyproject.toml" in {removed["path"] for removed in plan["removed"]}
    assert [edited["path"] for edited in plan["edited"]] == ["pyproject.toml"]
    assert (populated / REDIS).is_dir()


def test_unregister_and_register_are_each_others_inverse_and_done_once(populated):
    before = (populated / "pyproject.toml").read_text()
    assert done(populated, "unregister", REDIS) == f"{REDIS}: no longer registered\n"
    after = (populated / "pyproject.toml").read_text()
    assert "redis" not in after
    assert done(populated, "unregister", REDIS) == f"{REDIS}: not registered\n"
    assert (populated / "pyproject.toml").read_text() == after
    assert done(populated / REDIS, "register", ".") == f"{REDIS}: registered\n"
    assert (populated / "pyproject.toml").read_text() == before
    assert done(populated, "register", REDIS) == f"{REDIS}: registered already (listed as {REDIS!r})\n"


def test_a_driver_whose_directory_is_gone_can_be_unregistered(populated):
    shutil.rmtree(populated / REDIS)
    assert done(populated, "unregister", REDIS) == f"{REDIS}: no longer registered\n"
    assert "redis" not in (populated / "pyproject.toml").read_text()


def test_a_covered_driver_stays_a_member_and_what_still_asks_for_it_is_named(tmp_path):
    root = small(tmp_path / "workspace")
    done(root, "source", "redis", "--contract-source", ROOT, "-q")
    with (root / "pyproject.toml").open("a") as file:
        file.write('[dependency-groups]\nall = ["fustor-source-redis"]\n')
    out = done(root, "unregister", REDIS)
    assert out == (
        f"{REDIS}: not registered; 'extensions/*' covers it, so it stays a member; "
        "dependency-groups.all still asks for it\n"
    )
    assert "dependency-groups.all still asks for fustor-source-redis" in done(root, "remove", "source-redis")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["register"], 2, "PATH"),
        (["register", "nothing"], 2, "no pyproject.toml"),
        (["register", "x" * 5000], 2, "File name too long"),
        (["register", "packages/nameless"], 2, "no [project] name"),
        (["register", "packages/library"], 2, "no entry point in a group that a host scans"),
        (["register", "old/driver"], 5, "excluded from the workspace by 'old/*'"),
        (["register", "packages/twin"], 3, "'Fustor_Source.redis' is taken: 'extensions/source-redis' holds"),
        (["register", "packages/same"], 3, "'redis' is taken: 'extensions/source-redis' holds the source"),
        (["register", "packages/broken"], 5, "as TOML"),
        (["register", "../outside"], 5, "No uv workspace above"),
        (["unregister", "nothing"], 2, "no pyproject.toml"),
        (["unregister", "extensions/source-gone"], 2, "no pyproject.toml"),
        (["remove"], 2, "NAME"),
        (["remove", "source-rediss"], 2, "did you mean 'source-redis'?"),
        (["remove", "packages/library"], 2, "no entry point"),
        (["remove", "packages/driver"], 4, "not as it was rendered"),
        (["remove", ""], 2, "where you are"),
        (["list", "--workspace", "packages"], 5, "Cannot read"),
        (["list", "--workspace", "packages/driver"], 5, "has no [tool.uv.workspace]"),
        (["list", "extra"], 2, "unexpected extra argument"),
    ],
)
def test_a_refusal_is_one_line_and_nothing_is_written(populated, *, monkeypatch, capfd, arguments, code, words):
    write_project(populated / "packages/nameless", "[project]\n")
    write_project(populated / "packages/library", '[project]\nname = "l"\n')
    write_project(populated / "packages/twin", NAMED_BY_HAND.format("Fustor_Source.redis", "x"))
    write_project(populated / "packages/same", NAMED_BY_HAND.format("other", "redis"))
    write_project(populated / "packages/driver", NAMED_BY_HAND.format("my-driver", "mine"))
    write_project(populated / "packages/broken", "[project")
    write_project(populated / "old/driver", NAMED_BY_HAND.format("old", "old"))
    write_project(populated.parent / "outside", NAMED_BY_HAND.format("out", "out"))
    with (populated / "pyproject.toml").open("a") as file:
        file.write('exclude = ["old/*"]\n')
    before = contents(populated)
    monkeypatch.chdir(populated / "packages/driver" if arguments == ["remove", ""] else populated)
    on_terminate = signal.getsignal(signal.SIGTERM)
    assert run(arguments) == code
    signal.signal(signal.SIGTERM, on_terminate)
    said = capfd.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert contents(populated) == before


def test_an_interrupted_run_is_settled_first(populated):
    (populated / ".fustor-new-0000").mkdir()
    result = fustor_new("unregister", REDIS, cwd=populated)
    assert result.returncode == 0
    assert "leftover of an interrupted run" in result.stderr
    assert not (populated / ".fustor-new-0000").exists()


@pytest.mark.parametrize("through_link", [False, True], ids=["from its own path", "through a link to the workspace"])
def test_drivers_behind_a_link_come_and_go_as_others_do(tmp_path, through_link):
    root = small(tmp_path / "workspace")
    elsewhere = root / "elsewhere"
    (root / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = []\n")
    elsewhere.mkdir()
    (elsewhere / "README").touch()
    (root / "extensions").symlink_to("elsewhere")
    (tmp_path / "link").symlink_to(root)
    before = (root / "pyproject.toml").read_bytes()
    done(root, "source", "redis", "--contract-source", ROOT, "-q")
    assert (root / "pyproject.toml").read_bytes() != before
    if through_link:
        done(tmp_path, "remove", f"link/{REDIS}")
    else:
        done(root, "remove", "source-redis")
    assert (root / "pyproject.toml").read_bytes() == before
    assert list(elsewhere.iterdir()) == [elsewhere / "README"]
    assert (root / "extensions").is_symlink()


def test_a_member_outside_of_the_root_is_unregistered_too(populated, tmp_path):
    write_project(tmp_path / "outer", NAMED_BY_HAND.format("outer", "outer"))
    before = (populated / "pyproject.toml").read_text()
    (populated / "pyproject.toml").write_text(before.replace("members = [", 'members = ["../outer", '))
    assert listed(populated)["source-outer"]["directory"] == "../outer"
    assert done(populated, "unregister", "../outer") == "../outer: no longer registered\n"
    assert (populated / "pyproject.toml").read_text() == before


def test_a_way_back_behind_a_link_is_refused(populated, tmp_path):
    (populated / "aside").symlink_to(tmp_path)
    done(populated, "remove", f"aside/../{REDIS}", code=2)
    assert (populated / REDIS).is_dir()


def test_removals_side_by_side_all_succeed(populated):
    commands = [[FUSTOR_NEW, "remove", name] for name in ("source-redis", "pusher-my-db")]
    processes = [subprocess.Popen(command, cwd=populated, env=environment(), text=True) for command in commands]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert [path.name for path in populated.iterdir()] == ["pyproject.toml"]
    assert (populated / "pyproject.toml").read_text() == "[tool.uv.workspace]\nmembers = []\n"


def test_names_that_are_no_text_end_in_no_traceback(populated):
    odd = populated / "extensions" / os.fsdecode(b"source-\xff\x1b[31m")
    write_project(odd, NAMED_BY_HAND.format("odd", '"o\\u001bdd"'))
    (populated / REDIS / os.fsdecode(b"note\xff")).write_text("mine")
    (populated / REDIS / "src/gone.py").symlink_to("nowhere")
    (populated / REDIS / VERDICTS_FILE).write_text('{"schema": 1, "verdicts": []}')
    assert "\\udcff\\x1b[31m" in done(populated, "list")
    assert "source-o\x1bdd" in listed(populated)
    assert "note\\udcff" in fustor_new("remove", "source-redis", cwd=populated).stdout
    json.loads(fustor_new("remove", "source-redis", "--json", cwd=populated).stdout)
    json.loads(done(populated, "remove", "source-redis", "--force", "--dry-run", "--json"))
    done(populated, "register", odd, code=2)
    assert "not rendered: note\\udcff" in done(populated, "remove", "source-redis", "--force")
    assert not (populated / REDIS).exists()
