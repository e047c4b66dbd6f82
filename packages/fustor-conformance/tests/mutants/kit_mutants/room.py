"""Pushers that break a rule of a destination that fails: a full disk, and a torn tail."""

from __future__ import annotations

import json
import os
from pathlib import Path

from kit_pusher import EMPTY, FileWorld, LogDriver

from fustor_core.exceptions import DriverError, RetryableError
from kit_mutants.pusher import log
from kit_mutants.registry import mutant


@log("U33", "U26")
class AnswersSuccess(LogDriver):
    async def push(self, events, **kwargs):
        try:
            return await super().push(events, **kwargs)
        except RetryableError:
            return {"success": True, "snapshot_needed": False}


@log("U33")
class LetsTheErrorOut(LogDriver):
    def save(self, state):
        try:
            super().save(state)
        except RetryableError as err:
            raise err.__cause__ from None


@log("U33")
class StopsForGood(LogDriver):
    def save(self, state):
        try:
            super().save(state)
        except RetryableError as err:
            raise DriverError(f"{err}; make room") from err


@log("U33")
class KeepsWhatFits(LogDriver):
    async def push(self, events, **kwargs):
        try:
            return await super().push(events, **kwargs)
        except RetryableError:
            await super().push([event for event in events if len(str(event.rows)) < 10_000], **kwargs)
            raise


@log("U33")
class NeverWritesAgain(LogDriver):
    full = False

    def save(self, state):
        if self.full:
            raise RetryableError("The disk was full")
        try:
            super().save(state)
        except RetryableError:
            self.full = True
            raise


class _LinesWorld(FileWorld):
    """A state a line; the last whole line counts."""

    def stored(self):
        return json.loads(whole_lines(self.config()["endpoint"])[-1])["rows"]


def whole_lines(path):
    lines = Path(path).read_text().split("\n")[:-1] if Path(path).exists() else []
    return [line for line in lines if line.startswith("{") and line.endswith("}")] or [json.dumps(EMPTY)]


class Lines(LogDriver):
    """In order: it cuts off a tail that is torn."""

    def load(self):
        return json.loads(whole_lines(self.config.endpoint)[-1])

    def save(self, state):
        try:
            with Path(self.config.endpoint).open("ab") as file:
                self.repair(file)
                file.write(json.dumps(state).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as err:
            raise RetryableError(str(err)) from err
        self.sync_directory(Path(self.config.endpoint).parent)

    def repair(self, file):
        data = Path(self.config.endpoint).read_bytes()
        file.truncate(data.rfind(b"\n") + 1)


@mutant("U34", "U26", "U33", world=_LinesWorld)
class WritesBehindTheTail(Lines):
    def repair(self, file):
        pass


@mutant("U34", "U26", "U33", world=_LinesWorld)
class StopsAtTheTail(Lines):
    def load(self):
        lines = Path(self.config.endpoint).read_text().splitlines() if Path(self.config.endpoint).exists() else []
        return json.loads(lines[-1] if lines else json.dumps(EMPTY))


@mutant("U34", "U26", "U33", world=_LinesWorld)
class BeginsAnew(Lines):
    def load(self):
        torn = Path(self.config.endpoint).exists() and not Path(self.config.endpoint).read_bytes().endswith(b"\n")
        return json.loads(json.dumps(EMPTY)) if torn else super().load()
