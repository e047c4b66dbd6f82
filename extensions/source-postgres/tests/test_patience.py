"""Every connection that has to be tried again says so."""

import threading

import psycopg2
import pytest

from fustor_core.exceptions import DriverError
from fustor_source_postgres._server.patience import Stop

pytestmark = pytest.mark.wide


@pytest.mark.parametrize("phase", ["stream", "snapshot", "audit", "position", "partitions"])
def test_the_first_failure_is_a_warning(database, make_driver, caplog, phase):
    dsn = f"{database.dsn} host=/nowhere/at/all"
    driver = make_driver(dsn=dsn, max_retries=1)
    actions = {
        "stream": lambda: driver.get_message_iterator(-1),
        "snapshot": lambda: list(driver.get_snapshot_iterator()),
        "audit": lambda: list(driver.get_audit_iterator()),
        "position": driver.get_latest_position,
        "partitions": lambda: driver.get_snapshot_partitions(2),
    }
    with pytest.raises(DriverError, match="cannot be read"):
        actions[phase]()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "/nowhere/at/all" in warnings[0]
    assert "attempt 1 of 1, the next in 0.05 s" in warnings[0]
    marks = [record.fustor_retry for record in caplog.records if hasattr(record, "fustor_retry")]
    assert marks == [{"attempt": 1, "of": 1, "next_sec": 0.05}]


def test_an_answer_after_failures_is_said_once_and_marked(make_driver, caplog):
    patience = make_driver(max_retries=9)._patience(Stop(threading.Event()))
    failures = [1, 2]

    def action():
        if failures:
            psycopg2.connect(host="/nowhere/at/all", port=failures.pop())
        return "there"

    assert patience.keep_trying(action) == "there"
    assert patience.keep_trying(action) == "there"
    assert [record.fustor_retry["attempt"] for record in caplog.records] == [1, 0]
    assert caplog.records[-1].getMessage().endswith("answers again")
