"""A slot that another reader has moved on since somebody looked at it."""

import threading

import pytest

from fustor_core.exceptions import DriverError
from fustor_source_postgres._server import slots
from fustor_source_postgres._server.patience import Stop


@pytest.mark.parametrize("bounded", [False, True], ids=["the slot itself", "a copy"])
def test_what_was_released_between_the_look_and_the_start_is_no_silent_gap(bounded, database, make_driver):
    database.run("create table t (id int primary key)")
    driver, stop = make_driver(tables=["public.t"]), threading.Event()
    driver.get_message_iterator(-1, stop_event=stop)
    opener = driver._opener
    position = driver.get_latest_position()
    driver._close()
    with opener.address.session() as conn:
        seen = slots.find_slot(conn, opener.slot)
        database.run("insert into t values (1)")
        assert slots.advance_slot(conn, opener.slot, slots.latest_lsn(conn))
    with pytest.raises(DriverError, match="has lost position"):
        opener._open_slot(position, seen, Stop(threading.Event()), bounded=bounded)
