"""Signals that come while a question is on the terminal, at a moment that no signal from outside meets for sure."""

import os
import signal

import pytest
from prompt_toolkit.application import Application, create_app_session
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from fustor_new.commands import _prompts


class Ended(BaseException):
    """What the handler of a signal raises."""


@pytest.fixture
def terminal(monkeypatch):
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        monkeypatch.setattr(_prompts, "_output", DummyOutput)
        yield pipe


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def number(request):
    def end(*_):
        raise Ended

    before = signal.signal(request.param, end)
    yield request.param
    assert signal.signal(request.param, before) is end


@pytest.mark.usefixtures("terminal")
def test_a_signal_in_the_event_loop_ends_the_question_and_nothing_is_shown(number, monkeypatch, capfd, caplog):
    loading = "load_history_strings"  # a task of the event loop does it while the question is shown
    monkeypatch.setattr(InMemoryHistory, loading, lambda _: os.kill(os.getpid(), number) or [])
    with pytest.raises(Ended):
        _prompts.typed("What is it called?")
    assert "".join(capfd.readouterr()) == ""
    assert [record for record in caplog.records if record.name != "asyncio"] == []


@pytest.mark.usefixtures("terminal")
def test_a_signal_before_the_event_loop_ends_the_question_too(number, monkeypatch):
    run = Application.run
    monkeypatch.setattr(
        Application, "run", lambda *args, **options: (os.kill(os.getpid(), number), run(*args, **options))
    )
    with pytest.raises(Ended):
        _prompts.agreed("Is that right?", first=True)


def test_a_question_that_is_answered_leaves_the_signals_as_they_were(terminal, number):
    terminal.send_text("redis\r")
    assert _prompts.typed("What is it called?") == "redis"
    with pytest.raises(Ended):
        os.kill(os.getpid(), number)
