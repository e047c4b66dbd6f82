"""`fustor-driver list`."""

from __future__ import annotations

from fustor_driver.commands._options import JsonOption, subcommand
from fustor_driver.registry import DriverRecord, Registry
from fustor_driver.reporting import print_json, say, show_table


@subcommand
def list_command(*, json: JsonOption = False) -> None:
    """List the installed drivers, and the hosts that find each of them."""
    records = Registry.installed().records
    if json:
        more = ("groups", "hosts", "error")
        print_json([record.as_data() | {name: getattr(record, name) for name in more} for record in records])
        return
    show_table(("kind", "name", "package", "class", "found by", "state"), map(_as_row, records))
    for record in records:
        if record.error:
            say(record.why_it_does_not_load())


def _as_row(record: DriverRecord) -> tuple[str, ...]:
    package = f"{record.distribution} {record.version}"
    state = "does not load" if record.error else "ok"
    return (record.kind, record.name, package, record.value, ", ".join(record.hosts), state)
