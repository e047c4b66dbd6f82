"""One history: which step is whose, and what must hold at its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import ExitStack
from functools import partial
from typing import Self

from fustor_conformance._reading import rows_of
from fustor_conformance._scenes import settle
from fustor_conformance.histories.abilities import abilities
from fustor_conformance.histories.audits import Audits
from fustor_conformance.histories.changes import AT_ONCE, Changes, Step
from fustor_conformance.histories.faults import Faults
from fustor_conformance.histories.host import Host
from fustor_conformance.histories.readers import Readers
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject

READING = Counter(
    drain=3, catch_up=1, snapshot=4, finish_snapshot=1, audit=3, pairs=2, run_audit=1, run_pairs=2, finish_audit=1
)
STOPPING = Counter(restart=2, requeue=1, break_audit=2)
POSITIONS = Counter(remember=3, resume=1, bounded=1, acknowledge=1)
FAULTS = Counter(refuse_audit=1, refuse_snapshot=1, refuse_pairs=1)
LOSING = Counter(lose=1)
"""What a random history draws of a host's steps."""
SLOW = Counter(interrupt=1, interrupt_snapshot=1, interrupt_audit=1, interrupt_pairs=1, slowly=1, elsewhere=1)
"""What takes its time, and is drawn where many histories are asked for."""
_PASSES = ("snapshot", "audit", "pairs")
_BESIDE, _TOLD, _AHEAD = "beside_", "told_", "ahead_"
_AFTER_AUDITS = ("_audit", "_pairs")
"""What an audit has made worse is seen before a change of the same path hides it."""
_OPEN_SEC = 1.0


class History:
    """Changes are made by the World, steps are those of a host; `judge` compares at the end.

    A step `told_X` changes something that the pass under way has yielded, `ahead_X` something that it has not,
    `beside_X` does X to a second source of the same class, which has a World of its own. What is changed before the
    first step of the host is there before anybody reads.
    """

    def __init__(self, subject: SourceSubject) -> None:
        self._subject = subject
        self._stack = ExitStack()
        self._world = self._stack.enter_context(subject.world())
        self._changes = Changes(self._world, subject.config(self._world).uri, abilities(subject))
        self._reading: Reading | None = None
        self._beside: History | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def do(self, step: Step) -> None:
        """Do one step; what the World cannot do, or has nothing to do to, is nothing.

        Raises:
            ValueError: there is no such step.
        """
        if step.name.startswith(_BESIDE):
            self._neighbour().do(Step(step.name.removeprefix(_BESIDE), step.pick))
        elif self._changes.has(step.name) and self._reading is None:
            self._changes.do(step)
        elif not self._read().do(step):
            self._change(step, self._read().host)

    def _read(self) -> Reading:
        """The host, which begins when it is first needed."""
        if self._reading is None:
            host = self._stack.enter_context(Host(self._subject, self._world))
            self._reading = Reading(host, self._changes)
        return self._reading

    def judge(self) -> None:
        """Finish what is under way and compare.

        Raises:
            Broken: the view is not the world.
        """
        self._read().judge()
        if self._beside is not None:
            self._beside.judge()

    def _neighbour(self) -> History:
        if self._beside is None:
            self._beside = self._stack.enter_context(History(self._subject))
        return self._beside

    def _change(self, step: Step, host: Host) -> None:
        """A change beside the host, which does not read on while there are many at once."""
        name = step.name.removeprefix(_TOLD).removeprefix(_AHEAD)
        if not self._changes.has(name):
            raise ValueError(f"{step.name!r} is not a step of a history")
        among: Collection[str] | None = None
        if name != step.name:
            listed = self._world.list().keys()
            among = listed & host.passing if step.name.startswith(_TOLD) else listed - host.passing
        host.is_quiet = False
        if name not in AT_ONCE:
            self._changes.do(Step(name, step.pick), among)
            return
        host.stream.hold()
        self._changes.most = host.most_at_once
        try:
            self._changes.do(Step(name, step.pick), among)
        finally:
            host.stream.resume()


