"""Every command ends: by its own limits, by a signal, and whatever threads a driver leaves behind."""

import signal
import subprocess
import sys
import time

import pytest
from tiers import longer

from fustor_try.hanging import WAYS
from fustor_try.scripted import event

pytestmark = pytest.mark.wide


@pytest.fixture
def start(environ, tmp_path):
    """Start the command with a hanging driver; it is killed at the end of the test, if it has to be."""
    processes = []

    def start(*arguments, where, how="blocks"):
        settings = [
            f"--set={prefix}driver_params.{key}={value}" for prefix, key, value in _settings(arguments, where, how)
        ]
        command = [sys.executable, "-m", "fustor_driver", *map(str, arguments), *settings]
        process = subprocess.Popen(
            command, env=environ, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def _settings(arguments, where, how):
    prefixes = ("source.", "pusher.") if arguments[0] == "run" else ("",)
    return [(prefix, key, value) for prefix in prefixes for key, value in (("where", where), ("how", how))]


def _hangs(process):
    return any("hanging" in line for line in process.stderr)


def _is_over_within(process, limit_sec):
    began = time.monotonic()
    process.wait(limit_sec + 10)
    return time.monotonic() - began < limit_sec


SOURCE, PUSHER = ("try_hang", "--uri", "x"), ("try_hang", "--endpoint", "x")


@pytest.mark.parametrize("how", WAYS)
def test_a_check_keeps_its_time_and_ends(how, start):
    process = start(
        "check", "source", *SOURCE, "--timeout", 0.5, "--only", "connection", where="test_connection", how=how
    )
    out, err = process.communicate(timeout=20)
    assert process.returncode == 9, err
    assert "No answer within 0.5 s" in out


def test_a_thread_that_a_driver_leaves_behind_keeps_no_command_alive(start):
    process = start("read", *SOURCE, where="leftover")
    began = time.monotonic()
    for line in process.stderr:
        if "1 rows in 1 events" in line:
            began = time.monotonic()
    assert process.wait(20) == 0
    assert time.monotonic() - began < 6


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("check", "source", *SOURCE), "constructor"),
        longer(("read", *SOURCE), "constructor"),
        (("read", *SOURCE), "snapshot"),
        longer(("read", *SOURCE), "source.close"),
        (("bench", "source", *SOURCE), "snapshot"),
        (("bench", "pusher", *PUSHER), "push"),
        (("discover", "source", *SOURCE), "get_available_fields"),
        (("push", *PUSHER, "--from", "events.jsonl"), "push"),
        longer(("push", *PUSHER, "--from", "events.jsonl"), "create_session"),
        (("replay", "events.jsonl", *PUSHER), "pusher.close"),
        (("record", *SOURCE, "--to", "new.jsonl"), "snapshot"),
        (("run", "--source-driver", *SOURCE, "--pusher-driver", *PUSHER), "push"),
        longer(("run", "--source-driver", *SOURCE, "--pusher-driver", *PUSHER), "create_session"),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)])
def test_the_second_signal_ends_every_command_at_once(arguments, where, number, start, tmp_path):
    (tmp_path / "events.jsonl").write_text(event("/a").model_dump_json())
    process = start(*arguments, where=where)
    assert _hangs(process)
    process.send_signal(number)
    time.sleep(0.2)  # two of one kind at the same moment are one for the system
    process.send_signal(number)
    assert _is_over_within(process, 6)
    assert process.returncode == 128 + number
    assert "Traceback" not in process.stderr.read()


RUN = ("run", "--source-driver", *SOURCE, "--pusher-driver", *PUSHER)


@pytest.mark.parametrize("arguments", [RUN, ("push", *PUSHER, "--from", "events.jsonl")])
def test_a_signal_ends_a_constructor_that_swallows_it(arguments, start, tmp_path):
    (tmp_path / "events.jsonl").write_text(event("/a").model_dump_json())
    process = start(*arguments, where="constructor", how="swallows")
    assert _hangs(process)
    process.send_signal(signal.SIGINT)
    assert _is_over_within(process, 6)
    assert process.returncode == 130


def test_a_driver_that_exits_with_0_makes_no_success(start):
    process = start(*RUN, where="constructor", how="exits")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 8
    assert "A driver raised SystemExit(0)" in err


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("push", "The pusher 'pusher' (push) did not stop in time"),
        ("pusher.close", "The pusher 'pusher' (close) did not stop in time"),
        ("snapshot", "The source 'source' (snapshot) did not stop in time"),
        ("is_position_available", "The source 'source' (is_position_available) did not stop in time"),
        ("leftover", ""),
    ],
)
def test_ctrl_c_ends_a_run_within_two_seconds_and_names_who_did_not_stop(where, named, start):
    process = start("run", "--source-driver", *SOURCE, "--pusher-driver", *PUSHER, where=where)
    if where in ("pusher.close", "leftover"):
        assert any("running: " in line for line in process.stderr)
    else:
        assert _hangs(process)
    process.send_signal(signal.SIGINT)
    assert _is_over_within(process, 2.8)  # two, on a machine that has other work
    assert process.returncode == 130
    rest = process.stderr.read()
    assert named in rest
    assert ("Stopped before all was pushed: 1 events" in rest) == (where == "push")


def test_a_run_says_at_the_first_attempt_that_its_source_is_not_reached(environ, tmp_path):
    options = ("--source-driver", "try_late", "--uri", "x", "--pusher-driver", "try_lines", "--endpoint", "out")
    command = [sys.executable, "-m", "fustor_driver", "run", *options, "--for", "3", "--json"]
    done = subprocess.run(command, env=environ, cwd=tmp_path, text=True, capture_output=True, timeout=30, check=False)
    assert done.returncode == 9
    assert "not reached yet: nobody listens there" in done.stderr
    assert "Error: The source was not reached in the time of this run" in done.stderr
    assert '"connecting"' not in done.stdout
    assert '"failed"' in done.stdout


def test_a_time_limit_during_which_every_snapshot_failed_is_no_success(environ, tmp_path):
    options = ("--source-driver", "try_blab", "--uri", "x", "--pusher-driver", "try_lines", "--endpoint", "out")
    command = [sys.executable, "-m", "fustor_driver", "run", *options, "--set=source.driver_params.where=snapshot"]
    done = subprocess.run(
        [*command, "--for", "2"], env=environ, cwd=tmp_path, text=True, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 9
    assert "Error: There is no complete snapshot: " in done.stderr


def test_ctrl_c_before_the_command_is_loaded_ends_without_a_traceback(environ, tmp_path):
    (tmp_path / "typer.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    path = f"{tmp_path}:{environ.get('PYTHONPATH', '')}"
    command = [sys.executable, "-m", "fustor_driver", "list"]
    done = subprocess.run(command, env=environ | {"PYTHONPATH": path}, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
