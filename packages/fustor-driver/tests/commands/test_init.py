"""`init` writes files that `check` and `run` take, from answers on a terminal and from options."""

import signal
from pathlib import Path

import pytest
from terminals import CLEAR, CTRL_C, CTRL_D, DOWN, ENTER
from typer.testing import CliRunner

from fustor_driver.cli import build_app
from fustor_driver.configuration import load
from fustor_driver.errors import NotConformant
from fustor_driver.kinds import Kind
from fustor_driver.registry import Registry
from fustor_driver.wizard.questions import read_steps
from fustor_try.asking import AskingDriver

FILE = "fustor.yaml"


@pytest.fixture
def command(installed, tmp_path, monkeypatch):  # noqa: ARG001 - the test drivers are installed while it is used
    """Run a command line without a terminal, in a directory of its own; variables are set for it alone."""
    monkeypatch.chdir(tmp_path)
    app = build_app()

    def run(*arguments, **variables):
        return CliRunner().invoke(app, [str(one) for one in arguments], env=variables, catch_exceptions=False)

    return run


def down_to(kind, name):
    """The keys that lead to a driver in the list of those that load."""
    return DOWN * [record.name for record in Registry.installed().of(kind) if record.driver].index(name)


def lines_of(path):
    return [line.strip() for line in path.read_text().splitlines()]


def test_a_file_from_options_is_taken_by_check_and_by_run(command, log, tmp_path):
    log.append("upsert", "/a", 1)
    done = command("init", "try_log", "try_lines", "--uri", log.log, "--endpoint", "out")
    assert done.exit_code == 0, done.stderr
    assert (
        "fustor-driver check source try_log\n  fustor-driver check pusher try_lines\n  fustor-driver run" in done.stderr
    )
    assert command("check", "source", "try_log").exit_code == 0
    assert command("check", "pusher", "try_lines").exit_code == 0
    assert command("run", "--once").exit_code == 0
    assert list((tmp_path / "out").iterdir())
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o644


def test_the_file_has_every_field_with_its_meaning_and_default(command, log, tmp_path):
    settings = ("--set", "source.driver_params.transient=true", "--set", "source.max_retries=3")
    assert command("init", "try-log", "try_lines", "--uri", log.log, "--endpoint", "out", *settings).exit_code == 0
    lines = lines_of(tmp_path / FILE)
    assert "# poll_interval_sec: 0.005" in lines
    assert "transient: true" in lines
    assert "max_retries: 3" in lines
    assert lines[lines.index("# retry_delay_sec: 5") - 1] == "# Seconds between two attempts"
    assert next(line for line in lines if "retries" in line) == "max_retries: 3"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, ["Without a terminal, init needs SOURCE and PUSHER", "try_log", "try_lines"]),
        (("try_log",), 2, ["PUSHER"]),
        (("try_lo", "try_lines"), 7, ["did you mean 'try_log'?"]),
        (("try_log", "try_lines"), 9, ["source uri: Field required; give --uri", "pusher endpoint: "]),
        (("try_log", "try_lines", "--uri", "{log}"), 9, ["pusher endpoint: Field required; give --endpoint"]),
        (("try_log", "try_lines", "--uri", "nowhere", "--endpoint", "o"), 9, ["No file 'nowhere'", "--no-test"]),
        (("try_log", "try_lines", "--uri", "{log}", "--set", "x=1"), 2, ["begins with 'source.' or 'pusher.'"]),
        (
            ("try_log", "try_lines", "--uri", "{log}", "--set", "source.max_retries=0"),
            9,
            ["source max_retries:", "--set source.max_retries=VALUE"],
        ),
        (
            ("try_log", "try_lines", "--uri", "{log}", "--set", "source.driver_params.token=s3cret-word"),
            9,
            ["source driver_params.token: is not for this file; write '${NAME}'"],
        ),
        (("try_log", "try_lines", "--uri", "db://u:s3cret-word@h/d"), 9, ["source uri: is not for this file"]),
        (
            ("try_log", "try_lines", "--uri", "{log}", "--set", "source.driver_params.token=${NOT_SET}"),
            9,
            ["'NOT_SET'", "--no-test"],
        ),
        (
            ("try_ask", "try_lines", "--uri", "bug:", "--endpoint", "o", "--set", "source.driver_params.floors=2"),
            9,
            ["FAILED source configuration: LookupError: this driver has a bug", "Nothing was written"],
        ),
        (("try_ask", "try_lines", "--uri", "{log}"), 9, ["source driver_params.floors: Field required; give --set"]),
    ],
)
def test_what_the_options_lack_is_named_and_nothing_is_written(  # noqa: PLR0917 - fixtures and parameters
    arguments, code, words, command, log, tmp_path
):
    done = command("init", *(one.format(log=log.log) if "{log}" in one else one for one in arguments))
    assert done.exit_code == code
    assert all(word in done.stderr for word in words), done.stderr
    assert "s3cret-word" not in done.stderr
    assert not (tmp_path / FILE).exists()


