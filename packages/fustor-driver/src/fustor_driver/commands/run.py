"""`fustor-driver run`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console

from fustor_core.drivers import PusherDriver, SourceDriver
from fustor_core.models.config import PusherConfig, SourceConfig
from fustor_driver.choices import DEFAULT_FILE, overlaid
from fustor_driver.commands._demo import Shown, announcement, place_for, set_up
from fustor_driver.commands._drivers import constructed
from fustor_driver.commands._live import check_writable, logging_look, status_file_look, terminal_look
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
from fustor_driver.commands._outcome import check_caught_up, check_outcome, check_refusals, code_after_signal
from fustor_driver.commands._strict import watched
from fustor_driver.completion import demo_names, pusher_names, shell_files, source_names
from fustor_driver.configuration import Pair, load
from fustor_driver.errors import UsageProblem
from fustor_driver.hosts.options import HostOptions
from fustor_driver.hosts.recorder import RecordingPusher
from fustor_driver.hosts.runner import run_host
from fustor_driver.hosts.status import Status
from fustor_driver.kinds import Kind
from fustor_driver.redaction import clean, safe_logger
from fustor_driver.registry import Registry
from fustor_driver.reporting import known_errors, print_json, say, set_verbosity
from fustor_driver.worlds import find_world, has_world

_log = safe_logger("fustor_driver.run")
_LOG_EVERY_SEC = 10.0
_STATE = ".fustor"
_EVENTS, _RECORDING = "events", "events.jsonl"
_RECORDER = "(recording)"
_FILES = "fs"  # its endpoint is a directory, so that what a demo emitted can be read afterwards


@dataclass(frozen=True)
class _Asked:
    """What the command line says about the two drivers."""

    config: Path | None
    source: str | None
    pusher: str | None
    sync: str | None
    source_driver: str | None
    uri: str | None
    pusher_driver: str | None
    endpoint: str | None
    settings: tuple[str, ...]

    def settings_of(self, kind: Kind) -> list[str]:
        prefix = f"{kind}."
        return [setting.removeprefix(prefix) for setting in self.settings if setting.startswith(prefix)]


@known_errors
def run_command(  # noqa: PLR0917 - options, never positions
    config: ConfigOption = None,
    source: Annotated[str | None, typer.Option(metavar="ID", help="Run this source of the file.")] = None,
    pusher: Annotated[str | None, typer.Option(metavar="ID", help="Run this pusher of the file.")] = None,
    sync: Annotated[
        str | None, typer.Option(metavar="ID", help="Run this sync of the file, a source with a pusher.")
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

    Resumes where the pusher has committed. Nothing is lost by a crash at any moment. Settings: --set source.KEY=VALUE
    and --set pusher.KEY=VALUE.
    """
    set_verbosity(verbose + 1, quiet)
    asked = _Asked(config, source, pusher, sync, source_driver, uri, pusher_driver, endpoint, tuple(settings or ()))
    with ExitStack() as worlds:
        place = worlds.enter_context(place_for(demo, keep=keep)) if demo else Path()
        pair = _demo_pair(demo, asked, worlds, place) if demo else _pair(asked, quiet)
        if demo:
            say(announcement(pair, place, given=endpoint is not None, keep=keep), quiet=quiet)
        if full_refresh and not yes:
            _confirm_refresh(task or pair.task_id)
        source_class, pusher_class = _driver_classes(pair)
        if strict:
            worlds.enter_context(watched(source_class, pusher_class))
        source_object = constructed(lambda: source_class(pair.source_id, pair.source))
        pusher_object = constructed(lambda: pusher_class(pair.pusher_id, pair.pusher))
        if demo:
            pusher_object = Shown(pusher_object)
        options = _options(pair, task, audit_interval, state_dir or place / _STATE, allow_deletions=allow_deletions)
        read_ahead_bytes = max(int(read_ahead_mib * 2**20), 1)
        changes = {"stop_timeout_sec": stop_timeout, "read_ahead_bytes": read_ahead_bytes}
        options = options.model_copy(update=changes | {"once": once, "full_refresh": full_refresh})
        final: list[Status] = []
        live = not (json or quiet or verbose) and sys.stderr.isatty()
        with _served(metrics, final), _looks(status, final, live=live) as look:
            received = run_host(
                source_object,
                pusher_object,
                options,
                duration_sec=duration,
                look=look,
                look_every_sec=status_interval,
            )
    if json:
        print_json(final[-1])
    if received:
        raise typer.Exit(code_after_signal(received, final[-1], once=once))
    check_outcome(final[-1])
    if once:
        check_caught_up(final[-1])
    check_refusals(final[-1].dead_letters, final[-1].refused_deletions)


