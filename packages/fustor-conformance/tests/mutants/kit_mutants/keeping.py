"""Pushers that break a rule of what a destination keeps: partial records, refused rows, guarded deletions, audits."""

# ruff: noqa: ARG002 - a mutant keeps the signature that it breaks

from __future__ import annotations

from kit_pusher import KeyedDriver, LogDriver

from fustor_core.exceptions import RetryableError
from fustor_event_model import EventType, MessageSource
from kit_mutants.pusher import keyed, log


@keyed("U17")
class ReplacesTheRecord(KeyedDriver):
    def merged(self, session, known, row, *, is_first):
        super().merged(session, known, row, is_first=is_first)
        return row


@keyed("U17", "U24")
class KeepsNullForLeftOut(KeyedDriver):
    def merged(self, session, known, row, *, is_first):
        record = row.get("record", {})
        told = {**row, "record": {name: value for name, value in record.items() if value is not None}}
        return super().merged(session, known, told if record else row, is_first=is_first)


@keyed("U17")
class IgnoresTheSnapshotRow(KeyedDriver):
    def supply(self, session, known, row):
        pass


@keyed("U17")
class SnapshotRowUndoesRealtime(KeyedDriver):
    def supply(self, session, known, row):
        known["record"] = row.get("record", known.get("record"))


@keyed("U17")
class OnlyTheLastUpdateCounts(KeyedDriver):
    def merged(self, session, known, row, *, is_first):
        if row["path"] in session["partial"]:
            session["partial"][row["path"]] = []
        return super().merged(session, known, row, is_first=is_first)


@keyed("U17")
class EarlierSessionsKnowBetter(KeyedDriver):
    def supply(self, session, known, row):
        if row["path"] in session["partial"]:
            session["partial"][row["path"]] = list(known["record"])
        super().supply(session, known, row)


@keyed("U17")
class AnInsertIsMerged(KeyedDriver):
    def store(self, state, session, event):
        merged = event.message_source is MessageSource.REALTIME and event.event_type is EventType.INSERT
        super().store(state, session, event.model_copy(update={"event_type": EventType.UPDATE}) if merged else event)


@keyed("U17")
class SuppliesAfterADelete(KeyedDriver):
    def forget(self, session, path):
        pass


@keyed("U17", "U21")
class InsertsOfABatchGoFirst(KeyedDriver):
    async def push(self, events, **kwargs):
        return await super().push(sorted(events, key=lambda event: event.event_type != EventType.INSERT), **kwargs)


@log("U17", "U21")
class LogFoldsByPath(LogDriver):
    async def push(self, events, **kwargs):
        last = {row["path"]: event for event in events for row in event.rows}
        kept = [event for event in events if not event.rows or event in last.values()]
        return await super().push(kept, **kwargs)


@log("U17", "U21", "U24", "U30", "U31")
class LogLeavesOutNulls(LogDriver):
    def stored_row(self, row, event):
        stored = super().stored_row(row, event)
        record = stored.get("record")
        kept = record and {name: value for name, value in record.items() if value is not None}
        return {**stored, "record": kept} if record else stored


def _is_hard(row):
    return len(row["path"]) > 3_000


@log("U18", "U35")
class SetsAsideInSilence(LogDriver):
    def store(self, state, session, event):
        kept = [row for row in event.rows if not _is_hard(row)]
        super().store(state, session, event.model_copy(update={"rows": kept}))


@log("U18", "U35")
class CountsWhatItKept(LogDriver):
    async def push(self, events, **kwargs):
        refused = sum(_is_hard(row) for event in events for row in event.rows)
        return {**await super().push(events, **kwargs), "refused_rows": refused}


@log("U18", "U35")
class SaysThatSomeWereRefused(SetsAsideInSilence):
    async def push(self, events, **kwargs):
        refused = any(_is_hard(row) for event in events for row in event.rows)
        return {**await super().push(events, **kwargs), "refused_rows": refused}


@log("U18")
class RefusedForAWhile(LogDriver):
    async def push(self, events, **kwargs):
        if any(_is_hard(row) for event in events for row in event.rows):
            raise RetryableError("The store does not take this row")
        return await super().push(events, **kwargs)


