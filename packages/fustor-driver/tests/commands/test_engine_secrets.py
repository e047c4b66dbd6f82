"""What engines read of us, messages, states and logs, holds no secret of a configuration, whatever a driver says."""

import json
import subprocess
import sys

import pytest

CANARY = "tiger-9f3b"
ADDRESS = f"postgresql://bob:{CANARY}@h/db"
STATE = '{"type": "STATE", "value": {}}\n'
ROW = (
    '{"type": "SCHEMA", "stream": "s", "schema": {}, "key_properties": ["id"]}\n'
    '{"type": "RECORD", "stream": "s", "record": {"id": 1}}\n' + STATE
)


@pytest.fixture
def entry(tmp_path):
    """Write the entry of a driver that puts all that it knows into everything that it says."""

    def write(**params):
        secrets = {"credential": {"user": "bob", "passwd": f"{CANARY}1"}, "uri": ADDRESS, "endpoint": ADDRESS}
        params |= {"token": f"{CANARY}2"}
        common = {"driver": "try_blab", "driver_params": params, "max_retries": 1, "retry_delay_sec": 0.01}
        for name, left_out in (("source", "endpoint"), ("pusher", "uri")):
            mine = {key: value for key, value in (common | secrets).items() if key != left_out}
            (tmp_path / f"{name}.json").write_text(json.dumps(mine))
        modes = [{"stream": {"name": "try_blab"}, "sync_mode": "full_refresh"}]
        (tmp_path / "catalog.json").write_text(json.dumps({"streams": modes}))

    return write


@pytest.mark.parametrize("where", ["constructor", "snapshot", "nowhere"])
@pytest.mark.parametrize("how", ["error", "config"])
def test_a_source(where, how, cli, entry):
    entry(where=where, how=how)
    for words in (
        ("singer", "tap", "--discover"),
        ("singer", "tap", "-vv"),
        ("airbyte", "check", "-v"),
        ("airbyte", "discover"),
        ("airbyte", "read", "--catalog", "catalog.json", "-vv"),
    ):
        result = cli(*words, "--config", "source.json")
        assert CANARY not in result.output, words
        assert result.output


@pytest.mark.wide
@pytest.mark.parametrize("where", ["create_session", "push", "reason"])
@pytest.mark.parametrize("how", ["error", "retry", "config"])
def test_a_pusher(where, how, environ, entry, tmp_path):
    entry(where=where, how=how)
    command = [sys.executable, "-m", "fustor_driver", "singer", "target", "--config", "pusher.json", "-vv"]
    done = subprocess.run(command, env=environ, cwd=tmp_path, input=ROW, text=True, capture_output=True, check=False)
    assert done.returncode in (9, 10), done.stderr
    assert CANARY not in done.stdout + done.stderr
