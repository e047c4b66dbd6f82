"""`fustor-driver run`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import typer

from fustor_driver.commands import _run_options as own
from fustor_driver.commands._demo import announcement, place_for
from fustor_driver.commands._jobs import job, options_of
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
from fustor_driver.commands._pairs import RECORDER, Asked, demo_pair, pairs, source_alone
from fustor_driver.commands._permission import confirm_refresh, refuse_contradictions
from fustor_driver.configuration import Pair
from fustor_driver.errors import UsageProblem
from fustor_driver.everywhere import SHOWN
from fustor_driver.hosts.runner import run_hosts
from fustor_driver.hosts.status import Status
from fustor_driver.logs import LogFormat
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
    agent: own.AgentOption = None,
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
        if agent is not None:
            from fustor_driver.commands import _agent as under  # noqa: PLC0415 - most runs are this host's own

            only_here = {
                "--all": all_syncs,
                "--task": task,
                "--state-dir": state_dir,
                "--status": status,
                "--metrics": metrics,
                "--once": once,
                "--full-refresh": full_refresh,
                "--allow-deletions": allow_deletions,
                "--strict": strict,
            }
            under.refuse_with_agent(agent, only_here)
            wish = under.Wish(agent, audit_interval, duration, verbose=verbose, quiet=quiet, json=json)
            under.run_under_agent(_for_agent(asked, demo, worlds, keep=keep, quiet=quiet), wish)
            return
        chosen, place = _chosen(asked, demo, worlds, keep=keep, quiet=quiet)
        refuse_contradictions(chosen, task=task, strict=strict, once=once, audit_interval=audit_interval)
        if full_refresh and not yes:
            confirm_refresh([task or pair.task_id for pair in chosen])
        changes = {
            "state_dir": state_dir or place / _STATE,
            "allow_deletions": allow_deletions,
            "stop_timeout_sec": stop_timeout,
            "read_ahead_bytes": max(int(read_ahead_mib * 2**20), 1),
            "once": once,
            "full_refresh": full_refresh,
        }
        jobs = [
            job(pair, options_of(pair, task, audit_interval, changes), worlds, strict=strict, shown=bool(demo))
            for pair in chosen
        ]
        latest: list[Status] = []
        live = _is_live(plain=bool(json or quiet or verbose))
        with served(metrics, latest), looks(status, latest, live=live) as look:
            ended = run_hosts(jobs, duration_sec=duration, look=look, look_every_sec=status_interval)
        raise_alone(ended)
    if json:
        print_json(as_document(latest))
    if code := conclude(ended, once=once):
        raise typer.Exit(code)


def _chosen(asked: Asked, demo: str | None, worlds: ExitStack, *, keep: bool, quiet: int) -> tuple[list[Pair], Path]:
    """What is to be run, and where: in the place of the demo, which is set up and announced, or right here."""
    if not demo:
        return pairs(asked, quiet), Path()
    place = worlds.enter_context(place_for(demo, keep=keep))
    pair = demo_pair(demo, asked, worlds, place)
    say(announcement(pair, place, given=asked.endpoint is not None, keep=keep), quiet=quiet)
    return [pair], place


def _for_agent(asked: Asked, demo: str | None, worlds: ExitStack, *, keep: bool, quiet: int) -> Pair:
    """The one pair that runs under an agent; where no pusher is named, what arrives is counted."""
    if demo and asked.pusher_driver is None:
        asked = replace(asked, pusher_driver=RECORDER)
    alone = None if demo else source_alone(asked, quiet)
    if alone is not None:
        return alone
    chosen, _ = _chosen(asked, demo, worlds, keep=keep, quiet=quiet)
    if len(chosen) != 1:
        raise UsageProblem("--agent runs one source to one pusher; choose with --sync")
    return chosen[0]


def _is_live(*, plain: bool) -> bool:
    """Whether tables follow the runs: on a terminal, where nothing asks for plain lines."""
    return not plain and SHOWN.log_format is not LogFormat.JSON and sys.stderr.isatty()
