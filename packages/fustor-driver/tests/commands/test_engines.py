"""`singer` and `airbyte` as commands and as the executables that engines call."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tiers import longer

from fustor_try.lines_pusher import committed

ENTRIES = {"tap": "tap_fustor", "target": "target_fustor", "source": "source_fustor"}


@pytest.fixture
def files(tmp_path, log):
    """Configurations of a tap and of a target, as an engine writes them."""
    tap = {"id": "s", "driver": "try_log", "uri": str(log.log), "retry_delay_sec": 0.01}
    target = {"id": "p", "driver": "try_lines", "endpoint": str(tmp_path / "out"), "task": "t", "batch_rows": 20}
    for name, entry in (("tap", tap), ("target", target)):
        (tmp_path / f"{name}.json").write_text(json.dumps(entry))
    return tmp_path


@pytest.fixture
def executable(environ, files):
    """Start one of the executables in the directory of the configurations."""

    started = []

    def start(name, *arguments, **options):
        code = f"import sys; sys.argv[0] = '{name}'; from fustor_driver.__main__ import {ENTRIES[name]} as e; e()"
        command = [sys.executable, "-c", code, *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        started.append(subprocess.Popen(command, env=environ, cwd=files, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        with process:
            pass  # its pipes are closed


def ended(process, code=0):
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, err.decode()
    return [json.loads(line) for line in out.splitlines()]


def paths(files):
    batches = [batch for batch, _ in committed(files / "out" / "t%3As.jsonl")]
    return [row["path"] for batch in batches for event in batch.events for row in event["rows"]]


def piped(executable, state=None):
    """Run a tap into a target; the states that the target printed."""
    more = ("--state", state) if state else ()
    tap = executable("tap", "--config", "tap.json", *more)
    target = executable("target", "--config", "target.json", stdin=tap.stdout)
    tap.stdout.close()
    states = ended(target)
    assert tap.wait(60) == 0, tap.stderr.read()
    return states


@pytest.mark.wide
def test_a_tap_into_a_target_and_on_from_its_state(executable, files, log):
    for at in range(50):
        log.append("upsert", f"/{at}", at)
    (files / "state.json").write_text(json.dumps(piped(executable)[-1]))
    log.append("upsert", "/new", 1)
    assert piped(executable, "state.json")[-1]["bookmarks"]["s"]["position"] == 51
    assert paths(files) == [*(f"/{at}" for at in range(50)), "/new"]


@pytest.mark.wide
@pytest.mark.parametrize("kills", [(40, 300), longer((2, 40, 170, 300))], ids=len)
def test_a_killed_pipe_goes_on_where_the_target_was(executable, files, log, kills):
    """The tap is killed behind each of some lines, in the middle of an event or not; nothing is missing or twice."""
    for at in range(30):
        log.append("upsert", f"/{at}", at)
    (files / "state.json").write_text(json.dumps(piped(executable)[-1]))
    for at in range(30, 400):
        log.append("upsert", f"/{at}", at)
    for killed_after in kills:
        tap = executable("tap", "--config", "tap.json", "--state", "state.json")
        target = executable("target", "--config", "target.json", stdin=subprocess.PIPE)
        for _ in range(killed_after):
            target.stdin.write(tap.stdout.readline())
        tap.send_signal(signal.SIGKILL)
        tap.stdout.close()
        tap.wait()
        target.stdin.close()
        target.stdin = None
        if states := ended(target):
            (files / "state.json").write_text(json.dumps(states[-1]))
    piped(executable, "state.json")
    assert paths(files) == [f"/{at}" for at in range(400)]


@pytest.mark.wide
@pytest.mark.parametrize("name", ENTRIES)
def test_each_executable_has_the_version_of_the_package(name, executable):
    out, _ = executable(name, "--version").communicate(timeout=60)
    assert out.startswith(b"fustor-driver ")


@pytest.mark.wide
def test_a_tap_ends_where_nobody_reads_it(executable, log):
    for at in range(5_000):
        log.append("upsert", f"/{at:0200}", at)
    tap = executable("tap", "--config", "tap.json")
    tap.stdout.readline()
    tap.stdout.close()
    assert tap.wait(60) == 9
    assert b"The other side has stopped to read" in tap.stderr.read()


@pytest.mark.wide
def test_a_connector_answers_as_an_engine_asks(executable, files, log):
    log.append("upsert", "/a", 1)
    (spec,) = ended(executable("source", "spec", "--driver", "try_log"))
    assert spec["type"] == "SPEC"
    (status,) = ended(executable("source", "check", "--config", "tap.json"))
    assert status["connectionStatus"]["status"] == "SUCCEEDED"
    (found,) = ended(executable("source", "discover", "--config", "tap.json"))
    chosen = [{"stream": one, "sync_mode": "incremental"} for one in found["catalog"]["streams"]]
    (files / "catalog.json").write_text(json.dumps({"streams": chosen}))
    first = ended(executable("source", "read", "--config", "tap.json", "--catalog", "catalog.json"))
    assert [one["record"]["data"]["path"] for one in first if one["type"] == "RECORD"] == ["/a"]
    (files / "state.json").write_text(json.dumps([one["state"] for one in first if one["type"] == "STATE"][-1:]))
    again = executable("source", "read", "--config", "tap.json", "--catalog", "catalog.json", "--state", "state.json")
    assert not [one for one in ended(again) if one["type"] == "RECORD"]


@pytest.mark.wide
def test_a_target_with_nothing_to_read_says_so(executable):
    target = executable("target", "--config", "target.json", preexec_fn=lambda: os.close(0))
    _, err = target.communicate(timeout=60)
    assert (target.returncode, b"Traceback" in err) == (2, False)
    assert b"stdin is closed" in err


@pytest.mark.wide
@pytest.mark.parametrize("name", ["tap", "target", "source"])
def test_a_full_disk_is_named_and_passes_no_state_on(name, executable, files, log):
    log.append("upsert", "/a", 1)
    chosen = {"streams": [{"stream": {"name": "s"}, "sync_mode": "incremental"}]}
    (files / "catalog.json").write_text(json.dumps(chosen))
    words = {
        "tap": ("--config", "tap.json"),
        "target": ("--config", "target.json"),
        "source": ("read", "--config", "tap.json", "--catalog", "catalog.json"),
    }
    tap = executable("tap", *words["tap"]) if name == "target" else None
    with Path("/dev/full").open("wb") as full:
        process = executable(name, *words[name], stdout=full, stdin=tap.stdout if tap else None)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 7
    assert err == b"Error: The output cannot be written: No space left on device\n"


@pytest.mark.wide
@pytest.mark.parametrize("where", ["constructor", "source.close"])
@pytest.mark.parametrize("asked", [("source", "check"), ("source", "discover"), ("tap", "--discover")])
def test_a_question_ends_on_signals_whatever_its_driver_does(asked, where, executable, files):
    """The driver is closed, too: it hangs there."""
    name, question = asked
    hangs = {"where": where, "how": "blocks"}
    (files / "hang.json").write_text(json.dumps({"driver": "try_hang", "uri": "x", "driver_params": hangs}))
    process = executable(name, question, "--config", "hang.json")
    assert any(b"hanging" in line for line in process.stderr)
    for number in (signal.SIGTERM, signal.SIGINT):
        process.send_signal(number)
    assert process.wait(60) in (130, 143)


def test_a_tap_shows_its_catalog(cli, files):
    result = cli("singer", "tap", "--config", files / "tap.json", "--discover")
    assert [stream["tap_stream_id"] for stream in json.loads(result.stdout)["streams"]] == ["s"]


@pytest.mark.parametrize("words", [("singer", "tap", "--discover"), ("airbyte", "discover")])
def test_a_catalog_has_its_names_though_a_password_is_one_of_them(words, cli, log, tmp_path):
    secret = {"user": "u", "passwd": "path"}
    entry = {"id": "shop:path", "driver": "try_log", "uri": str(log.log), "credential": secret}
    (tmp_path / "x.json").write_text(json.dumps(entry))
    out = cli(*words, "--config", "x.json").stdout
    assert '"shop:path"' in out
    assert '"path":' in out
    assert "***" not in out


def test_a_stream_that_is_not_selected_is_not_read(cli, files):
    (files / "catalog.json").write_text(json.dumps({"streams": [{"tap_stream_id": "s", "selected": False}]}))
    result = cli("singer", "tap", "--config", files / "tap.json", "--catalog", files / "catalog.json")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("no", 2, "The configuration 'x.json' is not JSON"),
        ("[]", 2, "The configuration 'x.json' is not a JSON object"),
        ('{"driver": "try_log"}', 9, "uri: Field required"),
        ('{"driver": "try_log", "uri": "x", "credential": {"passwd": "unguessable"}}', 9, "credential"),
    ],
)
def test_a_wrong_configuration_is_named_and_shows_nothing(text, code, says, cli, tmp_path):
    (tmp_path / "x.json").write_text(text)
    for words in (("singer", "tap"), ("airbyte", "discover")):
        result = cli(*words, "--config", "x.json")
        assert result.exit_code == code
        assert says in result.stderr
        assert "unguessable" not in result.output


def test_a_file_that_is_not_there_is_named(cli):
    result = cli("singer", "target", "--config", "gone.json")
    assert "Cannot read the configuration 'gone.json': No such file" in result.stderr


def test_an_error_is_traced_for_the_engine(cli, tmp_path):
    (tmp_path / "x.json").write_text('{"driver": "try_nothing", "uri": "x"}')
    result = cli("airbyte", "discover", "--config", "x.json")
    (trace,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert "No source 'try_nothing' is installed" in trace["trace"]["error"]["message"]
    assert result.exit_code == 7


def test_a_catalog_of_an_unknown_stream_ends_a_read_with_an_error_and_no_status(cli, files):
    chosen = {"streams": [{"stream": {"name": "before"}, "sync_mode": "incremental"}]}
    (files / "catalog.json").write_text(json.dumps(chosen))
    result = cli("airbyte", "read", "--config", files / "tap.json", "--catalog", files / "catalog.json")
    (message,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert (message["type"], message["trace"]["type"]) == ("TRACE", "ERROR")
    assert "the only stream is 's'" in message["trace"]["error"]["message"]


def test_a_check_that_cannot_be_made_has_failed(cli, tmp_path):
    (tmp_path / "x.json").write_text('{"driver": "try_log", "uri": "${NOT_SET}"}')
    result = cli("airbyte", "check", "--config", "x.json")
    assert json.loads(result.stdout)["connectionStatus"]["status"] == "FAILED"
    assert result.exit_code == 0


def test_a_wrong_setting_of_the_target_is_named(cli, tmp_path):
    (tmp_path / "x.json").write_text('{"driver": "try_lines", "endpoint": "x", "batch_rows": 0}')
    assert "batch_rows: Input should be greater than 0" in cli("singer", "target", "--config", "x.json").stderr


CONFIGURATION = """
sources:
  shop: {driver: try_log, uri: /log, credential: {user: u, passwd: "%s"}, disabled: false}
