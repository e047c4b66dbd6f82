"""Drivers, and the two ends of a pipe, for what runs them under engines."""

import asyncio
import io
import json
import threading

import pytest

from fustor_driver.engines.lines import Lines


class Collected:
    """What was written to an engine, as messages."""

    def __init__(self):
        self._out = io.BytesIO()
        self.lines = Lines(self._out)

    @property
    def messages(self):
        return [json.loads(line) for line in self._out.getvalue().splitlines()]

    def of(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    @property
    def text(self):
        return self._out.getvalue()


@pytest.fixture
def collected():
    return Collected


@pytest.fixture
def stop():
    return threading.Event()


@pytest.fixture
def run_async():
    return asyncio.run
