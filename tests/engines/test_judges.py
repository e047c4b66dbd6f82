"""What others say of our messages: Meltano, the models of Airbyte, the streams that Singer's SDK tries targets with."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from test_selected_anew import as_uri
from test_typed_tables import made_database

pytestmark = [pytest.mark.engines, pytest.mark.full]
ENVIRONMENTS = {
    "airbyte": ["airbyte-protocol-models==0.18.0"],
    "singer": ["singer-sdk==0.54.9"],
    "meltano": ["meltano==4.4.1"],
    "jsonl": ["target-jsonl==0.1.4"],
}
ROWS = 3_000
VALIDATE = """
import sys
from airbyte_protocol.models import AirbyteMessage
print(sum(AirbyteMessage.parse_raw(line) is not None for line in sys.stdin))
"""
REFUSED = {
    "invalid_schema": "has no key_properties",
    "no_primary_keys": "has no key_properties",
    "no_primary_keys_append": "has no key_properties",
    "pk_updates": "has no key_properties",
    "record_before_schema": "no SCHEMA announced",
    "record_missing_key_property": "which is its key",
    "record_missing_required_property": "has no key_properties",
    "schema_no_properties": "has no key_properties",
}
"""Streams of the SDK that a target of ours does not take, with the reason; a row needs a path, and so a key."""
TAKEN = {
    "array_data",
    "camelcase",
    "camelcase_complex_schema",
    "duplicate_records",
    "encoded_string_data",
    "multiple_state_messages",
    "optional_attributes",
    "record_missing_fields",
    "schema_updates",
    "special_chars_in_attributes",
    "user_location_data",
    "user_location_upsert_data",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The directory of programs of an environment with what a judge needs, and nothing of ours."""
    made = {}

    def of(name):
        if name not in made:
            place = tmp_path_factory.mktemp(name) / "env"
            subprocess.run(["uv", "venv", "-q", "--python", sys.executable, place], check=True)
            install = ["uv", "pip", "install", "-q", "--python", place / "bin/python", *ENVIRONMENTS[name]]
            subprocess.run(install, check=True, cwd=place.parent)  # not the constraints of this project
            made[name] = place / "bin"
        return made[name]

    return of


@pytest.fixture
def shop():
    """A table with rows, and the entry of a source that reads it."""
    with ExitStack() as stack:
        ask = stack.enter_context(made_database())
        ask("create table orders (id int primary key, item text)")
        ask("insert into orders select i, 'item ' || i from generate_series(1, %s) i", ROWS)
        ask.entry = {"driver": "postgres", "uri": as_uri(ask.dsn), "driver_params": {"tables": ["public.orders"]}}
        yield ask


def ours(*words, **options):
    command = [sys.executable, "-m", "fustor_driver", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, **options).stdout


def test_every_message_of_a_long_run_is_one_of_airbyte(environment, shop, tmp_path):
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
    assert [said[-1].count(b'"RECORD"'), said[-2].count(b'"RECORD"')] == [1, ROWS]
    judge = [environment("airbyte") / "python", "-c", VALIDATE]
    counted = subprocess.run(judge, input=b"".join(said), check=True, capture_output=True).stdout
    assert int(counted) == b"".join(said).count(b"\n")


def test_the_streams_of_the_sdk_are_taken_or_refused_with_a_reason(environment, tmp_path):
    (streams,) = environment("singer").parent.glob("lib/*/site-packages/singer_sdk/testing/target_test_streams")
    files = {file.stem: file for file in streams.glob("*.singer")}
    assert files.keys() == TAKEN | REFUSED.keys()
    for name, file in files.items():
        (tmp_path / "target.json").write_text(json.dumps({"driver": "fs", "endpoint": str(tmp_path / name)}))
        command = [sys.executable, "-m", "fustor_driver", "singer", "target", "--config", tmp_path / "target.json"]
        done = subprocess.run(command, input=file.read_text(), capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is (name in TAKEN), (name, done.stderr)
        assert REFUSED.get(name, "") in done.stderr


@pytest.fixture
def project(environment, shop, tmp_path, monkeypatch):
    """A project of Meltano that `singer init` wrote, with a target of others added; how to run it."""
    entries = {"sources": {"shop": shop.entry}, "pushers": {"lake": {"driver": "fs", "endpoint": "lake"}}}
    for section in entries.values():
        for entry in section.values():
            entry["disabled"] = False
    (tmp_path / "fustor.yaml").write_text(json.dumps(entries))
    monkeypatch.chdir(tmp_path)
    ours("singer", "init")
    document = yaml.safe_load(Path("meltano.yml").read_text())
    jsonl = {
        "name": "target-jsonl",
        "namespace": "target_jsonl",
        "executable": str(environment("jsonl") / "target-jsonl"),
    }
    document["plugins"]["loaders"].append(jsonl | {"config": {"destination_path": "out"}})
    Path("meltano.yml").write_text(yaml.safe_dump(document))
    Path("out").mkdir()
    places = [str(Path(sys.executable).parent), str(environment("meltano")), os.environ["PATH"]]
    environ = os.environ | {"PATH": os.pathsep.join(places), "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false"}

    def start(*words):
        return subprocess.Popen(
            ["meltano", "run", *words],
            env=environ,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def through(process):
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0, out


def written(place):
    """The rows in the one file that a run wrote, which is taken away."""
    (file,) = Path(place).iterdir()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.unlink()
    return rows


def test_meltano_runs_a_tap_of_ours_into_a_target_of_others(project, shop):
    through(project("tap-fustor", "target-jsonl"))
    first = written("out")
    shop("update orders set item = 'new' where id = 3")
    shop("delete from orders where id = 5")
    through(project("tap-fustor", "target-jsonl"))
    second = written("out")
    assert len(first) == ROWS
    assert [(row["path"], row["event_type"]) for row in second] == [
        ("/public/orders/3", "update"),
        ("/public/orders/5", "delete"),
    ]


def test_meltano_goes_on_after_it_was_killed(project, shop):
    with project("tap-fustor", "target-fustor") as process:
        deadline = time.monotonic() + 240
        while not list(Path().glob("lake/*/*.jsonl")):
            assert process.poll() is None
            assert time.monotonic() < deadline
        os.killpg(process.pid, signal.SIGKILL)
    shop("insert into orders select i, 'late' from generate_series(%s, %s) i", ROWS + 1, ROWS + 100)
    through(project("--force", "tap-fustor", "target-fustor"))
    through(project("--force", "tap-fustor", "target-fustor"))
    told = [json.loads(line) for line in ours("replay", "lake").splitlines()]
    last = max(at for at, event in enumerate(told) if event["message_source"] == "snapshot")
    first = max((at for at, event in enumerate(told[:last]) if event["message_source"] == "realtime"), default=-1)
    paths = [row["path"] for event in told[first + 1 :] for row in event["rows"]]
    assert {f"/public/orders/{id}" for id in range(1, ROWS + 101)} <= set(paths)
