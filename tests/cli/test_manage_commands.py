"""`list`, `remove`, `register` and `unregister`, as the installed command."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from repository import ROOT
from root_shapes import SHAPES, before_and_after
from terminals import Terminal
from trees import contents, state
from workspaces import FUSTOR_NEW, UPSTREAM_ROOT, environment, fustor_new, small, upstream

from fustor_new.cli import run
from fustor_new.package.verdicts import VERDICTS_FILE, sources_digest
from fustor_new.template.history import template_version

pytestmark = pytest.mark.wide

REDIS = "extensions/source-redis"
# Creation refuses a root without a workspace; in the other one the author had registered the driver beforehand.
NOT_REVERSED = {name for name in SHAPES if name.startswith("no workspace")} | {"sources, listed"}


def done(workspace, *arguments, code=0):
    """Run the command, which ends with `code`, and return what it printed."""
    result = fustor_new(*arguments, cwd=workspace)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr if code else result.stdout


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Return a workspace with a source and a pusher; copied, never changed."""
    root = small(tmp_path_factory.mktemp("made") / "workspace")
    (root / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = []\n")
    for kind, name in (("pusher", "my-db"), ("source", "redis")):
        done(root, kind, name, "--contract-source", ROOT, "-q")
    return root


@pytest.fixture
def workspace(made, tmp_path):
    """Return a workspace with `source-redis` and `pusher-my-db`, both listed."""
    return shutil.copytree(made, tmp_path / "workspace")


def git(folder, *arguments, **options):
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment(), capture_output=True, check=True, **options
    )


def check_git_status_is_clean(root, name):
    text, _ = before_and_after(SHAPES[name], "as is")
    root.mkdir()
    (root / "pyproject.toml").write_bytes(text)
    git(root, "init", "-q")
    git(root, "add", ".")
    done(root, "source", "redis", "--contract-source", ROOT, "-q")
    assert f"{REDIS}: removed" in done(root, "remove", "source-redis")
    assert git(root, "status", "--porcelain", "--ignored").stdout == b"A  pyproject.toml\n"
    assert [path.name for path in root.iterdir() if path.name != ".git"] == ["pyproject.toml"]


@pytest.mark.parametrize("name", ["empty", "lines, comma first"])
def test_create_and_remove_leave_git_status_clean(tmp_path, name):
    check_git_status_is_clean(tmp_path / "root", name)


@pytest.mark.matrix
@pytest.mark.parametrize("name", sorted(SHAPES.keys() - NOT_REVERSED))
def test_create_and_remove_leave_git_status_clean_for_every_shape(tmp_path, name):
    check_git_status_is_clean(tmp_path / "root", name)


def test_a_shape_that_looks_like_upstream_comes_back_after_both_are_gone(tmp_path):
    root = upstream(tmp_path / "platform")
    before = contents(root)
    done(root, "source", "redis", "--contract-source", ROOT, "-q")
    done(root, "pusher", "kafka", "--contract-source", ROOT, "-q")
    assert (root / "pyproject.toml").read_text().count("\n") == UPSTREAM_ROOT.count("\n") + 4
    done(root, "remove", "source-redis", "extensions/pusher-kafka")
    assert contents(root) == before


def test_several_names_are_removed_together_or_not_at_all(workspace):
    (workspace / REDIS / "notes.txt").write_text("mine")
    before = contents(workspace)
    done(workspace, "remove", "pusher-my-db", "source-redis", code=4)
    assert contents(workspace) == before
    out = done(workspace, "remove", "pusher-my-db", "source-redis", "--force")
    assert "not rendered: notes.txt" in out
    assert [path.name for path in workspace.iterdir()] == ["pyproject.toml"]


def test_a_refusal_shows_the_difference(workspace):
    with (workspace / REDIS / "README.md").open("a") as file:
        file.write("mine\n")
    result = fustor_new("remove", "source-redis", cwd=workspace)
    assert result.returncode == 4
    assert re.search(r"^\+mine$", result.stdout, re.MULTILINE)
    assert result.stderr.count("\n") == 1
    assert "--force" in result.stderr
    answer = json.loads(fustor_new("remove", "source-redis", "--json", cwd=workspace).stdout)
    (refused,) = answer["refused"]
    assert (answer["schema"], refused["modified"], "+mine\n" in refused["diff"]) == (1, ["README.md"], True)


