"""What taps of other projects write, as a target takes it."""

import json
import time

import pytest

from fustor_try.foreign_tap import KEYED, pushed, record, rows


def test_records_of_another_tap_are_rows_below_their_stream(push, tmp_path):
    state = {"type": "STATE", "value": {"any": "thing"}}
    out = push([KEYED, record(1, name="ä"), record("x/y", price=1.5), state])
    assert out.messages == [{"any": "thing"}]
    (batch,) = pushed(tmp_path, "t:users")
    told = [row for event in batch.events for row in event["rows"]]
    assert [row["path"] for row in told] == ["/users/1", "/users/x%2Fy"]
    assert told[0]["record"] == {"id": 1, "name": "ä"}
    assert {(event["event_type"], event["index"]) for event in batch.events} == {("insert", -1)}


def test_a_number_that_no_float_holds_keeps_all_its_digits(push, tmp_path):
    line = b'{"type": "RECORD", "stream": "users", "record": {"id": 1, "price": 12345678901234567890.125, "x": 0.5}}\n'
    push(json.dumps(KEYED).encode() + b"\n" + line)
    (batch,) = pushed(tmp_path, "t:users")
    assert batch.events[0]["rows"][0]["record"] == {"id": 1, "price": "12345678901234567890.125", "x": 0.5}


def test_a_record_that_was_deleted_is_a_delete(push, tmp_path):
    push([KEYED, record(1, _sdc_deleted_at="2026-01-02T03:04:05Z")])
    (batch,) = pushed(tmp_path, "t:users")
    (event,) = batch.events
    assert (event["event_type"], event["rows"][0]["mtime"], event["rows"][0]["size"]) == ("delete", 1767323045.0, None)


def test_a_version_of_another_tap_deletes_nothing(push, tmp_path, caplog):
    push([KEYED, record(1), {"type": "ACTIVATE_VERSION", "stream": "users", "version": 1}])
    assert [batch.end for batch in pushed(tmp_path, "t:users")] == [False]
    assert "no longer has stays" in caplog.text


@pytest.mark.parametrize(
    ("key", "name"), [("", "%FF"), (".", "%2E"), ("..", "%2E%2E"), ("a/b,c", "a%2Fb%2Cc"), (True, "true"), (1.5, "1.5")]
)
def test_a_key_is_one_part_of_a_path_and_never_empty(key, name, push, tmp_path):
    push([KEYED, record(key)])
    assert rows(tmp_path, "realtime", "t:users") == [f"/users/{name}"]


@pytest.mark.parametrize("number", ["1E400", "12345678901234567890e-3", "NaN", "-Infinity"])
def test_a_number_that_json_or_floats_do_not_have_is_text(number, push, tmp_path):
    line = b'{"type": "RECORD", "stream": "users", "record": {"id": 1, "x": %s}}\n' % number.encode()
    push(json.dumps(KEYED).encode() + b"\n" + line)
    (batch,) = pushed(tmp_path, "t:users")
    assert batch.events[0]["rows"][0]["record"] == {"id": 1, "x": number}


def test_a_state_of_nothing_is_none(push):
    assert push([KEYED, {"type": "STATE", "value": None}]).messages == []


def test_a_state_is_passed_on_with_every_digit(push):
    value = b'{"a":[12345678901234567890.125,1.50,-0.0,1e400,null,true],"\\u00e4":{"b":36893488147419103232}}'
    out = push(json.dumps(KEYED).encode() + b'\n{"type": "STATE", "value": %s}\n' % value)
    assert out.text.strip() == value.replace(b"1e400", b"1E+400")


def test_a_moment_without_a_zone_is_of_utc(push, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        push([KEYED, record(1) | {"time_extracted": "2026-01-02T03:04:05"}])
    finally:
        monkeypatch.undo()
        time.tzset()
    (batch,) = pushed(tmp_path, "t:users")
    assert batch.events[0]["rows"][0]["mtime"] == 1767323045.0


def test_rows_that_are_large_wait_for_fewer_others(push, tmp_path, monkeypatch):
    monkeypatch.setattr("fustor_driver.engines.singer.targets._BATCH_BYTES", 1_000)
    push([KEYED, *(record(at, text="x" * 600) for at in range(6))])
    assert [len(batch.events) for batch in pushed(tmp_path, "t:users")] == [2, 2, 2]
