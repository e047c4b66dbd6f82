"""How far a judgement is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from fustor_conformance.judge import Progress
from fustor_driver.progress import Shown, progress_of

__all__ = ["checks_shown"]


@contextmanager
def checks_shown() -> Iterator[Callable[[Progress], None]]:
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
