"""What the status says of drivers and of how far a phase is."""

import logging
import threading

import pytest

from fustor_driver.hosts import GuideHost, HostOptions
from fustor_driver.hosts.status import PhaseState
from fustor_event_model import LifecycleSignal, MessageSource
from fustor_try.running import run_until
from fustor_try.scripted import event, listing, signal

SNAPSHOT, AUDIT = MessageSource.SNAPSHOT, MessageSource.AUDIT


def test_statistics_of_both_drivers_are_in_the_status(run, source, pusher):
    source.statistics = lambda: {"rescans": 3, "queued_bytes": 1.5}
    pusher.statistics = lambda: {"batches": 7}
    assert run(pusher.ends).statistics == {"source": {"rescans": 3, "queued_bytes": 1.5}, "pusher": {"batches": 7}}


@pytest.mark.parametrize(
    "told",
    [
        {"nan": float("nan"), "inf": float("inf"), "text": "1", "yes": True, "a b": 1, 5: 1, "": 1, "good": 1},
        {"good": 1} | {f"n{at}": at for at in range(1_000)},
    ],
)
def test_only_finite_numbers_with_a_plain_name_are_shown_and_not_too_many(told, run, source, pusher):
    source.statistics = lambda: told
    shown = run(pusher.ends).statistics["source"]
    assert (shown["good"], len(shown) <= 100) == (1, True)
    assert not {"nan", "inf", "text", "yes", "a b", 5, ""} & shown.keys()


def test_a_driver_that_fails_over_its_statistics_is_not_asked_again(run, source, pusher):
    asked = []

    def fail():
        asked.append(1)
        raise RuntimeError("a bug")

    source.statistics = fail
    assert run(pusher.ends).statistics == {"pusher": {}}
    assert asked == [1]


def test_a_driver_that_never_gives_its_statistics_holds_nothing_up(run, source, pusher):
    release = threading.Event()
    source.statistics = release.wait
    source.snapshot = listing("/a")
    try:
        run(lambda: pusher.ends() and pusher.paths("snapshot"))
    finally:
        release.set()


def test_a_complete_snapshot_is_a_line_in_the_log(run, source, pusher, caplog):
    source.snapshot = listing("/a", "/b")
    with caplog.at_level(logging.INFO, "fustor_driver.host"):
        status = run(pusher.ends).phases[SNAPSHOT]
    assert "Snapshot complete: 2 rows in 0.0 s" in caplog.text
    assert (status.run_rows, status.completed_at is not None) == (2, True)


def test_a_phase_is_measured_by_its_last_complete_run(run, source, pusher):
    source.snapshot = listing("/a", "/b", "/c", "/d")
    run(pusher.ends)

    def slow():
        yield event("/a", SNAPSHOT)
        source.snapshot_stop.wait()

    source.snapshot = slow
    seen = []
    run(lambda: pusher.paths("snapshot").count("/a") == 2, look=seen)
    assert (seen[-1].state, seen[-1].run_rows, seen[-1].expected_rows) == (PhaseState.RUNNING, 1, 4)
    assert seen[-1].left_sec == pytest.approx(3 * seen[-1].run_sec)


def test_the_sources_own_estimate_is_newer(run, source, pusher):
    source.snapshot = listing("/a")
    source.statistics = lambda: {"estimated_rows": 9}
    assert run(pusher.ends).phases[SNAPSHOT].expected_rows == 9


def test_more_rows_than_expected_are_no_share_of_anything(run, source, pusher):
    source.snapshot = listing("/a", "/b")
    source.statistics = lambda: {"estimated_rows": 1}
    assert run(pusher.ends).phases[SNAPSHOT].expected_rows is None


def test_an_audit_is_measured_by_itself(source, pusher, tmp_path):
    source.audit = lambda: iter(
        [signal(LifecycleSignal.AUDIT_START), event("/c", AUDIT), signal(LifecycleSignal.AUDIT_END)]
    )
    host = GuideHost(source, pusher, HostOptions(task_id="t", state_dir=tmp_path, audit_interval_sec=0.05))
    run_until(host, lambda: host.status().phases[AUDIT].runs > 1)
    assert (tmp_path / "t.rows").read_text() == '{"snapshot":0,"audit":1}'
