"""Options as the command line that says the same, for those who want no questions the next time."""

import shlex
from collections.abc import Iterator
from typing import Any

from fustor_new.names import derive
from fustor_new.options import PusherOptions
from fustor_new.template.questions import Question

__all__ = ["command_line"]


def command_line(options: PusherOptions) -> str:
    """Return the command that creates the same and asks nothing."""
    return shlex.join(["fustor-new", options.kind, *(options.names or ()), *_place(options), *_answers(options), "-y"])


def _place(options: PusherOptions) -> Iterator[str]:
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


def _answers(options: PusherOptions) -> Iterator[str]:
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
