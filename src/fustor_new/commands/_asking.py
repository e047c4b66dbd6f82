"""The end of a question that is on a terminal: an answer, a key or a signal.

This module is in fustor-new and in fustor-driver, which share no package; a test holds the two equal.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import questionary
from prompt_toolkit.application import Application, get_app
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.keys import Keys

__all__ = ["answer"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KEYS = KeyBindings()
_KEYS.add(Keys.ControlD, filter=Condition(lambda: not get_app().current_buffer.text))(
    lambda event: event.app.exit(exception=EOFError)  # which a list of choices would not do
)
_KEYS.add(Keys.Vt100MouseEvent)(lambda _: None)  # a colour that is typed, ESC[31m, is taken for one that has a place


def answer(question: questionary.Question) -> Any:
    """Return what was answered.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed, or Ctrl-D where nothing is typed, or the terminal is gone.
    """
    application = question.application
    application.key_bindings = merge_key_bindings([application.key_bindings or KeyBindings(), _KEYS])
    try:
        with _ended_by_signals(application):
            return application.run(handle_sigint=False)  # which a list of choices would not hear of
    except (EOFError, OSError) as err:  # Ctrl-D, or the terminal is gone
        raise KeyboardInterrupt from err


@contextmanager
def _ended_by_signals(application: Application[Any]) -> Iterator[None]:
    """Let a signal end the question first, and then do what it does elsewhere.

    Its handler raises wherever Python is; inside the event loop that is a failure of a task, which prompt_toolkit
    shows, with its traceback, and goes on.
    """
    came: list[int] = []

    def leave() -> None:
        if came and application.future is not None and not application.is_done:
            application.exit(exception=KeyboardInterrupt)

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if application.loop is not None:
            application.loop.call_soon_threadsafe(leave)

    application.pre_run_callables.append(leave)  # for a signal that came before there was a loop
    heard = [one for one in _SIGNALS if signal.getsignal(one) not in {signal.SIG_IGN, None}]
    before = {one: signal.signal(one, note) for one in heard}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        for number in came:
            signal.raise_signal(number)
