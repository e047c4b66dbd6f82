"""Enormous transactions: folded after so many events, and told without loss."""

# ruff: noqa: S608 - every statement is written in this file

import random

import pytest

from fustor_conformance.view import View
from fustor_source_postgres._changes.pgoutput import Decoder
from fustor_source_postgres._changes.present import Present
from fustor_source_postgres._server.patience import Stop
from fustor_source_postgres._server.slots import MAX_ORDINAL, base_index

SEED = 20261124


def long(number):
    """A value that is stored out of line, or one that is not."""
    return f"repeat('{number}', {3000 if number % 3 else 1})"


def statements(source, number):
    """Random changes of two small tables, with keys that move."""
    for _ in range(number):
        table, key, other = source.choice("ab"), source.randrange(20), source.randrange(20)
        yield source.choice(
            [
                f"insert into {table} values ({key}, {long(other)}) on conflict (id) do update set v = {long(other)}",
                f"delete from {table} where id = {key}",
                f"update {table} set id = {other} where id = {key} and {other} not in (select id from {table})",
                f"update {table} set n = n + 1 where id = {key}",
            ]
        )


@pytest.mark.parametrize("fine_events", [0, 1, 7, 50, MAX_ORDINAL // 2])
@pytest.mark.parametrize("seed", [SEED])
def test_a_folded_transaction_ends_in_the_same_state(database, make_driver, messages_of, seed, fine_events):
    print(f"seed {seed}")
    source = random.Random(seed)
    for table in "ab":
        database.run(f"create table {table} (id int primary key, v text, n int default 0)")
        database.run(f"alter table {table} alter v set storage external")
        database.run(f"insert into {table} select g, repeat('{table}' || g, 2000) from generate_series(0, 9) g")
    driver = make_driver()
    stream = driver.get_message_iterator(-1)
    view = View()
    view.begin_session("s")
    for event in driver.get_snapshot_iterator():
        view.apply(event)
    view.snapshot_end()

    start = driver.get_latest_position()
    with database.transaction() as run:
        for statement in statements(source, 200):
            run(statement)
    found = messages_of(driver, start, driver.get_latest_position())
    present = Present(driver._opener, Stop(driver._stop_driver_event))
    decoder = Decoder(driver._shared, driver._opener.resolver(), "", present.complete, fine_events=fine_events)
    events = decoder.decode(found)
    for event in events:
        view.apply(event)
    expected = {
        f"/public/{table}/{key}": {"record": {"id": key, "v": value, "n": n}}
        for table in "ab"
        for key, value, n in database.run(f"select id, v, n from {table}")
    }
    assert view.difference(expected, containers=False) == []
    assert [event.index for event in events] == sorted({event.index for event in events})
    if fine_events <= 7:
        assert max(event.index for event in events) - base_index((events[-1].index >> 20) << 3) <= fine_events + 10
    present.close()
    stream.close()
