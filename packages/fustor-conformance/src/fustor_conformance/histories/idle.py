"""A stream that nobody gives anything to do for a while, read beside all other checks."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path
from weakref import WeakKeyDictionary

from fustor_conformance.histories.host import Host
from fustor_conformance.outcome import Broken
from fustor_conformance.subject import SourceSubject

RULE = "R08"
"""Begun with the first check, so that it takes no time of its own."""
_IDLE_SEC = 12.0
_SHARE = 0.1
_BEGIN_SEC = 15.0
_LEAVE_SEC = 5.0
_TICKS_A_SECOND = 100
"""Of the times in /proc; Linux promises no other value to programs."""
_begun: WeakKeyDictionary[SourceSubject, _Idle] = WeakKeyDictionary()


def begin(subject: SourceSubject) -> None:
    """Begin to be idle, unless that has begun; returns when the stream is armed."""
    if subject not in _begun:
        _begun[subject] = idle = _Idle(subject)
        atexit.register(idle.cancel)
        idle.start()
        idle.ready.wait(_BEGIN_SEC)


def outcome(subject: SourceSubject) -> int:
    """How many paths the view shared with the world after the idle time.

    Raises:
        Broken: the stream ended, kept a processor busy, or emitted nothing afterwards.
    """
    begin(subject)
    idle = _begun[subject]
    idle.join()
    if idle.error is not None:
        raise idle.error
    return idle.seen


class _Idle(threading.Thread):
    """Lives in one thread from the World's beginning to its end, since some Worlds cannot be shared between threads."""

    def __init__(self, subject: SourceSubject) -> None:
        super().__init__(name="conformance-idle", daemon=True)
        self.seen = 0
        self.error: Exception | None = None
        self.ready = threading.Event()
        self._subject = subject
        self._cancelled = False
        self._leaving = threading.Event()

    def run(self) -> None:
        try:
            with self._subject.world() as world, Host(self._subject, world) as host:
                world.create("kit-idle")
                host.finish_snapshot()
                host.require_equal("Before a time in which nothing happens")
                self.ready.set()
                self._be_idle(host)
                if not self._cancelled:
                    self.seen = host.require_equal(f"After {_IDLE_SEC:g} s in which nothing happened")
        except Exception as error:  # noqa: BLE001 - handed to whoever asks for the outcome
            self.error = error
        finally:
            self.ready.set()
            atexit.unregister(self.cancel)

    def cancel(self) -> None:
        """Leave early, so that the World is taken down before the process ends."""
        self._cancelled = True
        self._leaving.set()
        self.join(_LEAVE_SEC)

    def _be_idle(self, host: Host) -> None:
        before = _processor_sec(host.stream.native_id)
        if host.stream.wait_for_end(0) or self._leaving.wait(_IDLE_SEC):
            return
        host.is_quiet = False
        used = _processor_sec(host.stream.native_id) - before
        if host.stream.wait_for_end(0):
            raise Broken(f"The stream ended by itself within {_IDLE_SEC:g} s in which nothing happened")
        if used > _SHARE * _IDLE_SEC:
            raise Broken(f"In {_IDLE_SEC:g} s in which nothing happened, the stream used a processor for {used:.1f} s")


def _processor_sec(native_id: int | None) -> float:
    """What a thread of this process has used, where the system tells; 0 elsewhere."""
    place = Path(f"/proc/self/task/{native_id}/stat")
    if not place.exists():
        return 0.0
    fields = place.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