pushers:
  lake: {driver: try_lines, endpoint: "${LAKE}", batch_size: 7, disabled: false}
syncs:
  one: {source: shop, pusher: lake}
"""


@pytest.fixture
def configured(tmp_path):
    def write(password):
        (tmp_path / "fustor.yaml").write_text(CONFIGURATION % password)

    return write


def test_a_meltano_yml_has_both_entries_and_the_names_of_secrets(cli, configured, tmp_path):
    configured("${SHOP_PASSWORD}")
    cli("singer", "init")
    plugins = yaml.safe_load((tmp_path / "meltano.yml").read_text())["plugins"]
    (tap,), (target,) = plugins["extractors"], plugins["loaders"]
    assert (tap["executable"], tap["config"]["id"]) == ("tap-fustor", "shop")
    assert tap["config"]["credential"]["passwd"] == "${SHOP_PASSWORD}"  # noqa: S105 - not one
    assert "state" in tap["capabilities"]
    assert (target["config"]["endpoint"], target["config"]["batch_size"]) == ("${LAKE}", 7)


def test_a_meltano_yml_never_has_a_secret(cli, configured, tmp_path):
    configured("unguessable")
    result = cli("singer", "init")
    assert result.exit_code == 9
    assert "sources.shop.credential.passwd: is a secret; write it as ${NAME}" in result.stderr
    assert not (tmp_path / "meltano.yml").exists()
    assert "unguessable" not in result.output


def test_a_meltano_yml_that_exists_is_replaced_on_request_alone(cli, configured, tmp_path):
    configured("${SHOP_PASSWORD}")
    (tmp_path / "meltano.yml").write_text("mine")
    assert "exists; replace it with --force" in cli("singer", "init").stderr
    assert cli("singer", "init", "--force").exit_code == 0
    assert (tmp_path / "meltano.yml").read_text() != "mine"


@pytest.mark.parametrize("password", ["unguessable${X}", "$${SHOP_PASSWORD}"])
def test_a_meltano_yml_has_no_part_of_a_secret(password, cli, configured, tmp_path):
    configured(password)
    assert "sources.shop.credential.passwd: is a secret" in cli("singer", "init").stderr
    assert not (tmp_path / "meltano.yml").exists()


def test_a_meltano_yml_leaves_a_number_that_is_a_variable_to_its_environment(cli, configured, tmp_path):
    configured("${SHOP_PASSWORD}")
    file = tmp_path / "fustor.yaml"
    file.write_text(file.read_text().replace("uri: /log", "uri: /log, max_retries: '${RETRIES}'"))
    cli("singer", "init")
    (tap,) = yaml.safe_load((tmp_path / "meltano.yml").read_text())["plugins"]["extractors"]
    assert tap["config"]["max_retries"] == "${RETRIES}"


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (b"\xff", 2, "byte 0 is not utf-8"),
        (b"sources: [", 9, "fustor.yaml"),
        (b"[]", 2, "has no source"),
        (b"sources: []", 9, "sources: must be a mapping"),
        (b"sources: {shop: postgres}", 9, "sources.shop: must be a mapping"),
        (b"sources: {a: {}, b: {}}\npushers: {c: {}}", 2, "has 2 sources: 'a', 'b'; choose with --source"),
        (b"sources: {a: {}}\npushers: {c: {}}", 2, "The source 'a' is disabled"),
        (b"syncs: {x: {source: a, pusher: b}}", 2, "has no source 'a'"),
    ],
)
def test_a_file_from_which_no_meltano_yml_can_be_written_is_named(text, code, says, cli, tmp_path):
    (tmp_path / "fustor.yaml").write_bytes(text)
    result = cli("singer", "init")
    assert result.exit_code == code
    assert says in result.stderr
    assert not (tmp_path / "meltano.yml").exists()
