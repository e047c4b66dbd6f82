"""Each subcommand as its user meets it: arguments in, output and exit code out."""

import inspect
import json
import signal
import subprocess
import sys
from importlib import import_module
from itertools import islice

import pytest

from fustor_driver.cli import COMMANDS, _says_what_to_install
from fustor_driver.event_files import read_batches, read_events
from fustor_try.lines_pusher import committed
from fustor_try.scripted import event


def _paths(text):
    return [row["path"] for line in text.splitlines() for row in json.loads(line)["rows"]]


def test_list_shows_every_driver_and_why_one_does_not_load(cli):
    result = cli("list")
    assert result.exit_code == 0
    assert "try_log" in result.stdout
    assert "this module does not load" in result.stderr
    records = {(record["kind"], record["name"]): record for record in json.loads(cli("list", "--json").stdout)}
    assert records["source", "try_log"]["hosts"] == ["agent-0.2", "agent-0.8", "guide"]
    assert "Traceback" in records["source", "try_broken"]["error"]


def test_doctor_names_errors_with_a_way_out_and_exits_7(cli):
    result = cli("doctor", "--json")
    assert result.exit_code == 7
    findings = [finding for finding in json.loads(result.stdout)["findings"] if "try" in finding["subject"]]
    assert [(finding["level"], finding["text"].split(":")[0]) for finding in findings] == [
        ("error", "Does not load"),
        ("warning", "Not registered in 'fustor_agent.drivers.sources'"),
    ]
    assert all(finding["remedy"] for finding in findings)
    assert "RuntimeError: this module does not load" in cli("doctor").stdout


def test_about_shows_the_configuration_as_a_table_and_as_a_schema(cli):
    assert "driver_params.poll_interval_sec" in cli("about", "source", "try-log").stdout
    about = json.loads(cli("about", "source", "try_log", "--json").stdout)
    assert about["config_schema"]["properties"]["driver_params"]["properties"]["transient"]["type"] == "boolean"
    assert about["capabilities"] == ["acknowledge", "get_audit_iterator", "get_latest_position", "statistics"]
    assert json.loads(cli("about", "pusher", "try_lines", "--json").stdout)["capabilities"] == []


def test_check_passes_and_reads_one_row(cli, filled):
    result = cli("check", "source", "try_log", "--uri", filled.log, "--json")
    assert result.exit_code == 0
    answers = {answer["step"]: (answer["answer"], answer["text"]) for answer in json.loads(result.stdout)}
    assert answers["row"] == ("passed", "Read one row, '/0'")
    assert answers["runtime"][0] == "not supported"
    assert list(answers) == ["configuration", "connection", "privileges", "runtime", "row"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--uri", "nowhere", "--only", "connection"], "No file 'nowhere'"),
        (
            ["--uri", "nowhere", "--set", "driver_params.pol=1", "--set", "driver_params.transient=x"],
            "driver_params.pol:",
        ),
        (["--uri", "nowhere", "--only", "runtime"], "Not supported"),
    ],
)
def test_a_check_that_fails_exits_9(arguments, word, cli):
    result = cli("check", "source", "try_log", *arguments)
    assert result.exit_code == 9
    assert word in result.stdout


def test_check_of_a_pusher_asks_what_pushers_answer(cli):
    result = cli("check", "pusher", "try_lines", "--endpoint", "out", "--json")
    assert [answer["step"] for answer in json.loads(result.stdout)] == ["configuration", "connection", "privileges"]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["read", "nothing"], 7, "No source 'nothing' is installed"),
        (["read", "try_broken"], 7, "does not load"),
        (["read", "try_log"], 9, "uri: Field required; give --uri, or --config with a file that has it"),
        (["read", "try_log", "--uri", "x", "--set", "max_retrys=1"], 9, "is not a field; did you mean 'max_retries'?"),
        (["read", "try_log", "--uri", "x", "--set", "credential.usr=1"], 9, "did you mean 'user'?"),
        (["read", "try_log", "--uri", "x", "--set", "max_retries=0"], 9, "max_retries: Input should be greater than 0"),
        (["read", "try_log", "--uri", "x", "--set", "credential.passwd=${NOT_SET}"], 9, "'NOT_SET'"),
        (["read", "try_log", "--uri", "x", "--set", "oops"], 2, "not KEY=VALUE"),
        (["read", "try_log", "-c", "nowhere.yaml"], 2, "Cannot read the configuration"),
        (["read"], 2, "Missing argument"),
        (["check", "source", "try_log", "--endpoint", "x"], 2, "--uri"),
        (["run"], 2, "no 'fustor.yaml' here"),
        (["run", "--source-driver", "try_log"], 2, "--pusher-driver"),
        (["run", "--demo", "nothing"], 7, "No package brings a world"),
        (["push", "try_lines", "--endpoint", "x", "--from", "nowhere"], 2, "Cannot read events"),
    ],
)
def test_a_known_error_is_a_line_on_stderr_and_its_exit_code(arguments, code, word, cli):
    result = cli(*arguments)
    assert result.exit_code == code
    assert word in result.stderr
    assert not result.stdout


