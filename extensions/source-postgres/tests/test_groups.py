"""What holds of events while the messages they are made of are still coming."""

import pytest

from fustor_core.exceptions import DriverError
from fustor_source_postgres._changes.pgoutput import Decoder


@pytest.fixture
def changes(database, make_driver, messages_of):
    """A driver, the messages of one transaction (three rows of `a`, two of `b`, one of `a`), and where they lie."""
    for table in "ab":
        database.run(f"create table {table} (id int primary key)")
    driver = make_driver()
    driver.get_message_iterator(-1)
    start = driver.get_latest_position()
    with database.transaction() as run:
        for table, key in ("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("a", 4):
            run(f"insert into {table} values ({key})")  # noqa: S608 - written above
    end = driver.get_latest_position()
    return driver, messages_of(driver, start, end), (start, end)


def nothing_is_gone(_relation, _rows, _xids):
    return []


def decoder_of(driver):
    return Decoder(driver._shared, driver._opener.resolver(), "", nothing_is_gone)


def paths(events):
    return [[row["path"] for row in event.rows] for event in events]


EXPECTED = [
    ["/public/a/1", "/public/a/2", "/public/a/3"],
    ["/public/b/1", "/public/b/2"],
    ["/public/a/4"],
]


def place(found, number):
    """Where the change with this number stands."""
    return [n for n, message in enumerate(found) if message[:1] == b"I"][number]


def test_the_cut_does_not_depend_on_how_many_messages_come_at_once(changes):
    driver, found, _ = changes
    whole, decoder = decoder_of(driver).decode(found), decoder_of(driver)
    single = [event.model_dump() for message in found for event in decoder.decode([message])]
    assert paths(whole) == EXPECTED
    assert single == [event.model_dump() for event in whole]


def test_an_error_comes_after_the_events_before_it_and_what_is_open_is_not_told(changes):
    driver, found, _ = changes
    decoder = decoder_of(driver)
    spoilt = place(found, 4)
    assert paths(decoder.decode([*found[:spoilt], b"?", *found[spoilt:]])) == EXPECTED[:1]
    with pytest.raises(DriverError, match="unknown kind"):
        decoder.check()
    with pytest.raises(DriverError, match="unknown kind"):
        decoder.decode(found[spoilt:])


def test_rows_of_an_open_event_follow_the_clock_of_an_audit(changes):
    driver, found, _ = changes
    decoder = decoder_of(driver)
    halves = found[: place(found, 1)], found[place(found, 1) :]
    told = decoder.decode(halves[0])
    clock = 4e9
    driver._shared.raise_clock(clock)
    told += decoder.decode(halves[1])
    assert {row["mtime"] for event in told for row in event.rows} == {clock}


def test_an_event_that_is_open_when_an_audit_begins_touches_its_table_after_that(changes):
    driver, found, _ = changes
    decoder = decoder_of(driver)
    cut = place(found, 4)
    decoder.decode(found[:cut])
    point = driver._shared.touches
    assert paths(decoder.decode(found[cut : place(found, 5) + 1])) == EXPECTED[1:2]
    assert "/public/b" in driver._shared.touched_since(point)


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_a_stream_counts_what_was_taken_and_resumes_behind_it(changes, taken):
    """Also where all of it lies in one transaction, and the iterator is left before its end."""
    driver, _, (start, end) = changes
    before = driver.statistics()
    stream = driver.get_message_iterator(start, end_position=end)
    told = [next(stream) for _ in range(taken)]
    for _ in range(2):  # before and after it is closed
        counts = driver.statistics()
        assert counts["events"] - before["events"] == taken
        assert counts["rows"] - before["rows"] == sum(len(event.rows) for event in told)
        stream.close()
    rest = driver.get_message_iterator(told[-1].index, end_position=end)
    assert paths([*told, *rest]) == EXPECTED


@pytest.mark.parametrize("last", [0, 1, 2])
def test_a_range_may_end_inside_a_transaction(changes, last):
    driver, _, (start, end) = changes
    index = [event.index for event in driver.get_message_iterator(start, end_position=end)][last]
    assert paths(driver.get_message_iterator(start, end_position=index)) == EXPECTED[: last + 1]


def test_no_event_is_told_below_a_clock_that_was_raised_after_it_was_made(changes):
    driver, _, (start, end) = changes
    events = driver.get_message_iterator(start, end_position=end)
    told = [next(events)]
    clock = told[0].rows[0]["mtime"] + 1_000
    driver._shared.raise_clock(clock)
    told += events
    assert paths(told) == EXPECTED
    assert [{row["mtime"] for row in event.rows} for event in told[1:]] == [{clock}, {clock}]
