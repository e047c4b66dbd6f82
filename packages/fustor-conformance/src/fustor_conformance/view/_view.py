"""The consumer of a source's three streams, or of a log of pushes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from fustor_conformance.view._difference import Comparison, Difference
from fustor_conformance.view._notices import Coverage, Notices
from fustor_conformance.view._rows import Parts, Row, complete, parse_rows, split_path, supply
from fustor_conformance.view._session import Audit, Session, blind_spots
from fustor_conformance.view._tree import Tree, data_of
from fustor_event_model import EventBase, EventType, LifecycleSignal, MessageSource

__all__ = ["Batch", "View", "replayed"]


class View:
    """What a source's world looks like to someone who has only its events.

    Realtime always wins, a snapshot replaces what earlier sessions reported, an audit corrects what realtime has not
    touched since it began. Does no I/O, starts no thread and takes no lock: call it from one thread at a time, with
    events in their order of arrival. Events and their rows are copied, never changed.

    Source: driver contract, section 8 (and section 5, "a snapshot replaces").
    """

    def __init__(self) -> None:
        self._tree = Tree()
        self._notices = Notices()
        self._coverage = Coverage()
        self._session: Session | None = None

    def begin_session(self, session_id: str, start_index: int = -1) -> None:
        """Begin what one `create_session` opens, with the index from which realtime is read (-1: from now).

        What is known stays until the snapshot's end, and outranks nothing of this session. An audit that was under way
        is discarded.
        """
        self._session = Session(session_id, start_index)
        self._coverage.begin()

    def apply(self, event: EventBase) -> None:
        """Take in one event of any stream: its Audit-Start, then its rows, then its Audit-End.

        Raises:
            ValueError: a row is not a mapping, or lacks an absolute `path` or a finite `mtime`; nothing was changed.
            RuntimeError: no session was begun.
        """
        session = self._open_session()
        rows = parse_rows(event)
        if event.signal is LifecycleSignal.AUDIT_START:
            session.start_audit()
            self._coverage.begin()
        for row in rows:
            self._apply_row(session, row, event)
        if event.signal is LifecycleSignal.AUDIT_END:
            self._end_audit(session)

    def snapshot_end(self) -> None:
        """Take in the committed end of this session's snapshot: what no event of the session reported goes.

        What is below a container that the snapshot could not list stays, and so does a container above something kept.
        A second end in one session changes nothing.
        """
        session = self._open_session()
        if session.is_snapshot_open:
            session.replace(self._tree)
            session.close_snapshot()

    def paths(self) -> frozenset[str]:
        """Every known path; `/` only where a row reported it or something is in it."""
        return frozenset(path for path, _ in self._tree.things())

    def rows(self) -> dict[str, dict[str, Any]]:
        """The fields last reported of every known path.

        A container known by its contents alone has `path`, `is_directory`, and `mtime` and `size` of None.
        """
        return {path: data_of(path, row) for path, row in self._tree.things()}

    def row(self, path: str) -> dict[str, Any] | None:
        """The fields last reported of one path, or None if the view does not know it."""
        parts = split_path(path)
        node = self._tree.find(parts)
        if node is None or not (parts or node.value or node.children):
            return None
        return data_of(path, node.value)

    @property
    def suspects(self) -> frozenset[str]:
        """Paths whose last realtime row said `is_atomic_write: false`: they may be half written."""
        return frozenset(self._notices.suspects)

    @property
    def blind_spots(self) -> frozenset[str]:
        """Paths that an audit added, changed or deleted, and that no realtime row has reported since."""
        return frozenset(self._notices.blind_spots)

    def difference(
        self, world: Mapping[str, Mapping[str, Any]], *, untold: Collection[str] = (), containers: bool = True
    ) -> list[Difference]:
        """Where the view and the world disagree, in order of paths; empty when the view equals the world.

        Args:
            world: Every existing path with its expected fields (`is_directory`, `size`, `mtime`, `record`, ...); only
                the fields given are compared. Containers above a path need not be named, nor need `/`.
            untold: Paths that changed without a realtime event and without a full audit since; they and all below
                them are left out.
            containers: False for a world that names no containers: those in the view are then no difference.

        Left out as well: mtime and size of containers and of suspects, and everything below a container that was not
        listed when an audit or a snapshot last met it. Source: driver contract, section 8, point 6.
        """
        comparison = Comparison(self.rows(), self._notices.suspects.__contains__, self._coverage.is_unknown, containers)
        return list(comparison.differences(world, untold))

    def _open_session(self) -> Session:
        if self._session is None:
            raise RuntimeError("No session is open; call begin_session first")
        return self._session

    def _apply_row(self, session: Session, row: Row, event: EventBase) -> None:
        is_delete = event.event_type is EventType.DELETE
        if event.message_source is MessageSource.REALTIME:
            row = self._completed(session, row, event)
            session.report(row)
            (self._realtime_delete if is_delete else self._realtime_upsert)(session, row)
        elif event.message_source is MessageSource.SNAPSHOT:
            self._snapshot_row(session, row, is_delete=is_delete)
        elif session.audit is not None:
            session.report(row)
            self._audit_row(session, session.audit, row, is_delete=is_delete)

    def _completed(self, session: Session, row: Row, event: EventBase) -> Row:
        if event.event_type is not EventType.UPDATE:
            return row  # an insert is whole
        return complete(row, self._known(row), awaits_snapshot=session.awaits(row))

    def _realtime_upsert(self, session: Session, row: Row) -> None:
        self._tree.put(row)
        self._notices.told(row)
        if session.needs_marks:
            session.marks.upsert(row.parts, is_container=row.is_container)

    def _realtime_delete(self, session: Session, row: Row) -> None:
        self._tree.cut(row.parts)
        self._notices.told_gone(row.path)
        if session.needs_marks:
            session.marks.delete(row.parts)

    def _snapshot_row(self, session: Session, row: Row, *, is_delete: bool) -> None:
        if not session.is_snapshot_open:
            return
        self._coverage.note(row)
        is_younger = session.report_snapshot(row)
        if is_delete:
            return  # a deletion is realtime's to report: a snapshot shows it by its end, an audit by a listing
        if self._is_overruled(session, row, since=0):
            self._supply(session, row)
        elif is_younger:
            self._tree.put(row)

    def _supply(self, session: Session, row: Row) -> None:
        """Take from an ignored snapshot row what the realtime rows of the session have left out."""
        known = self._known(row)
        if known is not None and session.marks.holds(row.parts, since=0):
            self._tree.put(supply(known, row))

    def _known(self, row: Row) -> Row | None:
        node = self._tree.find(row.parts)
        return None if node is None else node.value

    def _audit_row(self, session: Session, audit: Audit, row: Row, *, is_delete: bool) -> None:
        self._coverage.note(row)
        audit.report(row)
        if not is_delete and not self._is_overruled(session, row, since=audit.since):
            self._notices.blind_spots.update(blind_spots(row, self._tree.put(row)))

    def _is_overruled(self, session: Session, row: Row, *, since: int) -> bool:
        """Whether realtime reported the path, or something below what the row says is not a container."""
        holds = session.marks.holds(row.parts, since)
        return holds or (not row.is_container and session.marks.touched(row.parts, since))

    def _end_audit(self, session: Session) -> None:
        if session.audit is None:
            return
        gone: list[Parts] = list(session.audit.gone(self._tree, session.marks))
        for parts in gone:
            self._notices.blind_spots.update(self._tree.cut(parts))
        session.end_audit()


class Batch(Protocol):
    """What one push brought, as a log keeps it."""

    @property
    def session_id(self) -> str:
        """The session in which it was pushed."""

    @property
    def events(self) -> Sequence[EventBase]:
        """Its events, in order."""

    @property
    def is_snapshot_end(self) -> bool:
        """Whether a snapshot is complete with it."""


def replayed(batches: Iterable[Batch]) -> View:
    """What a consumer holds of these batches; each change of the session begins one."""
    view, session = View(), None
    for batch in batches:
        if batch.session_id != session:
            session = batch.session_id
            view.begin_session(session)
        for event in batch.events:
            view.apply(event)
        if batch.is_snapshot_end:
            view.snapshot_end()
    return view
