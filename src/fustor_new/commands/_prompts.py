"""Questions on a terminal, on standard error: the one module that knows questionary."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import questionary
from prompt_toolkit.application import Application
from prompt_toolkit.output import Output, create_output

__all__ = ["agreed", "chosen", "typed"]

Value = TypeVar("Value")
_FAINT = "fg:ansibrightblack"


def chosen(message: str, choices: Sequence[tuple[Value, str]], first: Value) -> Value:
    """Return the value of the choice that was made with the arrow keys; the pointer begins at that of `first`.

    Raises:
        KeyboardInterrupt: the author pressed Ctrl-C, as with all functions here.
    """
    offered = [questionary.Choice(label, value=number) for number, (_, label) in enumerate(choices)]
    begin = next((number for number, (value, _) in enumerate(choices) if value == first), 0)
    hint = "(arrow keys, then Enter)"
    question = questionary.select(message, offered, offered[begin], instruction=hint, output=_output())
    number: int = _answer(question)
    return choices[number][0]


def typed(message: str, given: str = "", hint: str = "") -> str:
    """Return what was typed, without blanks around it; `given` is there to be edited, `hint` shown where nothing is."""
    question = questionary.text(message, default=given, placeholder=[(_FAINT, hint)], output=_output())
    text: str = _answer(question)
    return text.strip()


def agreed(message: str, *, first: bool) -> bool:
    """Tell whether the answer is yes; Enter alone means `first`."""
    return bool(_answer(questionary.confirm(message, default=first, output=_output())))


def _answer(question: questionary.Question) -> Any:
    application = question.application
    try:
        with _ended_by_signals(application):
            return application.run(handle_sigint=False)  # which a list of choices would not hear of
    except EOFError as err:  # Ctrl-D
        raise KeyboardInterrupt from err


@contextmanager
def _ended_by_signals(application: Application[Any]) -> Iterator[None]:
    """Let a signal end the question first, and then do what it does elsewhere.

    Its handler raises wherever Python is; inside the event loop that is a failure of a task, which prompt_toolkit
    shows, with its traceback, and goes on.
    """
    came: list[signal.Signals] = []

    def leave() -> None:
        if came and application.future is not None and not application.is_done:
            application.exit(exception=KeyboardInterrupt)

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(signal.Signals(number))
        if application.loop is not None:
            application.loop.call_soon_threadsafe(leave)

    application.pre_run_callables.append(leave)  # for a signal that came before there was a loop
    handlers = ((one, signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM))
    before = {one: handler for one, handler in handlers if callable(handler)}
    for one in before:
        signal.signal(one, note)
    try:
        yield
    except KeyboardInterrupt:
        if not came:
            raise
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    for one in came:
        before[one](one, None)


def _output() -> Output:
    """Standard error, since standard output may be a patch or JSON for a program."""
    return create_output(stdout=sys.stderr)
