"""A secret is planted in every position of a configuration, and looked for in all that the command leaves behind."""

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from typer.main import get_command

from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.cli import build_app
from fustor_driver.redaction import Redactor
from fustor_try.scripted import event

pytestmark = pytest.mark.wide

CANARY = "Kanari3nvogel"
WORD = "q7z"
"""A piece of a password: too short to be looked for within words."""
ADDRESSES = {
    "password": f"postgresql://bob:{CANARY}@127.0.0.1:1/db",
    "slash": f"postgresql://bob:{WORD}/{CANARY}@127.0.0.1:1/db",
    "at": f"postgresql://bob:{WORD}@{CANARY}@127.0.0.1:1/db",
    "question mark": f"postgresql://bob:{WORD}?{CANARY}@127.0.0.1:1/db",
    "number sign": f"postgresql://bob:{WORD}#{CANARY}@127.0.0.1:1/db",
    "colon": f"postgresql://bob:{WORD}:{CANARY}@127.0.0.1:1/db",
    "at and slash": f"postgresql://bob:{WORD}@x/{CANARY}@127.0.0.1:1/db",
    "encoded": f"postgresql://bob:%4Banari3nvogel{WORD}%2F{CANARY}@127.0.0.1:1/db",
    "parameter": f"postgresql://127.0.0.1:1/db?user=bob&password={CANARY}",
    "encoded parameter": f"postgresql://127.0.0.1:1/db?p%61ssword={CANARY}",
    "keywords": f"host=127.0.0.1 port=1 user=bob password={CANARY}",
    "quoted keywords": f"host=127.0.0.1 port=1 user=bob password='{CANARY} {WORD}'",
    "other scheme": f"sftp://bob:{CANARY}@127.0.0.1:1/db",
    "token as user": f"https://{CANARY}{CANARY}@127.0.0.1:1/db",
    "signature": f"https://127.0.0.1:1/db?sv=1&sig={CANARY}",
    "no scheme": f"bob:{CANARY}@127.0.0.1:1/db",
}
CREDENTIALS = {
    "password": f"{{user: bob, passwd: {CANARY}}}",
    "key": f"{{key: {CANARY}}}",
    "quotes": f"{{user: bob, passwd: 'it''s \"{CANARY}\" {WORD}'}}",
    "several lines": f'{{user: bob, passwd: "{CANARY}\\n{WORD}{CANARY}\\u00e9"}}',
}
BROKEN = {
    "at sign": f"credential: {{user: bob, passwd: @{CANARY}}}",
    "alias": f"credential: {{user: bob, passwd: *{CANARY}}}",
    "anchor": f"credential: {{user: bob, passwd: &{CANARY}}}",
    "tag": f"credential: {{user: bob, passwd: !{CANARY} x}}",
    "double tag": f"credential: {{user: bob, passwd: !!{CANARY} x}}",
    "percent": f"credential: {{user: bob, passwd: %{CANARY}}}",
    "backquote": f"credential: {{user: bob, passwd: `{CANARY}}}",
    "escape": f'uri: "postgresql://bob:\\p{CANARY}@h/db"',
    "behind a quote": f"credential: {{user: bob, passwd: 'a'{CANARY}}}",
    "two colons": f"credential: {{passwd: a: {CANARY}}}",
    "open bracket": f"credential: {{user: bob, passwd: [ {CANARY}",
    "control character": f'credential: {{user: bob, passwd: "\x07{CANARY}"}}',
    "no blank": f"credential: {{user: bob, passwd:{CANARY}}}",
    "no blank after uri": f"uri:postgresql://bob:{CANARY}@h/db: x",
    "list": f"credential: {{user: bob, passwd: [{CANARY}]}}",
    "mapping": f"credential: {{user: bob, passwd: {{{CANARY}: {CANARY}}}}}",
    "text for a mapping": f"credential: {CANARY}",
    "wrong name": f"password: {CANARY}",
    "address for a number": f"max_retries: postgresql://bob:{CANARY}@h/db",
    "unknown parameter": f"driver_params: {{token: {CANARY}, unknown: x}}",
    "float tag": f"credential: {{user: bob, passwd: !!float {CANARY}}}",
    "timestamp tag": f"credential: {{user: bob, passwd: !!timestamp {CANARY}}}",
    "bool tag": f"credential: {{user: bob, passwd: !!bool {CANARY}}}",
    "binary tag": f"credential: {{user: bob, passwd: !!binary {CANARY}=}}",
    "merge": f"credential: {{<<: {CANARY}}}",
    "variable": f"credential: {{user: bob, passwd: '${{NOT_SET}}{CANARY}'}}",
}


ALLOWED = ("anchor", "unknown parameter")
"""What is no mistake for every driver."""


@pytest.fixture
def cli(installed, tmp_path, monkeypatch, capsys):  # noqa: ARG001 - the test drivers are installed while it is used
    """Run a command line; everything that it left behind, as one text."""
    monkeypatch.chdir(tmp_path)
    command = get_command(build_app())  # which takes as long as many a command line: once for those of a test

    def run(*arguments):
        with warnings.catch_warnings(action="ignore"), pytest.raises(SystemExit) as end:
            command([str(argument) for argument in arguments])
        return end.value.code, "".join(capsys.readouterr()) + _files(tmp_path)

    return run


