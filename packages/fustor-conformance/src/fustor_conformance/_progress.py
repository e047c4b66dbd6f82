"""How far a run has come: on a terminal a bar, elsewhere a line every ten seconds."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from fustor_conformance.judge import Progress

_LINE_SEC = 10.0
_BAR_WIDTH = 24
_TASK = TaskID(0)


class Teller:
    """Told before each check, it shows the check on standard error; entered, it begins, and left, it is gone."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = _bar(self._console) if self._console.is_terminal else None
        self._text = ""
        self._began = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._lines, name="conformance-progress", daemon=True)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        else:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._bar is not None:
            self._bar.stop()
        else:
            self._thread.join()

    def __call__(self, progress: Progress) -> None:
        """Show the check that begins."""
        self._text = f"{progress.done} of {progress.of} checks done, now {progress.rule.name}"
        if self._bar is not None:
            told = f"{progress.done} of {progress.of} checks"
            self._bar.update(
                _TASK, completed=progress.done, total=progress.of, description=progress.rule.name, told=told
            )

    def _lines(self) -> None:
        while not self._over.wait(_LINE_SEC):
            self._console.print(f"{time.monotonic() - self._began:4.0f} s: {self._text}", markup=False, highlight=False)


def _bar(console: Console) -> Bar:
    """Checks that are done, of how many, for how long, and the one that is at work; it goes when it is stopped."""
    columns = (BarColumn(_BAR_WIDTH), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    bar = Bar(*columns, TextColumn("{task.description}"), console=console, transient=True, redirect_stdout=False)
    bar.add_task("", total=None, told="starting")
    return bar
