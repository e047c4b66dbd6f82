"""The command as a user meets it: the installed program, real directories, no terminal."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib

import pytest
from repository import ROOT
from trees import state
from workspaces import FUSTOR_NEW, SMALL_ROOT, answer, environment, fustor_new, small, upstream

from fustor_new import __version__


def made(workspace, *arguments):
    done = fustor_new(*arguments, "--contract-source", ROOT, cwd=workspace)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.wide
def test_upstreams_root_gains_one_line_in_members_and_one_in_sources(tmp_path):
    root = upstream(tmp_path / "platform")
    before = (root / "pyproject.toml").read_text().splitlines()
    made(root, "source", "redis")
    after = (root / "pyproject.toml").read_text().splitlines()
    assert [line for line in after if line not in before] == [
        '    "extensions/source-redis",',
        "fustor-source-redis = { workspace = true }",
    ]
    assert [line for line in after if line in before] == before


@pytest.mark.wide
def test_a_covered_driver_changes_nothing_of_the_root_and_says_so(workspace):
    out = made(workspace, "source", "redis")
    assert (workspace / "pyproject.toml").read_text() == SMALL_ROOT
    assert "covered by 'extensions/*'" in out


def test_several_names_in_one_call_make_several_drivers(workspace):
    made(workspace, "pusher", "redis", "my-db", "redis")
    assert sorted(path.name for path in (workspace / "extensions").iterdir()) == ["pusher-my-db", "pusher-redis"]


@pytest.mark.wide
def test_the_same_command_again_changes_nothing(workspace):
    made(workspace, "source", "redis", "--example")
    before = state(workspace)
    out = made(workspace, "source", "redis", "--example")
    assert state(workspace) == before
    assert "Nothing to do" in out


def test_it_prints_the_tree_the_next_two_commands_and_which_file_to_open(workspace):
    out = made(workspace, "source", "redis")
    assert "extensions/source-redis" in out
    assert re.search(r"── driver\.py", out)
    steps = out.partition("Next:\n")[2].splitlines()
    assert [step.strip() for step in steps] == [
        "uv sync",
        "uv run --package fustor-source-redis --extra test pytest extensions/source-redis",
        "Open extensions/source-redis/src/fustor_source_redis/driver.py first.",
        "The tests say what is left to do, a line for each method.",
    ]


@pytest.mark.wide
def test_from_elsewhere_the_commands_begin_with_the_way_there(workspace):
    done = fustor_new("source", "redis", "--workspace", workspace, "--contract-source", ROOT, cwd=workspace.parent)
    assert done.returncode == 0, done.stderr
    steps = [step.strip() for step in done.stdout.partition("Next:\n")[2].splitlines()]
    assert steps[:2] == ["cd workspace", "uv sync"]
    assert steps[2].endswith("pytest extensions/source-redis")


def test_quiet_prints_nothing(workspace):
    assert made(workspace, "source", "redis", "-q") == ""


@pytest.mark.parametrize("written", ["source-redis", "fustor-source-redis", "Redis", "fustor_source_Redis"])
@pytest.mark.wide
def test_what_is_pasted_is_understood_and_said_to_be(workspace, written):
    done = fustor_new("source", written, "--contract-source", ROOT, cwd=workspace)
    assert (done.returncode, done.stderr) == (0, f"{written!r} is understood as the source 'redis'\n")
    assert [path.name for path in (workspace / "extensions").iterdir()] == ["source-redis"]


def dry_run(folder, *arguments):
    command = [FUSTOR_NEW, *arguments, "--dry-run"]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, check=True).stdout


@pytest.mark.wide
@pytest.mark.parametrize(
    "layout", [["--contract-source", ROOT], ["--standalone", "--no-git"]], ids=["workspace", "standalone"]
)
def test_git_apply_of_the_dry_run_is_the_real_run(tmp_path, layout):
    real, patched = (small(tmp_path / name) for name in ("real", "patched"))
    (tmp_path / "patch").write_bytes(dry_run(patched, "source", "redis", *layout))
    assert state(patched).keys() == {"pyproject.toml"}
    assert fustor_new("source", "redis", *layout, cwd=real).returncode == 0
    subprocess.run(["git", "apply", tmp_path / "patch"], cwd=patched, check=True, env=environment())
    assert state(patched) == state(real)


def test_json_is_the_plan_with_a_schema_version(workspace):
    out = fustor_new("source", "redis", "--dry-run", "--json", "--contract-source", ROOT, cwd=workspace).stdout
    plan = json.loads(out)
    assert plan["schema"] == 1
    assert "extensions/source-redis/pyproject.toml" in {created["path"] for created in plan["created"]}
    assert not (workspace / "extensions").exists()


@pytest.mark.wide
def test_a_standalone_project_has_the_names_that_were_chosen(tmp_path):
    names = ["--distribution", "my-fustor-driver", "--package", "my_driver", "--class-name", "MyDriver"]
    made(tmp_path, "source", "redis", "--standalone", *names, "--entry-point", "my_driver")
    text = (tmp_path / "my-fustor-driver" / "pyproject.toml").read_text()
    assert 'my_driver = "my_driver:MyDriver"' in text


@pytest.mark.wide
def test_without_register_the_root_stays_as_it_is(tmp_path):
    root = upstream(tmp_path / "platform")
    before = (root / "pyproject.toml").read_bytes()
    made(root, "source", "redis", "--no-register")
    assert (root / "pyproject.toml").read_bytes() == before
    assert (root / "extensions" / "source-redis" / "pyproject.toml").is_file()


@pytest.mark.wide
def test_sync_runs_the_guides_last_step(tmp_path):
    root = small(tmp_path / "workspace")
    done = fustor_new("source", "redis", "--sync", "--contract-source", ROOT, cwd=root)
    assert done.returncode == 0, done.stderr
    python = root / ".venv" / "bin" / "python"
    where = subprocess.run(
        [python, "-c", "import fustor_source_redis as m; print(m.__file__)"], capture_output=True, text=True, check=True
    )
    assert str(root) in where.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["source"], 2, "fustor-new source redis"),
        (["source", "redis", "--no-such"], 2, "No such option"),
        (["pusher", "redis", "--durable"], 2, "No such option"),
        (["sink", "redis"], 2, "'fustor-new source sink' or 'fustor-new pusher sink'"),
        (["redis"], 2, "'fustor-new source redis' or 'fustor-new pusher redis'"),
        (["regster"], 2, "'register'"),
        (["source", "Re dis"], 3, "a space"),
        ([], 2, "there is no terminal to ask on"),
        (["source", "redis", "--class-name", "X"], 2, "--standalone"),
        (["source", "a", "b", "--standalone", "--class-name", "X"], 2, "run once for each"),
        (["source", "redis", "--standalone", "--workspace", "."], 2, "choose one"),
        (["source", "redis", "--output", ".."], 2, "add --standalone"),
        (["source", "redis", "-d", "no requirement"], 2, "no requirement"),
        (["source", "redis", "--license", "no licence"], 2, "not an SPDX"),
        (["source", "redis", "--email", "nobody"], 2, "not a mail address"),
        (["source", "redis", "--contract-source", "workspace"], 2, "'fustor-core'"),
        (["source", "redis", "--contract-source", "workspace", "--standalone"], 2, "outside a workspace"),
        (["source", "redis", "--contract-source", "nowhere"], 2, "'nowhere'"),
        (["source", ""], 3, "is empty"),
        (["source", "1st"], 3, "digit"),
        (["source", "a/b"], 3, "path"),
        (["source", "größe"], 3, "ASCII"),
        (["source", "x" * 41], 3, "40"),
        (["source", "redis", "--standalone", "--package", "json"], 3, "'json'"),
        (["source", "redis", "--standalone", "--package", "class"], 3, "'class'"),
        (["source", "redis", "--workspace", "missing"], 5, "missing"),
    ],
)
def test_a_refusal_is_one_line_and_its_code_and_nothing_is_written(workspace, capfd, arguments, code, words):
    before = state(workspace)
    assert answer(*arguments, cwd=workspace) == code
    said = capfd.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert state(workspace) == before


def test_a_refusal_is_the_processs_own(workspace):
    done = fustor_new("source", "Re dis", cwd=workspace)
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch("Error: .* a space .*\n", done.stderr)


@pytest.mark.parametrize("arguments", [[], ["--dry-run"], ["--json"]], ids=["tree", "patch", "json"])
@pytest.mark.wide
def test_an_answer_that_nobody_can_read_is_an_error_of_the_environment(workspace, arguments):
    command = [FUSTOR_NEW, "source", "redis", *arguments, "--contract-source", ROOT]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command, cwd=workspace, env=environment(), stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writer)
    assert done.returncode == 7, done.stderr
    assert re.fullmatch(r"Error: Cannot write to standard output \(Broken pipe\); .*\n", done.stderr)
    assert ("drivers exist" in done.stderr) == (workspace / "extensions" / "source-redis").is_dir()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 0, ""),
        (["--dry-run"], 7, "Error: Cannot write to standard output (it is closed); nothing was to be changed"),
        (["--json"], 7, "Error: Cannot write to standard output (it is closed); the drivers exist"),
    ],
    ids=["tree", "patch", "json"],
)
@pytest.mark.wide
def test_without_a_standard_output_the_work_is_done_and_a_lost_answer_is_an_error(workspace, arguments, code, said):
    command = ["sh", "-c", '"$@" >&-', "sh", FUSTOR_NEW, "source", "redis", *arguments, "--contract-source", ROOT]
    done = subprocess.run(command, cwd=workspace, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.partition(", run")[0]) == (code, said)
    assert (workspace / "extensions" / "source-redis").is_dir() == (arguments != ["--dry-run"])


@pytest.mark.wide
@pytest.mark.parametrize("largest", [0, 1000], ids=["not a byte", "not every file"])
def test_a_full_disk_is_one_line_that_says_so_and_nothing_is_written(workspace, largest):
    before = state(workspace)
    limited = (
        f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({largest}, {largest})); "
        f"os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", limited, FUSTOR_NEW, "source", "redis", "--contract-source", ROOT]
    uncompiled = environment() | {"PYTHONDONTWRITEBYTECODE": "1"}  # Python leaves cut bytecode behind on a full disk
    done = subprocess.run(command, cwd=workspace, env=uncompiled, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "None" not in done.stderr
    assert state(workspace) == before


SIGNALLED = (
    "import signal, sys\nfrom fustor_new.cli import run\n"
    "def arguments():\n    signal.raise_signal(signal.{})\n    yield 'source'\n"
    "sys.exit(run(arguments()))"
)
"""A program that gets a signal before it knows what it is to do."""


def test_ctrl_c_while_the_command_is_still_being_imported_is_one_line(tmp_path):
    (tmp_path / "typer.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    program = (
        "import signal, sys\nfrom fustor_new.__main__ import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(main())"
    )
    variables = environment() | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", program, "source", "redis"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "Interrupted\n")


@pytest.mark.parametrize(("sent", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_while_the_arguments_are_read_is_one_line(tmp_path, sent, code):
    command = [sys.executable, "-c", SIGNALLED.format(sent)]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "Terminated\n")


def test_a_hangup_that_is_ignored_below_nohup_stays_so(tmp_path):
    command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", sys.executable, "-c", SIGNALLED.format("SIGHUP")]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.partition(";")[0]) == (
        2,
        "Error: No NAME was given and nobody can be asked",
    )


def test_no_workspace_leads_to_a_clear_choice(tmp_path):
    done = fustor_new("source", "redis", cwd=tmp_path)
    assert done.returncode == 5
    assert "--standalone" in done.stderr
    assert "--workspace" in done.stderr


def test_an_excluded_path_is_refused_with_the_pattern(tmp_path):
    root = small(tmp_path / "workspace")
    text = '[tool.uv.workspace]\nmembers = ["extensions/*"]\nexclude = ["extensions/source-*"]\n'
    (root / "pyproject.toml").write_text(text)
    done = fustor_new("source", "redis", "--contract-source", ROOT, cwd=root)
    assert done.returncode == 5
    assert "'extensions/source-*'" in done.stderr
    assert not (root / "extensions").exists()


def test_other_content_in_its_place_is_a_conflict_that_names_the_files(workspace):
    target = workspace / "extensions" / "source-redis"
    target.mkdir(parents=True)
    (target / "README.md").write_text("mine\n")
    done = fustor_new("source", "redis", "--contract-source", ROOT, cwd=workspace)
    assert done.returncode == 4
    assert "README.md" in done.stderr
    assert (target / "README.md").read_text() == "mine\n"


@pytest.mark.wide
def test_a_driver_under_another_spelling_is_refused(workspace):
    made(workspace, "source", "my-db")
    other = workspace / "extensions" / "source-my-db"
    other.rename(workspace / "extensions" / "source_my_db")
    done = fustor_new("source", "my-db", "--contract-source", ROOT, cwd=workspace)
    assert done.returncode == 3
    assert "source_my_db" in done.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["source", "--version"]])
def test_the_version_is_that_of_the_package(tmp_path, arguments):
    done = fustor_new(*arguments, cwd=tmp_path)
    assert (done.stdout == f"fustor-new {__version__}\n") == (arguments == ["--version"])


def test_the_version_stands_in_one_file():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert ("version" in project, project["dynamic"]) == (False, ["version"])
    assert importlib.metadata.version("fustor-new") == __version__


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell):
    variables = environment() | {"_FUSTOR_NEW_COMPLETE": f"source_{shell}"}
    script = subprocess.run([FUSTOR_NEW], env=variables, capture_output=True, text=True, check=True).stdout
    assert "_FUSTOR_NEW_COMPLETE" in script
