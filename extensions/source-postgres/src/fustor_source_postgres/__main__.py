"""`python -m fustor_source_postgres`: replication slots, where `fustor-driver` is not installed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fustor_core.exceptions import DriverError
from fustor_core.models.config import SourceConfig
from fustor_source_postgres.commands import drop_slot, list_slots


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
    config = SourceConfig(driver="postgres", uri=asked.uri)
    try:
        if asked.command == "drop":
            drop_slot(config, asked.slot)
        else:
            list_slots(config)
    except DriverError as err:
        sys.stderr.write(f"{err}\n")
        return 9
    return 0


if __name__ == "__main__":
    sys.exit(main())
