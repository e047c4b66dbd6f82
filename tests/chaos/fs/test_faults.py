"""What goes wrong on the way from the kernel to the consumer costs time, never a change."""

import os
import random
import signal
import subprocess
import threading
import time

import pytest

pytestmark = pytest.mark.chaos


def test_a_queue_that_overflows_in_the_kernel(base, remote_host):
    """The driver's process is stopped while 30,000 files come and 10,000 go: more than the kernel keeps."""
    root = base / "root"
    for number in range(300):
        (root / f"d{number}").mkdir()
        (root / f"d{number}/old").write_bytes(b"1")
    with remote_host(root) as running:
        running.snapshot()
        running.process.send_signal(signal.SIGSTOP)
        for number in range(30_000):
            (root / f"d{number % 300}/f{number}").write_bytes(b"")
        for number in range(10_000):
            (root / f"d{number % 300}/f{number}").unlink()
        for number in range(0, 300, 3):
            (root / f"d{number}").rename(root / f"d{(number + 1) % 300}/moved")
        for number in range(2, 300, 3):
            (root / f"d{number}/old").write_bytes(b"22")
        running.process.send_signal(signal.SIGCONT)
        running.until_equal(30)
        running.ask("statistics")
        assert running.statistics["overflows"] > 0
        assert running.statistics["rescans"] > 0


@pytest.mark.parametrize("seed", range(2))
def test_a_consumer_that_stops_for_seconds(base, worker, host, seed):
    """It stops for longer each time, until more has come than the queue holds."""
    print(f"seed {seed}")
    capacity = 1 << 16
    with host(base / "root", queue_bytes=capacity) as running:
        running.snapshot()
        most, stall_sec = 0, 0.5
        with worker(base, seed, 40_000) as finish:
            while most < capacity:
                assert stall_sec < 60, "nothing overflows"
                running.pause.clear()
                most = max(most, busiest(running, stall_sec))
                if most >= capacity:
                    busiest(running, 1)  # what comes now is more than the queue holds
                running.pause.set()
                busiest(running, 0.2)  # directories made meanwhile are watched again
                stall_sec *= 1.5
            finish()
        running.until_equal(60)
        assert running.driver.statistics()["overflows"] > 0
        assert most < capacity + 2 * (1 << 16)


def busiest(running, seconds):
    """The most bytes queued within `seconds`."""
    deadline, most = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        most = max(most, running.queued_bytes())
        threading.Event().wait(0.01)
    return most


@pytest.mark.parametrize("seed", range(300, 303))
def test_a_long_snapshot_beside_a_stream_that_lags(base, worker, host, seed):
    """The snapshot tells of directories to which the stream has not come yet; what leaves them is told all the same."""
    print(f"seed {seed}")
    caught_up = threading.Event()

    class LaggingHost(host):
        def drain(self, events):
            for event in events:
                if events is self.stream:
                    caught_up.wait(0.15)
                else:
                    threading.Event().wait(0.0015)
                with self.lock:
                    self.view.apply(event)

    with worker(base, seed, 1500) as finish:
        finish()
    with LaggingHost(base / "root") as running, worker(base, seed + 5000, 3000) as finish:
        running.drain(running.driver.get_snapshot_iterator(batch_size=1))
        running.view.snapshot_end()
        finish()
        caught_up.set()
        running.until_equal(20)


@pytest.mark.parametrize("seed", [0])
def test_too_few_watches(base, worker, remote_host, seed):
    print(f"seed {seed}")
    prefix = ["unshare", "--user", "--map-root-user", "sh", "-c"]
    script = 'echo 60 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"'
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        pytest.skip("This system lets no test make namespaces")
    with worker(base, seed, 2000) as finish:
        finish()
    with (
        remote_host(base / "root", None, *prefix, script, poll_interval_sec=0.3) as running,
        worker(base, seed + 10, 4000) as finish,
    ):
        running.snapshot()
        finish()
        running.until_equal(30)
        running.ask("statistics")
        assert running.statistics["unwatched_directories"] > 0
        assert running.statistics["watched_directories"] <= 60


@pytest.mark.parametrize(("again", "seed"), [("snapshot", 0), ("audit", 1)])
def test_a_driver_that_is_killed_and_started_again(base, worker, remote_host, again, seed):
    print(f"seed {seed}")
    chance = random.Random(seed)
    root = base / "root"
    with worker(base, seed, 2000) as finish:
        finish()
    first = remote_host(root)
    with first, worker(base, seed + 20, 6000) as finish:
        first.snapshot()
        with first.condition:
            first.condition.wait(chance.uniform(0, 1))
        first.process.kill()
        first.thread.join(10)
        finish()
    with worker(base, seed + 40, 3000) as finish, remote_host(root, first.view) as second:
        second.ask("audit") if again == "audit" else second.snapshot()
        finish()
        second.ask("audit") if again == "audit" else None
        second.until_equal(20)


def test_audits_during_a_history_delete_nothing_that_lives(base, worker, host):
    print("seed 77")
    with host(base / "root") as running, worker(base, 77, 6000) as finish:
        running.snapshot()
        audits = 0
        working = running.start(finish)
        while working.is_alive():
            running.audit()
            audits += 1
        assert audits > 1
        running.until_equal(20)


def test_directories_made_in_one_go_are_seen_in_full(base, host):
    """1,000 times `mkdir -p a/b/c/d && touch a/b/c/d/f`."""
    root = base / "root"
    with host(base / "root") as running:
        running.snapshot()
        for number in range(1000):
            os.makedirs(root / f"{number}/a/b/c")
            (root / f"{number}/a/b/c/f").write_bytes(b"")
        running.until_equal(20)
        assert len(running.view.paths() - {"/"}) == 5000


def test_a_burst_is_delivered_whole(base, host):
    root = base / "root"
    with host(root) as running:
        running.snapshot()
        for number in range(20_000):
            os.close(os.open(root / f"f{number}", os.O_CREAT | os.O_WRONLY))
        running.until_equal(20)
        for number in range(5000):
            os.rename(root / f"f{number}", root / f"g{number}")
        running.until_equal(20)
        told = running.events
        assert told >= 30_000
        for path in root.iterdir():
            path.unlink()
        running.until_equal(20)
        assert running.events == told + 20_000
        assert running.driver.statistics()["overflows"] == 0
