# ruff: noqa: ARG002, N801 - broken on purpose: overrides ignore what they are given, inner classes are attributes
"""Views that lack one clause each; random histories must tell every one of them from the view."""

from dataclasses import replace

from fustor_conformance.view import View
from fustor_conformance.view._marks import Marks
from fustor_conformance.view._rows import split_path
from fustor_conformance.view._session import Audit


class RealtimeOnlyIfYounger(View):
    def _realtime_upsert(self, session, row):
        known = self.row(row.path)
        if known is None or known["mtime"] is None or row.mtime > known["mtime"]:
            super()._realtime_upsert(session, row)


class RealtimeBlockedByTombstones(View):
    def __init__(self):
        super().__init__()
        self.tombstones = {}

    def _realtime_upsert(self, session, row):
        if row.mtime > self.tombstones.get(row.path, -1.0):
            super()._realtime_upsert(session, row)

    def _realtime_delete(self, session, row):
        self.tombstones[row.path] = row.mtime
        super()._realtime_delete(session, row)


class DeleteLeavesWhatIsBelow(View):
    def _realtime_delete(self, session, row):
        if not self._tree.children(row.parts):
            super()._realtime_delete(session, row)


class ChangeOfKindLeavesWhatIsBelow(View):
    def _realtime_upsert(self, session, row):
        node = self._tree.find(row.parts)
        children = dict(node.children) if node is not None else {}
        super()._realtime_upsert(session, row)
        self._tree.find(row.parts).children.update(children)


class SnapshotIgnoresMarks(View):
    def _is_overruled(self, session, row, *, since):
        return not session.is_snapshot_open and super()._is_overruled(session, row, since=since)


class AuditIgnoresMarks(View):
    def _is_overruled(self, session, row, *, since):
        return session.is_snapshot_open and super()._is_overruled(session, row, since=since)


class _OwnMarks(View):
    marks_type = Marks

    def begin_session(self, session_id, start_index=-1):
        super().begin_session(session_id, start_index)
        self._session.marks = self.marks_type()


class DeleteMarkHoldsForItsPathOnly(_OwnMarks):
    class marks_type(Marks):
        def _hold_below(self, mark, node):
            node.children = {}


class LaterUpsertLiftsTheMarkBelow(_OwnMarks):
    class marks_type(Marks):
        def upsert(self, parts, *, is_container):
            super().upsert(parts, is_container=is_container)
            mark, _ = self._at(parts)
            mark.below = 0 if is_container else mark.below


class UpsertOfAFileHoldsForItsPathOnly(_OwnMarks):
    class marks_type(Marks):
        def upsert(self, parts, *, is_container):
            super().upsert(parts, is_container=True)


class NoDeletionIsBlockedByRealtime(_OwnMarks):
    class marks_type(Marks):
        def touched(self, parts, since):
            return False


class SnapshotEndReplacesNothing(View):
    def snapshot_end(self):
        self._session.close_snapshot()


class SnapshotEndForgetsSkippedContainers(View):
    def snapshot_end(self):
        self._session._skipped.clear()
        super().snapshot_end()


class SnapshotEndForgetsRealtime(View):
    def _apply_row(self, session, row, event):
        super()._apply_row(session, row, event)
        if event.message_source == "realtime":
            session._told.pop(row.path, None)


class SnapshotRowsCountAfterTheEnd(View):
    def snapshot_end(self):
        super().snapshot_end()
        self._session.is_snapshot_open = True


class EarlierSessionsOutrank(View):
    def begin_session(self, session_id, start_index=-1):
        earlier = self._session
        super().begin_session(session_id, start_index)
        if earlier is not None:
            self._session.marks = earlier.marks


class EarlierSessionsCountAsReported(View):
    def begin_session(self, session_id, start_index=-1):
        super().begin_session(session_id, start_index)
        self._session._told.update(dict.fromkeys(self.paths(), -1.0))


class AuditRowOnlyIfYounger(View):
    def _audit_row(self, session, audit, row, *, is_delete):
        known = self.row(row.path)
        if known is not None and known["mtime"] is not None and known["mtime"] >= row.mtime:
            audit.report(row)
        else:
            super()._audit_row(session, audit, row, is_delete=is_delete)


class IgnoredAuditRowIsNotReported(View):
    def _audit_row(self, session, audit, row, *, is_delete):
        if not self._is_overruled(session, row, since=audit.since):
            super()._audit_row(session, audit, row, is_delete=is_delete)


class _OwnAudit(View):
    audit_type = Audit

    def apply(self, event):
        super().apply(event)
        if event.signal == "Audit-Start":
            self._session.audit = self.audit_type(self._session.audit.since)


