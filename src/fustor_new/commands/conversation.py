"""`fustor-new` alone, and `fustor-new source` without a name: questions, a summary, the work, and a first test."""

import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from fustor_new._output import can_ask, fail, from_here, say, warn
from fustor_new.changes.plan import Plan
from fustor_new.commands import _prompts
from fustor_new.commands._aftermath import next_steps, sync_steps, test_steps
from fustor_new.commands._creation import create, preview
from fustor_new.commands.planning import Place, check_names, locate
from fustor_new.commands.wizard import ask
from fustor_new.console import show_plan, show_steps
from fustor_new.errors import FustorNewError, UsageProblem
from fustor_new.names import Names, derive
from fustor_new.options import PusherOptions
from fustor_new.template.questions import Question

__all__ = ["converse"]

_CREATE, _CHANGE, _LEAVE = "create", "change", "leave"
_OFFERED = ((_CREATE, "Create it"), (_CHANGE, "Change an answer"), (_LEAVE, "Leave, and create nothing"))


def converse(said: PusherOptions | None = None) -> None:
    """Create a driver by what its author answers; `said` is what the command line says, None for nothing at all.

    Raises:
        UsageProblem: nobody can be asked.
        FustorNewError: something stands in the way, and nothing was changed.
        KeyboardInterrupt: the author pressed Ctrl-C or Ctrl-D.
    """
    if not can_ask() or (said and said.yes):
        command, example = f"fustor-new {said.kind if said else 'source'}", "redis"
        raise UsageProblem(f"No NAME was given and nobody can be asked; write it, as in '{command} {example}'")
    options = _agreed_on(said)
    if options is None:
        warn("Nothing was created")
        return
    create(options, partial(_show, options))
    if not options.dry_run:
        _finish(options)


def _agreed_on(said: PusherOptions | None) -> PusherOptions | None:
    """What the author wants in the end, None for nothing."""
    options = None
    while True:
        options = ask(said, options)
        if options.dry_run or options.json:
            return options
        decision = _decision(options)
        if decision != _CHANGE:
            return options if decision == _CREATE else None


def _decision(options: PusherOptions) -> str:
    offered = list(_OFFERED)
    try:
        plan = preview(options)
    except FustorNewError as err:  # the answers are offered again, so none is lost
        fail(str(err))
        del offered[0]
    else:
        show_plan(plan, verbose=options.verbose, is_done=False)
        warn(f"The same without questions: {_command_line(options)}")
    return _prompts.chosen("Is that right?", offered, offered[0][0])


def _command_line(options: PusherOptions) -> str:
    """The command that creates the same and asks nothing."""
    return shlex.join(
        ["fustor-new", options.kind, *(options.names or ()), *_said_of_place(options), *_said_answers(options), "-y"]
    )


def _said_of_place(options: PusherOptions) -> Iterator[str]:
    if options.standalone:
        yield "--standalone"
    for flag, value in (("--workspace", options.workspace), ("--output", options.output)):
        if value is not None:
            yield from (flag, str(value))
    if not options.register:
        yield "--no-register"
    if not options.git:
        yield "--no-git"
    if options.contract_source:
        yield from ("--contract-source", options.contract_source)


def _said_answers(options: PusherOptions) -> Iterator[str]:
    for question in options.questions:
        value = options.given.get(question.name)
        if question.help and value is not None and not _is_default(question, value, options):
            yield from _flags(question, value)


def _is_default(question: Question, value: Any, options: PusherOptions) -> bool:
    if value == question.unsaid:
        return True
    names = [derive(options.kind, name) for name in options.names or ()]
    return callable(question.default) and [question.default(one) for one in names] == [value]


def _flags(question: Question, value: Any) -> Iterator[str]:
    flag = next(iter(question.flags), f"--{question.name.replace('_', '-')}")
    if isinstance(value, bool):
        on, _, off = flag.partition("/")
        yield on if value else off or f"--no-{on.removeprefix('--')}"
    elif isinstance(value, str):
        yield from (flag, value)
    else:
        for one in value:
            yield from (flag, one)


def _show(options: PusherOptions, plan: Plan, _: Sequence[Names], __: Place) -> None:
    for change in plan.changes if not options.quiet else ():
        say(f"{'Created' if change.creates_tree else 'Edited'} {from_here(change.path)}")


def _finish(options: PusherOptions) -> None:
    names, place = check_names(options), locate(options)
    tests = test_steps(names, place, is_registered=options.register)
    steps = [*(() if options.sync else sync_steps(names, place)), *tests]
    if _prompts.agreed("Install it and run its tests now?", first=True):
        for step in steps:
            step.run()
        show_steps([], next_steps(names, options, place)[1])
    else:
        show_steps(*next_steps(names, options, place))
