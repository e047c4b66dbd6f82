"""How far long work is, on standard error: on a terminal a bar, elsewhere a line every ten seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from fustor_driver.logs import LogFormat
from fustor_driver.reporting import SHOWN, say

__all__ = ["LINE_SEC", "Shown", "counting", "progress_of"]

LINE_SEC = 10.0
"""Between two lines, where there is no bar."""
_BAR_SEC = 0.1
_BAR_WIDTH = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """How far the work is, as both forms show it.

    Attributes:
        what: what is being done.
        done: how much of it.
        total: of how much, where that is known.
        amount: both in words, beside the bar.
        line: all of it in words, where there is no bar.
    """

    what: str
    done: int
    total: int | None
    amount: str
    line: str


@contextmanager
def progress_of(look: Callable[[float], Shown], *, line_sec: float = LINE_SEC) -> Iterator[None]:
    """Show what `look` answers, again and again; a thread of its own calls it with the seconds since the beginning.

    The bar shows the last answer too, and goes when the work ends. `line_sec` are the seconds between two lines.
    """
    has_bar = sys.stderr.isatty() and SHOWN.log_format is LogFormat.TEXT
    began, over = time.monotonic(), threading.Event()
    with (
        _bar(is_counted=look(0.0).total is not None) if has_bar else nullcontext(lambda shown: say(shown.line)) as show
    ):

        def go_on() -> None:
            while not over.wait(_BAR_SEC if has_bar else line_sec):
                show(look(time.monotonic() - began))

        thread = threading.Thread(target=go_on, name="fustor-progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            if has_bar:
                show(look(time.monotonic() - began))


@contextmanager
def counting(
    what: str, total: int | None = None, *, apart: bool = True, line_sec: float = LINE_SEC
) -> Iterator[Callable[[int], None]]:
    """What is to be called with the number of rows that came, from any thread; their sum is shown, unless with -q.

    Args:
        what: what is done with the rows: "Reading".
        total: how many there will be at most, where that is known.
        apart: whether something else than the terminal gets the rows themselves; if not, they show the progress.
        line_sec: seconds between two lines where there is no terminal.
    """
    rows = 0
    of = "" if total is None else f" of {total:,}"

    def came(more: int) -> None:
        nonlocal rows
        rows += more

    def look(seconds: float) -> Shown:
        speed = f"{rows / max(seconds, 0.001):,.0f}/s"
        line = f"{what}: {rows:,} rows in {seconds:,.0f} s, {speed}"
        return Shown(what, rows, total, f"{rows:,}{of} rows, {speed}", line)

    if SHOWN.quiet or not apart:
        yield came
        return
    with progress_of(look, line_sec=line_sec):
        yield came


@contextmanager
def _bar(*, is_counted: bool) -> Iterator[Callable[[Shown], None]]:
    """With the time that is left where that can be said from the beginning, else the time that has passed."""
    from rich import progress as rich  # noqa: PLC0415 - shown rarely, and it takes a while to import
    from rich.console import Console  # noqa: PLC0415 - as above

    amount, what = rich.TextColumn("{task.fields[amount]}"), rich.TextColumn("{task.description}")
    clock = rich.TimeRemainingColumn(elapsed_when_finished=True) if is_counted else rich.TimeElapsedColumn()
    columns = (rich.BarColumn(_BAR_WIDTH), amount, clock, what)
    with rich.Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=None, amount="")

        def show(shown: Shown) -> None:
            bar.update(
                task, completed=shown.done, total=shown.total, description=shown.what, amount=shown.amount, refresh=True
            )

        yield show