def _files(place):
    return "".join(
        f"{file.name}\n{file.read_bytes().decode(errors='replace')}"
        for file in sorted(place.rglob("*"))
        if file.is_file() and file.name not in ("fustor.yaml", "events.jsonl")
    )


def _is_silent(text):
    assert CANARY not in text
    assert WORD not in text
    return True


def _write(tmp_path, source="", pusher="", driver="try_blab"):
    (tmp_path / "fustor.yaml").write_text(
        f"sources:\n  s:\n    driver: {driver}\n    disabled: false\n{source}\n"
        f"pushers:\n  p:\n    driver: {driver}\n    disabled: false\n{pusher}\n"
    )


def _lines(*lines):
    return "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_configuration_is_named_by_its_place_alone(name, cli, tmp_path):
    lines = ["uri: x"] if not BROKEN[name].startswith("uri") else []
    _write(tmp_path, _lines(*lines, BROKEN[name]), _lines("endpoint: x"))
    for arguments in (("check", "source", "try_blab"), ("run", "--once")):
        code, text = cli(*arguments)
        assert code == (0 if name in ALLOWED and arguments[0] == "run" else 9), text
        assert _is_silent(text)


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(
    "driver", ["try_blab", "postgres", *(pytest.param(name, marks=pytest.mark.full) for name in ("fs", "example"))]
)
def test_an_address_is_not_shown_by_any_command(driver, name, cli, tmp_path):
    address = ADDRESSES[name]
    quick = ("--set", "max_retries=1", "--set", "retry_delay_sec=0.01")
    (tmp_path / "events.jsonl").write_text(event("/a").model_dump_json())
    for arguments in (
        ("check", "source", driver, "--uri", address, "--timeout", 2, "--only", "connection"),
        ("check", "pusher", driver, "--endpoint", address, "--timeout", 2, "--only", "connection"),
        ("read", driver, "--uri", address, "--for", 0.1, *quick),
        ("push", driver, "--endpoint", address, "--from", "events.jsonl", *quick),
    ):
        if driver == "example" and arguments[0] == "read":
            continue
        code, text = cli(*arguments)
        assert code in (0, 7, 9), text
        assert _is_silent(text)


@pytest.mark.parametrize("where", ["constructor", "snapshot", "realtime"])
@pytest.mark.parametrize("name", ADDRESSES)
def test_what_a_source_says_of_its_address_is_made_safe(where, name, cli, tmp_path):
    uri, params = json.dumps(ADDRESSES[name]), f"driver_params: {{where: {where}, how: error, token: {CANARY}1}}"
    _write(tmp_path, _lines(f"uri: {uri}", "max_retries: 1", params), _lines("endpoint: x"))
    for arguments in (("run", "--for", 5, "--status", "status.json", "-v"), ("check", "source", "try_blab")):
        code, text = cli(*arguments)
        assert code == 9, text
        assert "cannot be used" in text or arguments[0] == "check"
        assert _is_silent(text)


@pytest.mark.parametrize("where", ["create_session", "push", "reason"])
@pytest.mark.parametrize("how", ["error", "retry", "config"])
@pytest.mark.parametrize("name", CREDENTIALS)
def test_what_a_pusher_says_of_its_credential_is_made_safe(where, how, name, cli, tmp_path):
    params = f"driver_params: {{where: {where}, how: {how}, api_key: {CANARY}2, nested: {{secret: [{CANARY}3]}}}}"
    credential = f"credential: {CREDENTIALS[name]}"
    _write(
        tmp_path,
        _lines("uri: x"),
        _lines("endpoint: x", "max_retries: 2", "retry_delay_sec: 0.01", credential, params),
    )
    code, text = cli("run", "--for", 5, "--status", "status.json", "--json", "-v")
    assert code in (9, 10), text
    assert "cannot be used" in text
    assert _is_silent(text)


@pytest.mark.parametrize("kind", ["source", "pusher"])
def test_what_a_driver_answers_to_questions_is_made_safe(kind, cli, tmp_path):
    credential = f"credential: {{user: bob, passwd: {CANARY}}}"
    _write(tmp_path, _lines(f"uri: {ADDRESSES['password']}", credential), _lines("endpoint: x", credential))
    for arguments in (("check",), ("check", "--json"), ("discover",), ("discover", "--json")):
        _, text = cli(arguments[0], kind, "try_blab", *arguments[1:])
        assert "bob" in text
        assert _is_silent(text)


