"""The conversation, held on a real terminal."""

import re
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest
from repository import ROOT
from terminals import CLEAR, CTRL_C, CTRL_D, DOWN, ENTER, Terminal
from trees import contents
from workspaces import FUSTOR_NEW, environment, fustor_new, small

from fustor_new.kinds import Kind
from fustor_new.template.questions import questions_about


@pytest.fixture
def talk():
    """A function that begins a conversation, which ends with the test in any case."""
    with ExitStack() as begun:

        def talk(*arguments, **options):
            return begun.enter_context(Terminal(FUSTOR_NEW, *arguments, environ=environment(), **options))

        yield talk


def answer_the_rest(terminal, kind=Kind.SOURCE, **typed):
    """Answer what is asked behind the name: with Enter, or with what is typed there, and then at what is shown."""
    for question in questions_about(kind):
        if question.prompt:
            keys, *more = typed.get(question.name, [ENTER])
            terminal.answer(question.prompt[-20:], keys)
            for shown, then in more:
                terminal.answer(shown, then)


@pytest.fixture
def git_identity(tmp_path):
    """The environment of an author whom git knows."""
    path = tmp_path / "gitconfig"
    path.write_text("[user]\nname = Ada Example\nemail = ada@example.org\n")
    return {"GIT_CONFIG_GLOBAL": str(path), "GIT_CONFIG_SYSTEM": "/dev/null"}


def test_each_answer_is_judged_at_once_and_what_was_typed_stays_to_be_mended(talk, workspace, git_identity):
    terminal = talk(cwd=workspace, **git_identity)
    terminal.answer("What is the driver?")
    terminal.answer("Where does it belong?")
    terminal.answer("What is the source called?", f"Bad Name{ENTER}")
    terminal.wait_for("did you mean 'bad-name'?")
    terminal.answer("called? Bad Name", f"{CLEAR}redis{ENTER}")
    answer_the_rest(
        terminal,
        description=[f"Reads streams{ENTER}"],
        dependencies=[
            f"no requirement{ENTER}",
            ("write it like 'redis>=5'", ""),
            ("need? no requirement", f"{CLEAR}redis[hiredis,ocsp]>=5,<7, orjson{ENTER}"),
        ],
        author=["", ("Ada Example", ENTER)],
        email=[
            "",
            ("ada@example.org", f"{CLEAR}ada{ENTER}"),
            ("'ada' is not a mail address", ""),
            ("mail address? ada", f"@example.com{ENTER}"),
        ],
        license=[
            f"{DOWN}{DOWN}{DOWN}{ENTER}",
            ("SPDX expression", f"nonsense{ENTER}"),
            ("'nonsense' is not an SPDX licence expression", ""),
            ("have? nonsense", f"{CLEAR}bsd-3-clause{ENTER}"),
        ],
        durable=["n"],
        audit=["y"],
    )
    terminal.wait_for("└── test_conformance.py")
    terminal.wait_for("The same without questions: fustor-new source redis")
    terminal.answer("Is that right?")
    terminal.wait_for("Created extensions/source-redis")
    terminal.answer("run its tests now?", "n")
    terminal.wait_for("uv run --package fustor-source-redis --extra test pytest extensions/source-redis")
    terminal.wait_for("Open extensions/source-redis/src/fustor_source_redis/driver.py first")
    assert terminal.finish() == 0, terminal.shown
    text = (workspace / "extensions" / "source-redis" / "pyproject.toml").read_text()
    assert '"redis[hiredis,ocsp]>=5,<7"' in text
    assert '"orjson"' in text
    assert 'authors = [{ name = "Ada Example", email = "ada@example.com" }]' in text
    assert 'license = "BSD-3-Clause"' in text
    assert 'description = "Reads streams"' in text


