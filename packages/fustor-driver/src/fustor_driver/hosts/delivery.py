"""Pushing one batch until the pusher has it: retries, refusals, and the wish for a new session."""

from __future__ import annotations

from enum import Enum, auto
from functools import partial

from fustor_core.exceptions import ConfigError, DriverError, RetryableError
from fustor_driver.errors import FustorDriverError, NotConformant, system_allows
from fustor_driver.event_files import DEAD_LETTERS
from fustor_driver.hosts import calls
from fustor_driver.hosts.calls import Session
from fustor_driver.hosts.counters import BatchSize
from fustor_driver.hosts.deadletter import DeadLetterFile
from fustor_driver.hosts.parts import Parts
from fustor_driver.hosts.refusals import Refusals
from fustor_driver.plainness import unplain
from fustor_driver.redaction import safe_logger
from fustor_event_model import EventBase, MessageSource

__all__ = ["UNDELIVERED", "Delivery", "Outcome", "says_obsolete"]

_log = safe_logger("fustor_driver.host")
_WAY_OUT = "`fustor-driver run --allow-deletions` allows it for one run"


class Outcome(Enum):
    """What became of a batch."""

    PUSHED = auto()
    REFUSED = auto()
    """Pushed, but for the events that are in the dead-letter file now."""
    OBSOLETE = auto()
    """Not pushed: the pusher no longer knows the session."""
    STOPPED = auto()
    """Not pushed: the host is stopping."""


UNDELIVERED = (Outcome.OBSOLETE, Outcome.STOPPED)
"""What becomes of a batch that the pusher does not have."""


def says_obsolete(err: DriverError) -> bool:
    """Whether a pusher says that its session is gone, in the words that released hosts look for."""
    text = str(err)
    return "obsolete" in text.lower() or "419" in text


def _checked_size(events: list[EventBase]) -> BatchSize:
    rows = 0
    for event in events:
        if event.index.__class__ is not int:
            raise NotConformant(f"The source gave an event with the index {event.index!r}, which is not an integer")
        if event.message_source.__class__ is not MessageSource:
            raise NotConformant(f"The source gave an event with the message_source {event.message_source!r}")
        rows += len(event.rows)
    return BatchSize(len(events), rows, events[-1].index if events else -1)