def test_discover_tells_the_fields_of_a_source_and_the_needs_of_a_pusher(cli, filled):
    assert "is_directory" in cli("discover", "source", "try_log", "--uri", filled.log).stdout
    assert json.loads(cli("discover", "pusher", "try_lines", "--endpoint", "x", "--json").stdout) == {}


def test_read_gives_json_lines_within_its_bounds(cli, filled):
    result = cli("read", "try_log", "--uri", filled.log, "--limit", 3)
    assert _paths(result.stdout) == ["/0", "/1", "/2"]
    assert result.stderr == "3 rows in 1 events\n"
    assert _paths(cli("read", "try_log", "--uri", filled.log, "--limit", 3, "--batch-size", 2).stdout)[-1] == "/2"
    audit = cli("read", "try_log", "--uri", filled.log, "--phase", "audit", "--limit", 0).stdout
    assert _paths(audit) == [*(f"/{at}" for at in range(5)), "/"]


def test_read_resumes_realtime_at_a_position_and_refuses_one_that_is_gone(cli, filled):
    arguments = ["read", "try_log", "--uri", filled.log, "--phase", "realtime"]
    assert _paths(cli(*arguments, "--from-position", 3, "--limit", 2).stdout) == ["/3", "/4"]
    assert _paths(cli(*arguments, "--from-position", 3, "--limit", 1).stdout) == ["/3"]
    assert cli(*arguments, "--from-position", 99).exit_code == 9


def test_a_configuration_file_names_what_is_read(cli, filled, tmp_path, monkeypatch):
    monkeypatch.setenv("THE_LOG", str(filled.log))
    (tmp_path / "fustor.yaml").write_text("sources: {s: {driver: try-log, uri: '${THE_LOG}'}}")
    assert len(_paths(cli("read", "try_log").stdout)) == 5
    assert len(_paths(cli("read", "try_log", "--id", "s", "--set", "driver_params.transient=true").stdout)) == 5


def test_push_takes_what_read_gives(cli, filled, tmp_path):
    (tmp_path / "events.jsonl").write_text(cli("read", "try_log", "--uri", filled.log).stdout)
    result = cli("push", "try_lines", "--endpoint", "out", "--from", "events.jsonl", "--snapshot-end", "--json")
    assert json.loads(result.stdout) == {"batches": 2, "events": 1, "rows": 5}
    batches = [batch for batch, _ in committed(tmp_path / "out" / "fustor-push.jsonl")]
    assert [batch.end for batch in batches] == [False, True]


def test_push_goes_on_past_a_torn_dead_letter_and_says_so(cli, tmp_path):
    letter = {"refused_at": "2026-01-01T00:00:00Z", "session_id": "s", "event": event("/a").model_dump(mode="json")}
    whole = json.dumps(letter)
    (tmp_path / "s%3Ap.dead-letters.jsonl").write_text(f"{whole[:40]}\n{whole}\n{whole}\n")
    result = cli("push", "try_lines", "--endpoint", "out", "--from", "s%3Ap.dead-letters.jsonl", "--json")
    assert (result.exit_code, json.loads(result.stdout)["events"]) == (0, 2)


def test_a_recording_is_for_its_owner_only(cli, filled, tmp_path):
    assert cli("record", "try_log", "--uri", filled.log, "--to", "r.jsonl", "--for", 2).exit_code == 0
    assert (tmp_path / "r.jsonl").stat().st_mode & 0o777 == 0o600


def test_push_stops_at_what_the_pusher_refuses(cli, tmp_path):
    lines = [event(path).model_dump_json() for path in ("/a", "/refused", "/b")]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    result = cli("push", "try_lines", "--endpoint", "out", "--from", "events.jsonl", "--max-events", 1)
    assert result.exit_code == 9
    assert "leave them out" in result.stderr
    assert len(list(committed(tmp_path / "out" / "fustor-push.jsonl"))) == 1


def test_what_is_recorded_is_replayed_as_it_was(cli, filled, tmp_path):
    record = ("record", "try_log", "--uri", filled.log, "--to", "session.jsonl")
    result = cli(*record, "--for", 2, "--audit-interval", 0.05)
    assert result.exit_code == 0
    assert "5 rows of snapshot" in result.stderr
    recorded = list(read_batches(tmp_path / "session.jsonl"))
    assert sum(batch.is_snapshot_end for batch in recorded) == 1
    assert _paths(cli("replay", "session.jsonl").stdout)[:5] == [f"/{at}" for at in range(5)]
    assert json.loads(cli("replay", "session.jsonl", "--json").stdout)["complete snapshots"] == 1
    replayed = json.loads(cli("replay", "session.jsonl", "try_lines", "--endpoint", "out", "--json").stdout)
    assert replayed["events"] == len(list(read_events(tmp_path / "session.jsonl")))
    assert cli(*record).exit_code == 2


