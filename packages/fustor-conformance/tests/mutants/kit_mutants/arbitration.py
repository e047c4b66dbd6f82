"""Pushers that arbitrate wrongly, change a value or have a wrong index: section 8 broken one sentence at a time."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from kit_pusher import KeyedDriver, LogDriver, is_at_or_below

from fustor_core.exceptions import RetryableError
from fustor_event_model import EventType, LifecycleSignal, MessageSource
from kit_mutants.pusher import keyed, log


@keyed("U21")
class TheYoungestRealtimeRowWins(KeyedDriver):
    def realtime_row(self, session, rows, row, event):
        known = rows.get(row["path"])
        super().realtime_row(session, rows, row, event)
        if known and row["path"] in rows and known["mtime"] > row["mtime"]:
            rows[row["path"]] = known


@keyed("U21", "U17", "U25")
class SnapshotBeatsRealtime(KeyedDriver):
    def snapshot_row(self, session, rows, row, event):
        super().snapshot_row(session, rows, row, event)
        if session["open"]:
            rows[row["path"]] = self.stored_row(row, event)


@keyed("U21")
class DeletesTheRowAlone(KeyedDriver):
    def remove(self, rows, path):
        rows.pop(path, None)


@keyed("U21", "U24", "U30")
class DeletesWhatBeginsAlike(KeyedDriver):
    def remove(self, rows, path):
        for other in [other for other in rows if other.startswith(path)]:
            del rows[other]


@keyed("U21")
class MarksTheDeletedPathAlone(KeyedDriver):
    def holds(self, session, path, since):
        return any(path == other for other, _ in session["touched"][since:])


@keyed("U21")
class LateSnapshotRowsCount(KeyedDriver):
    def snapshot_row(self, session, rows, row, event):
        is_open, session["open"] = session["open"], True
        super().snapshot_row(session, rows, row, event)
        session["open"] = is_open


@keyed("U21", "U17")
class EarlierSessionsOutrank(KeyedDriver):
    def snapshot_row(self, session, rows, row, event):
        if rows.get(row["path"], row)["mtime"] <= row["mtime"]:
            super().snapshot_row(session, rows, row, event)
        else:
            self.report(session, row)


@keyed("U21", "U25")
class DeletesComeFirstInABatch(KeyedDriver):
    async def push(self, events, **kwargs):
        return await super().push(sorted(events, key=lambda event: event.event_type != EventType.DELETE), **kwargs)


@log("U21")
class DropsEveryEqualBatch(LogDriver):
    def is_repeated(self, session, events):
        text = "".join(event.model_dump_json() for event in events)
        seen = session["last"].setdefault("all", [])
        if not events or any(event.signal or event.index != -1 for event in events):
            return False
        repeated = text in seen
        seen.append(text)
        return repeated


@log("U21", "U17", "U24", "U30", "U31")
class LogsUpdatesAndDeletes(LogDriver):
    def store(self, state, session, event):
        if event.event_type is not EventType.INSERT:
            super().store(state, session, event)


@log("U21")
class LogsEverythingAsAnUpdate(LogDriver):
    def store(self, state, session, event):
        super().store(state, session, event)
        state["rows"] = [{**row, "_kind": "update"} for row in state["rows"]]


@log("U21")
class LogsNoSignals(LogDriver):
    def store(self, state, session, event):
        super().store(state, session, event)
        state["signals"] = []


@log("U21")
class KeepsTheIndexOfAnotherSource(LogDriver):
    def take(self, state, session, task, event):
        before = task["phases"].get("realtime", -1)
        super().take(state, session, task, event)
        task["phases"]["realtime"] = max(before, task["phases"].get("realtime", -1))


@keyed("U22")
class AnIgnoredRowIsNotReported(KeyedDriver):
    def snapshot_row(self, session, rows, row, event):
        told = session["told"].get(row["path"])
        super().snapshot_row(session, rows, row, event)
        if told is not None and session["open"]:
            session["told"][row["path"]] = told


@keyed("U22", "U25")
class TakesContainersAboveWhatIsKept(KeyedDriver):
    def end(self, state, session, task):
        kept, is_open = {path for path in session["told"] if self.is_kept(path, session["told"])}, session["open"]
        super().end(state, session, task)
        if is_open:
            state["rows"] = [row for row in state["rows"] if self.is_kept(row["path"], session["told"]) or not kept]


@keyed("U22", "U17", "U21")
class EveryEndReplaces(KeyedDriver):
    def end(self, state, session, task):
        was_open = session["open"]
        session["open"] = True
        super().end(state, session, task)
        if was_open:
            session["told"] = {}


@keyed("U22")
class ASkippedNameCoversItsNeighbours(KeyedDriver):
    def is_kept(self, path, told):
        return path in told or any(said[1] and path.startswith(other) for other, said in told.items())


@keyed("U23", "U17", "U20", "U25", "U26")
class MarksFromBeforeTheAuditHold(KeyedDriver):
    def holds(self, session, path, since):
        return super().holds(session, path, 0)


@keyed("U23")
class ANewStartGoesOn(KeyedDriver):
    def store(self, state, session, event):
        audit = session["audit"]
        if audit and event.signal is LifecycleSignal.AUDIT_START:
            event = event.model_copy(update={"signal": None})
        super().store(state, session, event)


@keyed("U23")
class AnIgnoredAuditRowIsNotReported(KeyedDriver):
    def audit_row(self, session, rows, row, event):
        audit = session["audit"]
        if audit is None or not self.holds(session, row["path"], audit["since"]):
            super().audit_row(session, rows, row, event)


@keyed("U23", "U20", "U25")
class AuditEndTakesGrandchildren(KeyedDriver):
    def unreported(self, audit, touched, rows):
        listed = [path for path, was_listed in audit["reported"].items() if was_listed]
        paths = [path for path in rows if any(is_at_or_below(path, other) for other in listed)]
        spared = {path for path, _ in touched} | audit["reported"].keys()
        return [path for path in paths if path not in spared]


@keyed("U23")
class AContainerIsTouchedByItsOwnRowOnly(KeyedDriver):
    def unreported(self, audit, touched, rows):
        told = {path for path, _ in touched}
        return [path for path in super().unreported(audit, [], rows) if path not in told]


@keyed("U24", "U30")
class NumbersThroughADouble(KeyedDriver):
    def stored_row(self, row, event):
        return json.loads(json.dumps(super().stored_row(row, event)), parse_int=float)


@keyed("U24", "U26", "U30", "U17")
class LongTextsAreCut(KeyedDriver):
    def stored_row(self, row, event):
        stored = super().stored_row(row, event)
        record = stored.get("record") or {}
        cut = {name: value[:1_000] if isinstance(value, str) else value for name, value in record.items()}
        return {**stored, "record": cut} if record else stored


@keyed("U24")
class AuditRecordsLoseTheirNulls(KeyedDriver):
    def stored_row(self, row, event):
        stored = super().stored_row(row, event)
        if event.message_source is MessageSource.AUDIT and stored.get("record"):
            stored["record"] = {name: value for name, value in stored["record"].items() if value is not None}
        return stored


@log("U24", "U30", "U31")
class TruthIsANumber(LogDriver):
    def stored_row(self, row, event):
        stored = super().stored_row(row, event)
        record = stored.get("record") or {}
        flat = {name: int(value) if isinstance(value, bool) else value for name, value in record.items()}
        return {**stored, "record": flat} if record else stored


@keyed("U25")
class AnUnfinishedSnapshotKeepsTheIndex(KeyedDriver):
    def take(self, state, session, task, event):
        session["lists"] = True
        super().take(state, session, task, event)


@keyed("U25", "U17", "U22")
class TheLastIndexCounts(KeyedDriver):
    def take(self, state, session, task, event):
        super().take(state, session, task, event)
        if event.index != -1 and event.message_source is not MessageSource.AUDIT:
            task["realtime"] = event.index


@log("U25")
class TheLogsIndexIsOnePhases(LogDriver):
    async def push(self, events, **kwargs):
        self._phase = kwargs.get("source_type", "realtime")
        return await super().push(events, **kwargs)

    def take(self, state, session, task, event):
        before = task["realtime"]
        super().take(state, session, task, event)
        if self._phase != "realtime":
            task["realtime"] = before


class _ReadsBeforeItsTurn:
    async def push(self, events, **kwargs):
        state = self.load()
        await asyncio.sleep(0)
        self.load = lambda: state
        try:
            return await super().push(events, **kwargs)
        finally:
            del self.load


@keyed("U26", "U23")
class KeyedReadsBeforeItsTurn(_ReadsBeforeItsTurn, KeyedDriver):
    pass


@log("U26", "U21")
class LogReadsBeforeItsTurn(_ReadsBeforeItsTurn, LogDriver):
    pass


@log("U26")
class LocksItsInstanceAlone(_ReadsBeforeItsTurn, LogDriver):
    async def push(self, events, **kwargs):
        async with vars(self).setdefault("_turn", asyncio.Lock()):
            return await super().push(events, **kwargs)


@keyed("U26", "U33")
class AnswersSuccessWhereItFailed(KeyedDriver):
    async def push(self, events, **kwargs):
        try:
            return await super().push(events, **kwargs)
        except RetryableError:
            return {"success": True, "snapshot_needed": False}


@log("U26")
class LetsTheSystemsErrorsThrough(LogDriver):
    def load(self):
        try:
            return json.loads(Path(self.config.endpoint).read_text())
        except FileNotFoundError:
            return super().load()


@keyed("U26", "U33")
class GivesUpAfterAFailure(KeyedDriver):
    failed = False

    async def push(self, events, **kwargs):
        if self.failed:
            raise RetryableError("It failed before")
        self.failed = True
        reply = await super().push(events, **kwargs)
        self.failed = False
        return reply


@keyed("U24")
class KeepsTheFieldsThatItKnows(KeyedDriver):
    known = frozenset({"path", "size", "mtime", "parent_path", "parent_mtime", "is_directory", "record"})

    def stored_row(self, row, event):
        stored = super().stored_row(row, event)
        return {name: value for name, value in stored.items() if name in {*self.known, "message_source"}}


@keyed("U26", "U23")
class CountsBeforeItsTurn(KeyedDriver):
    """How many rows realtime has told is read before a push has its turn: of two at once the last one writes less."""

    async def push(self, events, **kwargs):
        session_id = kwargs.get("session_id")
        count = self.session(self.load(), session_id).get("count", 0)
        await asyncio.sleep(0)
        reply = await super().push(events, **kwargs)
        state = self.load()
        told = sum(len(event.rows) for event in events if event.message_source is MessageSource.REALTIME)
        self.session(state, session_id)["count"] = count + told
        self.save(state)
        return reply

    def store(self, state, session, event):
        super().store(state, session, event)
        if event.signal is LifecycleSignal.AUDIT_START:
            session["audit"]["since"] = min(session.get("count", 0), len(session["touched"]))
