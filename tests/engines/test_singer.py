"""What Singer's SDK says of our messages: the streams that it tries targets with, and its tests for taps."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from engines.commands import PROGRAMS, ours
from engines.pipes import fed

from fustor_driver.event_files import read_events

pytestmark = pytest.mark.engines
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
OF_THE_TAP = {"discovery", "stream_connections", "valid_final_state"}
NOT_OURS = {"cli_prints": "prints what the SDK's own class says of itself, and no message"}
"""Tests of the SDK that pass whatever an executable does, with the reason."""
OF_THE_STREAM = {
    "primary_keys",
    "record_matches_stream_schema",
    "record_schema_matches_transformed_catalog",
    "returns_record",
    "schema_is_valid",
    "transformed_catalog_schema_matches_record",
}
OF_COLUMNS = {
    "is_datetime": {"_sdc_deleted_at"},
    "is_integer": {"position", "size"},
    "is_numeric": {"mtime", "parent_mtime"},
    "is_object": {"layout", "row"},
    "not_null": {"event_type", "message_source", "event_schema", "table", "position", "path", "mtime", "row"},
}


def sent_by(text):
    """The records of a tap by their streams, in their order."""
    records = {}
    for message in map(json.loads, text.splitlines()):
        if message["type"] == "RECORD":
            records.setdefault(message["stream"], []).append(message["record"])
    return records


def stored_in(log):
    """The records in a log by their streams, in their order."""
    records = {}
    for task in {file.parent for file in log.glob("*/*.jsonl")}:
        for event in read_events(task):
            records.setdefault(event.table, []).extend(row["record"] for row in event.rows)
    return records


@pytest.mark.full
def test_the_streams_of_the_sdk_are_taken_or_refused_with_a_reason(environment, tmp_path):
    (streams,) = environment("singer").parent.glob("lib/*/site-packages/singer_sdk/testing/target_test_streams")
    files = {file.stem: file for file in streams.glob("*.singer")}
    assert files.keys() == TAKEN | REFUSED.keys()
    for name, file in files.items():
        done = fed(tmp_path, {"driver": "fs", "endpoint": str(tmp_path / name)}, file.read_text())
        assert (done.returncode == 0) is (name in TAKEN), (name, done.stderr)
        assert REFUSED.get(name, "") in done.stderr
        if name in TAKEN:
            assert stored_in(tmp_path / name) == sent_by(file.read_text()), name


@pytest.fixture
def verdicts(environment, tmp_path):
    """What the SDK's tests for taps say of a command that reads, by their names."""
    script = shutil.copy(Path(__file__).with_name("sdk_tap_tests.py"), tmp_path)

    def run(*read):
        tap = [str(PROGRAMS / "tap-fustor"), "--config", str(tmp_path / "tap.json")]
        environ = os.environ | {"TAP": " ".join(tap), "READ": " ".join([*tap, *read])}
        command = [environment("singer") / "python", "-m", "pytest", "-v", script]
        done = subprocess.run(command, cwd=tmp_path, env=environ, check=False, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        print(done.stdout)
        return dict(re.findall(r"^\S+::(\S+) ([A-Z]+) ", done.stdout, re.MULTILINE))

    return run


EXPECTED = {f"test_tap_{name}" for name in OF_THE_TAP | NOT_OURS.keys()}
EXPECTED |= {f"test_tap_stream_{name}[shop]" for name in OF_THE_STREAM}
EXPECTED |= {f"test_tap_stream_attribute_{name}[shop.{one}]" for name, columns in OF_COLUMNS.items() for one in columns}


def test_a_snapshot_and_changes_pass_the_tests_of_the_sdk_for_taps(make_shop, verdicts, tmp_path):
    shop = make_shop(300)
    (tmp_path / "tap.json").write_text(json.dumps({"id": "shop"} | shop.entry))
    assert verdicts() == dict.fromkeys(EXPECTED, "PASSED")
    state = json.loads(ours("singer", "tap", "--config", tmp_path / "tap.json").splitlines()[-1])["value"]
    (tmp_path / "state.json").write_text(json.dumps(state))
    shop("update orders set item = null where id < 50")
    shop("delete from orders where id > 250")
    shop("insert into orders select i, 'ä' || i from generate_series(1000, 1050) i")
    assert verdicts("--state", str(tmp_path / "state.json")) == dict.fromkeys(EXPECTED, "PASSED")
