"""`fustor-driver run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import typer

from fustor_driver.commands import _run_options as own
from fustor_driver.commands._demo import Shown, announcement, place_for
from fustor_driver.commands._drivers import constructed, explained
from fustor_driver.commands._live import as_document, looks, served
from fustor_driver.commands._options import (
    AllowDeletionsOption,
    ConfigOption,
    EndpointOption,
    JsonOption,
    QuietOption,
    SetOption,
    TaskOfFileOption,
    UriOption,
    VerboseOption,
)
from fustor_driver.commands._outcome import conclude, raise_alone
from fustor_driver.commands._pairs import Asked, demo_pair, driver_classes, pairs
from fustor_driver.commands._strict import watched
from fustor_driver.configuration import Pair
from fustor_driver.errors import UsageProblem
from fustor_driver.everywhere import SHOWN
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.runner import Job, run_hosts
from fustor_driver.hosts.status import Status
from fustor_driver.logs import LogFormat
from fustor_driver.redaction import clean
from fustor_driver.reporting import known_errors, print_json, say, set_verbosity

_STATE = ".fustor"


@known_errors
def run_command(  # noqa: PLR0917 - options, never positions
    config: ConfigOption = None,
    source: own.SourceOption = None,
    pusher: own.PusherOption = None,
    sync: own.SyncOption = None,
    source_driver: own.SourceDriverOption = None,
    uri: UriOption = None,
    pusher_driver: own.PusherDriverOption = None,
    endpoint: EndpointOption = None,
    settings: SetOption = None,
    demo: own.DemoOption = None,
    task: TaskOfFileOption = None,
    audit_interval: own.AuditIntervalOption = None,
    duration: own.DurationOption = None,
    state_dir: own.StateDirOption = None,
    stop_timeout: own.StopTimeoutOption = 10.0,
    read_ahead_mib: own.ReadAheadOption = 64.0,
    status: own.StatusOption = None,
    status_interval: own.StatusIntervalOption = 1.0,
    metrics: own.MetricsOption = None,
    *,
    all_syncs: own.AllOption = False,
    keep: own.KeepOption = False,
    once: own.OnceOption = False,
    full_refresh: own.FullRefreshOption = False,
    yes: own.YesOption = False,
    allow_deletions: AllowDeletionsOption = False,
    strict: own.StrictOption = False,
    json: JsonOption = False,
    verbose: VerboseOption = 0,
    quiet: QuietOption = 0,
) -> None:
    """Run one source to one pusher: snapshot, realtime, audits, until SIGINT or SIGTERM.

    With --all, or --sync more than once, several of a file, each on its own. Resumes where the pusher has committed.
    Nothing is lost by a crash at any moment. Settings: --set source.KEY=VALUE and --set pusher.KEY=VALUE.
    """
    set_verbosity(verbose + 1, quiet)
    asked = Asked(
        config=config,
        source=source,
        pusher=pusher,
        syncs=tuple(sync or ()),
        all_syncs=all_syncs,
        source_driver=source_driver,
        uri=uri,
        pusher_driver=pusher_driver,
        endpoint=endpoint,
        settings=tuple(settings or ()),
    )
    with ExitStack() as worlds:
        place = worlds.enter_context(place_for(demo, keep=keep)) if demo else Path()
        chosen = [demo_pair(demo, asked, worlds, place)] if demo else pairs(asked, quiet)
        if demo:
            say(announcement(chosen[0], place, given=endpoint is not None, keep=keep), quiet=quiet)
        _require_one(chosen, task=task, strict=strict)
        if once and audit_interval:
            raise UsageProblem("--once takes no audits: leave out --audit-interval, or run with --for instead")
        if full_refresh and not yes:
            _confirm_refresh([task or pair.task_id for pair in chosen])
        changes = {
            "allow_deletions": allow_deletions,
            "stop_timeout_sec": stop_timeout,
            "read_ahead_bytes": max(int(read_ahead_mib * 2**20), 1),
            "once": once,
            "full_refresh": full_refresh,
        }
        state = state_dir or place / _STATE
        jobs = [
            _job(pair, _options(pair, task, audit_interval, state, changes), worlds, strict=strict, shown=bool(demo))
            for pair in chosen
        ]
        latest: list[Status] = []
        plain = json or quiet or verbose or SHOWN.log_format is LogFormat.JSON
        live = not plain and sys.stderr.isatty()
        with served(metrics, latest), looks(status, latest, live=live) as look:
            ended = run_hosts(jobs, duration_sec=duration, look=look, look_every_sec=status_interval)
        raise_alone(ended)
    if json:
        print_json(as_document(latest))
    if code := conclude(ended, once=once):
        raise typer.Exit(code)


def _require_one(chosen: Sequence[Pair], *, task: str | None, strict: bool) -> None:
    """Options that are of one run.

    Raises:
        UsageProblem: there are several runs.
    """
    if len(chosen) > 1 and (task is not None or strict):
        raise UsageProblem("--task and --strict are for one run; choose one with --sync")


def _job(pair: Pair, options: HostOptions, worlds: ExitStack, *, strict: bool, shown: bool) -> Job:
    """A run of the pair, each of its drivers watched if `strict`, until `worlds` end; `shown` says what is pushed."""
    source_class, pusher_class = driver_classes(pair)
    if strict:
        worlds.enter_context(watched(source_class, pusher_class))
    with explained(source_class, pair.source_id, pair.source, pair.file):
        source = constructed(lambda: source_class(pair.reader_id, pair.source))
    with explained(pusher_class, pair.pusher_id, pair.pusher, pair.file):
        pusher = constructed(lambda: pusher_class(pair.pusher_id, pair.pusher))
    return Job(source, Shown(pusher) if shown else pusher, options)


def _confirm_refresh(task_ids: Sequence[str]) -> None:
    """Ask on a terminal.

    Raises:
        UsageProblem: the answer is no, or there is nobody to ask.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageProblem("--full-refresh reads everything again; say --yes where there is no terminal to ask on")
    named = ", ".join(repr(clean(task_id)) for task_id in task_ids)
    text = f"Everything is read and pushed again, and the position of {named} is forgotten. Go on?"
    if not typer.confirm(text, err=True):
        raise UsageProblem("Nothing was done: --full-refresh was not confirmed")


def _options(
    pair: Pair, task: str | None, audit_interval: float | None, state_dir: Path, more: dict[str, Any]
) -> HostOptions:
    """The options of a run of the pair: what the command line says goes before the file."""
    interval = audit_interval if audit_interval is not None else pair.audit_interval_sec
    if interval is not None:
        more = more | {"audit_interval_sec": interval}
    return HostOptions(task_id=task or pair.task_id, state_dir=state_dir).model_copy(update=more)
