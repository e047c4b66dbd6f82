"""The lines of the format, and events that come back as they went."""

import datetime as dt
import decimal
import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fustor_core.exceptions import ConfigError, DriverError
from fustor_event_model import EventBase, LifecycleSignal, MessageSource
from fustor_pusher_fs._lines import FORMAT, Header, Mark, decode, encode, parse_header, parse_mark

MARK = Mark(
    batch=7,
    task='a:"b"\n',
    session="s",
    phase="audit+realtime",
    index=12,
    is_snapshot_end=False,
    committed=12,
    events=2,
    length_bytes=300,
    digest="0" * 64,
    time=1.5,
)
PATH = Path("00000003.jsonl")
HEADER = Header(format=FORMAT, task="t", segment=3, created=2.5, next_batch=7, committed=11)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def test_a_mark_and_a_header_come_back():
    assert parse_mark(MARK.line()) == MARK
    assert parse_header(HEADER.line(), PATH) == HEADER
    assert MARK.line().count(b"\n") == 1


@pytest.mark.parametrize("line", [MARK.line(), HEADER.line()], ids=["mark", "header"])
def test_no_flipped_bit_and_no_cut_goes_unnoticed(line):
    for at in range(len(line)):
        for bit in range(8):
            changed = bytearray(line)
            changed[at] ^= 1 << bit
            assert parse_mark(bytes(changed)) is None
            assert parse_header(bytes(changed), PATH) is None
        assert parse_mark(line[:at]) is None
        assert parse_header(line[:at], PATH) is None


def test_lines_are_json_that_any_tool_reads():
    said = json.loads(MARK.line())
    assert said["_commit"]["task"] == 'a:"b"\n'
    body = MARK.line().removeprefix(b'{"_commit":').rsplit(b',"crc"', 1)[0]
    assert said["crc"] == f"{zlib.crc32(body):08x}"


def test_a_header_of_another_format_is_known_as_such():
    line = HEADER.model_copy(update={"format": 9}).line()
    with pytest.raises(ConfigError, match=r"'00000003.jsonl' has format 9, .* format 1;"):
        parse_header(line, PATH)
    assert parse_header(line[:-1], PATH) is None


@settings(deadline=None, max_examples=100)
@given(
    rows=st.lists(st.dictionaries(TEXT, JSON, max_size=4), max_size=3),
    source=st.sampled_from(MessageSource),
    signal=st.none() | st.sampled_from(LifecycleSignal),
    index=st.integers(-1, 2**62),
    texts=st.tuples(TEXT, TEXT),
)
def test_an_event_comes_back_as_it_went(rows, source, signal, index, texts):
    event = EventBase(
        event_type="delete",
        fields=[],
        rows=[],
        index=index,
        event_schema=texts[0],
        table=texts[1],
        message_source=source,
        signal=signal,
    )
    event.rows = rows  # as hosts do, after validation
    lines = encode([event]).lines
    assert lines.count(b"\n") == 1
    assert decode(lines).model_dump(mode="json") == event.model_dump(mode="json")


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -float("inf"), "\ud800", b"\xff", object()],
    ids=["nan", "inf", "-inf", "surrogate", "bytes", "object"],
)
def test_what_json_cannot_say_is_refused_rather_than_changed(event, value):
    broken = event(1)
    broken.rows[0]["size"] = {"deep": [value]}
    with pytest.raises(DriverError, match="cannot be written as JSON"):
        encode([event(0), broken])


@pytest.mark.parametrize("word", ["NaN", "Infinity", '"NaN', "\\", "line\nbreak", "\0", "\u2028"])
def test_text_that_looks_like_something_else_is_text(event, word):
    hostile = event(1)
    hostile.rows[0]["path"] = word
    assert decode(encode([hostile]).lines).rows[0]["path"] == word


def test_values_of_databases_are_written_as_text(event):
    row = {"when": dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "price": decimal.Decimal("1.10")}
    given_event = event(1)
    given_event.rows = [row]
    assert decode(encode([given_event]).lines).rows == [{"when": "2026-01-02T00:00:00Z", "price": "1.10"}]
