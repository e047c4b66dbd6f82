"""`conform` and `explain`, which `fustor-driver` takes up through the entry-point group `fustor_driver.commands`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fustor_conformance._bench import judged_side_by_side
from fustor_conformance._verdict_file import VerdictFile
from fustor_conformance.explain import explain as explained
from fustor_conformance.explain import listing
from fustor_conformance.judge import Judge, Progress
from fustor_conformance.report import REPORT_SUFFIXES, Report, report_of, write_reports
from fustor_conformance.rules import (
    Kind,
    Profile,
    Rule,
    UnknownRuleError,
    all_rules,
    find_rule,
    rules_for,
    rules_like,
)
from fustor_conformance.subject import LONG, Options, Subject, find_subject
from fustor_driver.completion import driver_names
from fustor_driver.errors import EnvironmentProblem, NotConformant, UsageProblem
from fustor_driver.progress import Shown, progress_of
from fustor_driver.reporting import known_errors

__all__ = ["conform", "explain"]


def check_names(incomplete: str) -> list[str]:
    """The checks whose name begins like this, for a shell that completes."""
    return [rule.name for rule in all_rules() if rule.name.lower().startswith(incomplete.lower())]


_JOBS = 4
"""Checks that run at once: most of their time is waiting."""
_WORTH_IT = 12
"""How many checks must be asked for to start processes for them."""


_Kind = Annotated[Kind, typer.Argument(metavar="KIND", help="What the driver is: source or pusher.")]
_Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The name of the driver, such as 'postgres', or of its distribution.",
        autocompletion=driver_names,
    ),
]
_Checks = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...",
        help="The checks to make, such as A10; all of them if none is named.",
        autocompletion=check_names,
    ),
]
_Check = Annotated[
    str | None,
    typer.Argument(
        metavar="[ID]",
        help="A check: A10, unreadable-directory, or a part of its name; without it, all checks are listed.",
        autocompletion=check_names,
    ),
]
_Profile = Annotated[Profile, typer.Option(help="Judge by the rules of this host.")]
_World = Annotated[
    str | None, typer.Option(metavar="MODULE:CLASS", help="Use this World instead of the registered one.")
]
_Reports = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Write the verdicts to this file: .json, .xml (JUnit) or .md; repeatable."),
]
_Patience = Annotated[float, typer.Option(min=0, metavar="SEC", help="Allow a change so long to arrive.")]
_Histories = Annotated[int, typer.Option(min=1, metavar="N", help="Try so many random histories (R05).")]
_Seed = Annotated[int, typer.Option(metavar="N", help="Draw the histories from this number.")]
_History = Annotated[str | None, typer.Option(metavar="STEPS", help="Replay one history, as R05 printed it.")]
_Jobs = Annotated[int, typer.Option("-j", "--jobs", min=1, metavar="N", help="Make so many checks side by side.")]
_Long = Annotated[bool, typer.Option("--long", help="Try ten times as many histories.")]
_Durations = Annotated[int, typer.Option(min=0, metavar="N", help="Print the N slowest checks as well.")]
_Released = Annotated[bool, typer.Option("--released", help="Judge beside the released cores as well (slow).")]
_Agents = Annotated[bool, typer.Option("--agents", help="Judge under the released agents as well (slow).")]
_Record = Annotated[bool, typer.Option("--record", help="Leave the verdict in the package, for `fustor-new list`.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
_Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print the verdict alone.")]


@known_errors
def conform(  # noqa: PLR0917 - typer reads a command line from a signature
    kind: _Kind,
    name: _Name,
    checks: _Checks = None,
    profile: _Profile = Profile.GUIDE,
    world: _World = None,
    report: _Reports = None,
    patience: _Patience = 10.0,
    histories: _Histories = 20,
    seed: _Seed = 1,
    history: _History = None,
    *,
    jobs: _Jobs = _JOBS,
    long: _Long = False,
    durations: _Durations = 0,
    released: _Released = False,
    agents: _Agents = False,
    record: _Record = False,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Judge a driver: is it conformant, and if not, what is broken, why it matters and what to change.

    A driver is conformant when every MUST passed or was skipped by declaration; how many rules were exercised, and
    which were not, stands beside it. It is not judged where its World says too little.

    Exit codes: 0 conformant (or none of the chosen checks broken), 2 usage, 7 the driver or its World does not
    load, 8 not conformant, or not judged.
    """
    if record and checks:
        raise UsageProblem("--record leaves the verdict of all checks; leave the checks out")
    rules = [find_rule(check) for check in checks or ()] or list(rules_for(kind, profile))
    _require_suffixes(report or ())
    opt_in = frozenset(option for option, on in {"--released": released, "--agents": agents}.items() if on)
    options = Options(opt_in, patience, histories * (LONG if long else 1), seed, history)
    subject = find_subject(kind, name, world=world, options=options)
    verdict_file = VerdictFile(subject.distribution) if record else None
    done = _judged(subject, profile, rules, world, jobs)
    write_reports_to(report or (), done)
    if verdict_file:
        verdict_file.record(done)
    _show(done, as_json=as_json, quiet=quiet, durations=durations)
    if not (done.is_clean if checks else done.conformant):
        raise typer.Exit(NotConformant.exit_code)


