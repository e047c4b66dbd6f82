"""A pusher as a target of Singer."""

import asyncio
import io
import json
import os

import pytest

from fustor_core.exceptions import RetryableError
from fustor_driver.engines.singer import bookmark_of, tap, target
from fustor_driver.errors import CheckFailed
from fustor_try.engine_sources import BoundedLog, source
from fustor_try.foreign_tap import KEYED, OPTIONS, as_lines, pushed, record, rows
from fustor_try.running import lines_pusher


@pytest.fixture
def told(log, collected, stop):
    """What the tap of a log writes since a state, as bytes."""

    def run(state=None):
        out, read = collected(), source(BoundedLog, log)
        tap(read, bookmark_of(state or {}, read.id), out.lines, stop)
        return out.text

    return run


def test_what_a_tap_writes_is_pushed_as_a_host_would(push, told, log, tmp_path):
    for name in "abc":
        log.append("upsert", f"/{name}", 1)
    state = push(told()).messages[-1]
    assert rows(tmp_path, "snapshot") == ["/a", "/b", "/c"]
    assert [batch.end for batch in pushed(tmp_path) if batch.phase == "snapshot"] == [False, True]
    log.append("delete", "/a")
    log.append("upsert", "/d", 1)
    later = push(told(state)).messages[-1]
    assert rows(tmp_path, "realtime") == ["/a", "/d"]
    assert (state["bookmarks"]["s"]["position"], later["bookmarks"]["s"]["position"]) == (3, 5)
    assert pushed(tmp_path)[-1].index == 5


def test_a_state_that_is_known_is_the_index_of_the_pusher(push, told, log, tmp_path):
    log.append("upsert", "/a", 1)
    push(told())
    assert pushed(tmp_path)[-1].index == 1


def test_rows_that_come_again_are_there_once(push, told, log, tmp_path):
    log.append("upsert", "/a", 1)
    state = push(told()).messages[-1]
    for name in "bcd":
        log.append("upsert", f"/{name}", 1)
    again = told(state)
    for size in (1, 2, 10_000):
        push(again, options=OPTIONS.model_copy(update={"batch_rows": size}))
    assert rows(tmp_path, "realtime") == ["/b", "/c", "/d"]


def test_what_may_be_half_an_event_is_not_pushed(push, told, log, tmp_path):
    log.append("upsert", "/a", 1)
    state = push(told()).messages[-1]
    for name in "bcd":
        log.append("upsert", f"/{name}", 1)
    cut = told(state).splitlines(keepends=True)
    torn = b"".join(line for line in cut if b'"RECORD"' in line or b'"SCHEMA"' in line)
    out = push(torn + b'{"type": "REC')
    assert rows(tmp_path, "realtime") == ["/b", "/c"]
    assert out.messages == []
    push(told(state))
    assert rows(tmp_path, "realtime") == ["/b", "/c", "/d"]


def test_a_snapshot_that_breaks_off_has_no_end_and_no_state(push, told, log, tmp_path):
    for name in "abc":
        log.append("upsert", f"/{name}", 1)
    out = push(b"".join(told().splitlines(keepends=True)[:3]))
    assert out.messages == []
    assert not any(batch.end for batch in pushed(tmp_path))


def test_a_destination_without_what_the_state_claims_is_refused(push, told, log, tmp_path):
    log.append("upsert", "/a", 1)
    state = push(told()).messages[-1]
    (tmp_path / "t%3As.jsonl").unlink()
    log.append("upsert", "/b", 1)
    with pytest.raises(CheckFailed, match="has no complete snapshot of 't:s'"):
        push(told(state))


def test_a_destination_that_was_set_back_is_refused(push, told, log, tmp_path):
    log.append("upsert", "/a", 1)
    state = push(told()).messages[-1]
    before = (tmp_path / "t%3As.jsonl").read_bytes()
    log.append("upsert", "/b", 1)
    later = push(told(state)).messages[-1]
    (tmp_path / "t%3As.jsonl").write_bytes(before)
    with pytest.raises(CheckFailed, match="has nothing behind position 1 of 't:s', and the tap goes on at 2"):
        push(told(later))


