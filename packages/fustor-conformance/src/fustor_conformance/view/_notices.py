"""What the view notes beside its tree: what was not properly reported, and what could not be listed."""

from __future__ import annotations

from fustor_conformance._paths import at_or_below, containers
from fustor_conformance.view._rows import Row


class Notices:
    """Suspects (half written, says realtime) and blind spots (found by an audit, reported by nobody), by path."""

    def __init__(self) -> None:
        self.suspects: set[str] = set()
        self.blind_spots: set[str] = set()

    def told(self, row: Row) -> None:
        """Note a realtime upsert, which clears what was noted and may make its path a suspect."""
        if row.is_container:
            self.suspects.discard(row.path)
            self.blind_spots.discard(row.path)
        else:
            self.told_gone(row.path)
        if row.is_partial:
            self.suspects.add(row.path)

    def told_gone(self, path: str) -> None:
        """Note a realtime delete, which speaks for everything below the path too."""
        for noted in (self.suspects, self.blind_spots):
            noted.difference_update(at_or_below(noted, path))


class Coverage:
    """Remembers, for every container, the last pass that listed it and the last that did not.

    A pass is one audit or one snapshot. In one pass a container's contents may be listed although the container itself
    was not (its stamps moved meanwhile), so a listing counts below a container skipped in the same pass.
    """

    def __init__(self) -> None:
        self._pass = 0
        self._listed: dict[str, int] = {}
        self._skipped: dict[str, int] = {}

    def begin(self) -> None:
        """Begin a pass."""
        self._pass += 1

    def note(self, row: Row) -> None:
        """Note the row of a container; a skip outweighs a listing in the same pass."""
        if row.is_skipped:
            self._skipped[row.path] = self._pass
        elif row.is_container:
            self._listed[row.path] = self._pass
            if self._skipped.get(row.path, self._pass) < self._pass:
                del self._skipped[row.path]

    def is_unknown(self, path: str) -> bool:
        """Whether a path is below a container whose listing failed and that nothing has listed since."""
        if not self._skipped or path == "/":
            return False
        parent, *above = containers(path)
        listed = self._listed.get(parent, 0)
        # The container itself counts as skipped in the pass of its skip, one further down as listed in it.
        return parent in self._skipped or any(listed < self._skipped.get(container, 0) for container in above)