def _require_suffixes(paths: Iterable[Path]) -> None:
    """See to it that a report can be written to each path.

    Raises:
        UsageProblem: one ends otherwise.
    """
    for path in paths:
        if path.suffix not in REPORT_SUFFIXES:
            raise UsageProblem(f"A report cannot be written to {str(path)!r}; end it with {', '.join(REPORT_SUFFIXES)}")


def _judged(subject: Subject, profile: Profile, rules: list[Rule], world: str | None, jobs: int) -> Report:
    """The verdicts, from several processes where that is worth it; on a terminal it is shown how far they are."""
    with _checks_shown() as begins:
        judge = Judge(subject, profile, progress=begins)
        if jobs == 1 or len(rules) < _WORTH_IT:
            return report_of(judge, judge.verdicts(rules))
        return report_of(judge, judged_side_by_side(judge, rules, world, jobs))


@contextmanager
def _checks_shown() -> Iterator[Callable[[Progress], None]]:
    """What is to be called before each check; how many are done, and which one is at work, is shown on stderr."""
    shown = Shown("", 0, None, "starting", "starting")

    def begins(progress: Progress) -> None:
        nonlocal shown
        amount, name = f"{progress.done} of {progress.of} checks", progress.rule.name
        shown = Shown(name, progress.done, progress.of, amount, f"{amount} done, now {name}")

    def look(seconds: float) -> Shown:
        return replace(shown, line=f"{seconds:4.0f} s: {shown.line}")

    with progress_of(look):
        yield begins


@known_errors
def explain(
    check: _Check = None,
    *,
    as_json: _Json = False,
) -> None:
    """Say what a check asks, why it matters, how to cure it and where the rule comes from."""
    found = all_rules() if check is None else _meant(check)
    if as_json:
        single = check is not None and len(found) == 1
        shown = [rule.model_dump(mode="json") for rule in found]
        typer.echo(json.dumps(shown[0] if single else shown, indent=2, ensure_ascii=False))
    else:
        width = shutil.get_terminal_size((100, 0)).columns
        typer.echo(explained(found[0], width) if len(found) == 1 else listing(found, width), nl=False)


def _meant(check: str) -> tuple[Rule, ...]:
    """The check of this id, slug or name, or else those that have the text in their name.

    Raises:
        UnknownRuleError: there is none.
    """
    try:
        return (find_rule(check),)
    except UnknownRuleError:
        found = rules_like(check)
        if not found:
            raise
        return found


def write_reports_to(paths: list[Path] | tuple[()], report: Report) -> None:
    """Write one report to each path.

    Raises:
        EnvironmentProblem: one cannot be written.
    """
    for path in paths:
        try:
            write_reports([report], path)
        except OSError as err:
            raise EnvironmentProblem(f"The report {str(path)!r} cannot be written: {err.strerror}") from err


def _show(report: Report, *, as_json: bool, quiet: bool, durations: int) -> None:
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
        return
    if quiet:
        typer.echo(report.summary)
        return
    console = Console()
    console.print(report.table(console.width))
    for verdict in report.causes:
        console.print(verdict.explained(), end="\n\n", markup=False, highlight=False)
    for verdict in sorted(report.verdicts, key=lambda verdict: -verdict.seconds)[:durations]:
        console.print(f"{verdict.seconds:6.1f} s  {verdict.rule.name}", markup=False, highlight=False)
    for text in (*report.notes, report.summary):
        console.print(text, markup=False, highlight=False)
