"""A queue that overflows while a snapshot is read: what may be left over, and what takes it back."""

import threading

import pytest

from fustor_conformance.view import DifferenceKind

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize("seed", range(400, 402))
def test_only_what_a_snapshot_told_is_left_and_one_audit_takes_it_back(base, worker, host, seed):
    """The stream stands still until its queue has overflowed; nothing that is there may be missing, then or later."""
    print(f"seed {seed}")
    goes_on = threading.Event()

    class StandingHost(host):
        def drain(self, events):
            for event in events:
                if events is self.stream:
                    goes_on.wait()
                with self.lock:
                    self.view.apply(event)

    with worker(base, seed, 1500) as finish:
        finish()
    with StandingHost(base / "root", queue_bytes=1 << 16) as running, worker(base, seed + 5000, 12_000) as finish:
        running.snapshot()
        finish()
        goes_on.set()
        for _ in range(600):
            told = running.driver.statistics()
            if told["rescans"] and not told["queued_bytes"] and not left_out(running):
                break
            threading.Event().wait(0.05)
        assert running.driver.statistics()["overflows"] > 0
        assert not left_out(running)
        print(f"{len(running.differences())} left over")
        running.audit()
        running.until_equal(20)


def left_out(running):
    """What is there and was not told, or not as it is."""
    return [one for one in running.differences() if one.kind is not DifferenceKind.UNEXPECTED]
