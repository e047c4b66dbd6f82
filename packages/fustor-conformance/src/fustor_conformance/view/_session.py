"""One session: what its events reported, and its snapshot's place in that."""

from __future__ import annotations

from fustor_conformance.view._audit import Audit
from fustor_conformance.view._marks import Marks
from fustor_conformance.view._rows import Row
from fustor_conformance.view._snapshot import drop_unreported
from fustor_conformance.view._tree import Tree


class Session:
    """What counts from one `create_session` to the next; nothing of it outranks the session after it."""

    def __init__(self, session_id: str, start_index: int) -> None:
        self.id = session_id
        self.start_index = start_index
        self.marks = Marks()
        self.audit: Audit | None = None
        self.is_snapshot_open = True
        self._told: dict[str, float] = {}
        self._skipped: set[str] = set()
        self._has_snapshot_rows = False

    @property
    def needs_marks(self) -> bool:
        """Whether anything can still be arbitrated by a mark made now."""
        return self.is_snapshot_open or self.audit is not None

    def awaits(self, row: Row) -> bool:
        """Whether nothing in this session reported a path yet, so that the snapshot's row may still come."""
        return self.is_snapshot_open and row.path not in self._told and not self.marks.holds(row.parts, since=0)

    def report(self, row: Row) -> None:
        """Note that an event reported a path, which saves it from the snapshot's end."""
        if self.is_snapshot_open:
            self._told[row.path] = max(row.mtime, self._told.get(row.path, row.mtime))

    def report_snapshot(self, row: Row) -> bool:
        """Note a snapshot row; return whether no event of this session has reported as young an `mtime` of its path."""
        self._has_snapshot_rows = True
        told = self._told.get(row.path)
        self.report(row)
        if row.is_skipped:
            self._skipped.add(row.path)
        return told is None or told < row.mtime

    def start_audit(self) -> None:
        """Begin an audit; what an unfinished one reported is discarded."""
        if self.start_index >= 0 and not self._has_snapshot_rows:
            # A session resumed from an index comes after a complete snapshot, and no audit starts before its own ends.
            self.close_snapshot()
        if not self.is_snapshot_open:
            self.marks.forget()
        self.audit = Audit(self.marks.now)

    def end_audit(self) -> None:
        """End the audit and drop the marks that only it needed."""
        self.audit = None
        if not self.is_snapshot_open:
            self.marks.forget()

    def close_snapshot(self) -> None:
        """Let snapshot rows count for nothing from now on."""
        self.is_snapshot_open = False
        self._told.clear()
        self._skipped.clear()
        if self.audit is None:
            self.marks.forget()

    def replace(self, tree: Tree) -> None:
        """Remove what no event of this session reported."""
        drop_unreported(tree, self._told, self._skipped)
