"""How a pair is run by this host: its two drivers, and the options of the run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.commands._demo import shown
from fustor_driver.commands._drivers import constructed, pusher_class, source_class
from fustor_driver.commands._options import AllowDeletionsOption, TaskOfFileOption, finite, seconds
from fustor_driver.commands._pairs import RECORDER
from fustor_driver.commands._strict import watched
from fustor_driver.completion import shell_files
from fustor_driver.configuration import Pair
from fustor_driver.errors import UsageProblem
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.recorder import RecordingPusher
from fustor_driver.hosts.runner import Job
from fustor_driver.params import explained

__all__ = ["RunOptions"]

_STATE = ".fustor"


@dataclass(frozen=True)
class RunOptions:
    """A group of options: what the command line says of every run."""

    task: TaskOfFileOption = None
    audit_interval: Annotated[float | None, seconds("Audit so often; 0 for never. [600]")] = None
    duration: Annotated[
        float | None, seconds("Stop after so many seconds, when all that was read is pushed.", "--for")
    ] = None
    state_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIRECTORY",
            help="Keep refused events and the note of an unfinished snapshot here. [.fustor]",
            autocompletion=shell_files,
        ),
    ] = None
    stop_timeout: Annotated[
        float, seconds("End at the latest so long after SIGTERM or the end of --for.", least=0.1)
    ] = 10.0
    read_ahead_mib: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=1e6,
            callback=finite,
            metavar="MIB",
            help="Read so much of a phase ahead of the pusher, in MiB.",
        ),
    ] = 64.0
    once: Annotated[
        bool, typer.Option("--once", help="End when a snapshot, or what came since the last run, is pushed.")
    ] = False
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Forget the position of the task and begin with a snapshot.")
    ] = False
    allow_deletions: AllowDeletionsOption = False
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Watch both drivers for breaches of the contract; any ends with exit code 8."),
    ] = False

    def of_this_host(self) -> dict[str, Any]:
        """What was given that no agent can do, by its option."""
        names = ("task", "state_dir", "once", "full_refresh", "allow_deletions", "strict")
        return {f"--{name.replace('_', '-')}": getattr(self, name) for name in names}

    def refuse_contradictions(self, chosen: Sequence[Pair]) -> None:
        """Refuse options that do not go together.

        Raises:
            UsageProblem: those of one run were given for several, or those of a long one for a short one.
        """
        if len(chosen) > 1 and (self.task is not None or self.strict):
            raise UsageProblem("--task and --strict are for one run; choose one with --sync")
        if self.once and self.audit_interval:
            raise UsageProblem("--once takes no audits: leave out --audit-interval, or run with --for instead")

    def job(self, pair: Pair, place: Path, worlds: ExitStack, *, shows: bool) -> Job:
        """A run of the pair with its state below `place`; with `shows` its rows are log lines.

        Its drivers are watched until `worlds` end, where that is asked for.
        """
        reads, writes = _classes(pair)
        if self.strict:
            worlds.enter_context(watched(reads, writes))
        with explained(reads, pair.source_id, pair.source, pair.file):
            source = constructed(lambda: reads(pair.reader_id, pair.source))
        with explained(writes, pair.pusher_id, pair.pusher, pair.file):
            pusher = constructed(lambda: writes(pair.pusher_id, pair.pusher))
        return Job(source, shown(pusher) if shows else pusher, self._host_options(pair, place))

    def _host_options(self, pair: Pair, place: Path) -> HostOptions:
        """What the command line says goes before the file."""
        changes: dict[str, Any] = {
            "state_dir": self.state_dir or place / _STATE,
            "allow_deletions": self.allow_deletions,
            "stop_timeout_sec": self.stop_timeout,
            "read_ahead_bytes": max(int(self.read_ahead_mib * 2**20), 1),
            "once": self.once,
            "full_refresh": self.full_refresh,
        }
        interval = self.audit_interval if self.audit_interval is not None else pair.audit_interval_sec
        if interval is not None:
            changes["audit_interval_sec"] = interval
        return HostOptions(task_id=self.task or pair.task_id).model_copy(update=changes)


def _classes(pair: Pair) -> tuple[type[SourceDriver], type[PusherDriver]]:
    records = pair.pusher.driver == RECORDER
    return source_class(pair.source.driver), RecordingPusher if records else pusher_class(pair.pusher.driver)
