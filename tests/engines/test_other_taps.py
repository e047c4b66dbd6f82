"""Taps of other projects into a target of ours."""

import json

import pytest
from engines.pipes import fed
from engines.stores import records

pytestmark = pytest.mark.wide
SCHEMA = {"type": "SCHEMA", "stream": "users", "schema": {"type": "object"}, "key_properties": ["id"]}


def write(directory, lake, *records):
    """Have a target of ours write what a tap says."""
    messages = [SCHEMA, *({"type": "RECORD", "stream": "users", "record": one} for one in records)]
    done = fed(directory, lake.entry, "".join(f"{json.dumps(message)}\n" for message in messages))
    assert done.returncode == 0, done.stderr


def test_a_field_that_a_tap_no_longer_sends_is_gone(lake, tmp_path):
    """In a run of its own and in the same one."""
    write(tmp_path, lake, {"id": 1, "name": "a", "mail": "m"}, {"id": 2, "name": "b"})
    write(tmp_path, lake, {"id": 1, "name": "a"}, {"id": 2, "mail": "n"}, {"id": 2, "name": "c"})
    assert records(lake) == {"/users/1": {"id": 1, "name": "a"}, "/users/2": {"id": 2, "name": "c"}}