@pytest.mark.wide
def test_the_command_line_in_the_summary_makes_the_same(talk, tmp_path, git_identity):
    asked, told = small(tmp_path / "asked"), small(tmp_path / "told")
    terminal = talk("source", "--audit", cwd=asked, columns=1000, **git_identity)
    terminal.answer("Where does it belong?")
    terminal.answer("called?", f"my_db{ENTER}")
    terminal.wait_for("'my_db' is understood as the source 'my-db'")
    answer_the_rest(terminal, license=[f"{DOWN}{ENTER}"], example=[f"{DOWN}{ENTER}"], durable=["n"], audit=["n"])
    terminal.wait_for("The same without questions: ")
    terminal.answer("Is that right?")
    terminal.answer("run its tests now?", "n")
    assert terminal.finish() == 0, terminal.shown
    command = re.search(r"without questions: fustor-new (.*?)\s+\?", terminal.shown, re.DOTALL)[1]
    done = fustor_new(*shlex.split(command), cwd=told)
    assert done.returncode == 0, done.stderr
    assert contents(told) == contents(asked)


@pytest.mark.wide
def test_a_name_that_is_taken_is_refused_where_it_is_typed(talk, workspace):
    fustor_new("pusher", "redis", "--contract-source", ROOT, cwd=workspace)
    terminal = talk("pusher", cwd=workspace)
    terminal.answer("Where does it belong?")
    terminal.answer("called?", f"redis{ENTER}")
    terminal.wait_for("'extensions/pusher-redis' is there already; choose another name")
    terminal.wait_for("called? redis")
    assert terminal.interrupt(signal.SIGTERM) == 143


@pytest.mark.wide
def test_an_answer_can_be_changed_and_the_others_stay(talk, workspace):
    terminal = talk("pusher", cwd=workspace)
    terminal.answer("Where does it belong?")
    terminal.answer("called?", f"redis{ENTER}")
    answer_the_rest(terminal, Kind.PUSHER, description=[f"Writes hashes{ENTER}"], license=[f"{DOWN}{ENTER}"])
    terminal.answer("Is that right?", f"{DOWN}{ENTER}")
    terminal.answer("Where does it belong?")
    terminal.answer("called? redis", f"-db{ENTER}")
    answer_the_rest(terminal, Kind.PUSHER, description=["", ("Writes hashes", ENTER)])
    terminal.answer("Is that right?")
    terminal.answer("run its tests now?", "n")
    assert terminal.finish() == 0, terminal.shown
    text = (workspace / "extensions" / "pusher-redis-db" / "pyproject.toml").read_text()
    assert 'description = "Writes hashes"' in text
    assert 'license = "MIT"' in text


@pytest.mark.wide
def test_nothing_is_created_unless_it_is_wanted(talk, workspace):
    terminal = talk("source", cwd=workspace)
    terminal.answer("Where does it belong?")
    terminal.answer("called?", f"redis{ENTER}")
    answer_the_rest(terminal)
    terminal.answer("Is that right?", f"{DOWN}{DOWN}{ENTER}")
    terminal.wait_for("Nothing was created")
    assert terminal.finish() == 0
    assert [path.name for path in workspace.iterdir()] == ["pyproject.toml"]


@pytest.mark.wide
def test_outside_a_workspace_a_project_of_its_own_is_made(talk, tmp_path):
    terminal = talk("source", cwd=tmp_path)
    terminal.wait_for("so the driver becomes a project of its own")
    terminal.answer("Which directory", f"projects{ENTER}")
    terminal.answer("called?", f"redis{ENTER}")
    answer_the_rest(terminal)
    terminal.answer("Is that right?")
    terminal.answer("run its tests now?", "n")
    terminal.wait_for("cd projects/fustor-source-redis")
    assert terminal.finish() == 0, terminal.shown
    assert (tmp_path / "projects" / "fustor-source-redis" / "pyproject.toml").is_file()


@pytest.mark.wide
def test_what_stands_in_the_way_in_the_end_loses_no_answer(talk, workspace):
    terminal = talk("source", "--contract-source", "nowhere", cwd=workspace)
    terminal.answer("Where does it belong?")
    terminal.answer("called?", f"redis{ENTER}")
    answer_the_rest(terminal)
    terminal.wait_for("Error: Directory 'nowhere' holds no packages/fustor-core")
    terminal.answer("Is that right?")
    terminal.answer("Where does it belong?")
    terminal.wait_for("called? redis")
    assert terminal.interrupt(signal.SIGINT) == 130


