"""Commands that take long say how far they are."""

import subprocess
import threading

import pytest

from fustor_driver.progress import counting
from fustor_driver.reporting import SHOWN


def _wait_for(text, capsys):
    """What was said up to a text; a thread of its own says it."""
    said = ""
    for _ in range(1000):
        said += capsys.readouterr().err
        if text in said:
            return said
        threading.Event().wait(0.01)
    raise AssertionError(said)


def test_off_a_terminal_a_line_comes_at_regular_times(capsys):
    with counting("Reading", line_sec=0.05) as came:
        came(1_000)
        came(234)
        said = _wait_for("Reading: 1,234 rows in 0 s, ", capsys)
        assert said.count("\n") <= 3
        _wait_for("Reading: 1,234 rows", capsys)


def test_nothing_is_said_at_once_or_to_who_wants_it_quiet_or_sees_the_rows(capsys, monkeypatch):
    for quiet, options in ((0, {}), (1, {"line_sec": 0.001}), (0, {"apart": False, "line_sec": 0.001})):
        monkeypatch.setattr(SHOWN, "quiet", quiet)
        with counting("Reading", **options) as came:
            came(5)
            threading.Event().wait(0.01)
    assert capsys.readouterr().err == ""


@pytest.fixture
def shown(terminal):
    """What a command line shows on a terminal for its errors, while its output goes elsewhere."""

    def run(*arguments):
        elsewhere = dict.fromkeys(("stdin", "stdout"), subprocess.DEVNULL)
        command = terminal(*arguments, elsewhere=elsewhere, COLUMNS="80")
        assert command.finish(within=20) == 0
        return command.shown

    return run


def test_on_a_terminal_a_bar_shows_rows_of_how_many(shown, filled):
    said = shown("bench", "source", "try_log", "--uri", filled.log, "--rows", 5)
    assert "Reading" in said
    assert "5 of 5 rows" in said


@pytest.mark.wide
def test_a_recording_shows_its_rows_and_what_is_replayed_too(shown, filled):
    record = ("record", "try_log", "--uri", filled.log, "--to", "r.jsonl", "--for", 2)
    assert "Recording" in shown(*record)
    replay = ("replay", "r.jsonl", "try_lines", "--endpoint", "out")
    assert "Replaying" in shown(*replay)
