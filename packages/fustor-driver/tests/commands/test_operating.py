"""Runs as an operator asks for them: to their own end, anew, several at once."""

import json
import signal
import subprocess
import sys
from urllib.request import urlopen

import pytest

from fustor_driver.configuration import load

pytestmark = pytest.mark.wide


def test_run_once_ends_by_itself_and_the_next_one_takes_what_came_since(cli, filled, run_options):
    first = json.loads(cli("run", *run_options, "--once", "--json").stdout)
    assert (first["caught_up"], first["phases"]["snapshot"]["rows"]) == (True, 5)
    filled.append("upsert", "/new", 1)
    again = json.loads(cli("run", *run_options, "--once", "--json").stdout)
    assert (again["resumed_from"], again["phases"]["realtime"]["rows"]) == (5, 1)
    assert again["phases"]["snapshot"]["rows"] == 0


def test_run_once_whose_time_is_up_first_exits_9(cli, run_options):
    without_indexes = ("--set", "source.driver_params.transient=true")  # so it waits for 2 s of silence
    result = cli("run", *run_options, *without_indexes, "--once", "--for", 1.5)
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


@pytest.mark.parametrize(("answer", "code"), [("n\n", 2), ("y\n", 0)])
def test_a_full_refresh_is_confirmed_on_a_terminal(answer, code, terminal, run_options):
    run = terminal("run", *run_options, "--once", "--full-refresh", elsewhere={"stdout": subprocess.DEVNULL})
    run.type(answer)
    assert run.finish(within=20) == code


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


@pytest.fixture
def several(filled, tmp_path):
    """A file with two syncs of one source, and one that is disabled."""
    entries = "{driver: try_lines, endpoint: %s, disabled: false}"
    (tmp_path / "fustor.yaml").write_text(
        f"sources: {{s: {{driver: try_log, uri: {filled.log}, disabled: false}}}}\n"
        f"pushers: {{a: {entries % 'out-a'}, b: {entries % 'out-b'}, c: {entries % 'out-c'}}}\n"
        "syncs:\n"
        "  first: {source: s, pusher: a}\n"
        "  second: {source: s, pusher: b}\n"
        "  paused: {source: s, pusher: c, disabled: true}\n"
    )
    return tmp_path


@pytest.mark.parametrize("chosen", [["--all"], ["--sync", "first", "--sync", "second"]])
def test_several_syncs_run_in_one_process_with_a_status_each(chosen, cli, several):
    result = cli("run", *chosen, "--once", "--status", "status.json", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == json.loads((several / "status.json").read_text())
    tasks = json.loads(result.stdout)["tasks"]
    assert {task: found["phases"]["snapshot"]["rows"] for task, found in tasks.items()} == {"s:a": 5, "s:b": 5}
    assert sorted(path.name for path in several.glob("out-*")) == ["out-a", "out-b"]


def test_what_one_sync_reads_it_reads_apart_whether_or_not_others_run(several):
    found = load(several / "fustor.yaml")
    assert [found.pair(sync=name).reader_id for name in ("first", "second")] == ["s", "s:b"]
    assert [found.pair(source="s", pusher=name).reader_id for name in ("a", "b")] == ["s", "s:b"]


def test_one_sync_alone_has_the_document_of_one_run(cli, several):
    result = cli("run", "--sync", "first", "--once", "--json")
    assert json.loads(result.stdout)["task_id"] == "s:a"
    assert "choose with --sync, or run all with --all" in cli("run").stderr
    assert several


def test_one_of_several_that_fails_lets_the_others_end_and_gives_the_exit_code(cli, several):
    failing = "driver: try_blab, driver_params: {where: create_session}, endpoint: out-a"
    text = (several / "fustor.yaml").read_text().replace("driver: try_lines, endpoint: out-a", failing)
    (several / "fustor.yaml").write_text(text)
    result = cli("run", "--all", "--once", "--json")
    assert result.exit_code == 9
    assert "Error: Task 's:a': " in result.stderr
    states = {task: found["state"] for task, found in json.loads(result.stdout)["tasks"].items()}
    assert states == {"s:a": "failed", "s:b": "stopped"}


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--all", "--task", "t"], "--task and --strict are for one run"),
        (["--all", "--strict"], "--task and --strict are for one run"),
        (["--all", "--uri", "x"], "choose one run"),
        (["--sync", "first", "--sync", "third"], "no sync 'third'"),
    ],
)
def test_what_is_for_one_run_is_refused_for_several(options, word, cli, several):
    result = cli("run", *options)
    assert (result.exit_code, word in result.stderr) == (2, True)
    assert several


def test_two_syncs_of_one_task_are_refused(cli, several):
    text = (several / "fustor.yaml").read_text().replace("pusher: b", "pusher: a")
    (several / "fustor.yaml").write_text(text)
    result = cli("run", "--all")
    assert (result.exit_code, "same source and pusher, 's:a'" in result.stderr) == (2, True)


def test_one_signal_ends_all_and_log_lines_name_their_task(environ, several):
    command = [sys.executable, "-m", "fustor_driver", "run", "--all"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True, cwd=several) as process:
        for line in process.stderr:
            if "[s:b] running: " in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(20) == 130
    assert all(f"[{task}] stopped: " in rest for task in ("s:a", "s:b"))
    assert "Traceback" not in rest


def test_records_of_a_json_log_have_the_task_where_several_run(environ, several):
    command = [sys.executable, "-m", "fustor_driver", "run", "--all", "--once", "--log-format", "json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, cwd=several, check=True)
    records = [json.loads(line) for line in done.stderr.splitlines()]
    complete = {record["task"] for record in records if record["message"].startswith("Snapshot complete")}
    assert complete == {"s:a", "s:b"}
    ends = {record.get("task"): record for record in records if record["logger"] == "fustor_driver.run"}
    assert set(ends) == {"s:a", "s:b"}
    assert all(record["message"].startswith("stopped: ") for record in ends.values())


@pytest.mark.usefixtures("several")
def test_a_run_that_takes_no_audits_refuses_their_interval(cli):
    result = cli("run", "--all", "--once", "--audit-interval", "1")
    assert (result.exit_code, "--once takes no audits" in result.stderr) == (2, True)
    assert cli("run", "--all", "--once", "--audit-interval", "0").exit_code == 0
