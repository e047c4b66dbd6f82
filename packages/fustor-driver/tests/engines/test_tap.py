"""A source as a tap of Singer."""

import pytest

from fustor_driver.engines.singer import bookmark_of, catalog_of, is_selected, tap
from fustor_driver.engines.singer.taps import DELETED_AT
from fustor_driver.errors import CheckFailed, NotConformant, UsageProblem
from fustor_try.engine_sources import BoundedLog, NoLog, PlainLog, TellingLog, source

SECRET = {"token": "unguessable"}
DRIVERS = [BoundedLog, TellingLog, pytest.param(PlainLog, marks=pytest.mark.wide)]  # which is waited for


@pytest.fixture
def ran(log, collected, stop):
    """What a run of the tap of a log writes, from a state on."""

    def run(driver, state=None, **params):
        read, out = source(driver, log, **params), collected()
        tap(read, bookmark_of(state or {}, read.id), out.lines, stop)
        return out

    return run


def state_of(out):
    return out.of("STATE")[-1]["value"]


def records(out):
    return [message["record"]["path"] for message in out.of("RECORD")]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_second_run_reads_nothing_and_a_third_what_is_new(driver, log, ran):
    for name in "abc":
        log.append("upsert", f"/{name}", 1)
    first = ran(driver)
    assert records(first) == ["/a", "/b", "/c"]
    second = ran(driver, state_of(first))
    assert records(second) == []
    log.append("delete", "/a")
    third = ran(driver, state_of(second))
    (message,) = third.of("RECORD")
    assert (message["record"]["path"], message["record"]["event_type"]) == ("/a", "delete")
    assert message["record"][DELETED_AT].endswith("+00:00")


def test_a_tap_announces_its_rows_and_ends_a_snapshot_before_its_first_state(log, ran):
    log.append("upsert", "/a", 1)
    out = ran(TellingLog)
    assert [message["type"] for message in out.messages][:4] == ["SCHEMA", "RECORD", "ACTIVATE_VERSION", "STATE"]
    schema, record, version = out.messages[:3]
    assert schema["key_properties"] == ["path"]
    assert schema["schema"]["properties"].keys() == record["record"].keys()
    assert version["version"] == record["version"] == state_of(out)["bookmarks"]["s"]["version"]


def test_a_state_stands_where_an_event_ends(log, ran, monkeypatch):
    monkeypatch.setattr("fustor_driver.engines.singer.taps._STATE_ROWS", 2)
    for at in range(1, 8):
        log.append("upsert", f"/{at}", 1)
    known = state_of(ran(BoundedLog))
    known["bookmarks"]["s"]["position"] = 1
    out = ran(BoundedLog, known)
    told = 1
    for message in out.messages:
        if message["type"] == "RECORD":
            told = message["record"]["position"]
        if message["type"] == "STATE":
            assert message["value"]["bookmarks"]["s"]["position"] == told
    assert len(out.of("STATE")) == 5


def test_a_position_that_is_gone_is_a_snapshot_with_no_state_before_its_end(log, ran):
    log.append("upsert", "/a", 1)
    state = {"bookmarks": {"s": {"position": 99, "version": 5}}}
    out = ran(TellingLog, state)
    kinds = [message["type"] for message in out.messages]
    assert kinds.index("STATE") > kinds.index("ACTIVATE_VERSION")
    assert state_of(out)["bookmarks"]["s"]["position"] == 1


def test_a_source_without_positions_is_read_whole_every_time(log, ran):
    log.append("upsert", "/a", 1)
    first = ran(NoLog)
    second = ran(NoLog, state_of(first))
    assert records(first) == records(second) == ["/a"]
    assert len(second.of("ACTIVATE_VERSION")) == 1


@pytest.mark.parametrize(("driver", "method"), [(TellingLog, "INCREMENTAL"), (NoLog, "FULL_TABLE")])
def test_the_catalog_has_one_stream_that_is_called_as_the_source(driver, method, log):
    (stream,) = catalog_of(source(driver, log))["streams"]
    assert (stream["tap_stream_id"], stream["replication_method"]) == ("s", method)
    assert is_selected({"streams": [stream]}, "s")


@pytest.mark.parametrize(
    ("stream", "is_in"),
    [
        ({"tap_stream_id": "s"}, True),
        ({"tap_stream_id": "s", "selected": False}, False),
        ({"tap_stream_id": "s", "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}, True),
        ({"tap_stream_id": "s", "metadata": [{"breadcrumb": [], "metadata": {"selected": False}}]}, False),
        ({"tap_stream_id": "s", "metadata": [{"breadcrumb": ["properties", "row"], "metadata": {}}]}, True),
        ({"tap_stream_id": "s", "metadata": None}, True),
        ({"tap_stream_id": "s", "metadata": [{"breadcrumb": [], "metadata": {"selected": None}}]}, True),
        ({"tap_stream_id": "other"}, False),
    ],
)
def test_a_catalog_leaves_a_stream_in_or_out(stream, is_in):
    assert is_selected({"streams": [stream]}, "s") is is_in


def test_a_catalog_of_other_streams_is_said(caplog):
    is_selected({"streams": [{"tap_stream_id": "other"}]}, "s")
    assert "the only stream is 's', and the catalog has 'other'" in caplog.text


@pytest.mark.parametrize("streams", [None, {}, [3], [{"tap_stream_id": "s", "metadata": [3]}], [{"stream": 3}]])
def test_what_is_no_catalog_is_refused(streams):
    with pytest.raises(UsageProblem, match=r"The catalog is not one: streams"):
        is_selected({"streams": streams}, "s")


def test_what_json_has_no_number_for_is_text(collected):
    out = collected()
    out.lines.write({"rows": [float("nan"), float("inf"), -float("inf"), 1.5]})
    assert out.messages == [{"rows": ["NaN", "Infinity", "-Infinity", 1.5]}]


def test_an_event_that_json_cannot_carry_ends_the_tap(log, ran):
    log.append("upsert", "/\ud800", 1)
    with pytest.raises(NotConformant, match="JSON cannot carry"):
        ran(TellingLog)


@pytest.mark.parametrize("mark", [{"position": "far"}, {"position": 1e300}, {"position": 1 << 63}, 3, [], "x"])
def test_a_state_of_another_tap_is_refused(mark, ran):
    with pytest.raises(CheckFailed, match="not one of fustor-driver"):
        ran(TellingLog, {"bookmarks": {"s": mark}})


def test_no_state_has_a_secret(log, ran):
    log.append("upsert", "/a", 1)
    out = ran(TellingLog, **SECRET)
    assert b"unguessable" not in out.text