class Reading:
    """The host's part of a history."""

    def __init__(self, host: Host, changes: Changes) -> None:
        self.host = host
        self._changes = changes
        self._audits = Audits(host)
        self._readers = Readers(host)
        self._faults = Faults(host, self._audits)
        self._steps = self._known_steps()

    def do(self, step: Step) -> bool:
        """Do the step if it is the host's; whether it is."""
        if step.name not in self._steps:
            return False
        self._steps[step.name](step.pick)
        if step.name.endswith(_AFTER_AUDITS) and self.host.is_quiet and self.host.audit is None:
            self._compare()
        return True

    def judge(self) -> None:
        """Finish what is under way and compare.

        Raises:
            Broken: the view is not the world.
        """
        self.host.finish_snapshot()
        self._compare()
        if self.host.audits:
            self._audits.finish()
            self._audits.run_quietly()
        elif self.host.lost or self.host.unlisted:
            self.host.restart_whole()
            self.host.finish_snapshot()
        self.host.require_equal("After all, when nothing changes any more,")
        self.host.require_settled()

    def _known_steps(self) -> dict[str, Callable[[int], object]]:
        host, audits, readers, faults = self.host, self._audits, self._readers, self._faults
        return {
            "drain": host.drain,
            "catch_up": lambda _: host.catch_up(),
            "arrive": lambda _: host.arrive(),
            "compare": lambda _: self._compare(),
            "snapshot": host.step_snapshot,
            "finish_snapshot": lambda _: host.finish_snapshot(),
            "restart": host.restart,
            "requeue": host.requeue,
            "lose": lambda _: self._lose(),
            "repaired": lambda _: self._repaired(),
            "audit": audits.step,
            "pairs": lambda pick: audits.step(pick, pairs=True),
            "finish_audit": lambda _: audits.finish(),
            "run_audit": audits.run,
            "run_pairs": lambda pick: audits.run(pick, pairs=True),
            "break_audit": audits.break_off,
            "settle": lambda _: settle(host.world),
            "remember": lambda _: readers.remember(),
            "resume": readers.resume,
            "bounded": readers.bounded,
            "acknowledge": lambda _: readers.acknowledge(),
            "elsewhere": readers.elsewhere,
            "slowly": self._write_slowly,
            **{f"refuse_{what}": partial(faults.refuse, what) for what in _PASSES},
            "interrupt": partial(faults.interrupt, "nothing"),
            **{f"interrupt_{what}": partial(faults.interrupt, what) for what in _PASSES},
        }

    def _compare(self) -> None:
        if self.host.snapshot_done and not self.host.lost:
            self.host.require_equal("With stream and snapshot")

    def _lose(self) -> None:
        self.host.lose()
        self._audits.whole_pairs = 0

    def _repaired(self) -> None:
        """What no event told, two audits of the 0.8 dialect in a row have found."""
        if self.host.lost and self._audits.whole_pairs > 1:
            self.host.require_equal("After two audits with mtime_cache, which follow lost events,")
            self.host.lost = False

    def _write_slowly(self, pick: int) -> None:
        block = self._changes.write_slowly(pick)
        if block is None or not self._knows_open_files():
            return
        stream, self.host.is_quiet = self.host.stream, False
        with block as path:
            stream.wait_for(lambda events: any(row["path"] == path for row in rows_of(events)), _OPEN_SEC)
            rows = [row for row in rows_of(stream.events) if row["path"] == path]
        if odd := [row for row in rows if row.get("is_atomic_write") is not False]:
            raise Broken(
                f"{path!r} was reported while it was open for writing, without is_atomic_write: false", *odd[:1]
            )

    def _knows_open_files(self) -> bool:
        """Whether the driver says that its rows can tell a file that is still open for writing."""
        found = asyncio.run(self.host.subject.driver_class.get_available_fields(uri=self.host.driver.config.uri))
        return "is_atomic_write" in found.get("properties", {})
