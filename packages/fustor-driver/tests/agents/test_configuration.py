"""A released agent reads the same source and pusher from a file of its own."""

import json

import pytest

from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.agents.configuration import Roles, write
from fustor_driver.configuration import Pair


@pytest.fixture
def pair():
    source = {"driver": "fs", "uri": "/data", "credential": {"user": "me"}, "driver_params": {"batch_size": 5}}
    source |= {"retry_delay_sec": 0.2}
    pusher = {"driver": "lines", "endpoint": "out", "batch_size": 7, "driver_params": {"sync": True}}
    return Pair(
        source_id="s",
        source=SourceConfig.model_validate(source),
        pusher_id="p",
        pusher=PusherConfig.model_validate(pusher),
        task_id="s:p",
        reader_id="s",
    )


def written(roles, home, *, is_old):
    write(roles, home, home / "notes", is_old=is_old)
    (file,) = home.rglob("*.yaml")
    assert file.stat().st_mode & 0o077 == 0
    return json.loads(file.read_text())


def test_agent_02_gets_a_sync_through_the_receiver(pair, tmp_path):
    told = written(Roles(pair, has_pusher=True), tmp_path, is_old=True)
    assert told["sources"]["s"] == {
        "driver": "fs",
        "uri": "/data",
        "credential": {"user": "me"},
        "retry_delay_sec": 1,
        "driver_params": {"batch_size": 5},
        "disabled": False,
    }
    assert told["pushers"]["p"] == {
        "driver": "fustor_receiver",
        "endpoint": "out",
        "credential": {"key": "local"},
        "batch_size": 7,
        "driver_params": {"sync": True, "fustor_receiver": {"driver": "lines", "file": str(tmp_path / "notes")}},
        "disabled": False,
    }
    assert told["syncs"] == {"s-p": {"source": "s", "pusher": "p", "disabled": False}}


def test_agent_08_gets_a_pipe_through_the_bridge(pair, tmp_path):
    told = written(Roles(pair, has_pusher=True, audit_interval_sec=3), tmp_path, is_old=False)
    sender = told["senders"]["p"]
    assert (sender["driver"], sender["uri"]) == ("fustor_receiver", "out")
    assert sender["driver_params"] == {
        "pusher": "lines",
        "params": {"sync": True},
        "fustor_receiver": {"driver": "pusher", "file": str(tmp_path / "notes")},
    }
    assert told["pipes"]["s-p"]["audit_interval_sec"] == 3


def test_without_a_pusher_the_receiver_only_counts(pair, tmp_path):
    told = written(Roles(pair, has_pusher=False), tmp_path, is_old=False)
    assert told["senders"]["receiver"]["driver_params"]["fustor_receiver"]["driver"] == ""
    assert told["pipes"]["s-receiver"]["audit_interval_sec"] == 600
