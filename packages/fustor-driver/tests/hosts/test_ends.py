"""A run ends when it is told to, whatever a driver does."""

import os
import signal
import threading
import time

import pytest

from fustor_driver.errors import CheckFailed
from fustor_driver.hosts import HostOptions, run_host
from fustor_event_model import MessageSource
from fustor_try.hanging import WAYS, Hang, HangingPusher, HangingSource
from fustor_try.scripted import event

pytestmark = pytest.mark.wide

AWAITED = (
    "create_session",
    "get_latest_committed_index",
    "push",
    "heartbeat",
    "pusher.close",
    "source.close",
)
CALLED = (
    "is_position_available",
    "get_message_iterator",
    "realtime",
    "snapshot",
    "audit",
    "acknowledge",
)
PLACES = [*((where, how) for where in AWAITED for how in WAYS), *((where, "blocks") for where in CALLED)]
SLACK_SEC = 1.5


@pytest.fixture
def hang(request):
    """A driver that hangs; what the host has left behind in this process goes on once it is released, and ends."""
    before = set(threading.enumerate())
    hang = Hang(*request.param)
    yield hang
    hang.release.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), thread


def _drivers(hang):
    source, pusher = HangingSource(hang), HangingPusher(hang)
    source.snapshot = lambda: iter([event("/a", MessageSource.SNAPSHOT)])
    source.changes.put(event("/b", index=2))
    if hang.where == "acknowledge":
        source.available = {1}
    return source, pusher


def _options(tmp_path, stop_timeout_sec):
    return HostOptions(task_id="t", state_dir=tmp_path, audit_interval_sec=0.01, stop_timeout_sec=stop_timeout_sec)


def _signals(hang, count, sent):
    """Send signals from another thread, as soon as the driver hangs; where it hangs on closing, as soon as it runs."""
    if not hang.where.endswith("close"):
        hang.reached.wait(10)
    for at in range(count):
        if at and hang.where.endswith("close"):
            hang.reached.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
        sent.append(time.monotonic())
        threading.Event().wait(0.05)  # two of one kind at the same moment are one for the system


def _run(hang, tmp_path, *, signals, stop_timeout_sec, duration_sec=None):
    seen, sent = [], []
    sender = threading.Thread(target=_signals, args=(hang, signals, sent))

    def look(status):
        if status.state in ("starting", "running") and sender.ident is None and _is_time(hang, status):
            sender.start()
        seen.append(status)

    try:
        number = run_host(
            *_drivers(hang),
            _options(tmp_path, stop_timeout_sec),
            duration_sec=duration_sec,
            look=look,
            look_every_sec=0.02,
        )
    finally:
        ended = time.monotonic()
        if sender.ident is not None:
            sender.join()
    return number, ended - sent[-1] if sent else None, seen[-1]


def _is_time(hang, status):
    return not hang.where.endswith("close") or status.state == "running"


@pytest.mark.parametrize("hang", PLACES, indirect=True, ids="-".join)
def test_the_second_signal_ends_it_at_once(hang, tmp_path):
    number, took, status = _run(hang, tmp_path, signals=2, stop_timeout_sec=60)
    assert number == signal.SIGINT
    assert took < 1 + SLACK_SEC
    assert status.state in ("aborted", "stopped")


@pytest.mark.parametrize("hang", PLACES, indirect=True, ids="-".join)
def test_one_signal_ends_it_within_the_time_allowed(hang, tmp_path):
    number, took, status = _run(hang, tmp_path, signals=1, stop_timeout_sec=0.5)
    assert number == signal.SIGINT
    assert took < 0.5 + SLACK_SEC
    if hang.where in AWAITED and hang.where != "heartbeat":
        assert status.state == "aborted"


@pytest.mark.parametrize("hang", [("push", "blocks"), ("source.close", "blocks")], indirect=True)
def test_a_time_limit_that_cannot_be_kept_is_an_error(hang, tmp_path):
    with pytest.raises(CheckFailed, match="did not end within"):
        _run(hang, tmp_path, signals=0, stop_timeout_sec=0.5, duration_sec=0.2)


@pytest.mark.parametrize("hang", [("push", "blocks")], indirect=True)
def test_the_status_is_looked_at_while_a_driver_blocks_everything(hang, tmp_path):
    seen = []
    looked = threading.Event()

    def look(status):
        seen.append(status.uptime_sec)
        if hang.reached.is_set() and len(seen) > 10:
            looked.set()

    sender = threading.Thread(target=lambda: (looked.wait(10), os.kill(os.getpid(), signal.SIGTERM)))
    sender.start()
    number = run_host(*_drivers(hang), _options(tmp_path, 0.5), look=look, look_every_sec=0.01)
    sender.join()
    assert number == signal.SIGTERM
    assert looked.is_set()
    assert seen == sorted(seen)
