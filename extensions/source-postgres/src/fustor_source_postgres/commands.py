"""Replication slots, listed and dropped by hand; `fustor-driver postgres` takes these functions up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from fustor_core.exceptions import ConfigError, DriverError
from fustor_core.models.config import SourceConfig
from fustor_source_postgres._server import ownership, slots
from fustor_source_postgres._server.connection import Address

__all__ = ["drop_slot", "list_slots"]

_MEGABYTE = 1 << 20


def list_slots(config: SourceConfig) -> None:
    """List the replication slots of this project on a server, with what they hold back."""
    with _asked(config) as address, address.session() as conn:
        found = slots.find_slots(conn)
        noted = ownership.noted_slots(conn)
    own = [slot for name, slot in sorted(found.items()) if name.startswith(slots.OWN_PREFIX) or name in noted]
    sys.stdout.writelines(f"{_line(slot)}\n" for slot in own)
    if not own:
        sys.stderr.write(f"No slot of this project is on {address.shown}\n")


def drop_slot(config: SourceConfig, slot: str) -> None:
    """Drop a replication slot; its source then starts with a new snapshot."""
    with _asked(config) as address, address.session() as conn:
        found = slots.find_slot(conn, slot)
        if found is None:
            raise ConfigError(f"Slot {slot!r} does not exist; list the slots for their names")
        ownership.require_known(conn, found)
        slots.drop_slot(conn, slot)
        ownership.forget(conn, slot)
    sys.stdout.write(f"Dropped {slot}\n")


@contextmanager
def _asked(config: SourceConfig) -> Iterator[Address]:
    """The server; its faults become errors of the driver, without a secret."""
    address = Address.parse(config.uri, config.credential)
    try:
        yield address
    except psycopg2.Error as err:
        raise DriverError(address.clean(err)) from err


def _line(slot: slots.Slot) -> str:
    state = "lost" if slot.is_lost else "active" if slot.is_active else "read by nobody"
    retained = (slot.retained_bytes or 0) / _MEGABYTE
    return f"{slot.name}\t{slot.database}\t{state}\t{retained:.1f} MiB behind"
