"""One audit, from its Audit-Start to its Audit-End."""

from __future__ import annotations

from collections.abc import Iterator

from fustor_conformance.view._marks import Marks
from fustor_conformance.view._rows import Parts, Row, join_path
from fustor_conformance.view._tree import Change, Tree


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
