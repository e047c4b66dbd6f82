"""Drivers, and the two ends of a pipe, for what runs them under engines."""

import asyncio
import io
import json
import threading

import pytest

from fustor_driver.engines.lines import Lines
from fustor_driver.engines.singer import target
from fustor_try.foreign_tap import OPTIONS, as_lines
from fustor_try.running import lines_pusher


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


@pytest.fixture
def push(tmp_path, collected, run_async):
    """Have a target read messages, bytes or a file; what it wrote."""

    def run(messages, pusher=None, options=OPTIONS, heard=None):
        data = as_lines(messages) if isinstance(messages, list) else messages
        file = io.BytesIO(data) if isinstance(data, bytes) else data
        out, driver = collected(), pusher or lines_pusher(tmp_path)
        if heard is not None:
            heard.append(out)

        async def work():
            try:
                return await target(driver, options, file, out.lines)
            finally:
                await driver.close()

        out.refused = run_async(work())
        return out

    return run