def _confirm_refresh(task_id: str) -> None:
    """Ask on a terminal.

    Raises:
        UsageProblem: the answer is no, or there is nobody to ask.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageProblem("--full-refresh reads everything again; say --yes where there is no terminal to ask on")
    text = f"Task {clean(task_id)!r} forgets its position, and everything is read and pushed again. Go on?"
    if not typer.confirm(text, err=True):
        raise UsageProblem("Nothing was done: --full-refresh was not confirmed")


def _pair(asked: _Asked, quiet: int) -> Pair:
    if asked.source_driver is not None and asked.pusher_driver is not None:
        return _pair_of(
            asked,
            (asked.source_driver, {"driver": asked.source_driver}),
            (asked.pusher_driver, {"driver": asked.pusher_driver}),
        )
    if asked.source_driver is not None or asked.pusher_driver is not None:
        raise UsageProblem("Without a file, run needs --source-driver and --pusher-driver, --uri and --endpoint")
    file = asked.config or DEFAULT_FILE
    if asked.config is None and not file.is_file():
        raise UsageProblem(f"There is no {str(file)!r} here; give --config, or --source-driver and --pusher-driver")
    configuration = load(file)
    for note in configuration.notes:
        say(note, quiet=quiet)
    pair = configuration.pair(source=asked.source, pusher=asked.pusher, sync=asked.sync)
    changed = _pair_of(
        asked,
        (pair.source_id, pair.source.model_dump(exclude_unset=True)),
        (pair.pusher_id, pair.pusher.model_dump(exclude_unset=True)),
    )
    return changed.model_copy(update={"audit_interval_sec": pair.audit_interval_sec})


def _pair_of(asked: _Asked, source: tuple[str, dict[str, Any]], pusher: tuple[str, dict[str, Any]]) -> Pair:
    """A pair from two entries with the command line's values put over them."""
    return Pair(
        source_id=source[0],
        source=overlaid(SourceConfig, source[1], "uri", asked.uri, asked.settings_of(Kind.SOURCE)),
        pusher_id=pusher[0],
        pusher=overlaid(PusherConfig, pusher[1], "endpoint", asked.endpoint, asked.settings_of(Kind.PUSHER)),
        task_id=f"{source[0]}:{pusher[0]}",
    )


def _demo_pair(name: str, asked: _Asked, worlds: ExitStack, place: Path) -> Pair:
    """A source on the changing world of its package, and a pusher that there is a place for."""
    source = set_up(worlds, find_world(Kind.SOURCE, name).demo())
    pusher_name = asked.pusher_driver or _demo_pusher(name)
    if pusher_name == _RECORDER:
        entry = {"driver": _RECORDER, "endpoint": str(place / _RECORDING)}
    elif pusher_name == _FILES and asked.endpoint is None:
        entry = {"endpoint": str(place / _EVENTS)}
    elif asked.endpoint is not None and not has_world(Kind.PUSHER, pusher_name):
        entry = {"driver": pusher_name}
    else:
        entry = set_up(worlds, find_world(Kind.PUSHER, pusher_name)()).config()
    return _pair_of(asked, (name, {"driver": name} | source), (pusher_name, {"driver": pusher_name} | entry))


def _demo_pusher(name: str) -> str:
    """Files where that pusher is installed, else the pusher of the source's name, else a recording."""
    installed = {record.name for record in Registry.installed().of(Kind.PUSHER) if record.driver}
    same = name.replace("-", "_")
    if _FILES in installed:
        return _FILES
    return same if same in installed and has_world(Kind.PUSHER, same) else _RECORDER


def _driver_classes(pair: Pair) -> tuple[type[SourceDriver], type[PusherDriver]]:
    registry = Registry.installed()
    source_class = cast("type[SourceDriver]", registry.find(Kind.SOURCE, pair.source.driver).load())
    if pair.pusher.driver == _RECORDER:
        return source_class, RecordingPusher
    return source_class, cast("type[PusherDriver]", registry.find(Kind.PUSHER, pair.pusher.driver).load())


def _options(
    pair: Pair, task: str | None, audit_interval: float | None, state_dir: Path, *, allow_deletions: bool
) -> HostOptions:
    options = HostOptions(task_id=task or pair.task_id, state_dir=state_dir, allow_deletions=allow_deletions)
    interval = audit_interval if audit_interval is not None else pair.audit_interval_sec
    return options if interval is None else options.model_copy(update={"audit_interval_sec": interval})


@contextmanager
def _served(address: str | None, statuses: list[Status]) -> Iterator[None]:
    """The statuses over HTTP, if an address is given."""
    if address is None:
        yield
        return
    from fustor_driver.metrics import serving  # noqa: PLC0415 - few ask for it, and it takes a while to import

    with serving(address, lambda: list(statuses)) as url:
        _log.info("Metrics: %s/metrics, health: %s/healthz", url, url)
        yield


@contextmanager
def _looks(status: Path | None, final: list[Status], *, live: bool) -> Iterator[Callable[[Status], None]]:
    """What looks at the status: a table or log lines, a file for machines, and the last one for the end."""
    with ExitStack() as stack:
        shown = stack.enter_context(terminal_look(Console(stderr=True))) if live else logging_look(_LOG_EVERY_SEC)
        written = status_file_look(status) if status else None
        if status is not None:
            check_writable(status)

        def look(seen: Status) -> None:
            final[:] = [seen]
            shown(seen)
            if written is not None:
                written(seen)

        yield look
