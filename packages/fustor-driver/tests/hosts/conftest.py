"""A source and a pusher that follow a script, and the guide host between them."""

import asyncio

import pytest

from fustor_driver.hosts import GuideHost, HostOptions
from fustor_driver.hosts.selection import Selection
from fustor_event_model import MessageSource
from fustor_try.running import run_until
from fustor_try.scripted import scripted_pusher, scripted_source


@pytest.fixture
def source():
    return scripted_source()


@pytest.fixture
def pusher():
    return scripted_pusher()


@pytest.fixture
def note_selection(source, tmp_path):
    """Note that a run of the task has read everything that a source selects."""

    def note(noted=source):
        selection = Selection(HostOptions(task_id="t", state_dir=tmp_path).file(".selection"), noted)
        asyncio.run(selection.look())
        selection.note()

    return note


@pytest.fixture
def run(source, pusher, tmp_path):
    """Run the host until the condition holds, then stop it."""

    def run(condition, look=None, **options):
        settings = {"task_id": "t", "state_dir": tmp_path, "audit_interval_sec": 0.0} | options
        host = GuideHost(source, pusher, HostOptions(**settings))

        def watched():
            if look is not None:
                look.append(host.status().phases[MessageSource.SNAPSHOT])
            return condition()

        run_until(host, watched, timeout_sec=10)
        return host.status()

    return run