class OnlyTheChildItselfProtects(_OwnMarks):
    class marks_type(Marks):
        def touched(self, parts, since):
            node = self._marks.find(parts)
            return node is not None and node.value is not None and node.value.upsert > since


class SkippedContainerCountsAsListed(_OwnAudit):
    class audit_type(Audit):
        def report(self, row):
            super().report(row)
            if row.is_skipped:
                self._skipped.discard(row.path)
                self._listed[row.path] = row.parts


class AuditDeletesNothing(_OwnAudit):
    class audit_type(Audit):
        def gone(self, tree, marks):
            return iter(())


class AuditOutlivesItsSession(View):
    def begin_session(self, session_id, start_index=-1):
        audit = self._session.audit if self._session is not None else None
        super().begin_session(session_id, start_index)
        self._session.audit = audit


class MarksFromBeforeTheAuditCount(_OwnMarks):
    class marks_type(Marks):
        def forget(self):
            pass

    def _is_overruled(self, session, row, *, since):
        return super()._is_overruled(session, row, since=0)


class CompensatingDeletesCount(View):
    def _apply_row(self, session, row, event):
        super()._apply_row(session, row, event)
        if event.event_type == "delete":
            self._tree.cut(row.parts)


class AuditDeletionLeavesAMark(View):
    def _end_audit(self, session):
        before = self.paths()
        super()._end_audit(session)
        for path in before - self.paths():
            session.marks.delete(split_path(path))


class AuditNeedsNoStart(View):
    def apply(self, event):
        if self._session.audit is None and event.message_source == "audit":
            self._session.start_audit()
        super().apply(event)


class PartialReplaces(View):
    def _completed(self, session, row, event):
        return row


class _OwnRecord(View):
    def _realtime_upsert(self, session, row):
        known = self._known(row)
        before = {} if known is None else known.data.get("record", {})
        super()._realtime_upsert(session, self.changed(row, before) if "record" in row.data else row)

    def changed(self, row, before):
        return row


class NullCountsAsLeftOut(_OwnRecord):
    def changed(self, row, before):
        record = {name: before.get(name) if value is None else value for name, value in row.data["record"].items()}
        nulls = {name for name, value in record.items() if value is None}
        return replace(row, data={**row.data, "record": record}, told=row.told and row.told - nulls)


class InsertKeepsWhatItLeavesOut(_OwnRecord):
    def changed(self, row, before):
        return replace(row, data={**row.data, "record": {**before, **row.data["record"]}})


class OnlyTheLastPartialCounts(View):
    def _completed(self, session, row, event):
        completed = super()._completed(session, row, event)
        last = frozenset(row.data.get("record", ()))
        return completed if completed.told is None else replace(completed, told=last)


class SnapshotSuppliesNothing(View):
    def _supply(self, session, row):
        pass


class SnapshotSuppliesEverything(View):
    def _supply(self, session, row):
        known = self._known(row)
        if known is not None and known.told is not None:
            super()._supply(session, row)
            record = {**self._known(row).data["record"], **row.data.get("record", {})}
            self._tree.put(replace(known, data={**known.data, "record": record}, told=None))


class EarlierSessionOutranksInPartials(View):
    def _supply(self, session, row):
        known = self._known(row)
        if known is not None and known.told is not None:
            self._tree.put(replace(known, told=frozenset(known.data["record"])))
        super()._supply(session, row)


class DeleteForgetsNothing(View):
    def __init__(self):
        super().__init__()
        self.deleted = {}

    def _realtime_delete(self, session, row):
        for path, known in self._tree.things():
            if known is not None and "record" in known.data:
                self.deleted[path] = known.data["record"]
        super()._realtime_delete(session, row)

    def _completed(self, session, row, event):
        completed = super()._completed(session, row, event)
        if event.event_type != "update" or row.path not in self.deleted or "record" not in row.data:
            return completed
        record = {**self.deleted[row.path], **completed.data["record"]}
        return replace(completed, data={**completed.data, "record": record})


class SuppliesAfterADelete(View):
    """Takes a delete for no news of the path."""

    def _realtime_delete(self, session, row):
        super()._realtime_delete(session, row)
        session._told.pop(row.path, None)

    def _completed(self, session, row, event):
        if self._known(row) is None and row.path not in session._told and event.event_type == "update":
            return replace(row, told=frozenset(row.data.get("record", ())))
        return super()._completed(session, row, event)


class IgnoredAuditRowSupplies(View):
    def _audit_row(self, session, audit, row, *, is_delete):
        is_ignored = self._is_overruled(session, row, since=audit.since)
        super()._audit_row(session, audit, row, is_delete=is_delete)
        known = self._known(row)
        if is_ignored and known is not None and "record" in row.data and "record" in known.data:
            record = {**row.data["record"], **known.data["record"]}
            self._tree.put(replace(known, data={**known.data, "record": record}))
