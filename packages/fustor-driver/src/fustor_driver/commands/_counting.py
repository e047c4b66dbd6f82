"""How far a command is that reads or writes many rows: a bar on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fustor_driver.everywhere import SHOWN
from fustor_driver.logs import LogFormat
from fustor_driver.reporting import say

__all__ = ["counting"]

_LINE_SEC = 10.0
_BAR_WIDTH = 20


@contextmanager
def counting(
    what: str, total: int | None = None, *, quiet: int = 0, apart: bool = True, line_sec: float = _LINE_SEC
) -> Iterator[Callable[[int], None]]:
    """What is to be called with the number of rows that came, from any thread; it shows their sum on stderr.

    Args:
        what: what is done with the rows: "Reading".
        total: how many there will be at most, where that is known.
        quiet: above zero, nothing is shown.
        apart: whether something else than the terminal gets the rows themselves; if not, they show the progress.
        line_sec: seconds between two lines where there is no terminal.
    """
    if quiet or not apart:
        yield lambda _: None
    elif sys.stderr.isatty() and SHOWN.log_format is LogFormat.TEXT:
        with _bar(what, total) as count:
            yield count
    else:
        with _lines(what, line_sec) as count:
            yield count


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich import progress as rich  # noqa: PLC0415 - shown rarely, and it takes a while to import
    from rich.console import Console  # noqa: PLC0415 - as above

    left = rich.TimeElapsedColumn() if total is None else rich.TimeRemainingColumn(elapsed_when_finished=True)
    told = rich.TextColumn("{task.fields[told]}")
    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(_BAR_WIDTH), told, left)
    of = "" if total is None else f" of {total:,}"
    began, rows = time.monotonic(), 0
    with rich.Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(what, total=total, told="")

        def count(more: int) -> None:
            nonlocal rows
            rows += more
            speed = rows / max(time.monotonic() - began, 0.001)
            bar.update(task, completed=rows, told=f"{rows:,}{of} rows, {speed:,.0f}/s")

        yield count


@contextmanager
def _lines(what: str, line_sec: float) -> Iterator[Callable[[int], None]]:
    began, over = time.monotonic(), threading.Event()
    rows = 0

    def count(more: int) -> None:
        nonlocal rows
        rows += more

    def tell() -> None:
        while not over.wait(line_sec):
            seconds = time.monotonic() - began
            say(f"{what}: {rows:,} rows in {seconds:,.0f} s, {rows / seconds:,.0f}/s")

    telling = threading.Thread(target=tell, name="fustor-counting", daemon=True)
    telling.start()
    try:
        yield count
    finally:
        over.set()
        telling.join()
