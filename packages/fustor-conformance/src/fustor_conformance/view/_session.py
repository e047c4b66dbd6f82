"""One session: what its events reported, and the place of its snapshot and of an audit in that."""

from __future__ import annotations

from collections.abc import Iterator

from fustor_conformance._paths import containers
from fustor_conformance.view._marks import Marks
from fustor_conformance.view._rows import Parts, Row, join_path, split_path
from fustor_conformance.view._tree import Change, Tree


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
        """Remove what no event of this session reported.

        What is below a skipped container stays, for nobody looked there, and so does a container above something kept.
        """
        paths = [path for path, _ in tree.things()]
        kept = {path for path in paths if path in self._told or not self._skipped.isdisjoint(containers(path))}
        kept |= {container for path in kept for container in containers(path)}
        for path in paths:
            if path not in kept:
                tree.cut(split_path(path))
        if "/" not in self._told:
            tree.root.value = None


class Audit:
    """What an audit has reported so far, and where in the order of arrival it began."""

    def __init__(self, since: int) -> None:
        self.since = since
        self._reported: set[str] = set()
        self._listed: dict[str, Parts] = {}
        self._skipped: set[str] = set()

    def report(self, row: Row) -> None:
        """Note a row, also one that is ignored otherwise."""
        self._reported.add(row.path)
        if row.is_skipped:
            self._skipped.add(row.path)
        elif row.is_container:
            self._listed[row.path] = row.parts

    def gone(self, tree: Tree, marks: Marks) -> Iterator[Parts]:
        """The children of listed containers that the audit missed and realtime has not reported since it began."""
        for path, parts in self._listed.items():
            if path in self._skipped:
                continue
            for name in tree.children(parts):
                child = (*parts, name)
                if join_path(child) not in self._reported and not marks.touched(child, self.since):
                    yield child


def blind_spots(row: Row, change: Change) -> list[str]:
    """The paths that an audit row added, changed or removed although no realtime event reported it."""
    spots = [*change.opened, *change.removed]
    if change.is_new or _differs(row, change.before):
        spots.append(row.path)
    return spots


def _differs(row: Row, before: Row | None) -> bool:
    if before is None:  # known by its contents: a container of unknown mtime
        return not row.is_container
    if row.is_container or before.is_container:  # its mtime follows its contents, which have rows of their own
        return row.is_container is not before.is_container
    if "record" in row.data:  # its mtime is the clock of whoever read it
        return any(row.data.get(field) != before.data.get(field) for field in ("record", "size"))
    return row.mtime != before.mtime or row.data.get("size") != before.data.get("size")
