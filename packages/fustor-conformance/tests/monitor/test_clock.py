"""Times against the kit's clock: explained or surely wrong, or nothing is said."""

from __future__ import annotations

import time

import pytest
from kit_told import NOW, database, row, told

from fustor_conformance.monitor.clock import Clock, Times
from fustor_conformance.monitor.zone import give_zone_back, local_offset_sec, odd_zone
from fustor_event_model import MessageSource

OFFSET = 5.75 * 3600


def clock(**more):
    given = {"offset_sec": OFFSET, "began": NOW, "monotonic_began": 50_000.0}
    return Clock(**given | more, now=lambda: NOW + 10, monotonic=lambda: 50_010.0)


def file(mtime):
    return told(row("/a", mtime=mtime, modified_time=mtime))


def rules(one, times=None):
    return [finding.rule_id for finding in (times or Times(clock())).look(one)]


@pytest.mark.parametrize("mtime", [NOW, NOW + 5, 0.0, 17, NOW - 1e8, NOW + 1e7, -5.0])
def test_a_file_may_be_of_any_age(mtime):
    assert rules(file(mtime)) == []


@pytest.mark.parametrize("factor", [1e3, 1e6, 1e9])
def test_a_time_in_another_unit_is_now_in_it(factor):
    assert rules(file((NOW + 5) * factor)) == ["E12"]


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_time_that_is_off_by_the_zone_is_the_zones(sign):
    assert rules(file(NOW + 5 + sign * OFFSET)) == ["E13"]


def test_a_monotonic_clock_is_no_time_of_the_day():
    assert rules(file(50_005.0)) == ["E12"]


def test_a_database_row_is_never_of_the_future():
    assert rules(database(source=MessageSource.REALTIME, mtime=NOW + 3600)) == ["E12"]


def test_the_other_sides_clock_may_be_a_little_ahead():
    assert rules(database(source=MessageSource.REALTIME, mtime=NOW + 30)) == []


def test_a_database_that_knows_no_real_time_is_left_alone():
    assert rules(database(source=MessageSource.REALTIME, mtime=7.0)) == []


def test_a_row_from_before_the_beginning_shows_beside_one_that_is_not():
    times = Times(clock())
    assert rules(database(source=MessageSource.SNAPSHOT, mtime=NOW + 1), times) == []
    assert rules(database(source=MessageSource.SNAPSHOT, mtime=NOW - 9_000), times) == ["E12"]
    assert rules(database(source=MessageSource.REALTIME, mtime=NOW - 9_000), times) == []


def test_a_run_of_ones_own_says_nothing_of_old_rows_and_other_clocks():
    times = Times(clock(is_bounded=False))
    for mtime in (NOW - 9_000, NOW + 3_600, NOW - OFFSET, 50_005.0):
        assert rules(database(source=MessageSource.REALTIME, mtime=mtime), times) == []
    assert rules(database(source=MessageSource.REALTIME, mtime=NOW + 5 + OFFSET), times) == ["E13"]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="This system has no time zone of a process")
def test_the_odd_zone_is_odd_and_goes():
    before = (time.tzname, local_offset_sec())
    with odd_zone():
        assert local_offset_sec() == OFFSET
    assert (time.tzname, local_offset_sec()) == before


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="This system has no time zone of a process")
def test_the_odd_zone_stays_until_its_last_block_has_ended():
    before = (time.tzname, local_offset_sec())
    first, second = odd_zone(), odd_zone()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert local_offset_sec() == OFFSET
    second.__exit__(None, None, None)
    assert (time.tzname, local_offset_sec()) == before


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="This system has no time zone of a process")
def test_a_block_that_does_not_end_does_not_keep_the_zone():
    before = (time.tzname, local_offset_sec())
    stuck, later = odd_zone(), odd_zone()
    stuck.__enter__()
    give_zone_back()
    assert (time.tzname, local_offset_sec()) == before
    later.__enter__()
    stuck.__exit__(None, None, None)
    assert local_offset_sec() == OFFSET, "the one that has begun since then runs"
    later.__exit__(None, None, None)
    assert (time.tzname, local_offset_sec()) == before