class Delivery:
    """Pushes batches for one task. A batch that is not through is the next one pushed in its phase."""

    def __init__(self, parts: Parts) -> None:
        options = parts.options
        self.parts = parts
        self._dead_letters = DeadLetterFile(options.file(DEAD_LETTERS), options.task_id)
        self._refusals = Refusals(parts.pusher.id, parts.progress, options.max_refused_in_a_row, _WAY_OUT)

    async def push(self, session: Session, phase: MessageSource, events: list[EventBase]) -> Outcome:
        """Push a batch; what the pusher refuses for good is cut out event by event and kept in a file.

        So is an event that JSON cannot carry, whatever the pusher raises over it. The batch counts as in hand until it
        is through.

        Raises:
            CheckFailed: it stayed out of reach, or takes nothing at all.
            NotConformant: a field of an event that a host reads has another type.
            ConfigError: the pusher's configuration is wrong.
        """
        counts = self.parts.progress.phases[phase]
        counts.held = len(events)
        outcome = await self._push(session, phase, events)
        if outcome not in UNDELIVERED:
            counts.held = 0
        return outcome

    async def _push(self, session: Session, phase: MessageSource, events: list[EventBase]) -> Outcome:
        size = _checked_size(events)
        try:
            outcome = await self._attempts(session, phase, events, rows=size.rows)
        except (ConfigError, RetryableError):
            raise
        except DriverError as err:
            return await self._refused(session, phase, events, str(err))
        except FustorDriverError:
            raise
        except Exception as err:
            if not any(map(unplain, events)):
                raise  # a bug of the pusher's
            return await self._refused(session, phase, events, f"{type(err).__name__}: {err}")
        if events and outcome is Outcome.PUSHED:
            self.parts.progress.phases[phase].add(size)
        return outcome

    async def announce_snapshot(self, session: Session, resumed_from: int = -1) -> None:
        """Tell the pusher, by an empty batch, that this session begins with a snapshot, before realtime gets there.

        With `resumed_from`, an event without rows tells it as well that realtime goes on behind that index, which is
        one to resume from once the snapshot is complete, although nothing may have happened since. A pusher that has no
        use for either may refuse it: the host's own notes say the same, at the cost of another snapshot.
        """
        self._refusals.begin_snapshot()
        await self._announce(session, MessageSource.SNAPSHOT, [])
        if resumed_from > 0:
            await self._announce(session, MessageSource.REALTIME, [calls.nothing_up_to(resumed_from)])

    async def _announce(self, session: Session, phase: MessageSource, events: list[EventBase]) -> None:
        try:
            await self._attempts(session, phase, events)
        except (ConfigError, RetryableError):
            raise
        except DriverError as err:
            _log.debug("The announcement of a snapshot was refused: %s", err)

    async def finish_snapshot(self, session: Session) -> Outcome:
        """Tell the pusher that the session's snapshot is complete.

        Raises:
            DriverError: the pusher refuses it, so there is no complete snapshot.
            CheckFailed: it has refused every row of it.
        """
        self._refusals.check_snapshot()
        return await self._attempts(session, MessageSource.SNAPSHOT, [], end=True)

    async def _refused(self, session: Session, phase: MessageSource, events: list[EventBase], reason: str) -> Outcome:
        if len(events) == 1:
            self._keep(session, phase, events[0], reason)
            _log.error("Refused for good and kept in %s: %s", self._dead_letters.path, reason)
            self._refusals.set_aside(phase, reason)
            return Outcome.REFUSED
        middle = len(events) // 2
        worst = Outcome.PUSHED
        for half in (events[:middle], events[middle:]):
            outcome = await self._push(session, phase, half)
            if outcome in UNDELIVERED:
                return outcome
            worst = Outcome.REFUSED if outcome is Outcome.REFUSED else worst
            if worst is Outcome.REFUSED and phase is MessageSource.AUDIT:
                return worst  # an audit with a hole in it must not go on to its end
        return worst

    def _keep(self, session: Session, phase: MessageSource, event: EventBase, reason: str) -> None:
        place = str(self._dead_letters.path)
        way_out = "make room for it and start again, nothing is lost"
        with system_allows(f"A refused event cannot be kept in {place!r}", way_out):
            self._dead_letters.keep(event, session_id=session.id, phase=phase, reason=reason)

    async def _attempts(
        self, session: Session, phase: MessageSource, events: list[EventBase], *, rows: int = 0, end: bool = False
    ) -> Outcome:
        once = partial(self._once, session, phase, events, rows=rows, end=end)
        try:
            outcome = await calls.retried(self.parts.pusher, once, self.parts.pause, "failed")
        except DriverError as err:
            if not says_obsolete(err):
                raise
            _log.warning("The pusher gave up session %s: %s", session.id, err)
            self.parts.rivals.lost(session.id, err)
            self.parts.control.ask_renewal()
            return Outcome.OBSOLETE
        return outcome or Outcome.STOPPED

    async def _once(
        self, session: Session, phase: MessageSource, events: list[EventBase], *, rows: int, end: bool
    ) -> Outcome:
        with self.parts.progress.under_way.call(self.parts.pusher, "push"):
            reply = await session.push(events, phase, is_snapshot_end=end)
        if reply.snapshot_needed:
            self.parts.control.ask_renewal()
            if not reply.success:
                return Outcome.OBSOLETE
        taken = reply.taken()
        self.parts.progress.pusher_answered()
        self._refusals.replied(phase, rows, taken)
        return Outcome.PUSHED