@pytest.mark.parametrize(
    "arguments", [("remove", "source-redis"), ("unregister", REDIS)], ids=lambda arguments: arguments[0]
)
def test_git_apply_of_the_dry_run_is_the_real_run(workspace, tmp_path, arguments):
    patched = shutil.copytree(workspace, tmp_path / "patched")
    patch = done(patched, *arguments, "--dry-run")
    assert state(patched).keys() == state(workspace).keys()
    done(workspace, *arguments)
    git(patched, "apply", "-", input=patch.encode())
    assert contents(patched) == contents(workspace)
    assert (patched / REDIS).exists() == (workspace / REDIS).exists()


def test_json_of_a_removal_is_the_plan(workspace):
    plan = json.loads(done(workspace, "remove", "source-redis", "--dry-run", "--json"))
    assert plan["schema"] == 1
    assert f"{REDIS}/pyproject.toml" in {removed["path"] for removed in plan["removed"]}
    assert [edited["path"] for edited in plan["edited"]] == ["pyproject.toml"]
    assert (workspace / REDIS).is_dir()


def test_unregister_and_register_are_each_others_inverse_and_done_once(workspace):
    before = (workspace / "pyproject.toml").read_text()
    assert done(workspace, "unregister", REDIS) == f"{REDIS}: no longer registered\n"
    after = (workspace / "pyproject.toml").read_text()
    assert "redis" not in after
    assert done(workspace, "unregister", REDIS) == f"{REDIS}: not registered\n"
    assert (workspace / "pyproject.toml").read_text() == after
    assert done(workspace / REDIS, "register", ".") == f"{REDIS}: registered\n"
    assert (workspace / "pyproject.toml").read_text() == before
    assert done(workspace, "register", REDIS) == f"{REDIS}: registered already (listed as {REDIS!r})\n"


def test_a_driver_whose_directory_is_gone_can_be_unregistered(workspace):
    shutil.rmtree(workspace / REDIS)
    assert done(workspace, "unregister", REDIS) == f"{REDIS}: no longer registered\n"
    assert "redis" not in (workspace / "pyproject.toml").read_text()


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


def write_project(folder, text):
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(text)


DRIVER = '[project]\nname = "{0}"\nversion = "1"\n[project.entry-points."fustor.drivers.sources"]\n{1} = "m:D"\n'


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
def test_a_refusal_is_one_line_and_nothing_is_written(workspace, *, monkeypatch, capfd, arguments, code, words):
    write_project(workspace / "packages/nameless", "[project]\n")
    write_project(workspace / "packages/library", '[project]\nname = "l"\n')
    write_project(workspace / "packages/twin", DRIVER.format("Fustor_Source.redis", "x"))
    write_project(workspace / "packages/same", DRIVER.format("other", "redis"))
    write_project(workspace / "packages/driver", DRIVER.format("my-driver", "mine"))
    write_project(workspace / "packages/broken", "[project")
    write_project(workspace / "old/driver", DRIVER.format("old", "old"))
    write_project(workspace.parent / "outside", DRIVER.format("out", "out"))
    with (workspace / "pyproject.toml").open("a") as file:
        file.write('exclude = ["old/*"]\n')
    before = contents(workspace)
    monkeypatch.chdir(workspace / "packages/driver" if arguments == ["remove", ""] else workspace)
    on_terminate = signal.getsignal(signal.SIGTERM)
    assert run(arguments) == code
    signal.signal(signal.SIGTERM, on_terminate)
    said = capfd.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert contents(workspace) == before


def rows(folder, *arguments):
    """Return the rows of `list --json` by driver."""
    answer = json.loads(done(folder, "list", "--json", *arguments))
    assert answer["schema"] == 1
    return {row["driver"]: row for row in answer["drivers"]}


