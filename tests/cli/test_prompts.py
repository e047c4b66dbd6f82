"""Keys, and signals that come while a question is put up: a moment that no signal from outside meets for sure."""

import os
import signal
from pathlib import Path

import pytest
from prompt_toolkit.application import Application, create_app_session
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from fustor_driver.commands import _asking as driver
from fustor_driver.commands import _conversation
from fustor_new._signals import ENDING
from fustor_new.commands import _asking as new
from fustor_new.commands import _prompts

TYPED = {
    "fustor-new": lambda: _prompts.typed("What is it called?"),
    "fustor-driver": lambda: _conversation._typed("What is it called?"),
}
AGREED = {
    "fustor-new": lambda: _prompts.agreed("Is that right?", first=True),
    "fustor-driver": lambda: _conversation._confirm("Is that right?"),
}
CHOSEN = {
    "fustor-new": lambda: _prompts.chosen("Which?", [("a", "A"), ("b", "B")], "b"),
    "fustor-driver": lambda: _conversation._choose("Which?", [("A", "a", ""), ("B", "b", "")], "b"),
}


class Ended(BaseException):
    """What the handler of a signal raises."""


@pytest.fixture
def terminal(monkeypatch):
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        monkeypatch.setattr(_prompts, "_output", DummyOutput)
        yield pipe


@pytest.fixture(params=TYPED)
def command(request):
    return request.param


@pytest.fixture(params=ENDING, ids=lambda number: number.name)
def number(request):
    def end(*_):
        raise Ended

    before = signal.signal(request.param, end)
    yield request.param
    assert signal.signal(request.param, before) is end


@pytest.mark.usefixtures("terminal")
def test_a_signal_in_the_event_loop_ends_the_question_and_nothing_is_shown(command, number, monkeypatch, capfd, caplog):
    loading = "load_history_strings"  # a task of the event loop does it while the question is shown
    monkeypatch.setattr(InMemoryHistory, loading, lambda _: os.kill(os.getpid(), number) or [])
    with pytest.raises(Ended):
        TYPED[command]()
    assert "".join(capfd.readouterr()) == ""
    assert [record for record in caplog.records if record.name != "asyncio"] == []


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("asked", [CHOSEN, AGREED], ids=["chosen", "agreed"])
def test_a_signal_before_the_event_loop_ends_the_question_too(asked, command, number, monkeypatch):
    run = Application.run
    monkeypatch.setattr(
        Application, "run", lambda *args, **options: (os.kill(os.getpid(), number), run(*args, **options))
    )
    with pytest.raises(Ended):
        asked[command]()


@pytest.mark.usefixtures("terminal")
def test_a_signal_that_is_ignored_ends_no_question(terminal, command, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    monkeypatch.setattr(InMemoryHistory, "load_history_strings", lambda _: os.kill(os.getpid(), signal.SIGHUP) or [])
    terminal.send_text("redis\r")
    try:
        assert TYPED[command]() == "redis"
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_question_that_is_answered_leaves_the_signals_as_they_were(terminal, command, number):
    terminal.send_text("redis\r")
    assert TYPED[command]() == "redis"
    with pytest.raises(Ended):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("asked", [CHOSEN, AGREED, TYPED], ids=["chosen", "agreed", "typed"])
def test_ctrl_d_where_nothing_is_typed_is_ctrl_c(asked, terminal, command):
    terminal.send_text("\x04\r")
    with pytest.raises(KeyboardInterrupt):
        asked[command]()


def test_ctrl_d_in_what_is_typed_deletes_the_letter_at_the_cursor(terminal, command):
    terminal.send_text("xredis\x01\x04\r")
    assert TYPED[command]() == "redis"


@pytest.mark.parametrize("report", ["\x1b[31m", "\x1b[M @@", "\x1b[<0;3;3M"], ids=["colour", "old", "new"])
def test_what_looks_like_a_mouse_is_passed_by(report, terminal, command, capfd):
    terminal.send_text(f"{report}redis\r")
    assert TYPED[command]() == "redis"
    terminal.send_text(f"{report}\r")
    assert CHOSEN[command]() == "b"
    assert "".join(capfd.readouterr()) == ""


def test_both_commands_end_their_questions_by_the_same_text():
    assert Path(new.__file__).read_bytes() == Path(driver.__file__).read_bytes()
