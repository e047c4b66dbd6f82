"""The log as JSON: every line is an object, with a time that knows its zone, and without a secret."""

import json
import logging
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from fustor_driver.logs import LogFormat, set_up_log
from fustor_driver.redaction import REDACTOR

CANARY = 'a-secret, of: "mine"'


@pytest.fixture
def log(monkeypatch, capsys):
    """Set the log up and get what it wrote since."""

    def set_up(verbosity=1):
        monkeypatch.setattr(logging.root, "handlers", [])
        monkeypatch.setattr(logging.root, "level", logging.WARNING)
        set_up_log(verbosity, LogFormat.JSON)
        return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return set_up


def test_a_line_is_an_object_with_time_level_logger_and_message(log):
    lines = log()
    logging.getLogger("a.b").warning("it is %s", "so")
    (line,) = lines()
    assert list(line) == ["time", "level", "logger", "message"]
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "a.b", "it is so")
    assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)


def test_what_a_record_has_besides_is_there_too(log):
    lines = log()
    logging.getLogger("a").warning("away", extra={"fustor_retry": {"attempt": 2, "of": 3, "next_sec": 0.5}})
    assert lines()[0]["fustor_retry"] == {"attempt": 2, "of": 3, "next_sec": 0.5}


def test_no_secret_is_in_a_line_wherever_it_stands(log):
    REDACTOR.add(CANARY)
    lines = log()
    logging.getLogger("a").error(
        "of %s and password=%s", CANARY, "other", exc_info=ValueError(CANARY), extra={"more": [CANARY]}
    )
    (line,) = lines()
    assert "mine" not in json.dumps(line)
    assert line["message"] == "of *** and password=***"
    assert line["exc_info"] == "ValueError: ***"


@pytest.mark.parametrize(("verbosity", "seen"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_levels_are_those_that_were_asked_for(verbosity, seen, log):
    lines = log(verbosity)
    for level in (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG):
        logging.getLogger("a").log(level, "x")
    assert len(lines()) == seen


def test_a_run_that_fails_logs_nothing_else(environ, tmp_path):
    options = ("--source-driver", "try_blab", "--uri", "x", "--pusher-driver", "try_lines", "--endpoint", "out")
    command = [sys.executable, "-m", "fustor_driver", "run", *options, "--set=source.driver_params.where=realtime"]
    done = subprocess.run(
        [*command, "--log-format", "json"], env=environ, cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert done.returncode == 9
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[-1]["level"] == "ERROR"
    assert "cannot be used" in lines[-1]["message"]
    assert {"fustor_driver.run", "a.driver"} <= {line["logger"] for line in lines}
