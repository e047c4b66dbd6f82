"""Pushers that break one sentence of sections 5 and 8 which has a history of its own."""

from __future__ import annotations

from urllib.parse import unquote

from kit_pusher import KeyedDriver, LogDriver

from fustor_core.exceptions import RetryableError
from fustor_event_model import LifecycleSignal, MessageSource
from kit_mutants.pusher import keyed, log


def _record(row):
    return (row or {}).get("record") or {}


@keyed("U17", "U24")
class FalsyIsLeftOut(KeyedDriver):
    def merged(self, session, known, row, *, is_first):
        told = {name: value for name, value in _record(row).items() if value or value is None}
        return super().merged(session, known, {**row, "record": told} if told else row, is_first=is_first)


@keyed("U17")
class MergesWhatIsNested(KeyedDriver):
    def merged(self, session, known, row, *, is_first):
        whole = super().merged(session, known, row, is_first=is_first)
        for name, value in _record(row).items():
            if isinstance(value, dict) and isinstance(_record(known).get(name), dict):
                whole["record"][name] = {**known["record"][name], **value}
        return whole


class _KeepsColumns(KeyedDriver):
    source: MessageSource

    def put(self, rows, row, event):
        known = _record(rows.get(row["path"]))
        if event.message_source is self.source and "record" in row:
            row = {**row, "record": {**known, **row["record"]}}
        super().put(rows, row, event)


@keyed("U17")
class AListedRowKeepsOldColumns(_KeepsColumns):
    source = MessageSource.SNAPSHOT


@keyed("U17")
class AnAuditedRowKeepsOldColumns(_KeepsColumns):
    source = MessageSource.AUDIT


@keyed("U17")
class TheRowThatSuppliesIsTaken(KeyedDriver):
    def supply(self, session, known, row):
        if row["path"] in session["partial"]:
            known["size"], known["mtime"] = row["size"], row["mtime"]
        super().supply(session, known, row)


@keyed("U17")
class AListedNullIsNone(KeyedDriver):
    """Where the snapshot lists NULL, the value of an earlier session stays."""

    def supply(self, session, known, row):
        told, before = session["partial"].get(row["path"]), _record(known)
        super().supply(session, known, row)
        if told is not None:
            known["record"] |= {
                name: before[name] for name, value in _record(row).items() if value is None and name in before
            }


@keyed("U17", "U23", "U26")
class AnAuditSupplies(KeyedDriver):
    def audit_row(self, session, rows, row, event):
        if session["audit"] and self.holds(session, row["path"], session["audit"]["since"]) and row["path"] in rows:
            session["partial"].setdefault(row["path"], list(_record(rows[row["path"]])))
            self.supply(session, rows[row["path"]], row)
        super().audit_row(session, rows, row, event)


@keyed("U21")
class OldFieldsStay(KeyedDriver):
    def put(self, rows, row, event):
        super().put(rows, {**{k: v for k, v in rows.get(row["path"], {}).items() if k != "record"}, **row}, event)


@keyed("U21")
class TakesFiveHundredRows(KeyedDriver):
    def take(self, state, session, task, event):
        super().take(state, session, task, event.model_copy(update={"rows": event.rows[:500]}))


@keyed("U21")
class LeavesTheRoot(KeyedDriver):
    def remove(self, rows, path):
        if path != "/":
            super().remove(rows, path)


@keyed("U21", "U06", "U24", "U25")
class AlwaysAsksForASnapshot(KeyedDriver):
    async def push(self, events, **kwargs):
        return {**await super().push(events, **kwargs), "snapshot_needed": True}


@log("U21")
class TheIndexOfAnyPhaseDrops(LogDriver):
    def take(self, state, session, task, event):
        if event.message_source is not MessageSource.REALTIME and 0 <= event.index <= task["realtime"]:
            return
        super().take(state, session, task, event)


@keyed("U22", "U25")
class ForgetsTheSessionBefore(KeyedDriver):
    async def create_session(self, task_id, **kwargs):
        state = self.load()
        for session in state["sessions"].values():
            session["touched"], session["told"] = [], {}
        self.save(state)
        return await super().create_session(task_id, **kwargs)


@keyed("U23")
class EndsTheLastAuditAgain(KeyedDriver):
    def store(self, state, session, event):
        if event.signal is LifecycleSignal.AUDIT_END:
            before = session.get("before")
            session["audit"] = session["audit"] or (before and {**before, "since": len(session["touched"])})
            session["before"] = session["audit"]
        super().store(state, session, event)


@keyed("U25")
class AnAuditsIndexCounts(KeyedDriver):
    def take(self, state, session, task, event):
        super().take(state, session, task, event)
        if event.message_source is MessageSource.AUDIT:
            task["realtime"] = max(task["realtime"], event.index)


@keyed("U25")
class ZeroIsNone(KeyedDriver):
    async def get_latest_committed_index(self, **kwargs):
        return await super().get_latest_committed_index(**kwargs) or -1


@keyed("U25")
class TheIndexIsADouble(KeyedDriver):
    async def get_latest_committed_index(self, **kwargs):
        return int(float(await super().get_latest_committed_index(**kwargs)))


@keyed("U25")
class TasksDifferByLettersOnly(KeyedDriver):
    async def create_session(self, task_id, **kwargs):
        return await super().create_session(task_id.lower(), **kwargs)


@keyed("U25")
class AnyTaskCompletesAll(KeyedDriver):
    def end(self, state, session, task):
        super().end(state, session, task)
        for other in state["tasks"].values():
            other["complete"] = True


@keyed("U26")
class NoIndexWhileItIsAway(KeyedDriver):
    async def get_latest_committed_index(self, **kwargs):
        try:
            return await super().get_latest_committed_index(**kwargs)
        except RetryableError:
            return -1


@keyed("U26")
class ForgetsTheSessionWhileItIsAway(KeyedDriver):
    was_away = False

    def load(self):
        try:
            state = super().load()
        except RetryableError:
            self.was_away = True
            raise
        for session in state["sessions"].values() if self.was_away else ():
            session["told"] = {}
        self.was_away = False
        return state


@keyed("U30", "U24")
class FoldsEncodedPaths(KeyedDriver):
    """Two paths of which one is the other's percent-encoding are one; each row says what it was pushed with."""

    def put(self, rows, row, event):
        for other in [other for other in rows if unquote(other) == unquote(row["path"]) and other != row["path"]]:
            del rows[other]
        super().put(rows, row, event)