def test_list_tells_what_is_known_of_each_driver(workspace):
    write_project(workspace / "extensions/source-hand", DRIVER.format("hand", "hand"))
    write_project(workspace / "old/source-old", DRIVER.format("old", "old"))
    with (workspace / REDIS / "README.md").open("a") as file:
        file.write("mine\n")
    found = rows(workspace)
    assert found.keys() == {"source-redis", "pusher-my-db", "source-hand"}
    redis, hand = found["source-redis"], found["source-hand"]
    assert (redis["kind"], redis["name"], redis["version"]) == ("source", "redis", "0.1.0")
    assert (redis["registered"], redis["registration"]) == (
        True,
        {"verdict": "listed", "pattern": REDIS, "installed": True},
    )
    assert (redis["template_version"], redis["template_behind"]) == (template_version(), False)
    assert redis["modified"] == ["README.md"]
    assert found["pusher-my-db"]["modified"] == []
    assert (hand["registered"], hand["template_version"], hand["modified"]) == (False, None, None)


def test_list_says_which_pattern_decides(tmp_path):
    root = small(tmp_path / "workspace")
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["extensions/*"]\nexclude = ["*/source-b"]\n')
    for name in ("a", "b"):
        write_project(root / f"extensions/source-{name}", DRIVER.format(name, name))
    found = rows(root)
    assert found["source-a"]["registration"] == {
        "verdict": "covered",
        "pattern": "extensions/*",
        "installed": True,
    }
    assert found["source-b"]["registration"] == {
        "verdict": "excluded",
        "pattern": "*/source-b",
        "installed": False,
    }


def test_list_is_a_plain_table_where_nobody_looks(workspace):
    lines = done(workspace, "list").splitlines()
    assert lines[0].split() == [
        "driver", "version", "registered", "template", "modified", "conformance", "directory"
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["pusher-my-db", "source-redis"]
    assert len({line.index(word) for line, word in zip(lines, ("version", "0.1.0", "0.1.0"), strict=True)}) == 1


def test_list_and_doctor_stay_readable_where_a_value_has_no_end(workspace):
    path = workspace / "extensions/source-redis/pyproject.toml"
    path.write_text(path.read_text().replace('version = "0.1.0"', f'version = "{"9" * 100_000}x!"'))
    for command in ("list", "doctor"):
        done = fustor_new(command, cwd=workspace)
        assert "999..." in done.stdout
        assert max(map(len, done.stdout.splitlines())) < 600


def test_list_is_a_table_on_a_terminal(workspace):
    elsewhere = dict.fromkeys(("stdin", "stderr"), subprocess.DEVNULL)
    command = (FUSTOR_NEW, "list")
    with Terminal(*command, cwd=workspace, environ=environment(), elsewhere=elsewhere, COLUMNS="160") as terminal:
        assert terminal.finish() == 0
    assert b"source-redis" in terminal.raw
    assert b"\x1b[1m" in terminal.raw  # the headings are bold


def test_list_knows_a_project_of_its_own(tmp_path):
    done(tmp_path, "source", "redis", "--standalone", "-q")
    (row,) = rows(tmp_path / "fustor-source-redis" / "src").values()
    assert (row["registered"], row["registration"], row["template_version"]) == (None, None, template_version())
    done(tmp_path, "list", code=5)


def test_list_goes_on_where_a_package_cannot_be_read(workspace):
    write_project(workspace / "extensions/source-broken", "[project")
    (workspace / REDIS / ".copier-answers.yml").write_text("a: [")
    result = fustor_new("list", cwd=workspace)
    assert (result.returncode, result.stdout.count("\n")) == (0, 3)
    assert "source-broken" in result.stderr
    assert ".copier-answers.yml" in result.stderr


def test_list_shows_a_recorded_verdict_until_the_sources_change(workspace):
    verdict = {
        "kind": "source",
        "name": "redis",
        "profile": "guide",
        "conformant": True,
        "kit_version": "1.0.0",
        "date": "2026-11-24",
        "sources": sources_digest(workspace / REDIS),
    }
    (workspace / REDIS / VERDICTS_FILE).write_text(json.dumps({"schema": 1, "verdicts": [verdict, {"kind": 1}]}))
    (shown,) = rows(workspace)["source-redis"]["conformance"]
    assert (shown["conformant"], shown["profile"], shown["stale"]) == (True, "guide", False)
    assert "conformant (guide) " in done(workspace, "list")
    with (workspace / REDIS / "src/fustor_source_redis/driver.py").open("a") as file:
        file.write("# changed\n")
    assert "conformant (guide, stale)" in done(workspace, "list")


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({"outcome": "conformant", "exercised": 61, "rules": 74}, "conformant, 61 of 74 rules (guide, stale)"),
        (
            {"conformant": False, "outcome": "not judged", "exercised": 9, "rules": 74},
            "not judged, 9 of 74 rules (guide",
        ),
        ({"outcome": "not judged", "exercised": "x", "rules": True}, "conformant (guide, stale)"),
    ],
)
def test_list_counts_the_rules_that_were_exercised(workspace, counts, shown):
    said = {"kind": "source", "name": "redis", "profile": "guide", "kit_version": "1.0.0", "date": "2026-11-24"}
    verdict = {**said, "conformant": True, "sources": "0", "not_exercised": ["A10-unreadable-directory", 3], **counts}
    (workspace / REDIS / VERDICTS_FILE).write_text(json.dumps({"schema": 1, "verdicts": [verdict]}))
    assert shown in done(workspace, "list")
    (one,) = rows(workspace)["source-redis"]["conformance"]
    assert one["not_exercised"] == ["A10-unreadable-directory"]