@pytest.mark.wide
def test_questions_are_not_in_the_patch(talk, workspace, tmp_path):
    with (tmp_path / "patch").open("wb") as patch:
        terminal = talk("source", "--dry-run", cwd=workspace, elsewhere={"stdout": patch})
        terminal.answer("Where does it belong?")
        terminal.answer("called?", f"redis{ENTER}")
        answer_the_rest(terminal)
        assert terminal.finish() == 0, terminal.shown
    command = ["git", "apply", "--check", str(tmp_path / "patch")]
    subprocess.run(command, cwd=workspace, env=environment(), check=True)


@pytest.mark.wide
def test_the_first_tests_are_run_if_they_are_wanted(talk, workspace):
    terminal = talk("source", cwd=workspace, UV_PYTHON=sys.executable)
    terminal.answer("Where does it belong?")
    terminal.answer("called?", f"redis{ENTER}")
    answer_the_rest(terminal)
    terminal.answer("Is that right?")
    terminal.answer("run its tests now?")
    terminal.wait_for("to do")
    terminal.wait_for("The tests say what is left to do")
    assert terminal.finish() == 0, terminal.shown


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("question", ["Where does it belong?", pytest.param("called?", marks=pytest.mark.wide)])
def test_a_signal_ends_the_command_with_its_code_and_leaves_nothing(talk, workspace, question, sent, code):
    terminal = talk("source", cwd=workspace)
    if question == "called?":
        terminal.answer("Where does it belong?")
    terminal.wait_for(question)
    assert terminal.interrupt(sent) == code, terminal.shown
    assert [path.name for path in workspace.iterdir()] == ["pyproject.toml"]
    assert "Traceback" not in terminal.shown


@pytest.mark.parametrize(
    ("before", "code"), [(': < "$(tty)"; ', 129), ("", 130)], ids=["with its signal", "and sends no signal"]
)
def test_a_terminal_that_hangs_up_ends_the_command(workspace, before, code):
    command = ("sh", "-c", f'{before}exec "$@"', "sh", FUSTOR_NEW, "source")  # who opens a terminal gets its signals
    with Terminal(*command, cwd=workspace, environ=environment()) as terminal:
        terminal.answer("Where does it belong?")
        terminal.wait_for("called?")
        assert terminal.hang_up() == code
    assert [path.name for path in workspace.iterdir()] == ["pyproject.toml"]


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
@pytest.mark.parametrize("question", ["Where does it belong?", "called?"])
def test_a_key_ends_it_as_well(talk, workspace, question, keys):
    terminal = talk("source", cwd=workspace)
    if question == "called?":
        terminal.answer("Where does it belong?")
    terminal.answer(question, keys)
    terminal.wait_for("Interrupted")
    assert terminal.finish() == 130


@pytest.mark.parametrize(("arguments", "variables"), [(["-y"], {}), ([], {"TERM": "dumb"})], ids=["yes", "dumb"])
def test_where_nobody_is_to_be_asked_the_missing_name_is_an_error(talk, workspace, arguments, variables):
    terminal = talk("source", *arguments, cwd=workspace, **variables)
    terminal.wait_for("Error: No NAME was given and nobody can be asked; write it, as in 'fustor-new source redis'")
    assert terminal.finish() == 2


def test_without_a_terminal_the_command_alone_says_that_it_would_ask_and_shows_its_usage(workspace):
    done = fustor_new(cwd=workspace)
    assert (done.returncode, done.stdout) == (2, "")
    first, second, *_ = done.stderr.splitlines()
    assert "would ask what to create, but there is no terminal" in first
    assert second.startswith("Usage: fustor-new")
    assert "unregister  Take driver packages" in done.stderr
