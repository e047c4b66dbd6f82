"""What Airbyte says of our messages: its models, and PyAirbyte, which reads with them."""

import json
import subprocess
from pathlib import Path

import pytest
from engines.commands import PROGRAMS, ours

pytestmark = pytest.mark.engines
VALIDATE = """
import sys
from airbyte_protocol.models import AirbyteMessage
print(sum(AirbyteMessage.parse_raw(line) is not None for line in sys.stdin))
"""


@pytest.mark.parametrize("rows", [3_000, pytest.param(20_000, marks=pytest.mark.full)])
def test_every_message_of_a_long_run_is_one_of_airbyte(rows, environment, make_shop, tmp_path):
    shop = make_shop(rows)
    (tmp_path / "config.json").write_text(json.dumps({"id": "shop"} | shop.entry))
    config = ("--config", "config.json")
    said = [ours("airbyte", "spec", "--driver", "postgres"), ours("airbyte", "check", *config, cwd=tmp_path)]
    said.append(ours("airbyte", "discover", *config, cwd=tmp_path))
    (stream,) = json.loads(said[-1])["catalog"]["streams"]
    chosen = {"stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append_dedup"}
    (tmp_path / "catalog.json").write_text(json.dumps({"streams": [chosen]}))
    read = ("airbyte", "read", *config, "--catalog", "catalog.json")
    said.append(ours(*read, cwd=tmp_path))
    (tmp_path / "state.json").write_text(json.dumps([json.loads(said[-1].splitlines()[-2])["state"]]))
    shop("delete from orders where id = 7")
    said.append(ours(*read, "--state", "state.json", cwd=tmp_path))
    assert [said[-1].count(b'"RECORD"'), said[-2].count(b'"RECORD"')] == [1, rows]
    judge = [environment("airbyte") / "python", "-c", VALIDATE]
    counted = subprocess.run(judge, input=b"".join(said), check=True, capture_output=True).stdout
    assert int(counted) == b"".join(said).count(b"\n")


@pytest.fixture
def read_by_pyairbyte(environment, tmp_path):
    """Have PyAirbyte read a source into its cache, without a network; what it says of that."""
    script = Path(__file__).with_name("pyairbyte_read.py")
    places = {"HOME": str(tmp_path), "AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1", "PATH": "/usr/bin:/bin"}

    def run(entry):
        (tmp_path / "config.json").write_text(json.dumps({"id": "shop"} | entry))
        command = [environment("pyairbyte") / "python", script, PROGRAMS / "source-fustor"]
        done = subprocess.run(command, cwd=tmp_path, env=places, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.mark.full
def test_pyairbyte_reads_a_table_and_then_what_has_changed_without_a_network(read_by_pyairbyte, make_shop):
    shop = make_shop(3_000)
    first = read_by_pyairbyte(shop.entry)
    assert (first["read"], first["rows"], first["network"]) == (3_000, 3_000, [])
    second = read_by_pyairbyte(shop.entry)
    assert (second["read"], second["rows"], second["network"]) == (0, 3_000, [])
    shop("update orders set item = 'new' where id = 3")
    shop("delete from orders where id = 5")
    third = read_by_pyairbyte(shop.entry)
    assert (third["read"], third["network"]) == (2, [])
    assert third["items"] == {str(id): f"item {id}" for id in range(1, 3_001) if id != 5} | {"3": "new"}
