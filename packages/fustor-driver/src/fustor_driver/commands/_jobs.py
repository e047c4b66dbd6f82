"""How a pair is run by this host: its two drivers, the options of the run, and with --strict who watches it.

A monitor watches both drivers while they run; the conformance kit provides it through an entry point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Protocol, cast

import typer

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_driver.commands._demo import shown
from fustor_driver.commands._drivers import constructed
from fustor_driver.commands._options import AllowDeletionsOption, TaskOfFileOption, file, finite, seconds
from fustor_driver.commands._pairs import RECORDER
from fustor_driver.configuration import Pair
from fustor_driver.errors import EnvironmentProblem, NotConformant, UsageProblem
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.recorder import RecordingPusher
from fustor_driver.hosts.runner import Job
from fustor_driver.kinds import Kind
from fustor_driver.params import explained
from fustor_driver.redaction import safe_logger
from fustor_driver.registry import Registry

__all__ = ["MONITOR_GROUP", "RunOptions", "watched"]

_STATE = ".fustor"
MONITOR_GROUP = "fustor_driver.monitors"
"""Entry-point group of monitors: a function of driver classes and `on_finding` that watches while its block runs."""

_log = safe_logger("fustor_driver.strict")


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
        file("Keep refused events and the note of an unfinished snapshot here. [.fustor]", metavar="DIRECTORY"),
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
    registry = Registry.read()
    reads = cast("type[SourceDriver]", registry.find(Kind.SOURCE, pair.source.driver).load())
    if pair.pusher.driver == RECORDER:
        return reads, RecordingPusher
    return reads, cast("type[PusherDriver]", registry.find(Kind.PUSHER, pair.pusher.driver).load())


class _Finding(Protocol):
    """What a monitor has to say."""

    rule_id: str
    seen: str


@contextmanager
def watched(*driver_classes: type, group: str = MONITOR_GROUP) -> Iterator[None]:
    """While the block runs, every finding is a warning; its end says which rules were broken.

    Raises:
        EnvironmentProblem: no monitor is installed.
        NotConformant: a rule was broken, and the block ended without an error of its own.
    """
    monitor = _monitor(group)
    broken: dict[str, None] = {}

    def note(finding: _Finding) -> None:
        broken[finding.rule_id] = None
        _log.warning("%s is broken: %s", finding.rule_id, finding.seen)

    with monitor(*driver_classes, on_finding=note):
        yield
    if broken:
        raise NotConformant(
            f"The drivers broke {', '.join(broken)}; the log lines say what was seen, `fustor-driver explain ID` why"
        )


def _monitor(group: str) -> Callable[..., AbstractContextManager[object]]:
    for entry in entry_points(group=group):
        return cast("Callable[..., AbstractContextManager[object]]", entry.load())
    raise EnvironmentProblem("--strict needs the conformance kit; install 'fustor-conformance'")