def test_an_interrupted_run_is_settled_first(workspace):
    (workspace / ".fustor-new-0000").mkdir()
    result = fustor_new("unregister", REDIS, cwd=workspace)
    assert result.returncode == 0
    assert "leftover of an interrupted run" in result.stderr
    assert not (workspace / ".fustor-new-0000").exists()


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


def test_a_member_outside_of_the_root_is_unregistered_too(workspace, tmp_path):
    write_project(tmp_path / "outer", DRIVER.format("outer", "outer"))
    before = (workspace / "pyproject.toml").read_text()
    (workspace / "pyproject.toml").write_text(before.replace("members = [", 'members = ["../outer", '))
    assert rows(workspace)["source-outer"]["directory"] == "../outer"
    assert done(workspace, "unregister", "../outer") == "../outer: no longer registered\n"
    assert (workspace / "pyproject.toml").read_text() == before


def test_a_way_back_behind_a_link_is_refused(workspace, tmp_path):
    (workspace / "aside").symlink_to(tmp_path)
    done(workspace, "remove", f"aside/../{REDIS}", code=2)
    assert (workspace / REDIS).is_dir()


def test_removals_side_by_side_all_succeed(workspace):
    commands = [[FUSTOR_NEW, "remove", name] for name in ("source-redis", "pusher-my-db")]
    processes = [subprocess.Popen(command, cwd=workspace, env=environment(), text=True) for command in commands]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert [path.name for path in workspace.iterdir()] == ["pyproject.toml"]
    assert (workspace / "pyproject.toml").read_text() == "[tool.uv.workspace]\nmembers = []\n"


def test_names_that_are_no_text_end_in_no_traceback(workspace):
    odd = workspace / "extensions" / os.fsdecode(b"source-\xff\x1b[31m")
    write_project(odd, DRIVER.format("odd", '"o\\u001bdd"'))
    (workspace / REDIS / os.fsdecode(b"note\xff")).write_text("mine")
    (workspace / REDIS / "src/gone.py").symlink_to("nowhere")
    (workspace / REDIS / VERDICTS_FILE).write_text('{"schema": 1, "verdicts": []}')
    assert "\\udcff\\x1b[31m" in done(workspace, "list")
    assert "source-o\x1bdd" in rows(workspace)
    assert "note\\udcff" in fustor_new("remove", "source-redis", cwd=workspace).stdout
    json.loads(fustor_new("remove", "source-redis", "--json", cwd=workspace).stdout)
    json.loads(done(workspace, "remove", "source-redis", "--force", "--dry-run", "--json"))
    done(workspace, "register", odd, code=2)
    assert "not rendered: note\\udcff" in done(workspace, "remove", "source-redis", "--force")
    assert not (workspace / REDIS).exists()
