"""The guide host: one source to one pusher, so that nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.exceptions import ConfigError, DriverError
from fustor_driver.errors import CheckFailed
from fustor_driver.hosts.calls import Session, counted, pause_sec
from fustor_driver.hosts.counters import Progress
from fustor_driver.hosts.delivery import Delivery, Outcome, says_obsolete
from fustor_driver.hosts.ending import Ending, described, ended_state, error_of
from fustor_driver.hosts.gauges import Gauges
from fustor_driver.hosts.heap import calm_collector
from fustor_driver.hosts.notes import ExpectedRows, SnapshotMark
from fustor_driver.hosts.once import bounds_of, caught_up
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.parts import Control, Parts
from fustor_driver.hosts.phases import run_audit, run_snapshot
from fustor_driver.hosts.realtime import Realtime
from fustor_driver.hosts.resuming import Start, find_start
from fustor_driver.hosts.rivals import Rivals
from fustor_driver.hosts.selection import Change, Selection
from fustor_driver.hosts.sessions import Sessions
from fustor_driver.hosts.status import PhaseState, RunState, Status
from fustor_driver.redaction import REDACTOR, safe_logger
from fustor_event_model import EventBase, MessageSource

__all__ = ["GuideHost"]

_log = safe_logger("fustor_driver.host")
_STRAGGLERS_SEC = 1.0


class GuideHost:
    """Runs a source and a pusher by the contract, sections 4 and 5.

    Order of a start: session, committed index, realtime armed (resumed there if nothing could be missing, else from
    now), then a snapshot unless it resumed, then audits. Realtime is pushed all the while. A pusher that asks for a
    snapshot gets a new session with a new snapshot. Nothing is committed here: the pusher's index is the only state.
    """

    def __init__(self, source: SourceDriver, pusher: PusherDriver, options: HostOptions) -> None:
        REDACTOR.learn(source.config.model_dump())
        REDACTOR.learn(pusher.config.model_dump())
        self._control = Control()
        rivals = Rivals(pusher.id, options.task_id, 2 * options.backoff_max_sec)
        self._parts = Parts(source, pusher, options, self._control, Progress(options.task_id), rivals)
        self._delivery = Delivery(self._parts)
        self._sessions = Sessions(self._parts)
        self._mark = SnapshotMark(options.file(".snapshot-due"))
        self._selection = Selection(options.file(".selection"), source)
        self._expected = ExpectedRows(options.file(".rows"))
        for phase, rows in self._expected.read().items():
            self._parts.progress.phases[phase].expected_rows = rows
        self._gauges = Gauges(self._parts)
        self._pushing = asyncio.Lock()
        self._log_comes_first = False
        self._delivered = False
        self._ending = Ending(options.stop_timeout_sec)

    def stop(self, within_sec: float | None = None) -> None:
        """Stop gracefully: what was read is still pushed, within the time allowed. Call it in the loop's thread.

        Args:
            within_sec: the time; `stop_timeout_sec` of the options unless given. A later call can only shorten it.
        """
        if not self._control.stopping:
            self._parts.progress.state = RunState.STOPPING
            self._control.stop()
        within_sec = self._parts.options.stop_timeout_sec if within_sec is None else within_sec
        asyncio.get_running_loop().call_later(self._ending.begin(within_sec), self.abort)

    def abort(self, close_sec: float | None = None) -> None:
        """End at once: what was read and not yet pushed is read again at the next start. Call it in the loop's thread.

        The drivers get `close_sec` to close.
        """
        self._control.stop()
        self._ending.give_up(close_sec)
        self._control.bell.ring()

    def status(self) -> Status:
        """What was done so far. Callable from any thread."""
        return self._parts.progress.status()

    async def run(self) -> None:
        """Run until `stop()`; both drivers are closed on return, or left behind if they do not close in time.

        Raises:
            DriverError: the source or the pusher cannot go on.
            CheckFailed: the pusher stayed out of reach.
            NotConformant: a driver broke the contract.
        """
        parts, ending = self._parts, self._ending
        with calm_collector():
            work = asyncio.ensure_future(self._run())
            given_up = asyncio.ensure_future(self._control.bell.wait_until(lambda: ending.gave_up))
            try:
                await asyncio.wait({work, given_up}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                given_up.cancel()
                unpushed = parts.progress.unpushed()
                await ending.end(work)
                self._ended(work, unpushed)
                if not await ending.close(parts.pusher, parts.source, parts.progress.under_way):
                    parts.progress.ended(RunState.ABORTED)
        if work.done() and not work.cancelled():
            work.result()

    def _ended(self, work: asyncio.Task[None], unpushed: int) -> None:
        """Note how the run ended, and say what is left."""
        progress, state = self._parts.progress, ended_state(work)
        progress.ended(state, error_of(work))
        if state is not RunState.FAILED and self.say_what_is_left(unpushed):
            progress.unpushed_at_end = unpushed
            progress.ended(RunState.ABORTED)

    def say_what_is_left(self, unpushed: int) -> bool:
        """Warn of events that are not pushed, and of drivers that did not stop; whether there is anything of it."""
        if unpushed:
            _log.warning("Stopped before all was pushed: %d events are read again at the next start", unpushed)
        parts = self._parts
        reading = [reader.name for reader in list(parts.readers) if reader.stopped and not reader.has_ended]
        late = [*(described(parts.source, name) for name in reading), *parts.progress.under_way()]
        for who in late:
            if who not in self._ending.left_behind:
                _log.warning("%s did not stop in time; it is left behind", who)
        self._ending.left_behind.update(late)
        return bool(unpushed or late)

    def unpushed(self) -> int:
        """Events that were read and not pushed so far. Callable from any thread, as the method above."""
        return self._parts.progress.unpushed()

    async def _run(self) -> None:
        session = await self._sessions.open()
        if session is None:
            return
        start = await find_start(self._parts, self._mark, session)
        if start is None:
            return
        if start.position < 0:
            await self._delivery.announce_snapshot(session)
        realtime = Realtime(self._delivery, start.position, bounds_of(self._parts))
        try:
            if not await realtime.arm():
                return
            self._begins(start)
            due = await self._due(session, start.position)
            await _together(
                self._deliver(realtime),
                self._stop_reading(realtime),
                self._heartbeats(),
                self._gauges.watch(),
                self._supervise(realtime, due),
            )
            await self._gauges.ask()
        finally:
            await realtime.close()

    async def _due(self, session: Session, position: int) -> MessageSource | None:
        """What is to be read at once, beside realtime: where nothing was resumed, or other rows are selected now."""
        change = await self._control.unless_stopping(self._selection.look())
        if position < 0:
            return MessageSource.SNAPSHOT
        if change in (None, Change.NONE):
            return None
        if change is Change.UNKNOWN and self._parts.audits:
            _log.info("Whether the source selects what it did is not known: an audit is due")
            return MessageSource.AUDIT
        _log.info("The source selects other rows than before, or may: a snapshot is due, realtime goes on meanwhile")
        self._log_comes_first = bool(bounds_of(self._parts))
        if not self._log_comes_first:
            await self._delivery.announce_snapshot(session, position)
        return MessageSource.SNAPSHOT

    def _begins(self, start: Start) -> None:
        """Both sides are open: say how the run begins."""
        self._parts.progress.runs()
        if start.position < 0:
            _log.info("Starting with a full snapshot: %s", start.why)
            return
        self._parts.progress.resumed_from = start.position
        self._parts.acknowledge(start.position)
        _log.info("Resuming after index %d", start.position)

    async def _stop_reading(self, realtime: Realtime) -> None:
        await self._control.bell.wait_until(lambda: self._control.stopping)
        realtime.stop()

    async def _deliver(self, realtime: Realtime) -> None:
        while events := await realtime.take():
            await self._push(realtime, events)
        self._delivered = True
        self._control.bell.ring()

    async def _push(self, realtime: Realtime, events: list[EventBase]) -> None:
        """Push a batch, in the next session if this one is gone, so that nothing overtakes it."""
        while True:
            async with self._pushing:
                session = self._sessions.current
                outcome = await realtime.push(session, events)
            if outcome is not Outcome.OBSOLETE or not await self._sessions.wait_for_next(session):
                return

    async def _heartbeats(self) -> None:
        """Keep the session alive as long as anything is pushed in it, also while a stop is under way."""
        failures = 0
        while not self._delivered:
            session = self._sessions.current
            try:
                with self._parts.progress.under_way.call(self._parts.pusher, "heartbeat"):
                    await self._parts.pusher.heartbeat(session_id=session.id)
                failures = 0
            except DriverError as err:
                failures += 1
                self._heartbeat_failed(session, err, failures)
            await self._pause_between_heartbeats(session)

    async def _pause_between_heartbeats(self, session: Session) -> None:
        def is_over() -> bool:
            return self._delivered or self._sessions.current is not session

        await self._control.bell.wait_until(is_over, session.heartbeat_interval_sec)

    def _heartbeat_failed(self, session: Session, err: DriverError, failures: int) -> None:
        if says_obsolete(err):
            if session is self._sessions.current:
                self._parts.rivals.lost(session.id, err)
                self._control.ask_renewal()
            return
        _log.warning("Heartbeat %d failed: %s", failures, err)
        pusher = self._parts.pusher
        if failures >= pusher.config.max_retries and not self._control.stopping:
            raise CheckFailed(
                f"The pusher {pusher.id!r} failed {counted(failures, 'heartbeat')}: {err}; mend it and start again"
            )

    async def _supervise(self, realtime: Realtime, due: MessageSource | None) -> None:
        """Snapshot, then audits or the end, until the pusher asks to begin again."""
        failures = 0
        if self._log_comes_first:
            await self._read_log_first(realtime)
        while not self._control.stopping:
            complete = due is not MessageSource.SNAPSHOT or await self._snapshot(failures)
            failures = 0 if complete else failures + 1
            if complete:
                await (self._finish(realtime) if self._parts.options.once else self._audits(due))
            await self._renew_session(failures)
            due = MessageSource.SNAPSHOT

    async def _read_log_first(self, realtime: Realtime) -> None:
        """Have what the log has of before pushed, and begin the session of the snapshot behind it.

        A name may have meant another table then. In one session realtime would count as younger than the snapshot, and
        a run without audits would leave it so.
        """
        if not await caught_up(self._parts, realtime):
            return
        async with self._pushing:
            session = await self._sessions.open()
            if session is not None:
                await self._delivery.announce_snapshot(session, self._parts.progress.committed_index)

    async def _snapshot(self, failures: int) -> bool:
        """Whether the session has a complete snapshot now."""
        try:
            complete = await run_snapshot(self._delivery, self._sessions.current)
        except ConfigError as err:
            self._parts.progress.last_error = str(err)
            raise CheckFailed(f"No complete snapshot: {err}") from err
        except DriverError as err:
            self._parts.progress.last_error = str(err)
            attempts = self._parts.source.config.max_retries
            if failures + 1 >= attempts:
                raise CheckFailed(f"No complete snapshot in {counted(failures + 1)}: {err}") from err
            self._parts.progress.retries += 1
            _log.warning("The snapshot broke off and starts again (attempt %d of %d): %s", failures + 1, attempts, err)
            return False
        if complete:
            rows, seconds = self._completed(MessageSource.SNAPSHOT)
            _log.info("Snapshot complete: %s rows in %s s", f"{rows:,}", f"{seconds:,.1f}")
            await self._snapshot_is_durable()
        elif failures and self._control.stopping:
            self._parts.progress.phases[MessageSource.SNAPSHOT].end(PhaseState.FAILED)
        return complete

    def _completed(self, phase: MessageSource) -> tuple[int, float]:
        """Rows and seconds of a run that is complete, remembered for the next one."""
        counts = self._parts.progress.phases[phase]
        self._expected.note(phase, counts.run_rows)
        return counts.run_rows, counts.run_sec()

    async def _snapshot_is_durable(self) -> None:
        """From now on the pusher's index is one to resume from."""
        if not self._control.renewal_asked:
            self._selection.note()
            self._mark.clear()
        progress = self._parts.progress
        committed = await self._parts.committed_index(self._sessions.current)
        if committed >= 0:
            progress.committed_index = max(progress.committed_index, committed)
            self._parts.acknowledge(committed)

    async def _finish(self, realtime: Realtime) -> None:
        """End the run when what came meanwhile is pushed, unless a new session is due."""
        if await caught_up(self._parts, realtime):
            self._parts.progress.caught_up = True
            self._control.stop()

    async def _audits(self, due: MessageSource | None) -> None:
        """Audit after audit, the first at once if it is due, until the host stops or a new session is due."""
        control, interval_sec = self._control, self._parts.options.audit_interval_sec
        pause_sec = 0.0 if due is MessageSource.AUDIT else interval_sec or None
        while not await control.bell.wait_until(lambda: control.breaks_off, pause_sec):
            pause_sec = interval_sec
            try:
                if await run_audit(self._delivery, self._sessions.current):
                    self._selection.note()
                    self._completed(MessageSource.AUDIT)
            except DriverError as err:
                self._parts.progress.last_error = str(err)
                _log.warning("The audit broke off; the next one starts anew: %s", err)

    async def _renew_session(self, failures: int) -> None:
        """Open the next session, when no realtime push is under way in the old one."""
        if self._control.stopping:
            return
        self._mark.set()
        attempt = max(failures, self._sessions.count_renewal())
        if attempt:
            delay_sec = self._parts.source.config.retry_delay_sec
            seconds = pause_sec(delay_sec, attempt, self._parts.options.backoff_max_sec)
            if await self._control.bell.wait_until(lambda: self._control.stopping, seconds):
                return
        async with self._pushing:
            self._control.renewal_asked = False
            session = await self._sessions.open()
            if session is not None:
                await self._delivery.announce_snapshot(session)


async def _together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts until all have returned or one has failed; the others are cancelled then."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_STRAGGLERS_SEC)  # what swallows its cancellation is left behind
