"""The host's audits in both dialects, whole, in steps, and broken off."""

from __future__ import annotations

from typing import Any

from fustor_conformance._scenes import settle
from fustor_conformance.histories.host import Host
from fustor_conformance.monitor.opening import without_opening
from fustor_conformance.outcome import Broken
from fustor_event_model import EventBase, LifecycleSignal, audit_signal

_QUIET_ATTEMPTS = 3
_WHOLE = 4


class Audits:
    """One audit at a time, of one host. The cache of agent 0.8 lives as long as an instance."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._driver: object = None
        self._cache: dict[str, float] = {}
        self._is_pairs = False
        self._skipped: set[str] = set()
        self._listed: set[str] = set()
        self.whole_pairs = 0
        """How many audits in a row of the 0.8 dialect have run to their end."""

    def step(self, pick: int = 0, *, pairs: bool = False) -> None:
        """Apply the next item of the audit under way, or of a new one in either dialect."""
        if not self._host.audits:
            return
        if self._host.audit is None:
            self._begin(pick, pairs=pairs)
        self._next()

    def finish(self) -> None:
        """Apply the rest of the audit that is under way."""
        while self._host.audit is not None:
            self._next()

    def run(self, pick: int = 0, *, pairs: bool = False) -> None:
        """Apply a whole audit, after the snapshot that is owed and the audit that is under way."""
        self._host.finish_snapshot()
        self.finish()
        self.step(pick, pairs=pairs)
        self.finish()

    def run_quietly(self) -> int:
        """Run a full audit while nothing changes: everything must be listed. How many containers were.

        Raises:
            Broken: a container with things in it counts as not listed, again and again.
        """
        for _ in range(_QUIET_ATTEMPTS):
            self._host.catch_up()
            self.run(_WHOLE)
            inside = {path.rpartition("/")[0] or "/" for path in self._host.world.list()}
            if not (odd := sorted(self._skipped & inside)):
                self._host.lost = False
                return len(self._listed)
            settle(self._host.world)
        raise Broken(
            f"A full audit says audit_skipped of {odd[0]!r}, though nothing changes and nothing is refused", *odd[1:5]
        )

    def break_off(self, pick: int = 0) -> None:
        """Close the audit that is under way. Agent 0.8 signals its end all the same, the guide's host does not."""
        audit, self._host.audit = self._host.audit, None
        if audit is None:
            return
        close = getattr(audit, "close", None)
        if pick % 2 and close is not None:
            close()
        del audit
        self.broken()

    def broken(self) -> None:
        """The audit under way did not reach its end."""
        self._host.audit = None
        self.whole_pairs = 0
        if self._is_pairs:
            self._host.apply("audit (mtime_cache)", audit_signal(LifecycleSignal.AUDIT_END))

    def _begin(self, pick: int, *, pairs: bool) -> None:
        host, self._is_pairs = self._host, pairs
        self._skipped, self._listed = set(), set()
        host.passing = set()
        if self._driver is not host.driver:
            self._driver, self._cache, self.whole_pairs = host.driver, {}, 0
        if pairs:
            host.apply("audit (mtime_cache)", audit_signal(LifecycleSignal.AUDIT_START))
            audit = host.driver.get_audit_iterator(mtime_cache=self._cache, **host.batches(pick))
            host.audit = without_opening(audit)
        else:
            host.audit = host.driver.get_audit_iterator(**host.batches(pick))

    def _next(self) -> None:
        assert self._host.audit is not None  # noqa: S101 - whoever calls has asked
        item = next(self._host.audit, None)
        if item is None:
            self.end()
        else:
            self.take(item)

    def take(self, item: Any) -> None:
        """Apply one item of the audit under way."""
        event = self._event(item)
        if event is None:
            return
        boxes = [row for row in event.rows if row.get("is_directory")]
        self._skipped |= {row["path"] for row in boxes if row.get("audit_skipped")}
        self._listed |= {row["path"] for row in boxes if not row.get("audit_skipped")}
        self._host.passing |= {row["path"] for row in event.rows}
        self._host.apply("audit (mtime_cache)" if self._is_pairs else "audit", event)

    def _event(self, item: Any) -> EventBase | None:
        if not self._is_pairs:
            if not isinstance(item, EventBase):
                raise Broken("Without mtime_cache an item is not an event", item)
            return item
        if isinstance(item, EventBase):
            raise Broken("With mtime_cache an item is not a pair of an event and stamps", item)
        event: EventBase | None = item[0]
        self._cache.update(item[1])
        return event

    def end(self) -> None:
        """The audit under way is over."""
        self._host.audit = None
        self._host.passing = set()
        if self._is_pairs:
            self.whole_pairs += 1
            self._host.apply("audit (mtime_cache)", audit_signal(LifecycleSignal.AUDIT_END))
        self._host.unlisted -= self._listed - self._skipped
