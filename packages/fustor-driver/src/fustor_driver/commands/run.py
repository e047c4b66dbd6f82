"""`fustor-driver run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from fustor_driver.commands._demo import announcement, place_for
from fustor_driver.commands._jobs import RunOptions
from fustor_driver.commands._live import as_document, looks, served
from fustor_driver.commands._options import JsonOption, driver, file, seconds, subcommand
from fustor_driver.commands._outcome import conclude, raise_alone
from fustor_driver.commands._pairs import RECORDER, Asked, demo_pair, pairs, with_a_pusher
from fustor_driver.completion import demo_names
from fustor_driver.configuration import Pair
from fustor_driver.errors import UsageProblem
from fustor_driver.hosts.runner import run_hosts
from fustor_driver.hosts.status import Status
from fustor_driver.logs import LogFormat
from fustor_driver.redaction import clean
from fustor_driver.reporting import SHOWN, print_json, say


@partial(subcommand, verbosity=1)
def run_command(
    asked: Asked,
    demo: Annotated[
        str | None, driver("Run this source on a system that its package brings along.", demo_names)
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="RELEASE",
            help="Run both under this released agent, 0.2.16 or 0.8.17, in an environment that is built for it.",
        ),
    ] = None,
    *,
    how: RunOptions,
    status: Annotated[Path | None, file("Keep the status in this file, as JSON.")] = None,
    status_interval: Annotated[float, seconds("Look at the status so often.", least=0.05)] = 1.0,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="ADDR", help="Serve /metrics for Prometheus, and /healthz, at PORT or HOST:PORT."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what a demo writes, in 'fustor-demo-NAME'.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether --full-refresh is meant.")] = False,
    json: JsonOption = False,
) -> None:
    """Run one source to one pusher: snapshot, realtime, audits, until SIGINT or SIGTERM.

    With --all, or --sync more than once, several of a file, each on its own. Resumes where the pusher has committed.
    Nothing is lost by a crash at any moment. Settings: --set source.KEY=VALUE and --set pusher.KEY=VALUE.
    """
    with ExitStack() as worlds:
        if agent is not None:
            from fustor_driver.commands import _agent as under  # noqa: PLC0415 - most runs are this host's own

            only_here = {"--all": asked.all_syncs, "--status": status, "--metrics": metrics}
            under.refuse_with_agent(agent, only_here | how.of_this_host())
            under.run_under_agent(_for_agent(asked, demo, worlds, keep=keep), agent, how, json=json)
            return
        chosen, place = _chosen(asked, demo, worlds, keep=keep)
        how.refuse_contradictions(chosen)
        if how.full_refresh and not yes:
            _confirm_refresh([how.task or pair.task_id for pair in chosen])
        jobs = [how.job(pair, place, worlds, shows=bool(demo)) for pair in chosen]
        latest: list[Status] = []
        with served(metrics, latest), looks(status, latest, live=_is_live(json=json)) as look:
            ended = run_hosts(jobs, duration_sec=how.duration, look=look, look_every_sec=status_interval)
        raise_alone(ended)
    if json:
        print_json(as_document(latest))
    if code := conclude(ended, once=how.once):
        raise typer.Exit(code)


def _chosen(asked: Asked, demo: str | None, worlds: ExitStack, *, keep: bool) -> tuple[list[Pair], Path]:
    """What is to be run, and where: in the place of the demo, which is set up and announced, or right here."""
    if not demo:
        return pairs(asked), Path()
    place = worlds.enter_context(place_for(demo, keep=keep))
    pair = demo_pair(demo, asked, worlds, place)
    say(announcement(pair, place, given=asked.endpoint is not None, keep=keep))
    return [pair], place


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


def _for_agent(asked: Asked, demo: str | None, worlds: ExitStack, *, keep: bool) -> Pair:
    """The one pair that runs under an agent; where no pusher is named, what arrives is counted."""
    if not demo:
        asked = with_a_pusher(asked)
    elif asked.pusher_driver is None:
        asked = replace(asked, pusher_driver=RECORDER)
    chosen, _ = _chosen(asked, demo, worlds, keep=keep)
    if len(chosen) != 1:
        raise UsageProblem("--agent runs one source to one pusher; choose with --sync")
    return chosen[0]


def _is_live(*, json: bool) -> bool:
    """Whether tables follow the runs: on a terminal, where nothing asks for plain lines."""
    is_plain = json or SHOWN.quiet or SHOWN.verbose or SHOWN.log_format is LogFormat.JSON
    return not is_plain and sys.stderr.isatty()
