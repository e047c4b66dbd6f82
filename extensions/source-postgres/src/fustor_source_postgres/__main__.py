"""`python -m fustor_source_postgres`: replication slots, listed and dropped by name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import psycopg2

from fustor_core.exceptions import ConfigError, DriverError
from fustor_source_postgres._server import ownership, slots
from fustor_source_postgres._server.connection import Address

_MEGABYTE = 1 << 20


def list_slots(address: Address) -> list[slots.Slot]:
    """This project's slots on a server, by name."""
    with address.session() as conn:
        found = slots.find_slots(conn)
        noted = ownership.noted_slots(conn)
    return [slot for name, slot in sorted(found.items()) if name.startswith(slots.OWN_PREFIX) or name in noted]


def drop_slot(address: Address, name: str) -> None:
    """Drop a slot; its source then starts with a new snapshot."""
    with address.session() as conn:
        slot = slots.find_slot(conn, name)
        if slot is None:
            raise ConfigError(f"Slot {name!r} does not exist; list the slots for their names")
        ownership.require_known(conn, slot)
        slots.drop_slot(conn, name)
        ownership.forget(conn, name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, call, print. The password comes from PGPASSWORD or a password file, never from an argument."""
    parser = argparse.ArgumentParser(prog="python -m fustor_source_postgres", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("slots", "list the slots of this project"), ("drop", "drop one slot")):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("uri", help="postgresql://user@host:port/database")
        if name == "drop":
            command.add_argument("slot", help="its name, as `slots` lists it")
    asked = parser.parse_args(arguments)
    try:
        address = Address.parse(asked.uri)
    except ConfigError as err:
        return _fail(str(err))
    try:
        if asked.command == "drop":
            drop_slot(address, asked.slot)
            sys.stdout.write(f"Dropped {asked.slot}\n")
        else:
            sys.stdout.writelines(f"{_line(slot)}\n" for slot in list_slots(address))
    except (ConfigError, DriverError, psycopg2.Error) as err:
        return _fail(address.clean(err))
    return 0


def _fail(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 9


def _line(slot: slots.Slot) -> str:
    state = "lost" if slot.is_lost else "active" if slot.is_active else "read by nobody"
    retained = (slot.retained_bytes or 0) / _MEGABYTE
    return f"{slot.name}\t{slot.database}\t{state}\t{retained:.1f} MiB behind"


if __name__ == "__main__":
    sys.exit(main())