@log("U18", "U35")
class OneBadRowTakesTheOthers(LogDriver):
    async def push(self, events, **kwargs):
        refused = sum(_is_hard(row) for event in events for row in event.rows)
        kept = [event.model_copy(update={"rows": []}) for event in events] if refused else events
        return {**await super().push(kept, **kwargs), "refused_rows": refused}


class _Guarded(KeyedDriver):
    refused = 0

    async def push(self, events, **kwargs):
        self.refused, self.allowed = 0, kwargs.get("allow_deletions")
        reply = await super().push(events, **kwargs)
        return {**reply, "refused_deletions": self.refused}

    def end(self, state, session, task):
        before = state["rows"]
        super().end(state, session, task)
        gone = [row for row in before if row not in state["rows"]]
        if len(gone) > 100 and not self.allowed:
            self.refused, state["rows"] = self.guarded(len(gone), before, state["rows"])

    def guarded(self, gone, before, after):
        return gone, before


@keyed("U19")
class GuardSaysNothing(_Guarded):
    def guarded(self, gone, before, after):
        return 0, before


@keyed("U19")
class GuardKeepsHalf(_Guarded):
    def guarded(self, gone, before, after):
        return gone, before[: len(before) // 2]


@keyed("U19")
class GuardDeletesAndSaysNot(_Guarded):
    def guarded(self, gone, before, after):
        return gone, after


@keyed("U19")
class GuardGivesNoWay(_Guarded):
    async def push(self, events, **kwargs):
        return await super().push(events, **{**kwargs, "allow_deletions": False})


@keyed("U19")
class GuardsOnce(_Guarded):
    def end(self, state, session, task):
        self.allowed = self.allowed or state.get("guarded")
        super().end(state, session, task)
        state["guarded"] = state.get("guarded") or bool(self.refused)


@keyed("U19")
class GuardRefusesTheEnd(_Guarded):
    def end(self, state, session, task):
        complete = task["complete"]
        super().end(state, session, task)
        if self.refused:
            task["complete"] = complete
            task["snapshot"] = -1


@keyed("U20", "U23")
class AuditDeletesNothing(KeyedDriver):
    def unreported(self, audit, touched, rows):
        return []


@keyed("U20", "U23", "U25")
class AuditEmptiesWhatWasSkipped(KeyedDriver):
    def unreported(self, audit, touched, rows):
        return super().unreported({"reported": dict.fromkeys(audit["reported"], True)}, touched, rows)


@keyed("U20", "U23")
class AuditDeletesWhatRealtimeTold(KeyedDriver):
    def unreported(self, audit, touched, rows):
        return super().unreported(audit, [], rows)


@keyed("U20", "U21")
class AuditNeedsNoStart(KeyedDriver):
    def audit_row(self, session, rows, row, event):
        session["audit"] = session["audit"] or {"since": len(session["touched"]), "reported": {}}
        super().audit_row(session, rows, row, event)


@keyed("U20", "U17", "U23", "U26")
class AuditRowUndoesRealtime(KeyedDriver):
    def audit_row(self, session, rows, row, event):
        super().audit_row(session, rows, row, event)
        if session["audit"] is not None:
            rows[row["path"]] = self.stored_row(row, event)


@keyed("U20", "U17", "U23")
class AuditRowOnlyIfYounger(KeyedDriver):
    def audit_row(self, session, rows, row, event):
        known = rows.get(row["path"])
        super().audit_row(session, rows, row, event)
        if known is not None and known["mtime"] >= row["mtime"]:
            rows[row["path"]] = known


@keyed("U20", "U17", "U23", "U25", "U26")
class AuditRowYieldsToOldRealtime(KeyedDriver):
    def audit_row(self, session, rows, row, event):
        if session["audit"] is not None:
            session["audit"]["since"] = 0
        super().audit_row(session, rows, row, event)


@keyed("U17")
class AuditLeavesARowPartial(KeyedDriver):
    """The snapshot's row still supplies columns to what an audit has told whole."""

    def audited_whole(self, session, path):
        pass
