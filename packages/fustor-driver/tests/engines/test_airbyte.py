"""A source as a connector of Airbyte."""

import asyncio

import pytest

from fustor_driver.engines import Bookmark
from fustor_driver.engines.airbyte import bookmark_of, check, discover, mode_of, read, specification
from fustor_driver.engines.airbyte.answers import DELETED_AT
from fustor_driver.engines.airbyte.reading import trace_error
from fustor_driver.errors import CheckFailed, NotConformant, UsageProblem
from fustor_try.engine_sources import BoundedLog, NoLog, PlainLog, TellingLog, source

DRIVERS = [BoundedLog, TellingLog, pytest.param(PlainLog, marks=pytest.mark.wide)]  # which is waited for


def catalog(mode="incremental", name="s"):
    return {"streams": [{"stream": {"name": name}, "sync_mode": mode, "destination_sync_mode": "append"}]}


@pytest.fixture
def ran(log, collected, stop):
    """What a read of a log writes, with the states of an earlier one."""

    def run(driver, states=(), mode="incremental", *, out=None):
        known, out = source(driver, log), out or collected()
        read(known, mode_of(catalog(mode), known), bookmark_of(list(states), known.id), out.lines, stop)
        return out

    return run


def states(out):
    return [message["state"] for message in out.of("STATE")]


def statuses(out):
    return [message["trace"]["stream_status"]["status"] for message in out.of("TRACE")]


def records(out):
    return [message["record"]["data"]["path"] for message in out.of("RECORD")]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_second_read_reads_nothing_and_a_third_what_is_new(driver, log, ran):
    for name in "abc":
        log.append("upsert", f"/{name}", 1)
    first = ran(driver)
    assert records(first) == ["/a", "/b", "/c"]
    second = ran(driver, states(first)[-1:])
    assert records(second) == []
    log.append("delete", "/a")
    third = ran(driver, states(second)[-1:])
    (message,) = third.of("RECORD")
    assert message["record"]["data"][DELETED_AT].endswith("+00:00")


def test_a_stream_says_how_it_is(ran):
    out = ran(TellingLog)
    assert statuses(out) == ["STARTED", "RUNNING", "COMPLETE"]


def test_a_state_counts_the_records_before_it(log, ran, monkeypatch):
    monkeypatch.setattr("fustor_driver.engines.airbyte.reading._STATE_ROWS", 2)
    for at in range(7):
        log.append("upsert", f"/{at}", 1)
    first = ran(BoundedLog)
    state = states(first)[-1]
    state["stream"]["stream_state"]["position"] = 1
    out = ran(BoundedLog, [state])
    assert [one["sourceStats"]["recordCount"] for one in states(out)] == [2.0, 2.0, 2.0, 0.0]
    assert [one["stream"]["stream_state"]["position"] for one in states(out)] == [3, 5, 7, 7]


def test_a_position_that_is_gone_asks_for_a_refresh(log, ran, collected):
    log.append("upsert", "/a", 1)
    state = {"stream": {"stream_descriptor": {"name": "s"}, "stream_state": {"position": 99}}}
    out = collected()
    with pytest.raises(CheckFailed, match=r"position 99 is gone.*refresh it"):
        ran(TellingLog, [state], out=out)
    assert statuses(out) == ["STARTED", "INCOMPLETE"]


def test_a_stream_that_breaks_off_is_incomplete(log, ran, collected):
    log.append("upsert", "/\ud800", 1)
    out = collected()
    with pytest.raises(NotConformant):
        ran(TellingLog, out=out)
    assert statuses(out) == ["STARTED", "RUNNING", "INCOMPLETE"]


def test_a_full_refresh_is_a_snapshot_every_time(log, ran):
    log.append("upsert", "/a", 1)
    first = ran(TellingLog, mode="full_refresh")
    second = ran(TellingLog, states(first)[-1:], mode="full_refresh")
    assert records(first) == records(second) == ["/a"]


def test_a_source_without_positions_is_only_read_whole(log, ran):
    log.append("upsert", "/a", 1)
    (stream,) = asyncio.run(discover(source(NoLog, log)))["catalog"]["streams"]
    assert stream["supported_sync_modes"] == ["full_refresh"]
    assert records(ran(NoLog, mode="full_refresh")) == ["/a"]
    with pytest.raises(CheckFailed, match="choose full_refresh"):
        mode_of(catalog(), source(NoLog, log))


def test_where_nothing_is_chosen_nothing_is_read(log):
    assert mode_of({"streams": []}, source(TellingLog, log)) is None


def test_a_stream_that_there_is_not_is_an_error_and_no_sync_of_nothing(log):
    with pytest.raises(CheckFailed, match="chooses 'other', and the only stream is 's'"):
        mode_of(catalog(name="other"), source(TellingLog, log))


@pytest.mark.parametrize("wrong", [{}, {"streams": None}, {"streams": [3]}, catalog("append"), catalog(name=None)])
def test_what_is_no_configured_catalog_is_refused(wrong, log):
    with pytest.raises(UsageProblem, match="The catalog is not one: streams"):
        mode_of(wrong, source(TellingLog, log))


def test_the_catalog_names_key_and_cursor(log):
    (stream,) = asyncio.run(discover(source(TellingLog, log)))["catalog"]["streams"]
    assert (stream["source_defined_primary_key"], stream["default_cursor_field"]) == ([["path"]], ["position"])
    assert {"row", "position", DELETED_AT} <= stream["json_schema"]["properties"].keys()


@pytest.mark.usefixtures("installed")
def test_the_specification_marks_what_is_secret():
    schema = specification(["try_log"])["spec"]["connectionSpecification"]
    assert schema["properties"]["driver"]["enum"] == ["try_log"]
    assert schema["properties"]["driver_params"]["properties"]["token"]["airbyte_secret"] is True
    assert schema["$defs"]["PasswdCredential"]["properties"]["passwd"]["airbyte_secret"] is True
    assert "disabled" not in schema["properties"]
    several = specification(["try_log", "try_blab"])["spec"]["connectionSpecification"]
    assert several["properties"]["driver"]["enum"] == ["try_blab", "try_log"]
    assert "properties" not in several["properties"]["driver_params"]


def test_a_check_says_whether_the_other_side_answers(log, run_async):
    there = source(TellingLog, log)
    assert run_async(check(there))["connectionStatus"]["status"] == "SUCCEEDED"
    log.log.unlink()
    assert run_async(check(there))["connectionStatus"]["status"] == "FAILED"


def test_an_error_is_named_without_a_secret():
    error = trace_error("No entry to postgresql://u:unguessable@h/db")["trace"]["error"]
    assert error["failure_type"] == "config_error"
    assert "unguessable" not in str(error)


@pytest.mark.parametrize(
    "kept",
    [
        *([], {}, [3], [{"type": "LEGACY", "data": {}}]),
        *([{"stream": None}], [{"stream": {"stream_descriptor": None}}], [{"stream": {"stream_descriptor": "s"}}]),
    ],
)
def test_a_state_of_nothing_begins_anew(kept):
    assert bookmark_of(kept, "s") == Bookmark()
