"""Drivers that break a rule of family C: what a class looks like and how it is called."""

# ruff: noqa: ARG002, ARG003, ARG004, RUF012 - a mutant keeps the signature that it breaks

from __future__ import annotations

import asyncio
import threading
from typing import Any

from kit_memory import SYSTEMS
from kit_source import MemoryDriver

from fustor_core.exceptions import DriverError
from kit_mutants.registry import mutant


@mutant("C01", "C11")
class SyncClose(MemoryDriver):
    def close(self):
        async def done():
            self._stop_driver_event.set()

        return done()


@mutant("C01", "C11", "C08")
class FieldsOfInstance(MemoryDriver):
    async def get_available_fields(self, **kwargs):
        return await MemoryDriver.get_available_fields(**kwargs)


@mutant("C01")
class MisspeltCapability(MemoryDriver):
    capabilities = (MemoryDriver.capabilities - {"acknowledge"}) | {"acknowlege"}


@mutant("C01")
class CapabilityWithoutBraces(MemoryDriver):
    capabilities = "get_audit_iterator"


@mutant("C02")
class OtherNames(MemoryDriver):
    def __init__(self, source_id, config):
        super().__init__(source_id, config)


@mutant("C02")
class ThirdArgument(MemoryDriver):
    def __init__(self, id, config, clock):
        super().__init__(id, config)


class _Locks:
    held: set[str] = set()