@pytest.mark.parametrize(
    "setting",
    [
        f"credential.passwd=@{CANARY}",
        f"credential.passwd={CANARY}",
        f"credential.passwd:{CANARY}",
        f"credential.key={CANARY}",
        f"driver_params.token={CANARY}",
        f"uri={ADDRESSES['slash']}",
        f"{ADDRESSES['password']}",
        f"passwd={CANARY}",
        f"credential={{user: bob, passwd: '{CANARY}', x: y}}",
        f"credential={{user: bob, passwd:{CANARY}}}",
        f"max_retries.x={ADDRESSES['password']}",
    ],
)
def test_a_setting_on_the_command_line_is_not_shown(setting, cli):
    code, text = cli("check", "source", "try_blab", "--uri", "x", "--set", setting)
    assert code in (2, 9)
    assert _is_silent(text)


def test_a_demo_does_not_show_where_it_writes(cli):
    code, text = cli(
        "run", "--demo", "try-log", "--pusher-driver", "try_blab", "--endpoint", ADDRESSES["slash"], "--once"
    )
    assert code == 0, text
    assert "Demo: the source 'try-log'" in text
    assert _is_silent(text)


@pytest.mark.parametrize("how", ["bug", "model", "warn"])
def test_a_traceback_shows_no_secret(how, environ, tmp_path):
    """Nor do usage errors, warnings, and what a driver writes to stderr by itself; no argument names it either."""
    source = _lines(f"uri: {ADDRESSES['slash']}", f"driver_params: {{where: constructor, how: {how}}}")
    _write(tmp_path, source, _lines("endpoint: x"))
    command = [sys.executable, "-m", "fustor_driver"]
    done = subprocess.run(
        [*command, "read", "try_blab", "--traceback"],
        env=environ,
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
    )
    assert "Traceback" in done.stderr
    assert done.returncode == (9 if how == "warn" else 8)
    assert "cannot be used" in done.stderr or how == "model"
    assert _is_silent(done.stdout + done.stderr)


@pytest.mark.parametrize(
    "arguments",
    [["read", "a", ADDRESSES["at"]], ["list", f"--password={CANARY}"], [ADDRESSES["at"]]],
)
def test_a_usage_error_shows_no_secret(arguments, environ, tmp_path):
    command = [sys.executable, "-m", "fustor_driver", *arguments]
    done = subprocess.run(command, env=environ, cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 2
    assert _is_silent(done.stdout + done.stderr)


def test_no_secret_of_the_file_is_an_argument_of_any_process(environ, tmp_path):
    source = _lines(f"uri: {ADDRESSES['password']}", f"credential: {CREDENTIALS['password']}")
    _write(tmp_path, source, _lines("endpoint: x"))
    command = [sys.executable, "-m", "fustor_driver", "run", "--status", "s.json"]
    with subprocess.Popen(command, env=environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert any("running: " in line for line in process.stderr)
        seen = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=False).stdout
        argument_list = Path(f"/proc/{process.pid}/cmdline")
        own = argument_list.read_text() if argument_list.exists() else seen
        process.terminate()
    assert CANARY not in seen
    assert CANARY not in own


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (f"postgresql://h/db?p%61ssword={CANARY}&sslmode=require", "sslmode=require"),
        (f"postgresql://h/db?%70wd={CANARY}", "postgresql://h/db?"),
        (f"postgresql://bob:{CANARY}@h/db?key_columns=a", "bob:***@h/db"),
    ],
)
def test_the_repr_of_a_configuration_shows_no_password(uri, shown):
    for config in (SourceConfig(driver="d", uri=uri), PusherConfig(driver="d", endpoint=uri)):
        assert CANARY not in repr(config)
        assert shown in repr(config)


@pytest.mark.parametrize(
    "text",
    [
        "No file 'data/x'; create it",
        'connection to server at "127.0.0.1", port 5432 failed: password authentication failed for user "bob"',
        "key_columns=id, batch_size=100, primary_key=id",
        "https://example.org/docs is the place",
        "credential.passwd: Input should be a valid string",
        "Slot 'fustor' does not exist; create it or set `slot`",
    ],
)
def test_ordinary_messages_stay_as_they_are(text):
    redactor = Redactor()
    redactor.learn({"credential": {"user": "bob", "passwd": "pass"}, "uri": "postgresql://bob:x@127.0.0.1/shop"})
    assert redactor.clean(text) == text


def test_what_a_terminal_takes_for_orders_is_escaped():
    assert Redactor().clean("a\x1b]0;title\x07b\u202ec\ud800\n\td") == r"a\x1b]0;title\x07b\u202ec\ud800" + "\n\td"


@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {CANARY}"}, [f"Authorization: Bearer {CANARY}"], {"X-Signature": CANARY}]
)
def test_the_credential_of_a_header_is_a_secret(headers):
    redactor = Redactor()
    redactor.learn({"driver_params": {"headers": headers}})
    assert CANARY not in redactor.clean(f"The server refused {CANARY!r} and {headers}")


def test_a_message_of_megabytes_is_made_safe_in_time():
    redactor = Redactor()
    redactor.add(CANARY)
    text = "x" * 2_000_000
    began = time.process_time()
    assert redactor.clean(f"{text} {CANARY}") == f"{text} ***"
    redactor.learn({"note": text})
    assert time.process_time() - began < 5