def test_bench_gives_figures_of_both_kinds(cli, filled):
    source = json.loads(cli("bench", "source", "try_log", "--uri", filled.log, "--json").stdout)
    assert (source["rows"], source["events"]) == (5, 1)
    pusher = json.loads(cli("bench", "pusher", "try_lines", "--endpoint", "out", "--rows", 2500, "--json").stdout)
    assert (pusher["rows"], pusher["events"]) == (2500, 3)
    assert pusher["latency_p50_ms"] <= pusher["latency_p99_ms"]
    assert "rows_per_sec" in cli("bench", "source", "try_log", "--uri", filled.log).stdout


def test_run_moves_events_by_a_file_and_by_options_and_resumes(cli, filled, log_options, tmp_path):
    (tmp_path / "fustor.yaml").write_text(
        f"sources: {{s: {{driver: try_log, uri: {filled.log}, disabled: false}}}}\n"
        "pushers: {p: {driver: try_lines, endpoint: out, disabled: false}}\n"
        "senders: {e: {driver: echo, uri: 'echo://'}}\n"
    )
    result = cli("run", "--once", "--status", "status.json", "--json")
    assert result.exit_code == 0
    assert "`senders` is left alone" in result.stderr
    assert json.loads(result.stdout) == json.loads((tmp_path / "status.json").read_text())
    assert json.loads(result.stdout)["phases"]["snapshot"]["rows"] == 5
    filled.append("upsert", "/new", 1)
    again = json.loads(cli("run", "--task", "s:p", *log_options, "--for", 2, "--json").stdout)
    assert (again["resumed_from"], again["phases"]["realtime"]["rows"]) == (5, 1)


def test_a_run_that_ends_well_but_for_refused_rows_exits_10(cli, filled, run_options):
    filled.append("upsert", "/set-aside", 1)
    result = cli("run", *run_options, "--once", "--json")
    assert result.exit_code == 10
    assert json.loads(result.stdout)["dead_letters"] == 1
    assert "refused 1 rows" in result.stderr


