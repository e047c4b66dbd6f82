"""Commands that take long say how far they are."""

import os
import pty
import subprocess
import sys
import threading

import pytest

from fustor_driver.commands._counting import counting


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


def test_nothing_is_said_at_once_or_to_who_wants_it_quiet_or_sees_the_rows(capsys):
    for options in ({}, {"quiet": 1, "line_sec": 0.001}, {"apart": False, "line_sec": 0.001}):
        with counting("Reading", **options) as came:
            came(5)
            threading.Event().wait(0.01)
    assert capsys.readouterr().err == ""


def _on_a_terminal(environ, directory, *arguments):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "fustor_driver", *map(str, arguments)]
    with subprocess.Popen(
        command, env=environ | {"COLUMNS": "80"}, stdout=subprocess.PIPE, stderr=theirs, cwd=directory
    ) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b"")).decode()
        process.stdout.read()
        assert process.wait(20) == 0
    os.close(ours)
    return shown


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_on_a_terminal_a_bar_shows_rows_of_how_many(environ, filled, tmp_path):
    shown = _on_a_terminal(environ, tmp_path, "bench", "source", "try_log", "--uri", filled.log, "--rows", 5)
    assert "Reading" in shown
    assert "5 of 5 rows" in shown


@pytest.mark.wide
def test_a_recording_shows_its_rows_and_what_is_replayed_too(environ, filled, tmp_path):
    record = ("record", "try_log", "--uri", filled.log, "--to", "r.jsonl", "--for", 0.3)
    assert "Recording" in _on_a_terminal(environ, tmp_path, *record)
    replay = ("replay", "r.jsonl", "try_lines", "--endpoint", "out")
    assert "Replaying" in _on_a_terminal(environ, tmp_path, *replay)