@mutant("C03", "C04", "C13")
class LockInConstructor(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        if config.uri in _Locks.held:
            raise DriverError(f"Slot of {config.uri!r} is taken")
        _Locks.held.add(config.uri)

    async def close(self):
        _Locks.held.discard(self.config.uri)
        await super().close()


@mutant("C03", "M09")
class ThreadInConstructor(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        threading.Thread(target=self._stop_driver_event.wait, daemon=True).start()


@mutant("C04", "C03", "C13")
class SharedForAnAddress(MemoryDriver):
    instances: dict[str, Any] = {}

    def __new__(cls, id, config):
        return cls.instances.setdefault(config.uri, super().__new__(cls))


@mutant("C05")
class NoStopEvent(MemoryDriver):
    def __init__(self, id, config):
        super().__init__(id, config)
        self._stopped = self._stop_driver_event
        del self._stop_driver_event

    def stopped(self, stop):
        return self._stopped.is_set() or (stop is not None and stop.is_set())

    def wait_until_up(self, system, stop):
        while system.down and not self.stopped(stop):
            self._stopped.wait(self.config.retry_delay_sec)

    async def close(self):
        self._stopped.set()


@mutant("C01")
class TransientMethod(MemoryDriver):
    def is_transient(self):
        return False


@mutant("C06")
class TransientText(MemoryDriver):
    @property
    def is_transient(self):
        return ""


@mutant("C07", "E20")
class EveryPosition(MemoryDriver):
    def is_position_available(self, position):
        return True


@mutant("C07")
class PositionRaises(MemoryDriver):
    def is_position_available(self, position):
        if position < -1:
            raise DriverError("No such position")
        return super().is_position_available(position)


@mutant("C07")
class PositionsOfNothing(MemoryDriver):
    """No event has an index, and small positions are available all the same."""

    def index(self, change):
        return -1

    def is_position_available(self, position):
        return 0 < position < 2**40


@mutant("C08")
class FieldsNeedAddress(MemoryDriver):
    @classmethod
    async def get_available_fields(cls, **kwargs):
        del kwargs["uri"]
        return await MemoryDriver.get_available_fields()


@mutant("C08")
class FieldsCountFromOne(MemoryDriver):
    @classmethod
    async def get_available_fields(cls, **kwargs):
        return {"properties": {"path": {"type": "string", "column_index": 1}}}


@mutant("C09")
class CheckRaises(MemoryDriver):
    @classmethod
    async def test_connection(cls, **kwargs):
        return bool(SYSTEMS[kwargs["uri"]]), "Connected"


@mutant("C09")
class CheckTellsSecret(MemoryDriver):
    @classmethod
    async def check_privileges(cls, **kwargs):
        return False, f"Refused: {kwargs.get('admin_creds')}"


@mutant("C09")
class CheerfulCheck(MemoryDriver):
    @classmethod
    async def create_agent_user(cls, **kwargs):
        return True, "Not implemented"


@mutant("C10")
class StepsAreATuple(MemoryDriver):
    @classmethod
    async def get_wizard_steps(cls):
        return {"steps": ()}


@mutant("C10")
class UnknownValidation(MemoryDriver):
    @classmethod
    async def get_wizard_steps(cls):
        return {"steps": [{"step_id": "a", "title": "A", "schema": {}, "validations": ["no_such_check"]}]}


@mutant("C11", "C12", "E01", "I07", "A08", "A02", "A06", "A07", "A09", "C20")
class FixedKeywords(MemoryDriver):
    def get_audit_iterator(self, batch_size=1000, stop_event=None):
        return super().get_audit_iterator(batch_size=batch_size, stop_event=stop_event)


@mutant("C11", "C16")
class RefusesUnknown(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        if odd := kwargs.keys() - {"batch_size", "stop_event", "partition", "required_fields_tracker"}:
            raise TypeError(f"Unknown keywords: {odd}")
        return super().get_snapshot_iterator(**kwargs)


@mutant("C12")
class SlowCall(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        self._stop_driver_event.wait(1.2)
        return super().get_snapshot_iterator(**kwargs)


@mutant("C12")
class ListOfEvents(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        return list(super().get_snapshot_iterator(**kwargs))


@mutant("C12", "C16")
class LoopInLoop(MemoryDriver):
    def get_audit_iterator(self, **kwargs):
        pause = asyncio.sleep(0)
        try:
            asyncio.run(pause)
        finally:
            pause.close()
        return super().get_audit_iterator(**kwargs)


@mutant("C13", "C20")
class CloseOnce(MemoryDriver):
    async def close(self):
        if self._stop_driver_event.is_set():
            raise DriverError("Already closed")
        await super().close()


@mutant("C13")
class ClosedForEver(MemoryDriver):
    closed: set[str] = set()

    async def close(self):
        self.closed.add(self.config.uri)
        await super().close()

    def snapshot_rows(self, stop, partition):
        return iter(()) if self.config.uri in self.closed else super().snapshot_rows(stop, partition)


@mutant("C14", "C16")
class TrustsTracker(MemoryDriver):
    def get_message_iterator(self, start_position=-1, **kwargs):
        tracker = kwargs.get("required_fields_tracker")
        if tracker is not None:
            tracker.get_fields()
        return super().get_message_iterator(start_position, **kwargs)


@mutant("C14", "E05", "E04")
class SendsWhatIsAsked(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        tracker = kwargs.get("required_fields_tracker")
        try:
            wanted = tracker.get_fields() if tracker else None
        except AttributeError:
            wanted = None
        for event in super().get_snapshot_iterator(**kwargs):
            if wanted:
                event.rows = [{"path": row["path"], **{k: row[k] for k in wanted & row.keys()}} for row in event.rows]
            yield event


@mutant("C12")
class ReadsInTheCall(MemoryDriver):
    def get_snapshot_iterator(self, **kwargs):
        return iter(list(super().get_snapshot_iterator(**kwargs)))


@mutant("C07")
class TransientAndYetAvailable(MemoryDriver):
    """What it has delivered can be read again, and it says that it keeps nothing."""

    @property
    def is_transient(self):
        return True

    def is_position_available(self, position):
        return position > 1 and super().is_position_available(position)


@mutant("C09")
class SetUpWhereNothingIs(MemoryDriver):
    @classmethod
    async def check_runtime_params(cls, **kwargs):
        return True, "The log is kept"