def test_a_pusher_that_fails_is_asked_again(push, told, log, tmp_path):
    log.append("upsert", "/a", 1)
    pusher = lines_pusher(tmp_path)
    push_, failures = pusher.push, iter([True, True])

    async def fail(events, **kwargs):
        if next(failures, False):
            raise RetryableError("Not now")
        return await push_(events, **kwargs)

    pusher.push = fail
    assert push(told(), pusher).messages
    assert rows(tmp_path, "snapshot") == ["/a"]


def test_a_pusher_that_stays_away_ends_the_run_with_no_state(push, told, log, tmp_path):
    log.append("upsert", "/a", 1)
    pusher = lines_pusher(tmp_path, max_retries=2)

    async def fail(*_, **__):
        raise RetryableError("Not now")

    pusher.push = fail
    with pytest.raises(CheckFailed, match="nothing is lost"):
        push(told(), pusher)


def test_a_pusher_that_wants_a_snapshot_ends_the_run(push, told, log, tmp_path):
    log.append("upsert", "/a", 1)
    pusher = lines_pusher(tmp_path)

    async def ask(*_, **__):
        return {"success": True, "snapshot_needed": True}

    pusher.push = ask
    with pytest.raises(CheckFailed, match="needs a new snapshot of 't:s'"):
        push(told(), pusher)


def test_what_the_pusher_sets_aside_is_counted(push, told, log):
    log.append("upsert", "/set-aside", 1)
    log.append("upsert", "/a", 1)
    assert push(told()).refused.dead_letters == 1


def test_a_snapshot_of_which_nothing_is_taken_has_no_end_and_no_state(push, told, log, tmp_path):
    log.append("upsert", "/set-aside", 1)
    out = []
    with pytest.raises(CheckFailed, match=r"refused the whole snapshot, 1 rows or events; .*is kept aside"):
        push(told(), heard=out)
    assert not any(batch.end for batch in pushed(tmp_path))
    assert out[0].messages == []


def test_a_long_stretch_in_which_everything_is_refused_ends_the_run(push, tmp_path):
    pusher = lines_pusher(tmp_path)
    take = pusher.push

    async def refuse(events, **kwargs):
        return await take(events, **kwargs) | {"refused_rows": len(events), "refused_reason": "a trigger says no"}

    pusher.push = refuse
    state = {"type": "STATE", "value": {"any": "thing"}}
    with pytest.raises(CheckFailed, match=r"the last 1000 rows .*a trigger says no"):
        push([KEYED, *map(record, range(1_000)), state], pusher, OPTIONS.model_copy(update={"batch_rows": 100}))


def test_deletions_that_the_guard_refuses_are_counted_and_allowed_on_request(push, told, log, tmp_path):
    log.append("upsert", "/a", 1)
    (tmp_path / "guard").touch()
    assert push(told()).refused.refused_deletions == 150
    assert push(told(), options=OPTIONS.model_copy(update={"allow_deletions": True})).refused.refused_deletions == 0


def test_a_last_record_without_the_end_of_its_line_is_taken(push, tmp_path):
    push(json.dumps(KEYED).encode() + b"\n" + json.dumps(record(1)).encode())
    assert rows(tmp_path, "realtime", "t:users") == ["/users/1"]


@pytest.mark.parametrize("rest", [b'{"type": "STA', b"12"])
def test_a_torn_line_at_the_end_is_said(rest, push, caplog):
    assert push(json.dumps(KEYED).encode() + b"\n" + rest).messages == []
    assert "The last line has no end and is left out" in caplog.text


class Slow(io.BytesIO):
    """Gives a few bytes at once."""

    def read1(self, _):
        return super().read1(7)