def test_deletions_that_a_guard_refuses_are_allowed_for_one_run(cli, run_options, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "guard").touch()
    refused = cli("run", *run_options, "--once", "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["refused_deletions"]) == (10, 150)
    allowed = cli("run", *run_options, "--task", "anew", "--once", "--allow-deletions", "--json")
    assert (allowed.exit_code, json.loads(allowed.stdout)["refused_deletions"]) == (0, 0)


def test_a_push_with_refusals_exits_10(cli, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "guard").touch()
    (tmp_path / "events.jsonl").write_text(event("/set-aside").model_dump_json())
    push = ("push", "try_lines", "--endpoint", "out", "--from", "events.jsonl", "--snapshot-end")
    assert cli(*push).exit_code == 10
    assert "1 rows or events and 0 deletions" in cli(*push, "--task", "b", "--allow-deletions").stderr


def test_run_demo_needs_nothing_but_the_name(environ, tmp_path):
    options = ("run", "--demo", "try-log", "--set", "source.max_queue_size=7", "--pusher-driver", "try_lines")
    with _process(environ, *options, "--endpoint", "out", "--json", cwd=tmp_path) as process:
        realtime = (line for line in process.stderr if "realtime update" in line)
        assert len(list(islice(realtime, 6))) == 6
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(told)["phases"]["realtime"]["rows"] > 5
    assert list((tmp_path / "out").iterdir())


def test_a_demo_shows_what_is_emitted_and_leaves_nothing_behind(environ, tmp_path):
    (tmp_path / "here").mkdir()
    options = ("run", "--demo", "try-log", "--pusher-driver", "(recording)")
    apart = environ | {"TMPDIR": str(tmp_path)}
    with _process(apart, *options, cwd=tmp_path / "here") as process:
        for line in process.stderr:
            if "realtime update" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    assert not list((tmp_path / "here").iterdir())


def test_a_demo_keeps_what_it_wrote_where_that_is_asked_for(cli, tmp_path):
    result = cli("run", "--demo", "try-log", "--pusher-driver", "(recording)", "--once", "--keep")
    assert result.exit_code == 0, result.stderr
    assert "`fustor-driver replay fustor-demo-try-log/events.jsonl` reads it" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["fustor-demo-try-log"]
    assert cli("replay", "fustor-demo-try-log/events.jsonl", "--json").exit_code == 0


def test_a_subcommand_of_another_package_is_added_by_its_entry_point(cli):
    assert cli("try-it", "this").stdout == "tried this\n"


def test_a_driver_brings_commands_that_take_its_entry_of_the_file(cli, filled, tmp_path):
    assert cli("try_log", "count", "--uri", filled.log).stdout == "5 lines\n"
    (tmp_path / "fustor.yaml").write_text(f"sources: {{s: {{driver: try_log, uri: {filled.log}}}}}")
    assert cli("try_log", "count", "--times", 2, "--loud").stdout == "10 lines!\n"
    refused = cli("try_log", "count", "--set", "max_retries=13")
    assert (refused.exit_code, refused.stderr) == (9, "Error: Nobody retries 13 times\n")
    assert "no source 't'" in cli("try_log", "count", "--id", "t").stderr


@pytest.mark.parametrize("words", [["broken"], ["broken", "--any", "option"], ["try_log", "broken"]])
def test_a_command_that_does_not_load_says_so_and_breaks_nothing_else(words, cli):
    result = cli(*words)
    assert result.exit_code == 7
    assert "of 'fustor-try' does not load: RuntimeError: this module does not load" in result.stderr
    assert cli("try_log", "--help").exit_code == cli("list").exit_code == 0


def test_list_says_in_one_line_why_a_driver_does_not_load(cli):
    (line,) = [line for line in cli("list").stderr.splitlines() if "try_broken" in line]
    assert line == (
        "The source 'try_broken' of 'fustor-try' does not load: RuntimeError: this module does not load; "
        "`fustor-driver doctor` shows the traceback"
    )
    assert "Traceback" not in cli("list").output


def test_help_lists_every_subcommand(cli):
    text = cli("--help").stdout
    assert all(f" {name} " in text for name in (*COMMANDS, "conform", "explain"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_subcommand_is_listed_with_its_own_first_line(name):
    """The list is a table, so that listing imports nothing; the table says what the subcommands say."""
    command = getattr(import_module(f"fustor_driver.commands.{name}"), f"{name}_command")
    assert " ".join(inspect.getdoc(command).split("\n\n")[0].split()) == COMMANDS[name]


def _process(environ, *arguments, **options):
    command = [sys.executable, "-m", "fustor_driver", *map(str, arguments)]
    return subprocess.Popen(command, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_run_stops_gracefully_on_a_signal(  # noqa: PLR0917 - fixtures and parameters
    number, code, environ, log, log_options, tmp_path
):
    with _process(environ, "run", *log_options, cwd=tmp_path) as process:
        for line in process.stderr:
            if "running: " in line:
                break
        log.append("upsert", "/a", 1)
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(20) == code
    assert "stopped: " in rest
    assert "Traceback" not in rest


def test_a_reader_that_has_seen_enough_is_no_error(environ, filled):
    with _process(
        environ, "read", "try_log", "--uri", filled.log, "--phase", "realtime", "--from-position", 1
    ) as process:
        assert process.stdout.readline()
        process.stdout.close()
        filled.append("upsert", "/more", 1)
        filled.append("upsert", "/more", 2)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_nothing_heavy_is_imported_for_the_version_and_the_help(arguments, environ):
    code = f"import sys; from fustor_driver.cli import main\ntry: main({arguments})\nexcept SystemExit: pass\n"
    code += "print('heavy:', sorted({'pydantic', 'yaml', 'fustor_core', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env=environ, text=True, capture_output=True, check=True)
    assert "heavy: []" in done.stdout


def test_a_command_imports_the_driver_that_it_is_about_and_no_other(environ, filled):
    """Others may be broken, or take long to import."""
    arguments = ["read", "try_log", "--uri", str(filled.log)]
    code = f"import sys; from fustor_driver.cli import main\ntry: main({arguments})\nexcept SystemExit: pass\n"
    code += "print('imported:', sorted({'fustor_try.lines_pusher', 'fustor_try.log_source'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env=environ, text=True, capture_output=True, check=True)
    assert "imported: ['fustor_try.log_source']" in done.stdout


def test_run_shows_a_live_table_on_a_terminal(terminal, log_options):
    elsewhere = dict.fromkeys(("stdin", "stdout"), subprocess.DEVNULL)
    run = terminal("run", *log_options, elsewhere=elsewhere, COLUMNS="120")
    run.wait_for("running")
    run.process.send_signal(signal.SIGTERM)
    assert run.finish(within=20) == 0
    assert all(word in run.shown for word in ("rows/s", "try_log", "realtime", "snapshot", "audit", "running"))


def test_a_subcommand_of_a_package_that_is_not_installed_says_what_to_install(capsys):
    with pytest.raises(SystemExit) as ended:
        _says_what_to_install("conform", "fustor-conformance")()
    assert ended.value.code == 7
    assert "install it: uv pip install fustor-conformance" in capsys.readouterr().err
