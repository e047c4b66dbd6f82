"""`fustor-driver record`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from fustor_core.models.config import PusherConfig
from fustor_driver.commands._drivers import SourceOptions, source_from
from fustor_driver.commands._options import JsonOption, NameArgument, file, seconds, subcommand
from fustor_driver.commands._outcome import check_outcome, code_after_signal
from fustor_driver.errors import UsageProblem, system_allows
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.recorder import RecordingPusher
from fustor_driver.hosts.runner import run_host
from fustor_driver.hosts.status import Status
from fustor_driver.progress import counting
from fustor_driver.reporting import print_json, say


@subcommand
def record_command(
    name: NameArgument,
    to: Annotated[Path, file("Write the recording to this file, which must not exist.", "--to")],
    entry: SourceOptions,
    duration: Annotated[float, seconds("Record for so many seconds.", "--for")] = 10.0,
    audit_interval: Annotated[float, seconds("Audit so often; 0 for never.")] = 0.0,
    *,
    json: JsonOption = False,
) -> None:
    """Record what a source emits into a file.

    It takes a snapshot, realtime all the while, and audits if they are asked for. `replay` pushes it again, as it was.
    """
    source = source_from(name, entry)
    pusher = RecordingPusher("recording", PusherConfig(driver="recording", endpoint=str(to)))
    last: list[Status] = []
    with (
        TemporaryDirectory(prefix="fustor-record-") as state_dir,
        _created(to),
        counting("Recording") as came,
    ):

        def look(status: Status) -> None:
            came(_rows(status) - sum(map(_rows, last)))
            last[:] = [status]

        options = HostOptions(task_id=f"record:{name}", state_dir=Path(state_dir), audit_interval_sec=audit_interval)
        received = run_host(source, pusher, options, duration_sec=duration, look=look)
    _tell(last[-1], to, json=json)
    if received:
        raise typer.Exit(code_after_signal(received, last[-1], once=False))
    check_outcome(last[-1])


def _rows(status: Status) -> int:
    return sum(phase.rows for phase in status.phases.values())


@contextmanager
def _created(file: Path) -> Iterator[None]:
    """Create a file; where the block has written nothing into it, it is taken away again."""
    with system_allows(f"The recording cannot be written to {str(file)!r}"):
        try:
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError as err:
            raise UsageProblem(f"The file {str(file)!r} is there already; name a new one") from err
    try:
        yield
    finally:
        if not file.stat().st_size:
            file.unlink()


def _tell(status: Status, file: Path, *, json: bool) -> None:
    if json:
        print_json(status)
        return
    counts = ", ".join(f"{state.rows} rows of {phase}" for phase, state in status.phases.items() if state.rows)
    say(f"Recorded {counts or 'nothing'} in {str(file)!r}")