def test_a_file_is_replaced_only_when_that_is_asked_for(command, log, tmp_path):
    (tmp_path / FILE).write_text("mine")
    (tmp_path / "link.yaml").symlink_to("nowhere")
    options = ("init", "try_log", "try_lines", "--uri", log.log, "--endpoint", "out")
    refused = command(*options)
    assert (refused.exit_code, (tmp_path / FILE).read_text()) == (2, "mine")
    assert "--force" in refused.stderr
    assert command(*options, "-c", "link.yaml", "--force").exit_code == 2
    assert command(*options, "-c", "nowhere/f.yaml").exit_code == 7
    assert command(*options, "--force").exit_code == 0
    assert load(tmp_path / FILE).sources
    assert {path.name for path in tmp_path.iterdir()} >= {FILE, "link.yaml"}
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".new")]


def test_without_a_test_a_file_may_name_what_is_not_there_yet(command, tmp_path):
    token = ("--set", "source.driver_params.token=${NOT_SET}")
    options = ("init", "try_log", "try_lines", "--uri", "later", "--endpoint", "out", *token, "--no-test")
    done = command(*options)
    assert done.exit_code == 0, done.stderr
    assert "Set NOT_SET in the environment first" in done.stderr
    assert "token: ${NOT_SET}" in lines_of(tmp_path / FILE)
    assert load(tmp_path / FILE, {"NOT_SET": "x"}).sources["try_log"].driver_params == {"token": "x"}


ASKING = ("--set", "source.credential.user=reader", "--set", "source.credential.passwd=${LOG_PASSWORD}")
SET, ADMIN = {"LOG_PASSWORD": "s3cret-word"}, {"FUSTOR_ADMIN_PASSWORD": "b0ss"}
FLOORS = ("--set", "source.driver_params.floors=2")


def test_a_user_that_is_missing_is_proposed_or_created(command, log, tmp_path):
    options = ("init", "try_ask", "try_lines", "--uri", log.log, "--endpoint", "out", *ASKING, *FLOORS)
    proposed = command(*options, **SET)
    assert proposed.exit_code == 9
    assert "    CREATE USER reader;\n    LET reader READ;\n" in proposed.stderr
    assert "s3cret-word" not in proposed.stderr
    create = (*options, "--create-user")
    assert "--admin-user" in command(*create, **SET).stderr
    refused = command(*create, "--admin-user", "boss", **SET, **(ADMIN | {"FUSTOR_ADMIN_PASSWORD": "wr0ng-word"}))
    assert (refused.exit_code, "wr0ng-word" in refused.stderr) == (9, False)
    done = command(*create, "--admin-user", "boss", **SET, **ADMIN)
    assert done.exit_code == 0, done.stderr
    assert Path(f"{log.log}.users").read_text().startswith("reader s3cret-word")
    assert "s3cret-word" not in (tmp_path / FILE).read_text()


