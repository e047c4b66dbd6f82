"""Messages and documents in which something is wrong: each is taken, or refused in words, and never a traceback."""

import copy
import io
import random

import pytest
from pydantic_core import to_json

from fustor_core.exceptions import DriverError
from fustor_driver.engines.airbyte import bookmark_of as airbyte_bookmark
from fustor_driver.engines.airbyte import mode_of
from fustor_driver.engines.schema import json_schema
from fustor_driver.engines.singer import TargetOptions, bookmark_of, is_selected, target
from fustor_driver.errors import FustorDriverError
from fustor_try.engine_sources import TellingLog, source
from fustor_try.running import lines_pusher

VALUES = [None, True, 0, -1, 3.5, 1 << 70, "", "x", "id", [], ["id"], [None], {}, {"a": 1}, [[1]], {"id": None}]
VALUES += ["2026-01-01", "snapshot", "insert", "STATE", "1e400"]
LAYOUT = {"system": "x", "columns": {"a": "b"}, "key": ["a"], "labels": {}}
SAID = {"event_type": "insert", "message_source": "realtime", "event_schema": "x", "table": "t", "position": 5}
PLACE = {"path": "/a", "mtime": 1.0, "size": 1}
ROW = SAID | PLACE | {"parent_mtime": None, "layout": LAYOUT, "row": PLACE, "_sdc_deleted_at": None}
MARK = {"position": 6, "version": 1}
MARK |= {"selection": {"salt": "a", "configured": "b", "offered": None, "is_exact": True}}
STATE = {"type": "STATE", "value": {"bookmarks": {"s": MARK}}}
MESSAGES = [
    {"type": "SCHEMA", "stream": "s", "schema": json_schema("_sdc_deleted_at"), "key_properties": ["path"]},
    {"type": "RECORD", "stream": "s", "record": ROW | {"message_source": "snapshot", "position": -1}, "version": 1},
    {"type": "ACTIVATE_VERSION", "stream": "s", "version": 1},
    STATE,
    {"type": "RECORD", "stream": "s", "record": ROW, "version": 1},
    STATE,
    {"type": "SCHEMA", "stream": "u", "schema": {"properties": {"id": {}}}, "key_properties": ["id"]},
    {"type": "RECORD", "stream": "u", "record": {"id": 1, "x": {"y": 1.5}}, "time_extracted": "2026-01-01T00:00:00Z"},
    {"type": "RECORD", "stream": "u", "record": {"id": 1, "_sdc_deleted_at": "2026-01-01"}},
    STATE,
]
SELECTED = [{"breadcrumb": [], "metadata": {"selected": True}}]
CATALOG = {"streams": [{"tap_stream_id": "s", "stream": "s", "selected": True, "metadata": SELECTED}]}
CHOSEN = {"streams": [{"stream": {"name": "s"}, "sync_mode": "incremental"}]}
STATES = [{"type": "STREAM", "stream": {"stream_descriptor": {"name": "s"}, "stream_state": MARK}}]


def places(value, place=()):
    """Every place in a document, the whole of it included."""
    yield place
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*place, name))


def mutated(value, rng):
    """A copy in which one place has another value, or is missing."""
    value = copy.deepcopy(value)
    *above, last = rng.choice([place for place in places(value) if place])
    inner = value
    for name in above:
        inner = inner[name]
    if rng.random() < 0.25:
        del inner[last]
    else:
        inner[last] = rng.choice(VALUES)
    return value


@pytest.mark.parametrize(
    "seeds",
    [
        range(60),
        pytest.param(range(60, 500), marks=pytest.mark.wide),
        pytest.param(range(500, 2_000), marks=[pytest.mark.wide, pytest.mark.full]),
    ],
    ids=str,
)
def test_messages_are_taken_or_refused_in_words(seeds, tmp_path, collected, run_async):
    def run(messages, place):
        async def work():
            pusher, said = lines_pusher(place), io.BytesIO(b"".join(to_json(one) + b"\n" for one in messages))
            try:
                await target(pusher, TargetOptions(task="t"), said, collected().lines)
            finally:
                await pusher.close()

        run_async(work())

    run(MESSAGES, tmp_path / "all")
    refused = []
    for seed in seeds:
        try:
            run(mutated(MESSAGES, random.Random(seed)), tmp_path / str(seed))
        except (FustorDriverError, DriverError) as err:
            refused.append(str(err))
    assert all(refused)
    assert 0 < len(refused) < len(seeds)


@pytest.mark.parametrize(
    ("document", "read"),
    [
        (CATALOG, lambda found, _: is_selected(found, "s")),
        (CHOSEN, mode_of),
        (STATE["value"], lambda found, _: bookmark_of(found, "s")),
        (STATES, lambda found, _: airbyte_bookmark(found, "s")),
    ],
)
def test_documents_are_taken_or_refused_in_words(document, read, log):
    reader, refused = source(TellingLog, log), []
    read(document, reader)
    for seed in range(500):
        try:
            read(mutated(document, random.Random(seed)), reader)
        except FustorDriverError as err:
            refused.append(str(err))
    assert all(refused)
    assert 0 < len(refused) < 500
