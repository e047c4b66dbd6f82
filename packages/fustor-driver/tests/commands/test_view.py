"""The status as eyes see it, at every width."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from fustor_driver.commands._live import as_line, as_table
from fustor_driver.hosts.status import PhaseState, PhaseStatus, RunState, Status
from fustor_event_model import MessageSource


def phase(state=PhaseState.WAITING, **changes):
    zero = {"runs": 0, "events": 0, "rows": 0, "rows_per_sec": 0.0, "queued": 0, "lag_sec": 0.0, "last_index": -1}
    return PhaseStatus(**(zero | {"state": state} | changes))


LARGE = {"rows": 1_234_567_890, "events": 123_456_789, "rows_per_sec": 123_456.7, "queued": 20_000, "lag_sec": 12.34}
SNAPSHOT = phase(
    PhaseState.RUNNING, **LARGE, run_rows=234_801, run_sec=3.0, expected_rows=300_301, last_index=4_392_446_066_688
)


def status(snapshot=SNAPSHOT, **changes):
    phases = {
        MessageSource.REALTIME: phase(PhaseState.CONNECTING),
        MessageSource.SNAPSHOT: snapshot,
        MessageSource.AUDIT: phase(),
    }
    known = {
        "task_id": "big:pg",
        "state": RunState.RUNNING,
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
        "uptime_sec": 3.2,
        "session_id": "s",
        "sessions": 1,
        "resumed_from": -1,
        "committed_index": 4_392_446_066_688,
        "phases": phases,
        "retries": 0,
        "dead_letters": 0,
        "last_error": None,
    }
    return Status(**(known | changes))


def shown(status, width):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(as_table(status, width))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [48, 60, 80, 100, 130, 200])
def test_a_number_is_whole_or_not_there(width):
    text = shown(status(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert all(word in text for word in ("1,234,567,890", "connecting", "snapshot", "234,801", "300,301", "78%"))


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (130, ["phase", "state", "runs", "events", "rows", "rows/s", "queued", "lag", "s", "index"]),
        (80, ["phase", "state", "rows", "rows/s", "queued", "lag", "s"]),
        (60, ["phase", "state", "rows", "rows/s", "queued"]),
        (48, ["phase", "state", "rows"]),
    ],
)
def test_the_narrower_the_fewer_columns(width, names):
    assert shown(status(), width).splitlines()[2].split() == names


def test_the_last_line_is_empty_so_that_an_echo_moves_nothing():
    assert not shown(status(), 80).splitlines()[-1]


def test_how_far_a_phase_is_has_a_bar_where_its_size_is_known():
    assert "━" in shown(status(), 100)
    assert "78%, 1 s left" in shown(status(), 100)
    unknown = shown(status(SNAPSHOT.model_copy(update={"expected_rows": None})), 100)
    assert "snapshot 234,801 rows in 3 s" in unknown
    assert "━" not in unknown


def test_what_drivers_count_is_shown_without_what_is_zero():
    text = shown(status(statistics={"source": {"rescans": 3.0, "overflows": 0}, "pusher": {"batches": 1234}}), 100)
    assert "source: rescans 3; pusher: batches 1,234" in text


def test_a_line_of_the_log_leaves_out_what_does_nothing():
    assert as_line(status()) == (
        "running: realtime connecting 0 rows, snapshot running 234,801 of about 300,301 rows 123,457/s queued 20,000 "
        "1 s left, index 4392446066688, 0 retries, 0 dead letters"
    )


@pytest.mark.parametrize(("seconds", "text"), [(59.4, "59 s"), (61, "1:01 min"), (3_725, "1:02:05")])
def test_a_time_is_short(seconds, text):
    assert f"running  {text}  index" in shown(status(uptime_sec=seconds), 100)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"retries": 3}, "3 retries, 0 dead letters\n"),
        ({"retries": 3, "last_error": "gone"}, "3 retries, 0 dead letters; last: gone\n"),
        ({"last_error": "gone"}, "0 retries, 0 dead letters; last: gone\n"),
        ({"refused_deletions": 2}, "0 dead letters, 2 refused deletions\n"),
    ],
)
def test_troubles_are_shown_with_the_last_error_where_there_is_one(changes, text):
    assert text in shown(status(**changes), 100)
    assert "retries" not in shown(status(), 100)


@pytest.mark.parametrize("columns", ["40", "60"])
def test_a_narrow_table_leaves_nothing_out(columns, terminal):
    about = terminal("about", "source", "try_log", COLUMNS=columns)
    assert about.finish() == 0
    assert "…" not in about.shown
