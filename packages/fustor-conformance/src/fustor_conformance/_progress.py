"""How far a run has come: on a terminal in place, elsewhere a line every ten seconds."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from fustor_conformance.judge import Progress

_LINE_SEC = 10.0


class Teller:
    """Told before each check, it shows the check on standard error; entered, it begins, and left, it is gone."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._status = Status("", console=self._console) if self._console.is_terminal else None
        self._text = ""
        self._began = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._lines, name="conformance-progress", daemon=True)

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        else:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._status is not None:
            self._status.stop()
        else:
            self._thread.join()

    def __call__(self, progress: Progress) -> None:
        """Show the check that begins."""
        self._text = f"{progress.done} of {progress.of} checks done, now {progress.rule.name}"
        if self._status is not None:
            self._status.update(self._text)

    def _lines(self) -> None:
        while not self._over.wait(_LINE_SEC):
            self._console.print(f"{time.monotonic() - self._began:4.0f} s: {self._text}", markup=False, highlight=False)
