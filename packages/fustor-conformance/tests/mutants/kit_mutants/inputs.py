"""Drivers that break a rule of what is said and of wrong input: parameters, secrets, announced fields, wrong rows."""

from __future__ import annotations

import itertools
import json
import logging

from kit_pusher import FileWorld, KeyedDriver, LogDriver
from kit_source import MemoryDriver

from fustor_core.exceptions import ConfigError, DriverError, RetryableError
from kit_mutants.pusher import keyed, log
from kit_mutants.registry import mutant


class _ParameterWorld(FileWorld):
    def config(self):
        return {**super().config(), "driver_params": {"kit_size": 5}}


@mutant("C22", world=_ParameterWorld)
class AcceptsAnyValue(LogDriver):
    def __init__(self, id, config):
        known = {name: value for name, value in config.driver_params.items() if name != "kit_size"}
        super().__init__(id, config.model_copy(update={"driver_params": known}))


@log("C22")
class RaisesWhatItsModelRaises(LogDriver):
    def __init__(self, id, config):
        try:
            super().__init__(id, config)
        except ConfigError as err:
            raise ValueError(str(err)) from None


@log("C22")
class NamesNoParameter(LogDriver):
    def __init__(self, id, config):
        try:
            super().__init__(id, config)
        except ConfigError:
            raise ConfigError("The configuration cannot be used; correct it") from None


@mutant("C23")
class LogsItsCredential(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        password = config.credential and config.credential.passwd
        logging.getLogger(__name__).debug("%s reads %s with %s", id, config.uri, password)


@log("C23")
class TellsItsConfiguration(LogDriver):
    def session(self, state, session_id):
        try:
            return super().session(state, session_id)
        except DriverError as err:
            raise DriverError(f"{err} (configuration {self.config.model_dump()})") from err


@log("C23")
class TellsTheWrongValue(LogDriver):
    def __init__(self, id, config):
        try:
            super().__init__(id, config)
        except ConfigError as err:
            raise ConfigError(f"{err}: {config.driver_params}") from err


@mutant("C24")
class LeavesRecordOut(MemoryDriver):
    @classmethod
    async def get_available_fields(cls, **kwargs):
        known = (await super().get_available_fields(**kwargs))["properties"]
        return {"properties": {name: column for name, column in known.items() if name != "record"}}


@log("U32")
class LooksAtNoRow(LogDriver):
    def look_at(self, events):
        pass


@log("U32")
class DropsWhatHasNoPath(LogDriver):
    def look_at(self, events):
        pass

    async def push(self, events, **kwargs):
        right = [
            event.model_copy(update={"rows": [row for row in event.rows if isinstance(row, dict) and row.get("path")]})
            for event in events
        ]
        return await super().push(right, **kwargs)


@log("U32")
class RetriesWhatIsWrong(LogDriver):
    def look_at(self, events):
        try:
            super().look_at(events)
        except DriverError as err:
            raise RetryableError(str(err)) from err


class SetsRowsAside(KeyedDriver):
    """Keeps what JSON can hold, and counts the rest."""

    refused = 0

    def look_at(self, events):
        pass

    def rows_of(self, event):
        kept = list(filter(self.is_json, event.rows))
        self.refused += len(event.rows) - len(kept)
        return kept

    def is_json(self, row):
        try:
            json.dumps(row, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError):
            return False
        return True

    async def push(self, events, **kwargs):
        self.refused = 0
        kept = [event.model_copy(update={"rows": self.rows_of(event)}) for event in events]
        return {**await super().push(kept, **kwargs), "refused_rows": self.refused}


@keyed("U35")
class CountsOneOfARefusedEvent(SetsRowsAside):
    def rows_of(self, event):
        kept = super().rows_of(event)
        self.refused = min(self.refused, 1)
        return kept


@keyed("U35")
class CountsWhatItEverRefused(SetsRowsAside):
    ever = 0

    async def push(self, events, **kwargs):
        reply = await super().push(events, **kwargs)
        self.ever += reply["refused_rows"]
        return {**reply, "refused_rows": self.ever}


@keyed("U35")
class LosesTheRestOfTheEvent(SetsRowsAside):
    def rows_of(self, event):
        kept = list(itertools.takewhile(self.is_json, event.rows))
        self.refused += len(kept) < len(event.rows)
        return kept
