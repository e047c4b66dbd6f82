"""Runs as an operator asks for them: to their own end, anew, several at once."""

import json
import os
import pty
import subprocess
import sys
from urllib.request import urlopen

import pytest


def test_run_once_ends_by_itself_and_the_next_one_takes_what_came_since(cli, filled, run_options):
    first = json.loads(cli("run", *run_options, "--once", "--json").stdout)
    assert (first["caught_up"], first["phases"]["snapshot"]["rows"]) == (True, 5)
    filled.append("upsert", "/new", 1)
    again = json.loads(cli("run", *run_options, "--once", "--json").stdout)
    assert (again["resumed_from"], again["phases"]["realtime"]["rows"]) == (5, 1)
    assert again["phases"]["snapshot"]["rows"] == 0


def test_run_once_whose_time_is_up_first_exits_9(cli, run_options):
    without_indexes = ("--set", "source.driver_params.transient=true")  # so it waits for 2 s of silence
    result = cli("run", *run_options, *without_indexes, "--once", "--for", 0.4)
    assert result.exit_code == 9
    assert "The time of this run was up" in result.stderr


def test_a_full_refresh_forgets_the_position(cli, run_options):
    cli("run", *run_options, "--once")
    asked = cli("run", *run_options, "--once", "--full-refresh")
    assert (asked.exit_code, "--yes" in asked.stderr) == (2, True)
    anew = json.loads(cli("run", *run_options, "--once", "--full-refresh", "--yes", "--json").stdout)
    assert (anew["resumed_from"], anew["phases"]["snapshot"]["rows"]) == (-1, 5)


def test_a_full_refresh_does_not_lift_the_guard(cli, run_options, tmp_path):
    cli("run", *run_options, "--once")
    (tmp_path / "out" / "guard").touch()
    assert cli("run", *run_options, "--once", "--full-refresh", "--yes").exit_code == 10


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 2), (b"y\n", 0)])
def test_a_full_refresh_is_confirmed_on_a_terminal(answer, code, environ, run_options, tmp_path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "fustor_driver", "run", *map(str, run_options), "--once", "--full-refresh"]
    with subprocess.Popen(command, env=environ, stdin=theirs, stderr=theirs, cwd=tmp_path) as process:
        os.close(theirs)
        os.write(ours, answer)
        assert process.wait(20) == code
    os.close(ours)


def test_a_run_serves_its_figures_where_it_is_asked_to(environ, run_options, tmp_path):
    command = [sys.executable, "-m", "fustor_driver", "run", *map(str, run_options), "--metrics", "0"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        lines = iter(process.stderr)
        url = next(line.split()[-1] for line in lines if "healthz" in line)
        next(line for line in lines if "running: " in line)
        with urlopen(url, timeout=10) as answer:  # noqa: S310 - an address of our own
            assert json.load(answer)["status"] == "ok"
        process.terminate()
        assert not [line for line in lines if "Traceback" in line]
