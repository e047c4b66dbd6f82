"""How far a command is that reads or writes many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fustor_driver.progress import LINE_SEC, Shown, progress_of

__all__ = ["counting"]


@contextmanager
def counting(
    what: str, total: int | None = None, *, quiet: int = 0, apart: bool = True, line_sec: float = LINE_SEC
) -> Iterator[Callable[[int], None]]:
    """What is to be called with the number of rows that came, from any thread; it shows their sum on stderr.

    Args:
        what: what is done with the rows: "Reading".
        total: how many there will be at most, where that is known.
        quiet: above zero, nothing is shown.
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

    if quiet or not apart:
        yield came
        return
    with progress_of(look, line_sec=line_sec):
        yield came
