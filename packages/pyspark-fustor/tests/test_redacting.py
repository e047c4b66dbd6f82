"""A driver that puts all that it knows into everything that it says: nothing of it reaches Spark."""

import traceback
from urllib.parse import quote

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed; uv sync --group engines")

from pyspark_fustor._batch import BatchReader
from pyspark_fustor._options import PusherOptions, SourceOptions
from pyspark_fustor._pushing import push_all
from pyspark_fustor._ranges import RangesReader
from pyspark_fustor._session import Session
from pyspark_fustor._stream import StreamReader
from pyspark_fustor._writing import open_snapshot

from fustor_core.exceptions import ConfigError, DriverError
from fustor_driver.engines import FlatRow
from fustor_driver.errors import CheckFailed
from fustor_event_model import MessageSource

pytestmark = pytest.mark.usefixtures("blabbing")
SECRET = "ge/heim@80%"  # noqa: S105 - known to no server
ADDRESS = "blab://me:${BLAB_PASSWORD}@host/x"
HOWS = {"plain": DriverError, "bug": DriverError, "model": DriverError, "config": ConfigError}


@pytest.fixture(autouse=True)
def password(monkeypatch):
    """The process knows no secret yet."""
    monkeypatch.setattr("fustor_driver.redaction.REDACTOR._secrets", set())
    monkeypatch.setattr("fustor_driver.redaction.REDACTOR._known", None)
    monkeypatch.setenv("BLAB_PASSWORD", SECRET)


def options(of, where, how="plain", **more):
    address = {"uri": ADDRESS} if of is SourceOptions else {"endpoint": ADDRESS, "task": "t"}
    credential = {"user": "me", "passwd": "${BLAB_PASSWORD}"}
    params = {"where": where, "how": how}
    return of.parse({"driver": "try_blab", "driver_params": params, "max_retries": 1} | credential | address | more)


def let_out(call, kind=DriverError):
    """What of an error Spark shows."""
    with pytest.raises(kind) as err:
        call()
    assert type(err.value) is kind
    shown = "".join(traceback.format_exception(err.value))
    assert "cannot be used" in shown or "input_value=***" in shown
    for form in (SECRET, quote(SECRET), quote(SECRET, safe="")):
        assert form not in shown
    return shown


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("where", ["constructor", "snapshot"])
def test_a_batch_that_fails_shows_no_secret(where, how):
    reader = BatchReader(options(SourceOptions, where, how))
    assert "blabbing.py" in let_out(lambda: list(reader.read(None)), HOWS[how])


def test_a_plan_that_fails_shows_no_secret():
    let_out(BatchReader(options(SourceOptions, "constructor")).partitions)


@pytest.mark.parametrize("reader", [StreamReader, RangesReader])
@pytest.mark.parametrize("where", ["constructor", "realtime"])
def test_a_stream_that_fails_shows_no_secret(reader, where, blabbing, monkeypatch):
    monkeypatch.setattr(blabbing.BlabSource, "get_latest_position", lambda _: 1)
    let_out(reader(options(SourceOptions, where)).initialOffset)


def test_what_a_feed_hands_over_shows_no_secret(blabbing, monkeypatch):
    monkeypatch.setattr(blabbing.BlabSource, "is_position_available", lambda *_: True)
    monkeypatch.setattr(
        blabbing.BlabSource, "get_message_iterator", lambda self, _, **more: self.get_snapshot_iterator(**more)
    )
    reader = StreamReader(options(SourceOptions, "snapshot", wait_sec=60))
    let_out(lambda: reader.read({"position": 1}))


@pytest.mark.parametrize("how", [*HOWS, "retry"])
def test_a_session_that_fails_shows_no_secret(how):
    kind = {**HOWS, "retry": CheckFailed}[how]
    let_out(lambda: open_snapshot(options(PusherOptions, "create_session", how)), kind)


@pytest.mark.parametrize("how", [*HOWS, "retry"])
def test_a_push_that_fails_shows_no_secret(how):
    kind = {**HOWS, "retry": CheckFailed}[how]
    with Session(options(PusherOptions, "push", how)) as session:
        let_out(lambda: push_all(session, [row()], MessageSource.SNAPSHOT, 1), kind)


def test_why_rows_were_refused_is_safe_before_another_process_reports_it():
    with Session(options(PusherOptions, "reason")) as session:
        pushed = push_all(session, [row()], MessageSource.SNAPSHOT, 1)
    assert "cannot be used" in pushed.refused_reason
    assert SECRET not in pushed.refused_reason


def row():
    whole = {"path": "/a", "mtime": 1.0, "size": 1}
    return FlatRow("update", "snapshot", "s", "t", -1, "/a", 1.0, 1, None, None, whole)