@pytest.mark.wide
def test_a_terminal_asks_for_everything_and_judges_each_answer(terminal, command, log, tmp_path):
    asked = terminal("init", "--admin-user", "boss")
    asked.answer("What is read?", down_to(Kind.SOURCE, "try_ask") + ENTER)
    asked.answer("Where is it written to?", down_to(Kind.PUSHER, "try_lines") + ENTER)
    asked.answer("Floors", f"-{ENTER}")
    asked.wait_for("valid integer")
    asked.type(f"{CLEAR}2{ENTER}")
    asked.wait_for("The step where")
    asked.answer("Log", f"ftp://x{ENTER}")
    asked.wait_for("An ftp address is not a log")
    asked.type(f"{CLEAR}{log.log}{ENTER}")
    asked.answer("User", f"reader{ENTER}")
    asked.answer("Environment variable that holds password", f"{CLEAR}not a name{ENTER}")
    asked.wait_for("is not a name of a variable")
    asked.type(f"{CLEAR}LOG_PASSWORD{ENTER}")
    asked.answer("LOG_PASSWORD is not set here", f"s3cret-word{ENTER}")
    asked.wait_for("may not read")
    asked.wait_for("What now?")
    asked.type(f"{DOWN}{ENTER}")
    asked.wait_for("The step what")
    asked.answer("Tables", f"{CLEAR}a.b, c.*{ENTER}")
    asked.wait_for("Mode")
    asked.type(f"{DOWN}{ENTER}")
    asked.wait_for("Deep")
    asked.type("y")
    asked.answer("Count", f"{CLEAR}0{ENTER}")
    asked.wait_for("greater than 0")
    asked.type(f"{CLEAR}7{ENTER}")
    asked.answer("administrator's password", f"b0ss{ENTER}")
    asked.wait_for("User 'reader' is there")
    asked.wait_for("The user may read")
    asked.answer("Address", f"out{ENTER}")
    asked.wait_for("Write this to 'fustor.yaml'?")
    asked.type("y")
    assert asked.finish() == 0, asked.shown
    assert "Set LOG_PASSWORD in the environment first" in asked.shown
    assert "s3cret-word" not in asked.shown
    source = load(tmp_path / FILE, {"LOG_PASSWORD": "x"}).sources["try_ask"]
    params = {"tables": ["a.b", "c.*"], "mode": "fast", "deep": True, "count": 7, "floors": 2}
    assert source.driver_params == params
    assert command("check", "source", "try_ask", "--only", "connection", **SET).exit_code == 0


@pytest.mark.wide
@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_a_key_ends_it_and_nothing_is_written(key, terminal, tmp_path):
    asked = terminal("init", "try_ask", "try_lines")
    asked.wait_for("Floors")
    asked.type(key)
    assert asked.finish() == 130, asked.shown
    assert "Traceback" not in asked.shown
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("end", [CTRL_C, CTRL_D, signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=repr)
def test_a_key_or_a_signal_ends_a_list_and_leaves_nothing(end, terminal, tmp_path):
    asked = terminal("init", "try_ask")
    asked.wait_for("Where is it written to?")
    if isinstance(end, signal.Signals):
        asked.process.send_signal(end)
    else:
        asked.type(end)
    code = {signal.SIGTERM: 143, signal.SIGHUP: -signal.SIGHUP}.get(end, 130)
    assert asked.finish() == code, asked.shown
    assert "Traceback" not in asked.shown
    assert not list(tmp_path.iterdir())


@pytest.mark.wide
def test_who_stops_or_does_not_agree_gets_no_file(terminal, log, tmp_path):
    stopped = terminal("init", "try_log", "try_lines", "--uri", "nowhere")
    stopped.wait_for("What now?")
    stopped.type(f"{DOWN}{DOWN}{ENTER}")
    assert stopped.finish() == 9, stopped.shown
    declined = terminal("init", "try_log", "try_lines", "--uri", log.log, "--endpoint", "out")
    declined.wait_for("Write this")
    declined.type("n")
    assert declined.finish() == 0, declined.shown
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("answer", [None, {}, {"steps": [{"title": "x"}]}, {"steps": 7}, ValueError("a bug")])
def test_steps_that_are_none_are_the_drivers_fault(answer):
    class Wrong(AskingDriver):
        @classmethod
        async def get_wizard_steps(cls):
            if isinstance(answer, Exception):
                raise answer
            return answer

    with pytest.raises(NotConformant, match=r"Wrong.get_wizard_steps has to return steps"):
        read_steps(Kind.SOURCE, Wrong)


@pytest.mark.wide
def test_yes_asks_nothing_on_a_terminal(terminal, log, tmp_path):
    silent = terminal("init", "try_log", "try_lines", "--uri", log.log, "--endpoint", "out", "-y")
    assert silent.finish() == 0, silent.shown
    assert (tmp_path / FILE).is_file()