class Broken(io.BytesIO):
    """Breaks off instead of an end."""

    def __init__(self, data, error):
        super().__init__(data)
        self._error = error

    def read1(self, size):
        if chunk := super().read1(size):
            return chunk
        raise self._error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(5, "Input/output error"), "Cannot read what the tap writes: Input/output"),
        (MemoryError("full"), "full"),
    ],
)
def test_an_input_that_breaks_off_ends_the_run_with_no_state(error, says, push):
    data, out = as_lines([KEYED, record(1), {"type": "STATE", "value": {"any": "thing"}}]), []
    with pytest.raises((CheckFailed, MemoryError), match=says):
        push(Broken(data, error), heard=out)
    assert out[0].messages == []


def test_a_line_of_many_parts_is_read_as_one(push, tmp_path):
    push(Slow(as_lines([KEYED, record(1, text="x" * 999), record(2)])))
    assert rows(tmp_path, "realtime", "t:users") == ["/users/1", "/users/2"]


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        (b"nothing\n", "Line 1 is not JSON"),
        ([record(1)], "no SCHEMA announced"),
        ([KEYED, {"type": "BATCH", "stream": "users"}], "Line 2 is a message of the type 'BATCH'"),
        ([KEYED, {"type": "RECORD", "stream": "users"}], "without a valid 'record'"),
        ([{"type": "STATE"}], "without a valid 'value'"),
        ([KEYED | {"key_properties": "id"}], "not a list of names"),
        ([KEYED | {"key_properties": [["id"]]}], "not a list of names"),
        ([KEYED | {"schema": {"properties": [["id"]]}, "key_properties": None}], "no key_properties"),
        ([KEYED | {"key_properties": []}], "no key_properties"),
        ([KEYED, {"type": "RECORD", "stream": "users", "record": {"name": "a"}}], r"has no \['id'\]"),
        ([3], "Line 1 is a message of the type None"),
    ],
)
def test_what_is_not_a_message_ends_the_run(messages, says, push):
    with pytest.raises(CheckFailed, match=says):
        push(messages)


def test_a_row_that_lost_a_column_on_its_way_is_refused(push, told, log):
    log.append("upsert", "/a", 1)
    messages = [json.loads(line) for line in told().splitlines()]
    for message in messages:
        message.get("record", {}).pop("row", None)
    with pytest.raises(CheckFailed, match="has no 'row'"):
        push(messages)


def test_a_session_is_kept_alive_while_nothing_comes(tmp_path, collected, run_async, log, told):
    log.append("upsert", "/a", 1)
    pusher, beats = lines_pusher(tmp_path), asyncio.Event()
    open_ = pusher.create_session

    async def quick(task, **kwargs):
        return await open_(task, **kwargs) | {"suggested_heartbeat_interval_seconds": 0.01}

    async def beat(**_):
        beats.set()
        return {}

    pusher.create_session, pusher.heartbeat = quick, beat

    async def work():
        inward, outward = os.pipe()
        os.write(outward, told())
        options = OPTIONS.model_copy(update={"batch_sec": 0.01})
        with os.fdopen(inward, "rb") as file:
            running = asyncio.ensure_future(target(pusher, options, file, collected().lines))
            await beats.wait()
            os.close(outward)
            await running

    run_async(work())
    assert rows(tmp_path, "snapshot") == ["/a"]


@pytest.mark.parametrize(
    "wrong", [{"row": None}, {"row": 3}, {"row": {"path": []}}, {"position": "far"}, {"position": None}]
)
def test_a_column_that_changed_its_type_on_its_way_is_refused(wrong, push, told, log):
    log.append("upsert", "/a", 1)
    messages = [json.loads(line) for line in told().splitlines()]
    for message in messages:
        if message["type"] == "RECORD":
            message["record"] |= wrong
    with pytest.raises(CheckFailed, match="of another type"):
        push(messages)
