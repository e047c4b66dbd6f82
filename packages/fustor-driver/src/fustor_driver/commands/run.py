"""`fustor-driver run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

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
    UriOption,
    VerboseOption,
    finite,
)
from fustor_driver.commands._outcome import conclude, raise_alone
from fustor_driver.commands._pairs import Asked, demo_pair, driver_classes, pairs
from fustor_driver.commands._strict import watched
from fustor_driver.completion import demo_names, pusher_names, shell_files, source_names
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
    source: Annotated[str | None, typer.Option(metavar="ID", help="Run this source of the file.")] = None,
    pusher: Annotated[str | None, typer.Option(metavar="ID", help="Run this pusher of the file.")] = None,
    sync: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Run this sync of the file, a source with a pusher. Repeatable."),
    ] = None,
    source_driver: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Run this source driver, instead of a file.", autocompletion=source_names),
    ] = None,
    uri: UriOption = None,
    pusher_driver: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Run this pusher driver, instead of a file or for a demo.", autocompletion=pusher_names
        ),
    ] = None,
    endpoint: EndpointOption = None,
    settings: SetOption = None,
    demo: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Run this source on a system that its package brings along.", autocompletion=demo_names
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="TASK", help="Name the task; the pusher keeps the position to resume from under it."),
    ] = None,
    audit_interval: Annotated[
        float | None, typer.Option(min=0, callback=finite, metavar="SECONDS", help="Audit so often; 0 for never. [600]")
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            "--for",
            min=0,
            callback=finite,
            metavar="SECONDS",
            help="Stop after so many seconds, when all that was read is pushed.",
        ),
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIRECTORY",
            help="Keep refused events and the note of an unfinished snapshot here. [.fustor]",
            autocompletion=shell_files,
        ),
    ] = None,
    stop_timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            callback=finite,
            metavar="SECONDS",
            help="End at the latest so long after SIGTERM or the end of --for.",
        ),
    ] = 10.0,
    read_ahead_mib: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=1e6,
            callback=finite,
            metavar="MIB",
            help="Read so much of a phase ahead of the pusher, in MiB.",
        ),
    ] = 64.0,
    status: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the status in this file, as JSON.", autocompletion=shell_files),
    ] = None,
    status_interval: Annotated[
        float, typer.Option(min=0.05, callback=finite, metavar="SECONDS", help="Look at the status so often.")
    ] = 1.0,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="ADDR", help="Serve /metrics for Prometheus, and /healthz, at PORT or HOST:PORT."),
    ] = None,
    *,
    all_syncs: Annotated[
        bool, typer.Option("--all", help="Run every enabled sync of the file, each on its own.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what a demo writes, in 'fustor-demo-NAME'.")] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End when a snapshot, or what came since the last run, is pushed.")
    ] = False,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Forget the position of the task and begin with a snapshot.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether --full-refresh is meant.")] = False,
    allow_deletions: AllowDeletionsOption = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Watch both drivers for breaches of the contract; any ends with exit code 8."),
    ] = False,
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
